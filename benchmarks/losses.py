"""What render lets pass in silence: mistakes put into jenkins-job-builder's own test cases.

    python benchmarks/losses.py                    fetches its source distribution from PyPI
    python benchmarks/losses.py --fixtures FILE    takes one that was fetched before
    python benchmarks/losses.py --show             also lists what was lost, and each false alarm

One mistake at a time is put into one job. A misspelt option is lost in silence if there is no
finding and the config is what it would be without the line. Nonsense in place of a value is lost if
there is no finding. What the value is, the test case itself says where it is a number or a flag; a
word is one of a few if its module's code compares with it or lists it with others, or its
documentation does. A false alarm is a finding about an unchanged job that calls an option unread
though the config changes without it.
"""

from __future__ import annotations

import argparse
import ast
import platform
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cfl_jobs.errors import (  # noqa: E402 - the repository is put on the path first
    DefinitionError,
    Position,
)
from cfl_jobs.reading.tracking import LocatedText, TrackedDict, TrackedList  # noqa: E402
from cfl_jobs.rendering.generator import Generator  # noqa: E402
from cfl_jobs.rendering.losses import find_losses  # noqa: E402
from cfl_jobs.rendering.render import render  # noqa: E402

PACKAGE = "jenkins-job-builder==6.5.0"
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One job or view of a fixture, as plain data, and the plugins of the server it is for."""

    name: str
    data: dict[str, Any]
    plugins: tuple[Mapping[str, str], ...] | None = None

    @property
    def is_view(self) -> bool:
        return "view-type" in self.data


@dataclass(frozen=True, slots=True)
class Outcome:
    """What render made of data: the config, "" if it refuses it, and its findings, with places."""

    config: str
    findings: tuple[tuple[Position, str], ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """Data with one mistake in it. `kind` is a row of the table, `path` leads to the place.

    Where there is no finding, it is lost if the config is that of `same_as`; None: it is anyway.
    """

    kind: str
    path: Steps
    told: str
    data: dict[str, Any]
    same_as: dict[str, Any] | None = None


# -- the fixtures --------------------------------------------------------------------------------


def fetch_fixtures(place: Path) -> Path:
    """Download the source distribution that the test cases are in; return the file."""
    name = PACKAGE.partition("==")[0]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", name, "--dest", str(place), PACKAGE]
    subprocess.run(command, check=True)
    return next(place.glob("*.tar.gz"))


def read_cases(tests: Path) -> Iterator[Case]:
    """Yield the jobs and views of all fixtures that are meant to work, each once."""
    seen: set[str] = set()
    for path in sorted(tests.rglob("*fixtures/**/*.yaml")):
        if path.name.endswith("plugins_info.yaml") or "error_fixtures" in path.parts:
            continue
        for case in _read_file(path, tests):
            text = yaml.safe_dump([case.data, case.plugins], sort_keys=False)
            if text not in seen:
                seen.add(text)
                yield case


def _read_file(path: Path, tests: Path) -> Iterator[Case]:
    name = str(path.relative_to(tests))
    beside = path.with_suffix(".plugins_info.yaml")
    plugins = tuple(yaml.safe_load(beside.read_text())) if beside.exists() else None
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        loaded = []  # it has tags that only jenkins-job-builder's own loader knows
    if isinstance(loaded, dict):
        # A part of a job, as the tests of modules take it.
        data = {"name": "x", **loaded}
        if "views" in path.parts and "view-type" not in data:
            data["view-type"] = path.parent.name
        yield Case(name, data, plugins)
        return
    yield from (Case(name, data, plugins) for data in _expand(path, tests))


def _expand(path: Path, tests: Path) -> list[dict[str, Any]]:
    """Return the jobs and views that jenkins-job-builder itself makes of a file of definitions."""
    from jenkins_jobs.loader import load_files
    from jenkins_jobs.roots import Roots

    options = {
        "include_path": [str(path.parent), "."],
        "filter_modules": [],
        "keep_descriptions": True,
        "retain_anchors": False,
        "allow_empty_variables": False,
        "allow_duplicates": True,
    }
    config = SimpleNamespace(yamlparser=options)
    try:
        with chdir(tests.parent):
            roots = Roots(config)
            load_files(config, roots, [path])
            made = [*roots.generate_jobs(), *roots.generate_views()]
        # Macros are jenkins-job-builder's own; what uses them has findings and is left out later.
        return [yaml.safe_load(yaml.safe_dump(_plain(job.data))) for job in made]
    except Exception:  # it isn't meant to work alone, or wants settings of its own
        return []


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


# -- rendering -----------------------------------------------------------------------------------


class Renderer:
    """Renders plain data as the templates' results are rendered. Generators are made once."""

    def __init__(self) -> None:
        self._generators: dict[str, Generator] = {}

    def render(self, data: Mapping[str, Any], case: Case) -> Outcome:
        """Return the config and the findings of a case with other data in place of its own."""
        key = repr(case.plugins)
        if key not in self._generators:
            self._generators[key] = Generator(map(_name_plugin, case.plugins or ()))
        tracked = _track(data, _Lines())
        made = self._generators[key].generate(tracked, is_view=case.is_view)
        losses = find_losses(tracked, made, word="view" if case.is_view else "job")
        findings = (*made.problems, *losses)
        told = tuple((it.position, it.message) for it in findings if it.position)
        return Outcome("" if made.problems else made.text, told)


def _name_plugin(plugin: Mapping[str, str]) -> dict[str, str]:
    return {key: str(plugin[key]) for key in ("shortName", "longName", "version") if key in plugin}


class _Lines:
    """Gives each key and entry a line of its own."""

    def __init__(self) -> None:
        self._line = 0

    def next(self) -> Position:
        self._line += 1
        return Position("fixture.yaml", self._line, 1)


def _track(value: Any, lines: _Lines) -> Any:
    """Return plain data as if it had been read from a file."""
    if isinstance(value, dict):
        pos = lines.next()
        places = {key: lines.next() for key in value}
        items = [(key, _track(item, lines)) for key, item in value.items()]
        return TrackedDict(items, pos=pos, key_positions=places, value_positions=places)
    if isinstance(value, list):
        pos = lines.next()
        places_ = tuple(lines.next() for _ in value)
        entries = [_track(item, lines) for item in value]
        return TrackedList(entries, pos=pos, entry_positions=places_)
    return LocatedText(value, lines.next()) if isinstance(value, str) else value


# -- mistakes ------------------------------------------------------------------------------------


def misspell_options(case: Case) -> Iterator[Mistake]:
    """Yield a case with one key misspelt, for each of its keys but its name."""
    for path in _key_paths(case.data):
        if path in (("name",), ("view-type",)):
            continue
        key = str(path[-1])
        data = _change(case.data, path, lambda holder, key: _rename(holder, key, _misspell(key)))
        without = _change(case.data, path, _without)
        yield Mistake("misspelt option", path, f"{key} as {_misspell(key)}", data, without)


def _misspell(key: str) -> str:
    """Double a letter in the middle, as fingers do."""
    middle = len(key) // 2
    return f"{key[: middle + 1]}{key[middle:]}"


def _key_paths(value: Any, path: Steps = ()) -> Iterator[Steps]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from _key_paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _key_paths(item, (*path, index))


def _change(value: Any, path: Steps, change: Callable[[dict[str, Any], str], Any]) -> Any:
    """Return data in which the mapping that a path ends in is another; the rest is shared."""
    step, *rest = path
    if not rest:
        return change(value, str(step))
    if isinstance(value, dict):
        return {
            key: _change(item, tuple(rest), change) if key == step else item
            for key, item in value.items()
        }
    return [
        _change(item, tuple(rest), change) if index == step else item
        for index, item in enumerate(value)
    ]


def _rename(holder: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    return {name if at == key else at: item for at, item in holder.items()}


def _without(holder: dict[str, Any], key: str) -> dict[str, Any]:
    return {at: item for at, item in holder.items() if at != key}


def replace_values(case: Case) -> Iterator[Mistake]:
    """Yield a case with nonsense in place of one value, for each that isn't any text."""
    for path, value in _leaves(case.data):
        if path in (("name",), ("view-type",), ("project-type",)):
            continue
        kind, nonsense = _kind_of(value, path, case.data)
        if kind:
            data = _put(case.data, path, nonsense)
            yield Mistake(kind, path, f"{value!r} as {nonsense!r}", data)


def _kind_of(value: Any, path: Steps, job: Mapping[str, Any]) -> tuple[str, str]:
    text = str(value)
    if isinstance(value, bool) or text in ("true", "false"):
        return "nonsense for true or false", "maybe"
    if _option_of(path) in ANY_TEXT:
        return "", ""
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return "nonsense for a whole number", "lots"
    if re.fullmatch(r"[A-Za-z][\w -]*", text) and text in _choices(*_reader_of(path, job)):
        return "nonsense for one of a few words", "nonsense"
    return "", ""


def _leaves(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    if isinstance(value, (dict, list)):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, (*path, step))
    elif value is not None:
        yield path, value


def _put(value: Any, path: Steps, new: Any) -> Any:
    """Return data with another value at a path; the rest is shared."""
    if not path:
        return new
    items = value.items() if isinstance(value, dict) else enumerate(value)
    changed = [(at, _put(item, path[1:], new) if at == path[0] else item) for at, item in items]
    return dict(changed) if isinstance(value, dict) else [item for _, item in changed]


# A job's list of components → the module of jenkins-job-builder that has them.
LISTS = {
    **dict.fromkeys(("builders", "prebuilders", "postbuilders", "steps"), "builders"),
    **dict.fromkeys(("publishers", "action"), "publishers"),
    **{name: name for name in ("triggers", "wrappers", "properties", "parameters", "scm")},
    **{name: name for name in ("reporters", "notifications")},
}
# Options that take any text, though a test case's is a number or a word that the module has too.
ANY_TEXT = frozenset(
    (
        *("access-token", "approval-category", "approval-value", "build-number", "build-type"),
        *("credentials-id", "default", "description", "dir", "generator", "mime-type", "name"),
        *("notes", "override-token", "priority", "room", "shell", "storepass"),
        *("trigger-approval-category", "upstream-build-number", "username"),
    )
)


def _option_of(path: Steps) -> str:
    return next(step for step in reversed(path) if isinstance(step, str))


def _reader_of(path: Steps, job: Mapping[str, Any]) -> tuple[str, str]:
    """Return the module and the component that read what stands at a path."""
    for at in range(len(path) - 3, -1, -1):
        if path[at] in LISTS and isinstance(path[at + 1], int):
            return LISTS[str(path[at])], str(path[at + 2])
    if "view-type" in job:
        return f"view_{job['view-type']}", ""
    return f"project_{job.get('project-type', 'freestyle')}", ""


@cache
def _choices(module: str, component: str) -> frozenset[str]:
    """Return the words that a component, or else the whole module, tells from others."""
    functions, tables = _read_module(module)
    chosen = [
        name
        for name, node in functions.items()
        if not component or _docstring(node).partition("\n")[0] == f"yaml: {component}"
    ]
    words: set[str] = set()
    seen: set[str] = set()
    while chosen:
        name = chosen.pop()
        if name in seen:
            continue
        seen.add(name)
        node = functions.get(name) or tables.get(name)
        if node is not None:
            words |= {*_compared(node), *_documented(_docstring(node))}
            chosen += [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
            chosen += [part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)]
    return frozenset(words)


@cache
def _read_module(module: str) -> tuple[dict[str, ast.AST], dict[str, ast.AST]]:
    """Return the functions and tables of a module, and of the helpers of all."""
    spec = find_spec("jenkins_jobs")
    assert spec is not None
    assert spec.origin is not None
    functions: dict[str, ast.AST] = {}
    tables: dict[str, ast.AST] = {}
    for name in ("helpers", module):
        path = Path(spec.origin).parent / "modules" / f"{name}.py"
        tree = ast.parse(path.read_text(encoding="utf-8") if path.exists() else "")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                functions[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                tables[node.targets[0].id] = node
    return functions, tables


def _docstring(node: ast.AST) -> str:
    return (ast.get_docstring(node) or "") if isinstance(node, ast.FunctionDef) else ""


def _compared(tree: ast.AST) -> Iterator[str]:
    """Yield the texts that code compares with, or that stand in a list or are a table's keys."""
    listed = [node for node in ast.walk(tree) if isinstance(node, (ast.List, ast.Tuple, ast.Set))]
    rows = {id(part) for node in listed for part in node.elts if isinstance(part, ast.Tuple)}
    groups: list[list[ast.expr]] = [node.elts for node in listed if id(node) not in rows]
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            groups.append([key for key in node.keys if key is not None])
        elif isinstance(node, ast.Compare):
            yield from _texts([node.left, *node.comparators])
    for group in groups:
        if len(found := [*_texts(group)]) > 1:
            yield from found


def _texts(nodes: Sequence[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _documented(text: str) -> Iterator[str]:
    """Yield the words that a docstring lists below each other, or in quotes in one sentence."""
    yield from re.findall(r"(?m)^\s*(?::[\w ]+: )?\*\s+\*\*([\w -]+)\*\*(?! ?[:(]|.*\(`)", text)
    for part in re.split(r"\n\s*\n|:arg |\* \*\*", re.sub(r"\(default[^)]*\)", "", text)):
        quoted = re.findall(r"['\"`]+([A-Za-z][\w -]*)['\"`]+", part)
        yield from quoted if len(quoted) > 1 else ()


# Each yields the mistakes of one kind that can be made in a case.
KINDS: Sequence[Callable[[Case], Iterator[Mistake]]] = (misspell_options, replace_values)


# -- measuring -----------------------------------------------------------------------------------


class Measure:
    """Counts what was put in and what was lost, by kind of mistake."""

    def __init__(self, renderer: Renderer, *, show: bool) -> None:
        self._renderer = renderer
        self._show = show
        self.cases = 0
        self.made: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.false_alarms = 0
        self.times: list[float] = []

    def measure(self, case: Case) -> None:
        """Put each mistake into a case, one at a time. What render refuses as it is, is left."""
        self._renderer.render(case.data, case)  # imports what it needs
        start = time.process_time()
        clean = self._renderer.render(case.data, case)
        took = time.process_time() - start
        self._count_false_alarms(case, clean)
        if not clean.config:
            return
        self.cases += 1
        self.times.append(took)
        known = {message for _, message in clean.findings}
        tracked = _track(case.data, _Lines())
        told = {_path_at(tracked, place) for place, _ in clean.findings} - {()}
        for kind in KINDS:
            for mistake in kind(case):
                if mistake.same_as is None and any(mistake.path[: len(at)] == at for at in told):
                    continue  # something is wrong there anyway
                self.made[mistake.kind] += 1
                if self._is_lost(case, mistake, known):
                    self.lost[mistake.kind] += 1
                    self._tell(f"lost: {case.name}: {_word(mistake.path)}: {mistake.told}")

    def _is_lost(self, case: Case, mistake: Mistake, known: set[str]) -> bool:
        made = self._renderer.render(mistake.data, case)
        if any(message not in known for _, message in made.findings):
            return False
        if mistake.same_as is None:
            return True
        return made.config == self._renderer.render(mistake.same_as, case).config

    def _count_false_alarms(self, case: Case, clean: Outcome) -> None:
        for place, message in clean.findings:
            if "never reads" not in message:
                continue
            path = _path_at(_track(case.data, _Lines()), place)
            without = self._renderer.render(_change(case.data, path, _without), case)
            if without.config != clean.config:
                self.false_alarms += 1
                self._tell(f"false alarm: {case.name}: {_word(path)}")

    def _tell(self, text: str) -> None:
        if self._show:
            print(text, file=sys.stderr)

    def write_table(self) -> str:
        """Return what docs/chain.md quotes."""
        rows = ["| mistake | put in | lost in silence | share |", "|---|--:|--:|--:|"]
        for kind, made in self.made.items():
            lost = self.lost[kind]
            rows.append(f"| {kind} | {made:,} | {lost:,} | {100 * lost / made:.1f} % |")
        return "\n".join(rows)


def render_at_once(cases: Sequence[Case], project: Path) -> str:
    """Render all cases as one project; say what came of it. A bug in cfl-jobs would end it."""
    for folder in ("jobs", "templates"):
        (project / folder).mkdir(parents=True)
    for number, case in enumerate(cases):
        name = f"{number:04}"
        text = yaml.safe_dump({**case.data, "name": name}, sort_keys=False)
        (project / f"templates/{name}.j2").write_text(f"{{% raw %}}{text}{{% endraw %}}")
        entries = {"views" if case.is_view else "jobs": [{"name": name}]}
        definitions = yaml.safe_dump({"template": f"{name}.j2", **entries})
        (project / f"jobs/{name}.yaml").write_text(definitions)
    try:
        return f"All of them are rendered as one project: {len(render(project)):,}."
    except DefinitionError as error:
        refused = {origin.position for found in error.findings for origin in found.origins[-1:]}
        return f"As one project, {len(refused):,} of {len(cases):,} are refused, each at its place."


def _word(path: Steps) -> str:
    return "/".join(str(step) for step in path)


def _path_at(value: Any, place: Position, path: Steps = ()) -> Steps:
    """Return the path of the key at a place, () if there is none."""
    if isinstance(value, TrackedDict):
        for key, item in value.raw_items():
            if value.key_positions[key] == place:
                return (*path, key)
            if found := _path_at(item, place, (*path, key)):
                return found
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if found := _path_at(item, place, (*path, index)):
                return found
    return ()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what render lets pass in silence.")
    parser.add_argument("--fixtures", type=Path, help="the source distribution, a .tar.gz")
    parser.add_argument("--only", default="", help="only fixtures with this in their path")
    parser.add_argument("--show", action="store_true", help="list what was lost")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cfl-jobs-losses-") as place:
        archive = options.fixtures or fetch_fixtures(Path(place))
        with tarfile.open(archive) as opened:
            opened.extractall(place, filter="data")
        tests = next(Path(place).glob("*/tests"))
        measure = Measure(Renderer(), show=options.show)
        cases = [case for case in read_cases(tests) if options.only in case.name]
        for case in cases:
            measure.measure(case)
        at_once = render_at_once(cases, Path(place) / "project")
    middle = 1000 * statistics.mean(measure.times or [0.0])
    print(f"{PACKAGE}, {measure.cases:,} jobs and views of its test cases,", end=" ")
    print(f"{middle:.2f} ms each; Python {platform.python_version()}\n")
    print(measure.write_table())
    print(f"\nFalse alarms: {measure.false_alarms}. {at_once}")


if __name__ == "__main__":
    main()
