"""Ant patterns, as org.apache.tools.ant.DirectoryScanner reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.rehearsal.artifacts import find_files

FILES = ("a.txt", "b.tar.gz", "out/a.txt", "out/deep/er/c.xml", ".git/config", "x~", "Out/B.TXT")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "link.txt").symlink_to("a.txt")
    (root / "linked").symlink_to("out/deep")
    (root / "broken").symlink_to("nowhere")
    (root / "loop").symlink_to(".")
    return root


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.txt", ["a.txt"]),
        ("*.txt", ["a.txt", "link.txt"]),
        ("out/*", ["out/a.txt"]),
        ("out/", ["out/a.txt", "out/deep/er/c.xml"]),
        ("out/**", ["out/a.txt", "out/deep/er/c.xml"]),
        ("**/a.txt", ["a.txt", "out/a.txt"]),
        ("out/**/c.xml", ["out/deep/er/c.xml"]),
        ("**/deep/**", ["out/deep/er/c.xml"]),
        ("?.txt", ["a.txt"]),
        ("a.txt, b.tar.gz", ["a.txt", "b.tar.gz"]),
        ("linked/**", ["linked/er/c.xml"]),
        ("broken", ["broken"]),
        ("out", []),
        ("a txt", []),
        ("x~", []),
        (".git/config", []),
        ("", []),
        (r"out\*", ["out/a.txt"]),
        ("a[.]txt", []),
    ],
)
def test_a_pattern_selects_what_ant_selects(tree: Path, pattern: str, found: list[str]) -> None:
    assert list(find_files(tree, pattern)) == found


def test_excludes_case_and_links_count_as_they_are_told_to(tree: Path) -> None:
    """Without following, neither a link to a file is selected nor what is below one."""
    assert find_files(tree, "**/*.txt", "out/**,link.*") == ("a.txt",)
    assert find_files(tree, ".git/config,x~", default_excludes=False) == (".git/config", "x~")
    assert find_files(tree, "OUT/*") == ()
    assert find_files(tree, "OUT/*", case_sensitive=False) == ("Out/B.TXT", "out/a.txt")
    found = find_files(tree, "**/*.txt,**/c.xml,broken", follow_symlinks=False)
    assert found == ("a.txt", "out/a.txt", "out/deep/er/c.xml")
    assert find_files(tree / "none", "**") == ()


@settings(max_examples=40)
@given(st.text(alphabet="ab*?/.,[(\\ ", max_size=12))
def test_no_pattern_is_an_error(tree: Path, pattern: str) -> None:
    """Whatever stands there, the answer is files of the tree."""
    found = find_files(tree, pattern)
    assert all((tree / name).is_symlink() or (tree / name).is_file() for name in found)
