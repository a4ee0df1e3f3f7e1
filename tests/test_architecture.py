"""Data flows one way: a module imports only from stages before its own."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

from cfl_jobs.cli import VERBS

PACKAGE = Path(__file__).parent.parent / "cfl_jobs"
ONLY_IMPORTERS = {
    "jenkins_jobs": {"generator"},
    "pkg_resources": set(),
    "jenkins": {"client"},
    "requests": {"answers", "client"},
    "jinja2": {"sandbox", "template_trees", "templates", "svg", "directory"},
    "yaml": {"located_yaml", "inventory"},
}
# The stages in order: a package imports only from those before it.
STAGES = (
    "errors", "files", "interrupts", "target", "reading", "configs", "rendering", "check",
    "drawing", "planning", "targets", "sample", "rehearsal", "importing", "review", "terminal",
    "doctor", "bootstrap", "commands", "cli", "__main__",
)  # fmt: skip
# Pure: no network, no clock, no environment, no processes.
PURE = {"errors", "target", "reading", "configs", "rendering", "drawing"}
IMPURE_IMPORTS = {"http", "os", "random", "socket", "subprocess", "time", "urllib.request"}
FORBIDDEN_NAMES = {"utils", "helpers", "manager", "core"}


@cache
def modules() -> dict[str, Path]:
    paths = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
        if "sample" not in path.relative_to(PACKAGE).parts
    }
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Return the dotted names a module imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def imported_modules(path: Path) -> set[str]:
    """Return the modules of this package that a module imports."""
    known = modules()
    names = {name.removeprefix("cfl_jobs.") for name in imports_of(path) if "cfl_jobs" in name}
    return {name for name in names if name in known and name not in ("", "__init__")}


def stage_of(name: str) -> str:
    return name.partition(".")[0]


def test_only_one_module_imports_each_foreign_library() -> None:
    for name, path in modules().items():
        for imported in imports_of(path):
            library = imported.partition(".")[0]
            if library in ONLY_IMPORTERS:
                own = name.rpartition(".")[2]
                assert own in ONLY_IMPORTERS[library], f"{name} imports {library}"


def test_every_stage_imports_only_from_stages_before_its_own() -> None:
    places = {stage: place for place, stage in enumerate(STAGES)}
    for name, path in modules().items():
        own = stage_of(name)
        if own == "__init__":
            continue
        for imported in imported_modules(path):
            other = stage_of(imported)
            assert other == own or places[other] < places[own], f"{name} imports {imported}"


def test_pure_stages_import_nothing_of_the_outside() -> None:
    there = {name: path for name, path in modules().items() if stage_of(name) in PURE}
    assert len(there) > 40
    for name, path in there.items():
        found = imports_of(path)
        outside = (found | {imported.partition(".")[0] for imported in found}) & IMPURE_IMPORTS
        assert not outside, f"{name} imports {outside}"


def test_no_module_imports_in_a_circle() -> None:
    graph = {name: imported_modules(path) for name, path in modules().items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"circle: {' -> '.join([*way, name])}"
        if name not in done:
            for imported in sorted(graph[name]):
                visit(imported, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    assert len(done) > 100


def test_no_chain_of_imports_has_more_than_twelve_modules() -> None:
    """Whoever reads from a command down to what it rests on has that many steps before them."""

    @cache
    def longest_from(name: str) -> tuple[str, ...]:
        below = map(longest_from, sorted(imported_modules(modules()[name]) - {name}))
        return (name, *max(below, key=len, default=()))

    longest = max(map(longest_from, modules()), key=len)
    assert len(longest) <= 12, " > ".join(longest)
    assert longest[0].startswith("commands.")


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not {name.rpartition(".")[2] for name in modules()} & FORBIDDEN_NAMES


def test_the_name_of_a_class_means_one_thing() -> None:
    where: dict[str, list[str]] = {}
    for module, path in modules().items():
        for node in parse(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault(node.name, []).append(module)
    assert len(where) > 100
    assert not {name: of for name, of in where.items() if len(of) > 1}


def test_every_module_opens_with_a_docstring() -> None:
    for name, path in modules().items():
        assert ast.get_docstring(parse(path)), name


def test_a_command_that_is_advised_is_named_for_where_one_is() -> None:
    """With -C it needs that too: `name_command` knows. A file's comment says who made it."""
    verbs = "|".join(VERBS)
    command = re.compile(rf"\A[^#]*(?<!by `)(?<!<!-- )\bcfl-jobs (?:-C |(?:{verbs})\b)")
    for path in modules().values():
        tree = parse(path)
        statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in statements:
                assert not command.match(str(node.value)), f"{path}:{node.lineno}"


def test_what_the_program_reads_is_packed_with_it() -> None:
    """Else an installed cfl-jobs, unlike one in a checkout, lacks a template."""
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    packed = {
        path
        for package, patterns in settings["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in (PACKAGE.parent / package.replace(".", "/")).glob(pattern)
    }
    read = {path for end in ("j2", "css", "js", "txt") for path in PACKAGE.rglob(f"*.{end}")}
    assert read
    assert read <= packed
