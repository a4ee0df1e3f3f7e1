"""`cfl-jobs import` as a person uses it: from the server's stand-in, and from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cfl_jobs.__main__ import run
from tests.jenkins_server import JenkinsServer
from tests.jenkins_server_configs import NEW
from tests.test_importing import CONFIGS, recorded

Run = Callable[..., tuple[int, str]]
CHAIN = sorted(
    name
    for name in (path.name.removesuffix(".saved.xml") for path in CONFIGS.glob("*.saved.xml"))
    if name[0].isupper()
)
SMALL = "<project><canRoam>true</canRoam><jdk>17</jdk></project>"


@pytest.fixture
def jenkins_server() -> Iterator[JenkinsServer]:
    with JenkinsServer(NEW) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that defines nothing yet, as the working directory."""
    root = tmp_path / "project"
    (root / "jobs").mkdir(parents=True)
    (root / "jobs" / "settings.yaml").write_text("settings: {server: 'http://localhost:1'}\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return root


@pytest.fixture
def cfl_jobs(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    jenkins_server: JenkinsServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    monkeypatch.setenv("JENKINS_USER_ID", jenkins_server.user)
    monkeypatch.setenv("JENKINS_API_TOKEN", jenkins_server.token)

    def call(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


@pytest.fixture
def of_file(cfl_jobs: Run, tmp_path: Path) -> Run:
    """Import a text by a name, and return the code and what is told."""

    def call(config: str, name: str) -> tuple[int, str]:
        (tmp_path / "config.xml").write_text(config, encoding="utf-8")
        return cfl_jobs("import", "--file", str(tmp_path / "config.xml"), "--name", name)

    return call


def test_import_then_plan_shows_nothing_but_the_mark(
    cfl_jobs: Run, jenkins_server: JenkinsServer
) -> None:
    """Of the whole recorded chain, without raw XML; after the update the plan is empty."""
    for name in CHAIN:
        jenkins_server.add_job(name, recorded(f"{name}.saved"))
    url = ("--url", jenkins_server.url)
    code, output = cfl_jobs("import", *CHAIN, *url)
    assert code == 0, output
    assert "Create Distribution: jobs/imported-create-distribution.yaml" in output
    assert output.count("; 0 elements stayed raw XML.") == len(CHAIN)
    code, output = cfl_jobs("plan", "--adopt", *url)
    assert code == 0
    assert output.count("~ adopt job ") == len(CHAIN)
    assert f"Plan for {jenkins_server.url}: {len(CHAIN)} to confirm." in output
    assert "server" not in output.replace(jenkins_server.url, "")
    known = ("--despite", "deploy-of-newest", "--despite", "deploy-without-guard")
    assert cfl_jobs("update", "--adopt", "--yes", *known, *url)[0] == 0
    code, output = cfl_jobs("plan", *url)
    assert output == f"Plan for {jenkins_server.url}: {len(CHAIN)} as they should be.\n"


def test_what_stays_raw_is_named_in_the_output_and_in_the_template(
    cfl_jobs: Run, of_file: Run, project: Path
) -> None:
    """The element's class, in a comment above it."""
    config = (
        "<?xml version='1.1' encoding='UTF-8'?>\n<project><canRoam>true</canRoam><builders>"
        '<org.example.Made plugin="made@1.0"><by>hand &amp; ${{ x }} {% y %} {# z #}</by>'
        "</org.example.Made></builders></project>"
    )
    code, output = of_file(config, "By hand")
    assert code == 0, output
    assert "0 modules; 1 element stayed raw XML." in output
    assert "  raw XML: org.example.Made\n" in output
    template = (project / "templates/imported/by-hand.yaml.j2").read_text()
    assert "  # Kept as raw XML: org.example.Made\n  - raw:\n" in template
    code, output = cfl_jobs("render")
    assert "hand &amp; ${{ x }} {% y %} {# z #}" in output


def test_nothing_is_overwritten_and_no_name_defined_twice(of_file: Run, project: Path) -> None:
    """Neither a file of an earlier import nor a definition of the same name."""
    assert of_file(SMALL, "A job")[0] == 0
    before = (project / "jobs/imported-a-job.yaml").read_bytes()
    told = of_file(SMALL, "a job"), of_file(SMALL, "a-job")
    assert [code for code, _ in told] == [1, 1]
    assert "a job: jobs/imported-a-job.yaml:4:5 already defines it" in told[0][1]
    assert "jobs/imported-a-job.yaml is already there, and is not overwritten" in told[1][1]
    assert (project / "jobs/imported-a-job.yaml").read_bytes() == before


def test_what_cannot_be_written_leaves_nothing(of_file: Run, project: Path) -> None:
    """The definition goes again where the template's directory is a file."""
    (project / "templates").mkdir()
    (project / "templates/imported").write_text("")
    code, output = of_file(SMALL, "A job")
    assert code == 1
    assert "templates/imported/a-job.yaml.j2: can't be written: File exists" in output
    assert not (project / "jobs/imported-a-job.yaml").exists()


def test_a_secret_stops_the_import_of_its_job_only(
    cfl_jobs: Run, project: Path, jenkins_server: JenkinsServer
) -> None:
    """It is told where it stands, not what it is."""
    jenkins_server.add_job("Bad", (CONFIGS / "wide-parameters.saved.xml").read_text("utf-8"))
    jenkins_server.add_job("Good", SMALL)
    code, output = cfl_jobs("import", "Bad", "Good", "--url", jenkins_server.url)
    assert code == 1
    assert "Bad: it holds secrets, which don't belong into a repository" in output
    assert "PasswordParameterDefinition/defaultValue (a secret that Jenkins encrypted)" in output
    assert "AQAA" not in output
    assert "Good: jobs/imported-good.yaml" in output
    assert "1 not imported." in output
    assert [path.name for path in (project / "jobs").glob("imported-*")] == ["imported-good.yaml"]


def test_a_job_that_cannot_be_read_stops_only_its_own_import(cfl_jobs: Run, tmp_path: Path) -> None:
    """A control character is named with its place and a way out."""
    configs = {
        "A bad one": "<?xml version='1.1'?><project><jdk>&#x1b;[1m</jdk></project>",
        "B good": SMALL,
    }
    for name, config in configs.items():
        (tmp_path / "home/jobs" / name).mkdir(parents=True)
        (tmp_path / "home/jobs" / name / "config.xml").write_text(config, encoding="utf-8")
    code, output = cfl_jobs("import", "*", "--home", str(tmp_path / "home"))
    assert code == 1
    assert "A bad one: jdk holds the character U+001B, which no definition can" in output
    assert "printf" in output
    assert "B good: jobs/imported-b-good.yaml" in output
    assert "1 not imported." in output


def test_a_plugin_that_the_inventory_lacks_is_told_before_anything_is_written(
    of_file: Run, project: Path
) -> None:
    """With what to do; the same import works once the inventory has it."""
    (project / "jobs/plugins.yaml").write_text('plugins: {git: "5.2.1"}\n')
    kind = "hudson.plugins.timestamper.TimestamperBuildWrapper"
    config = SMALL.replace("<jdk>17</jdk>", f"<buildWrappers><{kind}/></buildWrappers>")
    code, output = of_file(config, "Publish")
    assert code == 1
    assert f"{kind} needs the plugin 'timestamper'" in output
    assert "run `cfl-jobs inventory` first" in output
    assert not list(project.glob("**/*publish*"))
    (project / "jobs/plugins.yaml").write_text('plugins: {timestamper: "1.26"}\n')
    assert of_file(config, "Publish")[0] == 0


def test_what_is_no_config_is_told_by_the_name_of_its_file(of_file: Run, tmp_path: Path) -> None:
    code, output = of_file("# no config", "X")
    assert code == 1
    assert f"{tmp_path}/config.xml: line 1, column 2: not well-formed (invalid token)\n" in output


def test_a_job_type_without_project_type_is_refused_by_name(of_file: Run) -> None:
    """Its class, and what can be taken over."""
    code, output = of_file("<jenkins.branch.OrganizationFolder/>", "Old")
    assert code == 1
    assert "Old: a job of the type jenkins.branch.OrganizationFolder can't be taken over" in output
    assert "freestyle, matrix, pipeline, folder" in output
