"""Shell script → its commands as a tree, and each in a form in which equal spellings are equal.

Not all of bash: what isn't understood is passed over word by word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cfl_jobs.check.shell import Lexer

_OPERATOR = re.compile(r"(&>>|&>|<<<|>>|>\||[<>]&|<>|[<>]|;;&|;&|;;|;|&&|\|\||\|&|\||&)")
_REDIRECT = re.compile(r"(?:\d*|\{\w+\})(&>>|&>|<<<|>>|>\||[<>]&|<>|[<>])")
_PREFIX = re.compile(r"\d+|\{\w+\}")  # of a redirection
_SEPARATORS = ("\n", ";")
_ENDS_COMMAND = ("\n", ";", "&", "&&", "||", "|", "|&", "(", ")", ";;", ";&", ";;&")
_ENDS_BRANCH = (";;", ";&", ";;&", "esac")
ASSIGNS = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]]*\])?(\+?)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Piece:
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


def _split(script: str) -> list[_Piece]:
    """Return the words and operators of a script; what `$(...)` or quotes hold is of one word."""
    pieces: list[_Piece] = []
    word, at, depth, is_quoted = "", 0, 1, False

    def finish(operator: str, end: int) -> None:
        nonlocal word
        last = pieces[-1] if pieces else None
        start = end - len(operator)
        if operator and _REDIRECT.fullmatch(operator) and _PREFIX.fullmatch(word):
            operator, word = word + operator, ""
        elif operator[:1] in tuple("&>") and last and last.text in ("<", ">") and last.end == start:
            operator = pieces.pop().text + operator
        if word:
            pieces.append(_Piece(word, start - len(word), start))
        if operator:
            pieces.append(_Piece(operator, end - len(operator), end, is_operator=True))
        word = ""

    for token in Lexer(script).read():
        at += len(token.text)
        is_base = token.depth == depth and not is_quoted
        kind = token.kind if is_base else "inner"
        if token.text == "`" and token.depth == depth:
            is_quoted = not is_quoted
            word += "`"
        elif "here-document" in token.kind or token.text == "\\\n":
            finish("", at - len(token.text))
        elif kind == "close" or (token.kind == "close" and token.depth == depth > 1):
            finish(")", at)
            depth = max(depth - 1, 1)
        elif kind == "open" and token.text == "(" and not _opens_word(word, pieces, at - 1):
            finish("(", at)
            depth += 1
        elif kind == "open" and not word and token.text == "(":
            word = f"{pieces.pop().text}("
        elif kind in ("comment", "newline", "blank", "end"):
            finish("\n" if kind == "newline" else "", at - (kind != "newline") * len(token.text))
        elif kind == "other" and _OPERATOR.search(token.text):
            end = at - len(token.text)
            for part in _OPERATOR.split(token.text):
                end += len(part)
                if _OPERATOR.fullmatch(part):
                    finish(part, end)
                else:
                    word += part
        else:
            word += token.text
    return pieces


def _opens_word(word: str, pieces: Sequence[_Piece], at: int) -> bool:
    """Tell whether a bracket belongs to a list, `a=(...)`, or to a command's output, `<(...)`."""
    is_output = pieces and pieces[-1].text in ("<", ">") and pieces[-1].end == at
    return word.endswith("=") or bool(not word and is_output)


@lru_cache(maxsize=256)
def parse(script: str) -> Node:
    """Return a script's commands, in turn; none of one that is nested too deeply."""
    try:
        return _Parser(_split(script), len(script)).sequence(())
    except RecursionError:
        return Node("do")


class _Parser:
    def __init__(self, pieces: list[_Piece], end: int) -> None:
        self._pieces = [*pieces, _Piece("\n", end, end, is_operator=True)]
        self._at = 0

    @property
    def _next(self) -> str:
        return self._pieces[self._at].text

    def _is_over(self) -> bool:
        return self._at >= len(self._pieces) - 1

    def _take(self, *wanted: str) -> bool:
        """Go on behind one of these, if it is next."""
        is_next = self._next in wanted and not self._is_over()
        self._at += is_next
        return is_next

    def _since(self, start: int) -> tuple[int, int]:
        """Return where what was read since a piece begins and ends."""
        last = max(self._at - 1, start)
        return self._pieces[start].start, self._pieces[last].end

    def sequence(self, ends: Sequence[str]) -> Node:
        parts: list[Node] = []
        start = self._at
        while not self._is_over() and self._next not in ends:
            if self._take(*_SEPARATORS):
                continue
            before = self._at
            node = self._and_or()
            if self._take("&"):
                node = Node("back", (node,), (), *self._since(before))
            parts.append(node)
            if self._at == before:
                self._at += 1
        return Node("do", tuple(parts), (), *self._since(start))

    def _and_or(self) -> Node:
        start = self._at
        node = self._pipeline()
        while self._next in ("&&", "||"):
            kind = "and" if self._next == "&&" else "or"
            self._at += 1
            self._skip_lines()
            right = self._pipeline()
            node = Node(kind, (node, right), (), *self._since(start))
        return node

    def _skip_lines(self) -> None:
        while self._take("\n"):
            pass

    def _pipeline(self) -> Node:
        start = self._at
        if self._take("!"):
            return Node("!", (self._pipeline(),), (), *self._since(start))
        parts = [self._command()]
        while self._take("|", "|&"):
            self._skip_lines()
            parts.append(self._command())
        return Node("pipe", tuple(parts), (), *self._since(start)) if parts[1:] else parts[0]

    def _command(self) -> Node:
        start = self._at
        if self._take("time"):
            return self._command()
        read = _COMPOUND.get(self._next)
        if read is None:
            return self._simple()
        self._at += 1
        node = read(self)
        words = self._words() if self._next not in _ENDS_COMMAND else ()  # redirections
        own = node.words if node.kind in ("run", "def") else ()
        return replace(
            node, words=own or words, start=self._since(start)[0], end=self._since(start)[1]
        )

    def _closed(self, end: str) -> Node:
        body = self.sequence((end,))
        self._take(end)
        return body

    def _shell(self) -> Node:
        return Node("shell", (self._closed(")"),))

    def _group(self) -> Node:
        return self._closed("}")

    def _if(self) -> Node:
        start = self._at
        condition = self._closed("then")
        body = self.sequence(("elif", "else", "fi"))
        if self._take("elif"):
            return Node("if", (condition, body, self._if()), (), *self._since(start))
        rest = (self._closed("fi"),) if self._take("else") else ()
        self._take("fi")
        return Node("if", (condition, body, *rest), (), *self._since(start))

    def _while(self) -> Node:
        condition = self._closed("do")
        return Node("loop", (condition, self._closed("done")))

    def _until(self) -> Node:
        loop = self._while()
        return replace(loop, parts=(Node("!", loop.parts[:1]), loop.parts[1]))

    def _for(self) -> Node:
        start = self._at
        words = self._words()
        each = Node("each", (), ("for", *words), *self._since(start))
        while self._take(*_SEPARATORS):
            pass
        self._take("do")
        return Node("loop", (each, self._closed("done")))

    def _case(self) -> Node:
        subject = self._next
        self._at += not self._is_over()
        self._skip_lines()
        self._take("in")
        branches: list[Node] = []
        while not self._is_over() and not self._take("esac"):
            if self._take(*_SEPARATORS, *_ENDS_BRANCH, "("):
                continue
            start = self._at
            while not self._is_over() and self._next != ")":
                self._at += 1
            patterns = tuple(piece.text for piece in self._pieces[start : self._at])
            self._take(")")
            body = self.sequence(_ENDS_BRANCH)
            branches.append(Node("when", (body,), (subject, *patterns), *self._since(start)))
        return Node("case", tuple(branches))

    def _function(self) -> Node:
        name = self._next
        self._at += 1
        if self._take("("):
            self._take(")")
        return self._define(name)

    def _define(self, name: str) -> Node:
        self._skip_lines()
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

    def _simple(self) -> Node:
        start = self._at
        words = self._words()
        if len(words) == 1 and self._take("("):
            self._take(")")
            return replace(
                self._define(words[0]), start=self._since(start)[0], end=self._since(start)[1]
            )
        return Node("run", (), words, *self._since(start))

    def _test(self) -> Node:
        """Read `[[ ... ]]`, whose `&&`, `||` and brackets join tests."""
        node = self._joined_tests()
        self._take("]]")
        return node

    def _joined_tests(self) -> Node:
        start = self._at
        node = self._one_test()
        while self._next in ("&&", "||"):
            kind = "and" if self._next == "&&" else "or"
            self._at += 1
            self._skip_lines()
            node = Node(kind, (node, self._one_test()), (), *self._since(start))
        return node

    def _one_test(self) -> Node:
        start = self._at
        if self._take("!"):
            return Node("!", (self._one_test(),), (), *self._since(start))
        if self._take("("):
            node = self._joined_tests()
            self._take(")")
            return node
        depth = 0
        while not self._is_over() and self._next != "]]":
            if depth == 0 and self._next in ("&&", "||", ")"):
                break
            depth += (self._next == "(") - (self._next == ")")  # of a pattern
            self._at += 1
        words = tuple(piece.text for piece in self._pieces[start : self._at])
        return Node("run", (), ("[[", *words, "]]"), *self._since(start))


_COMPOUND = {
    "(": _Parser._shell,
    "{": _Parser._group,
    "if": _Parser._if,
    "while": _Parser._while,
    "until": _Parser._until,
    "for": _Parser._for,
    "select": _Parser._for,
    "case": _Parser._case,
    "function": _Parser._function,
    "[[": _Parser._test,
}

_SAFE = re.compile(r"[\w./:,@%+=-]*")
_QUOTED = re.compile(
    r"""'([^']*)'|"((?:[^"\\`$]|\\.)*)"|("(?:[^"\\`]|\\.)*")|(\\.)|([^'"\\]+|.)""", re.DOTALL
)
_BRACED = re.compile(r"\$\{(\w+)\}(?!\w)")
_LONE = re.compile(r"\$(?:\{#?\w+(?:\[[@*]\])?\}|\w+|[?#!@*])")


@lru_cache(maxsize=2048)
def plain(word: str) -> str:
    """Return a word without the quotes and braces that change nothing."""
    if not word.startswith("$'") and ("'" in word or '"' in word):
        word = "".join(
            inner if (inner := found[1] or found[2] or "") and _SAFE.fullmatch(inner) else found[0]
            for found in _QUOTED.finditer(word)
        )
    return _BRACED.sub(r"$\1", word)


_OPPOSITE = {"!=": "=", "-ne": "-eq", "-lt": "-ge", "-gt": "-le", "-n": "-z"}
_COMPARES = ("=", "==", "-eq", "-ge", "-le", "-nt", "-ot", "-ef", "=~", "<", ">", *_OPPOSITE)
_NO_OUTPUT = re.compile(r"(?:\d*|&)>+(?:/dev/null|&?[12])")


def literal(node: Node) -> tuple[str, bool]:
    """Return what one command asks, in one form for all spellings, and whether it asks that very
    thing or the opposite."""
    words = [plain(word) for word in node.words if not _NO_OUTPUT.fullmatch(plain(word))]
    if not words or words[0] not in ("[", "[[", "test"):
        return " ".join(words), True
    is_double = words[0] == "[["
    words = words[1 : len(words) - (words[-1] in ("]", "]]"))]
    holds = True
    while words[:1] == ["!"]:
        words, holds = words[1:], not holds
    if len(words) == 1:
        words = ["-n", *words]
    operator = len(words) - 2
    if len(words) not in (2, 3) or words[operator] not in ("-n", "-z", *_COMPARES):
        if is_double and len(words) == 2:
            words[1] = _as_quoted(words[1])
        return " ".join(["test", *words]), holds
    if is_double:  # where words aren't split
        place = 1 if len(words) == 2 else 0
        words[place] = _as_quoted(words[place])
    if words[operator] in _OPPOSITE:
        words[operator], holds = _OPPOSITE[words[operator]], not holds
    if words[operator] == "==":
        words[operator] = "="
    return " ".join(["test", *words]), holds


def _as_quoted(word: str) -> str:
    return f'"{word}"' if _LONE.fullmatch(word) else word
