"""What people add to a bootstrapped directory, or edit in it, is kept; backups hold it all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from cfl_jobs.bootstrap.contents import Overrides, read_overrides
from cfl_jobs.bootstrap.directory import Written, check_ours, make_files, write_files
from cfl_jobs.errors import CflJobsError
from tests.test_bootstrap import Bootstrap, all_files, bootstrap, our_needs, plugin_lines

__all__ = ["bootstrap"]  # the fixture
SCRIPTS = Path(__file__).parent.parent / "cfl_jobs/bootstrap/files"


def example(number: int) -> str:
    """Return one of the examples of the file that tells people."""
    found = re.findall(r"^```yaml\n(.*?)^```", all_files()["overrides/README.md"], re.M | re.S)
    return str(found[number])


def put(home: Path, name: str, text: str) -> Path:
    path = home / "overrides" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def files_with(home: Path) -> dict[str, str]:
    return make_files(our_needs(), read_overrides(home))


def test_snippets_are_copied_after_ours_and_kept(bootstrap: Bootstrap) -> None:
    """What is a list in them is added to ours."""
    people = example(0)
    snippet = put(bootstrap.home, "jenkins/people.yaml", people)
    for _ in range(2):
        assert bootstrap()[0] == 0
        assert snippet.read_text() == people
    assert files_with(bootstrap.home)["jenkins.yaml"] == all_files()["jenkins.yaml"]
    lines = bootstrap.read("Dockerfile").splitlines()
    ours = lines.index("COPY jenkins.yaml /usr/share/jenkins/casc/jenkins.yaml")
    assert lines[ours + 1] == "COPY overrides/jenkins /usr/share/jenkins/casc/overrides"
    assert "!overrides/jenkins" in bootstrap.read(".dockerignore").splitlines()


def test_realm_of_a_snippet_takes_the_place_of_ours_and_its_secret_is_asked_for(
    tmp_path: Path,
) -> None:
    """Merged they would be one realm of two kinds, and Jenkins wouldn't start."""
    put(tmp_path, "jenkins/sign-on.yml", example(1))
    files = files_with(tmp_path)
    jenkins = yaml.safe_load(files["jenkins.yaml"])["jenkins"]
    assert "securityRealm" not in jenkins
    assert "projectMatrix" in jenkins["authorizationStrategy"]
    compose = yaml.safe_load(files["compose.yaml"])
    assert "GITHUB_OAUTH_SECRET" in compose["secrets"]
    assert "GITHUB_OAUTH_SECRET" in compose["services"]["jenkins"]["secrets"]
    assert "JENKINS_ADMIN_PASSWORD" not in compose["secrets"]
    assert "GITHUB_OAUTH_SECRET=\n" in files["secrets.env.example"]


@pytest.mark.parametrize(
    ("key", "theirs", "is_replaced"),
    [
        ("authorizationStrategy", "{roleBased: {}}", True),
        ("authorizationStrategy", "unsecured", True),
        ("authorizationStrategy", "{projectMatrix: {entries: []}}", False),
        ("securityRealm", "{local: {enableCaptcha: true}}", False),
        ("markupFormatter", "{rawHtml: {disableSyntaxHighlighting: true}}", True),
        ("markupFormatter", "markdownFormatter", False),
        ("crumbIssuer", "{standard: {}}", True),
        ("systemMessage", "hello", False),
    ],
)
def test_what_can_not_be_merged_is_left_to_the_snippet(
    tmp_path: Path, key: str, theirs: str, is_replaced: bool
) -> None:
    put(tmp_path, "jenkins/a.yaml", f"jenkins:\n  {key}: {theirs}\n")
    there = yaml.safe_load(files_with(tmp_path)["jenkins.yaml"])["jenkins"]
    assert (key not in there) == is_replaced


def test_plugins_of_people_are_listed_and_a_version_of_theirs_counts(tmp_path: Path) -> None:
    put(tmp_path, "plugins.txt", "# ours\noic-auth:4.609.v1\ngit:99.0 # newer\njunit\n\n")
    lines = plugin_lines(files_with(tmp_path)["plugins.txt"])
    before = plugin_lines(all_files()["plugins.txt"])
    assert lines == before | {"oic-auth": "4.609.v1", "git": "99.0"}


def test_lines_for_the_images_end_each_stage_and_leave_the_user(tmp_path: Path) -> None:
    put(tmp_path, "controller.Dockerfile", "RUN install-controller\n")
    put(tmp_path, "agent.Dockerfile", "RUN install-agent\n")
    text = files_with(tmp_path)["Dockerfile"]
    controller, agent = text.split(" AS controller\n")[1].split(" AS agent\n")
    for stage, word in ((controller, "controller"), (agent, "agent")):
        assert f"USER root\nRUN install-{word}\nUSER jenkins\n" in stage
        assert stage.count("RUN install-") == 1


def test_compose_override_goes_beside_and_goes_again(bootstrap: Bootstrap) -> None:
    path = put(bootstrap.home, "compose.yaml", "services:\n  jenkins:\n    mem_limit: 4g\n")
    bootstrap()
    made = bootstrap.read("compose.override.yaml")
    assert yaml.safe_load(made) == yaml.safe_load(path.read_text())
    path.unlink()
    assert "compose.override.yaml: removed" in bootstrap()[1]
    assert not (bootstrap.home / "compose.override.yaml").exists()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("plugins.txt", "git\nsome plugin\n", "plugins.txt:2:1: this names no plugin"),
        ("jenkins/a.yaml", "jenkins: [\n", "a.yaml:"),
        ("jenkins/a.yaml", "- jenkins\n", "a.yaml:1:1: a snippet is a mapping"),
        ("compose.yaml", "\udcff", "compose.yaml can't be read: it is not UTF-8 text"),
    ],
)
def test_mistake_in_an_override_is_named_with_its_place(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    assert read_overrides(tmp_path) == Overrides()
    put(tmp_path, name, "").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(CflJobsError) as caught:
        read_overrides(tmp_path)
    assert message in str(caught.value)


def write_all(home: Path) -> list[tuple[str, Written, Path]]:
    return list(write_files(home, files_with(home)))


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "agent.sh"])
def test_edited_file_of_ours_is_kept_beside(tmp_path: Path, name: str) -> None:
    write_all(tmp_path)
    path = tmp_path / name
    before = path.read_text()
    for number, kept in ((1, f"{name}.edited"), (2, f"{name}.edited.2")):
        path.write_text(f"{before}# by hand {number}\n")
        assert (name, Written.EDITED, tmp_path / kept) in write_all(tmp_path)
        assert (tmp_path / kept).read_text() == f"{before}# by hand {number}\n"
        assert path.read_text() == before


@pytest.mark.parametrize("edited", ["ours", "edited"])
def test_what_stands_in_overrides_is_left_alone(tmp_path: Path, edited: str) -> None:
    write_all(tmp_path)
    path = tmp_path / "overrides/README.md"
    path.write_text("my own\n" if edited == "ours" else path.read_text() + "more\n")
    before = path.read_text()
    check_ours(tmp_path, files_with(tmp_path))
    assert {state for _, state, _ in write_all(tmp_path)} == {Written.SAME}
    assert path.read_text() == before


def test_plugin_that_a_kept_lock_lacks_is_told_and_an_edit(bootstrap: Bootstrap) -> None:
    put(bootstrap.home, "plugins.txt", "oic-auth:4.609.v1\n")
    locked = "".join(
        f"{name}:{version}\n" for name, version in our_needs().inventory.plugins.items()
    )
    (bootstrap.home / "plugins.lock.txt").write_text(f"# a lock\n{locked}")
    printed = bootstrap()[1]
    assert "plugins.lock.txt lacks oic-auth, so they aren't installed.\n" in printed
    path = bootstrap.home / "Dockerfile"
    path.write_text(path.read_text() + "RUN true\n")
    code, printed = bootstrap()
    assert code == 0
    assert f"{path}: written; it was edited, and that is kept in {path}.edited\n" in printed
    assert "What it adds is kept each time if it stands in overrides/." in printed
    assert "COPY --chown=jenkins:jenkins plugins.lock.txt" in bootstrap.read("Dockerfile")


def test_only_what_changed_is_written_anew(tmp_path: Path) -> None:
    write_all(tmp_path)
    put(tmp_path, "agent.Dockerfile", "RUN true\n")
    assert [name for name, state, _ in write_all(tmp_path) if state is Written.NEW] == [
        "Dockerfile"
    ]


def test_file_written_without_a_digest_is_taken_for_an_edited_one(tmp_path: Path) -> None:
    old = "# Dockerfile: Written by `cfl-jobs bootstrap`; to change it, change jobs/.\nFROM x\n"
    (tmp_path / "Dockerfile").write_text(old)
    write_all(tmp_path)
    assert (tmp_path / "Dockerfile.edited").read_text() == old


@pytest.fixture
def jenkins_home(tmp_path: Path) -> Path:
    home = tmp_path / "jenkins home"
    for name, text in (
        ("config.xml", "<hudson/>"),
        ("jobs/A b/config.xml", "<project/>"),
        ("secrets/master.key", "key"),
        ("workspace/A b/big", "x"),
        (".owner", "me"),
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    (home / "secrets").chmod(0o700)
    return home


def run_script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(SCRIPTS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def contents(home: Path) -> dict[str, str]:
    return {str(p.relative_to(home)): p.read_text() for p in home.rglob("*") if p.is_file()}


NOWHERE = "http://127.0.0.1:9/login"


def test_backup_can_be_restored_and_what_was_there_is_backed_up_first(
    jenkins_home: Path, tmp_path: Path
) -> None:
    backups = tmp_path / "backups"
    assert run_script("backup.sh", tmp_path / "none", backups).returncode == 1
    assert list(backups.iterdir()) == []
    done = run_script("backup.sh", jenkins_home, backups)
    assert (done.returncode, done.stderr) == (0, "")
    (packed,) = backups.iterdir()
    assert packed.stat().st_mode & 0o777 == 0o600
    before = contents(jenkins_home)
    (jenkins_home / "config.xml").write_text("broken")
    (jenkins_home / "new").write_text("new")
    packed = packed.rename(backups / "first.tar.gz")
    done = run_script("restore.sh", jenkins_home, backups, NOWHERE, "first.tar.gz")
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(jenkins_home) == {n: t for n, t in before.items() if "workspace" not in n}
    assert (jenkins_home / "secrets").stat().st_mode & 0o777 == 0o700
    (other,) = set(backups.iterdir()) - {packed}
    shutil.rmtree(jenkins_home)
    jenkins_home.mkdir()
    done = run_script("restore.sh", jenkins_home, backups, NOWHERE, backups / other.name)
    assert (jenkins_home / "new").read_text() == "new"
    assert set(backups.iterdir()) == {packed, other}


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_restore_changes_nothing_without_a_good_backup(
    jenkins_home: Path, tmp_path: Path, damage: str
) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    if damage == "damaged":
        (backups / "a.tar.gz").write_bytes(b"\x1f\x8b" + os.urandom(100))
    before = contents(jenkins_home)
    done = run_script("restore.sh", jenkins_home, backups, NOWHERE, "a.tar.gz")
    assert done.returncode == 1
    assert "nothing was changed: " in done.stderr
    assert contents(jenkins_home) == before


@pytest.fixture
def answering() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path.endswith("agent.jar") else 503)
            self.end_headers()
            self.wfile.write(b"jar")

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_agent_waits_for_its_secret_and_takes_its_program_from_the_controller(
    tmp_path: Path, answering: str
) -> None:
    """The secret is given by its file's name: it stands in no list of processes."""
    work, commands = tmp_path / "work", tmp_path / "bin"
    for directory in (work, commands):
        directory.mkdir()
    secret = tmp_path / "secret"
    (commands / "java").write_text('#!/bin/sh\ncat agent.jar; printf " %s" "$@"\n')
    (commands / "sleep").write_text(f"#!/bin/sh\necho hunter2 >{secret}\n")
    for program in commands.iterdir():
        program.chmod(0o755)
    done = subprocess.run(
        ["bash", str(SCRIPTS / "agent.sh")],
        cwd=work,
        env={
            "PATH": f"{commands}:{os.environ['PATH']}",
            "AGENT_NAME": "deploy-dev",
            "AGENT_SECRET": str(secret),
            "JENKINS_URL": answering,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        f"agent.sh: waiting for {answering}\njar -jar agent.jar -url {answering} -name deploy-dev "
        f"-secret @{secret} -webSocket -workDir {work}"
    )


@pytest.mark.parametrize("value", ["hunter2", ""])
def test_controller_does_not_start_with_an_empty_secret(tmp_path: Path, value: str) -> None:
    """Compose gives an empty file for a line that nobody filled in."""
    (tmp_path / "SITE_KEY").write_text("x")
    (tmp_path / "JENKINS_ADMIN_PASSWORD").write_text(value)
    command = ["bash", str(SCRIPTS / "controller.sh"), "started", "Jenkins"]
    environment = {**os.environ, "SECRETS": str(tmp_path), "JENKINS": "echo"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if value:
        assert (done.returncode, done.stdout) == (0, "started Jenkins\n")
    else:
        assert done.returncode == 1
        assert "the secret JENKINS_ADMIN_PASSWORD is empty: fill in secrets.env" in done.stderr


def test_restore_refuses_while_jenkins_answers_whatever_it_says(
    jenkins_home: Path, tmp_path: Path, answering: str
) -> None:
    run_script("backup.sh", jenkins_home, tmp_path / "backups")
    (packed,) = (tmp_path / "backups").iterdir()
    before = contents(jenkins_home)
    done = run_script("restore.sh", jenkins_home, packed.parent, answering, packed.name)
    assert done.returncode == 1
    assert "Jenkins runs; stop it first: docker compose --env-file secrets.env stop" in done.stderr
    assert contents(jenkins_home) == before
