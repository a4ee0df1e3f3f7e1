"""Data flows one way: a module imports only from stages before its own."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "cfl_jobs"
ONLY_IMPORTERS = {
    "jenkins_jobs": {"generator"},
    "pkg_resources": {"generator"},
    "jenkins": {"connection"},
    "requests": {"connection"},
    "jinja2": {"sandbox", "template_reads", "templates"},
    "yaml": {"located_yaml", "inventory"},
}
# Pure stages: no network, no clock, no environment, no processes.
PURE = {
    "configxml", "cron", "definitions", "differences", "errors", "generator", "graph",
    "labels", "located_yaml", "mark", "model", "needs", "noeffect", "normalform", "plan",
    "provenance", "read_model", "render", "schema", "scripts", "sections", "selection", "sides",
    "sources", "template_reads", "templates", "tracking", "values", "versions", "words",
}  # fmt: skip
IMPURE_IMPORTS = {"http", "os", "random", "socket", "subprocess", "time", "urllib"}
FORBIDDEN_NAMES = {"utils", "helpers", "manager", "core"}


def modules() -> dict[str, Path]:
    paths = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
        if "sample" not in path.relative_to(PACKAGE).parts
    }
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


def imports_of(path: Path) -> set[str]:
    """Return the dotted names a module imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imported_modules(path: Path) -> set[str]:
    """Return the modules of this package that a module imports."""
    known = modules()
    names = {name.removeprefix("cfl_jobs.") for name in imports_of(path) if "cfl_jobs" in name}
    return {name for name in names if name in known and name not in ("", "__init__")}


def test_only_one_module_imports_each_foreign_library() -> None:
    for name, path in modules().items():
        for imported in imports_of(path):
            library = imported.partition(".")[0]
            if library in ONLY_IMPORTERS:
                assert name in ONLY_IMPORTERS[library], f"{name} imports {library}"


def test_pure_stages_import_nothing_of_the_outside() -> None:
    there = modules()
    for name in PURE & set(there):
        outside = {imported.partition(".")[0] for imported in imports_of(there[name])}
        assert not outside & IMPURE_IMPORTS, f"{name} imports {outside & IMPURE_IMPORTS}"


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
    assert len(done) > 15


def test_nothing_but_the_command_line_imports_commands() -> None:
    for name, path in modules().items():
        if name.startswith("commands.") or name in ("cli", "__main__"):
            continue
        used = {imported for imported in imported_modules(path) if imported.startswith("commands")}
        assert not used, f"{name} imports {used}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not {name.rpartition(".")[2] for name in modules()} & FORBIDDEN_NAMES


def test_every_module_opens_with_a_docstring() -> None:
    for name, path in modules().items():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), name
