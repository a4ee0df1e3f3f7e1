"""A project's files, and YAML text → tracked data with positions.

What YAML would read as something else is told. Output: `TrackedDict`, `TrackedList`, `LocatedText`,
bool, int, float, None. Nothing but these: no tags, no objects, no merge keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from cfl_jobs.errors import Finding, Origin, Position, suggest
from cfl_jobs.reading.tracking import LocatedText, Pieces, TrackedDict, TrackedList

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LARGEST = 1_000_000  # nodes after aliases are expanded
_BOOLEANS = {"true": True, "false": False}
_YAML: Any = yaml.constructor.SafeConstructor()
_NUMBERS = {"int": _YAML.construct_yaml_int, "float": _YAML.construct_yaml_float}
# Characters that no XML 1.0 document can hold.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# YAML 1.1 ends a line there, which no editor shows: what follows would be lost, or misread.
_SEPARATOR = "\u2028"
# What templates put around places and values: noncharacters of Unicode. No text means anything
# by them, and YAML lets them through.
MARK_OPEN, MARK_CLOSE = "\ufdd0", "\ufdd1"
VALUE_OPEN, VALUE_CLOSE = "\ufdd2", "\ufdd3"
RESERVED = re.compile("[\ufdd0-\ufdd3]")
MARK = re.compile(f"{MARK_OPEN}(\\d+),(\\d+),(\\d+){MARK_CLOSE}")

Locate = Callable[[int, int], Position]
# Makes a text of a scalar's; told where it stands, in what pieces, and whether it is unquoted.
MakeText = Callable[[str, Position, Pieces, bool], LocatedText]


class Sources:
    """Reads files below the project's root, but for known texts; paths are relative, with "/"."""

    def __init__(self, root: Path, texts: Mapping[str, str] = MappingProxyType({})) -> None:
        self.root = root
        self._texts = dict(texts)

    def read(self, file: str) -> str:
        """Return a file's text, without a byte order mark. Raises OSError, or ValueError with
        a sentence where it is not UTF-8, no plain file, or a link or ".." leads out of the
        first directory on its path: a pull request could else show what is in other files of
        the machine that renders it, .git/config with its token among them."""
        if file not in self._texts:
            try:
                path = (self.root / file).resolve()
            except RuntimeError as error:  # until Python 3.12
                raise ValueError("it is a link to itself; put the file itself here") from error
            top = file.split("/")[0]
            if not path.is_relative_to(self.root.resolve() / top):
                raise ValueError(f"it leads out of the project's {top}/; put the file itself here")
            if path.exists() and not path.is_file() and not path.is_dir():
                raise ValueError("it is no plain file")
            data = path.read_bytes()
            try:
                self._texts[file] = data.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                line = data.count(b"\n", 0, error.start) + 1
                raise ValueError(f"line {line} is not UTF-8; save the file as UTF-8") from error
        return self._texts[file]

    def line(self, position: Position | None) -> str:
        """Return the text of a line, or "" where it isn't known."""
        if position is None:
            return ""
        lines = self._texts.get(position.file, "").split("\n")
        return line_at(lines, position.line - 1).rstrip("\r")

    def find(
        self,
        message: str,
        position: Position | None,
        *,
        origins: tuple[Origin, ...] = (),
        advice: str = "",
    ) -> Finding:
        """Return a finding that quotes its line."""
        return self.quote(Finding(message, position, origins=origins, advice=advice))

    def quote(self, found: Finding, *origins: Origin) -> Finding:
        """Return a finding with its line, and more origins."""
        source = self.line(found.position)
        return replace(found, source=source, origins=(*found.origins, *origins))


def line_at(lines: Sequence[str], number: int) -> str:
    """Return a line, counted from 0, "" where there is none."""
    return lines[number] if 0 <= number < len(lines) else ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a text holds, and everything wrong with it; `value` is None where it can't be read."""

    value: Any
    findings: tuple[Finding, ...]


def load_yaml(
    text: str, file: str, *, locate: Locate | None = None, make_text: MakeText | None = None
) -> Loaded:
    """Read one YAML document.

    `locate` turns a line and a column of `text`, from 0, into a Position; without it they are the
    file's own. `make_text` makes the texts, keys too.
    """
    return _Reader(text, file, locate, make_text).load()


class _Reader:
    def __init__(
        self, text: str, file: str, locate: Locate | None, make_text: MakeText | None
    ) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._locate = locate or (lambda line, column: Position(file, line + 1, column + 1))
        self._own_lines = locate is None
        self._make_text = make_text or (
            lambda text, pos, pieces, plain: LocatedText(text, pos, pieces)
        )
        self._findings: list[Finding] = []
        self._made: dict[int, Any] = {}
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def load(self) -> Loaded:
        value = None
        try:
            value = self._load()
        except yaml.MarkedYAMLError as error:
            self._explain(error)
        except yaml.reader.ReaderError as error:
            bad = error.character  # libyaml's reader gives a number, PyYAML's own a character
            code = bad if isinstance(bad, int) else ord(bad)
            advice = "Remove it, or write it as an escape in double quotes."
            message = f"the character U+{code:04X} is not allowed in YAML"
            self._find_at(error.position, message, advice)
        except yaml.YAMLError as error:
            self._find(f"not YAML: {error}", 0, 0)
        except RecursionError:
            self._find("nested too deeply to be read", 0, 0, "Write it flatter.")
        return Loaded(value, tuple(self._findings))

    def _load(self) -> Any:
        separator = self._text.find(_SEPARATOR)
        if separator >= 0:
            message = "YAML and Jenkins make a line's end of U+2028"
            return self._find_at(separator, message, "Remove it.")
        loader = _Loader(self._text)
        try:
            node: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
        if node is None:
            return None
        if "&" in self._text and self._size(node) > _LARGEST:  # no anchors, no aliases
            return self._complain(node, f"its aliases expand to more than {_LARGEST:,} values")
        return self._make(node)

    def _explain(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context or "not YAML")
        line, column = getattr(mark, "line", 0), getattr(mark, "column", 0)
        advice = ""
        if "\t" in line_at(self._lines, line)[: column + 1]:
            advice = "Indent with spaces: YAML takes no tabs there."
        elif "mapping values are not allowed" in problem:
            advice = "Put text that holds a colon in quotes, or check the indentation."
        elif error.context and error.context_mark:
            advice = f"It began {error.context} at line {error.context_mark.line + 1}."
        self._find(f"not YAML: {problem}", line, column, advice)

    def _find_at(self, offset: int, message: str, advice: str) -> None:
        *whole, last = self._text[:offset].split("\n")
        self._find(message, len(whole), len(last), advice)

    def _find(self, message: str, line: int, column: int, advice: str = "") -> None:
        source = ""
        if self._own_lines:
            source = line_at(self._lines, line).rstrip("\r")
        self._findings.append(Finding(message, self._locate(line, column), source, advice=advice))

    def _complain(self, node: yaml.Node, message: str, advice: str = "") -> None:
        self._find(message, node.start_mark.line, node.start_mark.column, advice)

    def _where(self, node: yaml.Node) -> Position:
        return self._locate(node.start_mark.line, node.start_mark.column)

    def _size(self, node: yaml.Node) -> int:
        """Count the values after aliases are expanded; recursion counts as too many."""
        if id(node) in self._open:
            return _LARGEST + 1
        if id(node) not in self._sizes:
            self._open.add(id(node))
            parts: list[yaml.Node] = []
            if isinstance(node, yaml.MappingNode):
                parts = [part for pair in node.value for part in pair]
            elif isinstance(node, yaml.SequenceNode):
                parts = node.value
            self._sizes[id(node)] = 1 + sum(map(self._size, parts))
            self._open.discard(id(node))
        return self._sizes[id(node)]

    def _make(self, node: yaml.Node) -> Any:
        if id(node) not in self._made:
            kind = node.tag.removeprefix("tag:yaml.org,2002:")
            make: Callable[[Any], Any] = self._refuse_tag
            if isinstance(node, yaml.ScalarNode):
                make = self._make_scalar
            elif isinstance(node, yaml.MappingNode) and kind == "map":
                make = self._make_mapping
            elif isinstance(node, yaml.SequenceNode) and kind == "seq":
                make = self._make_list
            self._made[id(node)] = make(node)
        return self._made[id(node)]

    def _make_list(self, node: yaml.SequenceNode) -> TrackedList:
        entries = [self._make(entry) for entry in node.value]
        positions = tuple(self._where(entry) for entry in node.value)
        return TrackedList(entries, pos=self._where(node), entry_positions=positions)

    def _make_mapping(self, node: yaml.MappingNode) -> TrackedDict:
        entries: dict[str, Any] = {}
        keys: dict[str, Position] = {}
        values: dict[str, Position] = {}
        for key_node, value_node in node.value:
            value = self._make(value_node)
            if key_node.tag == "tag:yaml.org,2002:merge":
                advice = "Write the keys out, or share them through `defaults:` or a template."
                self._complain(key_node, "merge keys (<<) are not read here", advice)
                continue
            key = self._make_key(key_node)
            if key is None:
                continue
            if key in keys:
                repeat = find_repeat(key, self._where(key_node), keys[key])
                self._complain(key_node, repeat.message, repeat.advice)
                continue
            entries[key] = value
            keys[key] = self._where(key_node)
            values[key] = self._where(value_node)
        return TrackedDict(
            entries.items(), pos=self._where(node), key_positions=keys, value_positions=values
        )

    def _make_key(self, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._complain(node, "a key must be text", "Put the list or mapping under a key.")
        elif not node.style and node.tag != "tag:yaml.org,2002:str":
            kind = node.tag.rpartition(":")[2]
            message = f"YAML reads the key {node.value!r} as {kind}, not text"
            self._complain(node, message, "Put it in quotes.")
        elif isinstance(key := self._make_scalar(node), str):
            return key
        else:
            self._complain(node, f"a key must be text, not {key!r}", "Use a text as key.")
        return None

    def _make_scalar(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind == "null":
            return None
        if kind == "bool":
            if text.lower() in _BOOLEANS:
                return _BOOLEANS[text.lower()]
            truth = text.lower() in ("yes", "on", "y")
            advice = f'Write {str(truth).lower()}, or "{text}" in quotes for the word.'
            self._complain(node, f"YAML reads {text} as {str(truth).lower()}", advice)
            return truth
        if kind in _NUMBERS:
            return self._make_number(node, text, _NUMBERS[kind])
        if kind in ("str", "timestamp", "value"):
            if bad := _NOT_IN_XML.search(text):
                shown = f"U+{ord(bad[0]):04X}"
                self._complain(node, f"the character {shown} can't stand in XML", "Remove it.")
                text = _NOT_IN_XML.sub("", text)
            return self._make_text(text, self._where(node), self._pieces(node), not node.style)
        return self._refuse_tag(node)

    def _refuse_tag(self, node: yaml.Node) -> LocatedText:
        """Say what to write in place of a tag, of jenkins-job-builder's 6.5 above all."""
        kind = node.tag.removeprefix("tag:yaml.org,2002:").rstrip(":")
        file = node.value.rpartition("/")[2] if isinstance(node, yaml.ScalarNode) else ""
        advice = suggest(kind, ("null", "bool", "int", "float", "str")) or "Remove it."
        if kind.startswith("!include-raw"):
            script = f'{{{{ script("{file or "FILE"}") }}}}'
            advice = f"Put the file into templates/scripts/ and write {script}."
        elif kind in ("!include", "!include-jinja2"):
            advice = f'In a template, write {{% include "{file or "FILE"}" %}}.'
        elif kind in ("!j2", "!j2-yaml"):
            advice = "Leave the tag out: all of a template is Jinja2."
        elif kind == "!join":
            advice = 'In a template, write {{ ["a", "b"] | join(", ") }}.'
        shown = node.tag.replace("tag:yaml.org,2002:", "!!")
        self._complain(node, f"the tag {shown} is not allowed", advice)
        return LocatedText(node.tag, self._where(node))

    def _pieces(self, node: yaml.ScalarNode) -> Pieces:
        """Return where the lines of a literal block stand: they follow the line that opens it."""
        if node.style != "|":
            return ()
        pieces: list[tuple[int, Position]] = []
        offset = 0
        file, next_line = "", 0
        for number, line in enumerate(str(node.value).split("\n")):
            at = node.start_mark.line + 1 + number
            whole = line_at(self._lines, at)
            place = self._locate(at, len(whole) - len(whole.lstrip()))
            if not pieces or place.line != next_line or place.file != file:
                pieces.append((offset, place))
            file, next_line = place.file, place.line + 1
            offset += len(line) + 1
        return tuple(pieces)

    def _make_number(self, node: yaml.ScalarNode, text: str, read_it: Callable[..., Any]) -> Any:
        """Return the number, if writing it again gives the same text; else say what YAML makes."""
        try:
            read = read_it(node)
        except ValueError:
            read = "another number"
        if str(read) == text:
            return read
        message = f"YAML reads {text} as a number ({read}), and would write it otherwise"
        advice = f'Write "{text}" in quotes for the text, or the number in plain form.'
        self._complain(node, message, advice)
        return LocatedText(text, self._where(node))


def find_repeat(key: str, place: Position, first: Position) -> Finding:
    """Word that a mapping has a key twice."""
    message = f"the key {key!r} stands here a second time; the first is at {first}"
    return Finding(message, place, advice="Keep one of the two.")
