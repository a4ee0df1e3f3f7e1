"""Whatever stands in jobs/ and templates/: a clear error with its place, never a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfl_jobs.__main__ import run
from cfl_jobs.configs.configxml import parse_config
from tests.case_files import CASES, PLACES, read_case, write_project

ROOT = Path(__file__).parent.parent
PLACE = re.compile(r"^(jobs|templates)/[^\n]*?:\d+:\d+: ", re.MULTILINE)

PROJECT = {
    name: text
    for place, text in read_case(CASES / "bad_input/project.txt").items()
    for name in PLACES
    if PLACES[name] == place
}
# Text that means something to YAML, Jinja, XML, Jenkins or a shell.
SPICE = st.one_of(
    st.sampled_from(
        [
            *("\t", "\r", "\r\n", "\ufeff", "\x00", "\x1b", "\u2028", "\x85", "\ud800", "🎉"),
            *("%", "'", '"', "`", "- ", ": ", "# ", "|", ">", "[", "]", "{", "}", ",", "~", "? "),
            *("{{", "}}", "{%", "%}", "{#", "{{ name }}", "{{ [].append(1) }}", "{{ 1/0 }}"),
            *("{{ settings.x.y }}", "{{ ''.__class__ }}", "{{ range(10**12) | list }}"),
            *("{% for %}", "{% include 'a.yaml.j2' %}", "{% extends 'a.yaml.j2' %}"),
            *("{{ script('b.sh') }}", "{{ name.x.y }}", "{{ name() }}", "{{ 'a' * 10**10 }}"),
            *("&a ", "*a", "<<: ", "!!python/object/apply:os.system [x]", "!x ", "--- ", "...\n"),
            *("null", "yes", "1e999", "0o17", ".nan", "2001-01-01", "- - - ", "../x", "name"),
            *("[" * 200, "{a: " * 200, "a" * 5000, "9" * 5000, "jobs:", "template: "),
            *("]]>", "<!--", "&#0;", "$(x)", "${"),
        ]
    ),
    st.text(max_size=4),
)


def render(
    files: dict[str, str] | None = None, *, root: Path | None = None
) -> tuple[int, str, str]:
    """Run `cfl-jobs render` on a project of these files; returns its code, output and errors."""
    with contextlib.ExitStack() as stack:
        if root is None:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name, text in (files or {}).items():
            path = root / PLACES[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
        stack.enter_context(contextlib.chdir(root))
        output = stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        errors = stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        return run(["render"]), output.getvalue(), errors.getvalue()


def assert_clear(code: int, output: str, errors: str) -> None:
    """Assert that it worked, or that an error names a place and nothing was rendered."""
    assert code in (0, 1), errors
    assert "Traceback" not in errors
    if code == 1:
        assert PLACE.search(errors), errors
        assert not output


def test_the_project_of_these_tests_is_right() -> None:
    code, output, errors = render(PROJECT)
    assert (code, errors) == (0, "")
    assert output.count("<?xml ") == 2


@settings(max_examples=35)
@given(
    st.sampled_from(sorted(PROJECT)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), SPICE), min_size=1, max_size=3),
)
def test_mangled_files_give_a_clear_error(name: str, changes: list[tuple[float, int, str]]) -> None:
    text = PROJECT[name]
    for place, length, spice in changes:
        start = int(place * len(text))
        text = text[:start] + spice + text[start + length :]
    assert_clear(*render({**PROJECT, name: text}))


@settings(max_examples=40)
@given(st.sampled_from(sorted(PROJECT)), st.data())
def test_shuffled_lines_give_a_clear_error(name: str, data: st.DataObject) -> None:
    lines = PROJECT[name].splitlines(keepends=True)
    chosen = data.draw(st.lists(st.sampled_from(lines), max_size=2 * len(lines)))
    assert_clear(*render({**PROJECT, name: "".join(chosen)}))


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(PROJECT)),
    st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode)),
)
@example("definitions", b"\xff\xfe")
def test_any_bytes_give_a_clear_error(name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, **PROJECT)
        (root / PLACES[name]).write_bytes(data)
        assert_clear(*render(root=root))


OPTIONS = (
    "node: {{ value }}",
    "description: {{ value }}",
    "disabled: {{ value }}",
    "quiet-period: {{ value }}",
    "project-type: {{ value }}",
    "triggers: {{ value }}",
    "triggers:\n  - timed: {{ value }}",
    "triggers:\n  - pollscm: {{ value }}",
    "parameters: {{ value }}",
    "parameters:\n  - choice: {name: A, choices: {{ value }}}",
    "parameters:\n  - string: {name: {{ value }}, default: {{ value }}}",
    "parameters:\n  - copyartifact-build-selector: {{ value }}",
    "scm:\n  - git: {{ value }}",
    "scm:\n  - git: {url: {{ value }}, branches: {{ value }}}",
    "properties:\n  - build-discarder: {{ value }}",
    "properties:\n  - build-discarder: {num-to-keep: {{ value }}}",
    "properties:\n  - authorization: {{ value }}",
    "wrappers:\n  - {{ value }}",
    "wrappers:\n  - timeout: {type: {{ value }}, timeout: {{ value }}}",
    "wrappers:\n  - credentials-binding: {{ value }}",
    "builders:\n  - {{ value }}",
    "builders:\n  - shell: {{ value }}",
    "builders:\n  - copyartifact: {project: {{ value }}, which-build: {{ value }}}",
    "builders:\n  - conditional-step: {condition-kind: always, steps: {{ value }}}",
    "builders:\n  - trigger-builds: {{ value }}",
    "publishers:\n  - archive: {{ value }}",
    "publishers:\n  - trigger-parameterized-builds: {{ value }}",
    "publishers:\n  - email: {recipients: {{ value }}}",
    "{{ value }}: x",
    "logrotate: {{ value }}",
    "folder: {{ value }}",
    "defaults: {{ value }}",
    "raw: {{ value }}",
    "raw: {xml: {{ value }}}",
    "view-type: {{ value }}",
)
WORDS = st.sampled_from(
    ["", "x", "shell", "xml", "timed", "project", "name", "raw", "<a/>", "$A", "folder", "@daily"]
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        WORDS,
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=2)),
    max_leaves=5,
)


@settings(max_examples=35)
@given(st.sampled_from(OPTIONS), VALUES)
def test_any_value_of_any_option_gives_a_clear_error(option: str, value: object) -> None:
    """A definition's variable may be anything that YAML can hold, where the template puts it."""
    definitions = json.dumps({"template": "a.yaml.j2", "jobs": [{"name": "One", "value": value}]})
    template = f"name: {{{{ name }}}}\n{option}\n"
    assert_clear(*render({"definitions": definitions, "template": template}))


@settings(max_examples=35)
@given(st.one_of(st.text(max_size=12), st.sampled_from(["50%", "a/b", "it's", "🎉", "..", "a b "])))
def test_any_name_is_kept_whole_or_refused(name: str) -> None:
    definitions = json.dumps({"template": "a.yaml.j2", "jobs": [{"name": name}]})
    template = "name: {{ name }}\nbuilders:\n  - shell: {{ name }}\n"
    code, output, errors = render({"definitions": definitions, "template": template})
    assert_clear(code, output, errors)
    if code == 0:
        command = parse_config(output, name=name).findtext("builders/hudson.tasks.Shell/command")
        assert command == name.replace("\r\n", "\n")


NAME_ONLY = "name: {{ name }}\n"


@pytest.mark.parametrize(
    ("definitions", "message"),
    [
        ("", "jobs/a.yaml:1:1: the file is empty"),
        ("# nothing\n", "jobs/a.yaml:1:1: the file is empty"),
        ("- name: One\n", "jobs/a.yaml:1:1: a list where a mapping is needed"),
        ("One", "jobs/a.yaml:1:1: "),
        ("template: a.yaml.j2\njobs:\n\t- name: One\n", "jobs/a.yaml:3:1: "),
        ("template: a.yaml.j2\njobs:\n  - name: One\n    name: Two\n", "jobs/a.yaml:4:5: "),
        ("template: a.yaml.j2\njobs:\n  - One\n", "jobs/a.yaml:3:5: "),
        ("template: a.yaml.j2\njobs: {name: One}\n", "jobs/a.yaml:2:"),
        ("template: b.yaml.j2\njobs:\n  - name: One\n", "jobs/a.yaml:1:11: "),
        ("template: ../a.yaml.j2\njobs:\n  - name: One\n", "jobs/a.yaml:1:11: "),
    ],
)
def test_definitions_of_the_wrong_shape_are_told_with_their_place(
    definitions: str, message: str
) -> None:
    code, output, errors = render({"definitions": definitions, "template": NAME_ONLY})
    assert_clear(code, output, errors)
    assert code == 1
    assert message in errors


def test_an_empty_directory_says_where_to_run_it(tmp_path: Path) -> None:
    code, output, errors = render(root=tmp_path)
    assert (code, output) == (1, "")
    assert "Run cfl-jobs where jobs/ and templates/ are" in errors


def test_an_empty_jobs_directory_says_what_belongs_there(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    code, output, errors = render(root=tmp_path)
    assert (code, output) == (1, "")
    assert "jobs/: no *.yaml in it" in errors


def test_a_byte_order_mark_changes_nothing() -> None:
    changed = {name: "\ufeff" + text for name, text in PROJECT.items()}
    assert render(changed) == render(PROJECT)


def test_carriage_returns_change_nothing_but_scripts_that_would_break() -> None:
    """A shell takes them for part of its words, so a script that has them is refused."""
    changed = {name: text.replace("\n", "\r\n") for name, text in PROJECT.items()}
    assert render({**changed, "script": PROJECT["script"]}) == render(PROJECT)
    code, output, errors = render({**PROJECT, "script": changed["script"]})
    assert_clear(code, output, errors)
    assert code == 1
    assert "line ends" in errors


def test_small_arithmetic_is_allowed() -> None:
    definitions = "template: a.yaml.j2\njobs:\n  - name: One\n"
    template = "name: {{ name }}\nquiet-period: {{ 2 * 3 + 7 % 4 + 2 ** 2 }}\n"
    code, output, _ = render({"definitions": definitions, "template": template})
    assert code == 0
    assert "<quietPeriod>13</quietPeriod>" in output


def test_hundreds_of_jobs_render() -> None:
    entries = "".join(f"  - name: Job {number}\n" for number in range(300))
    definitions = f"template: a.yaml.j2\njobs:\n{entries}"
    template = "name: {{ name }}\nbuilders:\n  - shell: echo {{ name }}\n"
    code, output, errors = render({"definitions": definitions, "template": template})
    assert (code, errors) == (0, "")
    assert output.count("<command>echo Job ") == 300
