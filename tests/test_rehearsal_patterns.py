"""Ant patterns, as org.apache.tools.ant.DirectoryScanner reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
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


def test_excludes_take_away(tree: Path) -> None:
    assert find_files(tree, "**/*.txt", "out/**,link.*") == ("a.txt",)


def test_default_excludes_can_be_off(tree: Path) -> None:
    assert find_files(tree, ".git/config,x~", default_excludes=False) == (".git/config", "x~")


def test_case_counts_unless_it_is_told_not_to(tree: Path) -> None:
    assert find_files(tree, "OUT/*") == ()
    found = find_files(tree, "OUT/*", case_sensitive=False)
    assert found == ("Out/B.TXT", "out/a.txt")


def test_without_following_no_link_is_selected(tree: Path) -> None:
    """Neither a link to a file nor what is below a link to a directory."""
    found = find_files(tree, "**/*.txt,**/c.xml,broken", follow_symlinks=False)
    assert found == ("a.txt", "out/a.txt", "out/deep/er/c.xml")


def test_a_directory_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert find_files(tmp_path / "none", "**") == ()


@given(st.text(alphabet="ab*?/.,[(\\ ", max_size=12))
def test_no_pattern_is_an_error(tree: Path, pattern: str) -> None:
    """Whatever stands there, the answer is files of the tree."""
    found = find_files(tree, pattern)
    assert all((tree / name).is_symlink() or (tree / name).is_file() for name in found)
