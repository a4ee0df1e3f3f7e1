"""Shell script → its commands as a tree, and each in a form in which equal spellings are equal.

Not all of bash: what isn't understood is passed over word by word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from cfl_jobs.check.shell import Token, lex

_REDIRECT = re.compile(r"(?:\d*|\{\w+\})(&>>|&>|<<<|>>|>\||[<>]&|<>|[<>])")
_PREFIX = re.compile(r"\d+|\{\w+\}")  # of a redirection
_SEPARATORS = ("\n", ";")
_JOINS = {"&&": "and", "||": "or"}
_ENDS_COMMAND = ("\n", ";", "&", "&&", "||", "|", "|&", "(", ")", ";;", ";&", ";;&")
_ENDS_BRANCH = (";;", ";&", ";;&", "esac")
_BEGINS = ("(", "{", "if", "while", "until", "for", "select", "case", "function", "[[")
# ((a == 1)), which is read as [ "$a" -eq 1 ]
_COMPARISON = re.compile(r"\(\(\s*\$?(\w+|\{#\w+\[[@*]\]\})\s*(==|!=|<=|>=|<|>)\s*(\d+)\s*\)\)")
_SIGNS = {"==": "-eq", "!=": "-ne", "<": "-lt", "<=": "-le", ">": "-gt", ">=": "-ge"}
_DEEPEST = 200  # of commands in commands
ASSIGNS = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]]*\])?(\+?)=(.*)", re.DOTALL)


class _Piece(NamedTuple):
    """A word or an operator of a script, and where it stands."""

    text: str
    start: int
    end: int
    is_operator: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A command. `kind` is "run" (one command, with its words as written), "do" (several in turn),
    "and", "or", "!", "pipe", "back" (`&`), "if", "loop", "each" (what `for` goes through), "case",
    "when" (one of its branches), "shell" (in brackets) or "def" (of a function).
    """

    kind: str
    parts: tuple[Node, ...] = ()
    words: tuple[str, ...] = ()
    start: int = 0
    end: int = 0

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            yield from part.walk()


class _Splitter:
    """Takes a script into words and operators; what `$(...)` or quotes hold is of one word."""

    def __init__(self, script: str) -> None:
        self.pieces: list[_Piece] = []
        self._word = ""
        self._depth = 1  # of what a command stands in
        self._is_quoted = False  # by backticks
        at = 0
        for token in lex(script):
            self._take(token, at)
            at += len(token.text)

    def _take(self, token: Token, start: int) -> None:
        kind, text, is_here = token.kind, token.text, token.depth == self._depth
        if text == "`" and is_here:
            self._is_quoted = not self._is_quoted
            self._word += "`"
        elif "here-document" in kind or text == "\\\n":
            self._finish(start)
        elif is_here and kind == "close" and not (self._is_quoted and self._depth == 1):
            self._finish(start, ")")
            self._depth = max(self._depth - 1, 1)
        elif not is_here or self._is_quoted:
            self._word += text
        elif kind in ("newline", "operator"):
            self._finish(start, text)
        elif kind in ("comment", "blank", "end"):
            self._finish(start)
        elif text == "(":
            self._open(start)
        else:
            self._word += text

    def _open(self, start: int) -> None:
        """Take a bracket: of a list, `a=(...)`, of a command's output, `<(...)`, or of commands."""
        is_behind = [(last.text in ("<", ">"), last.end) for last in self.pieces[-1:]]
        if self._word.endswith("="):
            self._word += "("
        elif not self._word and is_behind == [(True, start)]:
            self._word = f"{self.pieces.pop().text}("
        else:
            self._finish(start, "(")
            self._depth += 1

    def _finish(self, end: int, operator: str = "") -> None:
        """End a word, if there is one, at an operator or before what separates words."""
        word, self._word = self._word, ""
        begin = end - len(word)
        if operator and _REDIRECT.fullmatch(operator) and _PREFIX.fullmatch(word):
            word, operator, end = "", word + operator, begin
        if word:
            self.pieces.append(_Piece(word, begin, end))
        if operator:
            self.pieces.append(_Piece(operator, end, end + len(operator), is_operator=True))


@lru_cache(maxsize=256)
def parse(script: str) -> Node:
    """Return a script's commands, in turn; none of one that is nested too deeply."""
    try:
        tree = _Parser(script).sequence()
    except RecursionError:
        return Node("do")
    level, depth = [tree], 0
    while level and depth < _DEEPEST:
        level, depth = [part for node in level for part in node.parts], depth + 1
    return Node("do") if level else tree


class _Parser:
    def __init__(self, script: str) -> None:
        end = len(script)
        self._pieces = [*_Splitter(script).pieces, _Piece("\n", end, end, is_operator=True)]
        self._at = 0

    @property
    def _next(self) -> str:
        return self._pieces[self._at].text

    def _is_over(self) -> bool:
        return self._at == len(self._pieces) - 1

    def _skip(self) -> None:
        self._at += not self._is_over()

    def _take(self, *wanted: str) -> bool:
        """Go on behind one of these, if it is next."""
        is_next = self._next in wanted and not self._is_over()
        self._at += is_next
        return is_next

    def _skip_all(self, *wanted: str) -> None:
        while self._take(*wanted):
            pass

    def _node(self, start: int, kind: str, *parts: Node, words: Sequence[str] = ()) -> Node:
        """Return a command that was read since a piece."""
        last = self._pieces[max(self._at - 1, start)]
        return Node(kind, parts, tuple(words), self._pieces[start].start, last.end)

    def sequence(self, *ends: str) -> Node:
        parts: list[Node] = []
        start = self._at
        while not self._is_over() and self._next not in ends:
            if self._take(*_SEPARATORS):
                continue
            before = self._at
            parts.append(self._joined(self._pipeline))
            if self._take("&"):
                parts.append(self._node(before, "back", parts.pop()))
            if self._at == before:
                self._at += 1
        return self._node(start, "do", *parts)

    def _closed(self, end: str) -> Node:
        body = self.sequence(end)
        self._take(end)
        return body

    def _joined(self, read: Callable[[], Node]) -> Node:
        """Read commands, or tests, with `&&` and `||` between them."""
        start = self._at
        node = read()
        while kind := _JOINS.get(self._next):
            self._at += 1
            self._skip_all("\n")
            node = self._node(start, kind, node, read())
        return node

    def _pipeline(self) -> Node:
        start = self._at
        if self._take("!"):
            return self._node(start, "!", self._pipeline())
        parts = [self._command()]
        while self._take("|", "|&"):
            self._skip_all("\n")
            parts.append(self._command())
        if not parts[1:]:
            return parts[0]
        return self._node(start, "pipe", *parts)

    def _command(self) -> Node:
        start = self._at
        if self._take("time"):
            return self._command()
        if self._take(*_BEGINS):
            node = self._compound(self._pieces[start].text)
            redirections = self._words()
            if node.kind not in ("run", "def"):
                node = replace(node, words=redirections)
        else:
            words = self._words()
            if len(words) == 1 and self._take("("):
                self._take(")")
                node = self._function(words[0])
            elif len(words) == 1 and (found := _COMPARISON.fullmatch(words[0])):
                name, operator, value = found.groups()
                node = Node("run", (), ("[", f'"${name}"', _SIGNS[operator], value, "]"))
            else:
                node = Node("run", (), words)
        return self._node(start, node.kind, *node.parts, words=node.words)

    def _compound(self, word: str) -> Node:
        """Read a command of several behind the word that begins it."""
        match word:
            case "(":
                return Node("shell", (self._closed(")"),))
            case "{":
                return self._closed("}")
            case "if":
                return self._if()
            case "while" | "until":
                condition = self._closed("do")
                if word == "until":
                    condition = Node("!", (condition,))
                return Node("loop", (condition, self._closed("done")))
            case "for" | "select":
                start = self._at
                words = self._words()
                each = self._node(start, "each", words=("for", *words))
                self._skip_all(*_SEPARATORS)
                self._take("do")
                return Node("loop", (each, self._closed("done")))
            case "case":
                return self._case()
            case "function":
                name = self._next
                self._skip()
                if self._take("("):
                    self._take(")")
                return self._function(name)
        node = self._joined(self._test)  # [[ ... ]], whose && and || and brackets join tests
        self._take("]]")
        return node

    def _if(self) -> Node:
        start = self._at
        condition = self._closed("then")
        parts = [condition, self.sequence("elif", "else", "fi")]
        if self._take("elif"):
            parts.append(self._if())
        else:
            if self._take("else"):
                parts.append(self._closed("fi"))
            self._take("fi")
        return self._node(start, "if", *parts)

    def _case(self) -> Node:
        subject = self._next
        self._skip()
        self._skip_all("\n")
        self._take("in")
        branches: list[Node] = []
        while not self._is_over() and not self._take("esac"):
            if self._take(*_SEPARATORS, *_ENDS_BRANCH, "("):
                continue
            start = self._at
            while not self._is_over() and self._next != ")":
                self._at += 1
            patterns = [piece.text for piece in self._pieces[start : self._at]]
            self._take(")")
            body = self.sequence(*_ENDS_BRANCH)
            branches.append(self._node(start, "when", body, words=(subject, *patterns)))
        return Node("case", tuple(branches))

    def _function(self, name: str) -> Node:
        self._skip_all("\n")
        return Node("def", (self._command(),), (name,))

    def _words(self) -> tuple[str, ...]:
        """Read words, redirections as one each, to the end of a command."""
        words: list[str] = []
        while not self._is_over() and self._next not in _ENDS_COMMAND:
            word = self._next
            is_redirect = self._pieces[self._at].is_operator
            self._at += 1
            if is_redirect and not self._is_over() and self._next not in _SEPARATORS:
                word += self._next
                self._at += 1
            words.append(word)
        return tuple(words)

    def _test(self) -> Node:
        start = self._at
        if self._take("!"):
            return self._node(start, "!", self._test())
        if self._take("("):
            node = self._joined(self._test)
            self._take(")")
            return node
        depth = 0
        while not self._is_over() and self._next != "]]":
            if depth == 0 and self._next in (*_JOINS, ")"):
                break
            depth += (self._next == "(") - (self._next == ")")  # of a pattern
            self._at += 1
        words = (piece.text for piece in self._pieces[start : self._at])
        return self._node(start, "run", words=("[[", *words, "]]"))
