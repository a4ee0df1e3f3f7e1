"""What a live server is asked: few requests, and what only it can tell."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from cfl_jobs.target import Kind
from cfl_jobs.targets.server import JenkinsTarget, Login
from tests.jenkins_server import JenkinsServer
from tests.server_targets import CONFIG, FOLDER, OTHER, PASSWORD, login, target_at


def test_a_listing_is_one_request_however_deep_the_folders(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    names = ["a", "a/b", "a/b/c"]
    for name in names:
        jenkins_server.add_job(name, FOLDER)
    jenkins_server.add_job("a/b/c/inner", CONFIG)
    jenkins_server.add_job("top", CONFIG)
    assert [entry.name for entry in target.list(Kind.JOB)] == [*names, "a/b/c/inner", "top"]
    assert jenkins_server.count() == 1


def test_folders_deeper_than_one_request_sees_are_listed_too(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    names = ["/".join("f" * depth) for depth in range(1, 22)]
    for name in names:
        jenkins_server.add_job(name, FOLDER)
    assert [entry.name for entry in target.list(Kind.JOB)] == names
    assert jenkins_server.count() == 3


def test_views_in_folders_are_listed_by_their_whole_name(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    jenkins_server.add_job("team", FOLDER)
    config = "<hudson.model.ListView><name>mine</name></hudson.model.ListView>"
    target.create(Kind.VIEW, "team/mine", config)
    assert "team/mine" in [entry.name for entry in target.list(Kind.VIEW)]
    assert "mine" in target.read(Kind.VIEW, "team/mine")
    target.delete(Kind.VIEW, "team/mine")


def test_each_change_with_a_token_is_one_request(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    """No crumb, no question whether the job exists, no page after a redirect."""
    target.create(Kind.JOB, "a", CONFIG)
    target.save("a", "x")
    target.update(Kind.JOB, "a", OTHER)
    target.rename("a", "b")
    target.delete(Kind.JOB, "b")
    assert [logged.method for logged in jenkins_server.requests] == ["POST"] * 5


def test_a_password_costs_one_crumb_and_one_session(jenkins_server: JenkinsServer) -> None:
    with target_at(jenkins_server.url, login(PASSWORD)) as target:
        for number in range(5):
            target.create(Kind.JOB, f"job {number}", CONFIG)
    assert jenkins_server.count("GET", "crumbIssuer") == 1
    assert jenkins_server.count("POST") == 6


def test_connections_are_kept_and_shared_by_threads(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    for number in range(40):
        jenkins_server.add_job(f"job {number}", CONFIG)
    with ThreadPoolExecutor(max_workers=4) as pool:
        texts = list(pool.map(lambda n: target.read(Kind.JOB, f"job {n}"), range(40)))
    assert len(set(texts)) == 1
    assert jenkins_server.connections <= 4
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda n: target.read(Kind.JOB, f"job {n}"), range(40)))
    assert jenkins_server.connections <= 4


def test_text_beyond_ascii_is_read_as_it_is(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    """Jenkins names no charset for a config, so guessing one would go wrong."""
    target.create(Kind.JOB, "ünï ✓ + = 100", CONFIG)
    assert target.read(Kind.JOB, "ünï ✓ + = 100") == jenkins_server.as_read(CONFIG)


def test_the_server_tells_who_we_are_and_what_it_has(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    jenkins_server.credentials = [{"id": "deploy-key"}, {"id": "a"}]
    jenkins_server.add_job("a", CONFIG)
    jenkins_server.add_builds("a", 130)
    assert target.whoami() == Login("admin", False, ("authenticated",))
    assert target.credential_ids() == ("a", "deploy-key")
    assert target.plugins() == jenkins_server.plugins
    assert target.count_builds("a") == 130
    assert target.version() == jenkins_server.version


def test_a_server_that_is_quieting_down_takes_changes(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    jenkins_server.quieting_down = True
    target.create(Kind.JOB, "a", CONFIG)
    assert "a" in jenkins_server.jobs


def test_a_context_path_in_the_url_is_kept() -> None:
    with JenkinsServer(prefix="/ci") as server, target_at(server.url.rstrip("/")) as target:
        target.create(Kind.JOB, "a", CONFIG)
        target.save("a", "x")
        target.delete(Kind.JOB, "a")
        assert target.list(Kind.JOB) == ()
