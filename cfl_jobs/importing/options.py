"""A component and the element it is to make → its options, by coordinate descent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configs.normalform import Normal
from cfl_jobs.importing.hints import SKIPPED, VALUES, begin, hidden_keys
from cfl_jobs.importing.trial import Leaf, Path, Trial, Trials, leaves_of
from cfl_jobs.rendering.documentation import Documented, plain_name, read_documentation

# What stands where a component needs some value, and what shows where a value goes.
MARK = "zqmarkqz"
PROBE = "zqprobeqz"
# What options are: a mapping, or a list of mappings.
SHAPES: tuple[Any, ...] = ({}, [{}])
# Types of options as jenkins-job-builder's documentation has them.
_NESTING = ("dict", "list")
_PLAIN = ("int", "str")
_ROUNDS = 4
_DEEPEST = 4
_MOST_TRIALS = 4_000
_FEW = 8
_LONGEST = 30


def complete(trials: Trials, kind: str, name: str, options: Any) -> tuple[Any, Trial]:
    """Add what a component can't do without, whatever its value, and return the trial."""
    trial = trials.make(kind, name, options)
    if trial.normal is None and not trial.asked and not options:
        # It looked only whether there is anything at all.
        trial = trials.make(kind, name, {MARK: MARK})
    for _ in range(8):
        if trial.normal is not None or not trial.asked:
            break
        # What was asked for last is what it broke off at.
        path = list(trial.asked)[-1]
        options, trial = _mend(trials, kind, name, options, path)
    return options, trial


def _mend(trials: Trials, kind: str, name: str, options: Any, path: Path) -> tuple[Any, Trial]:
    """Return options with a value that the component takes, or gets further with."""
    first = trials.make(kind, name, put(options, path, MARK))
    best = put(options, path, MARK), first
    if first.normal is not None:
        return best
    values: list[Any] = [*first.valid, [MARK], {}, [{}], "1", True]
    for value in values:
        changed = put(options, path, value)
        trial = trials.make(kind, name, changed)
        if trial.normal is not None:
            return changed, trial
        if len(trial.asked) > len(best[1].asked):
            best = changed, trial
    return best


class Descent:
    """The search for one component's options."""

    def __init__(
        self, trials: Trials, kind: str, name: str, element: ET.Element, wanted: Normal
    ) -> None:
        self._trials = trials
        self._kind = kind
        self._name = name
        self._wanted = wanted
        self._leaves = leaves_of(wanted)
        self._hidden = hidden_keys(kind, name, element)
        self._skipped = SKIPPED.get((kind, name), frozenset())
        self._start = begin(kind, name, element)
        self._end = trials.count + _MOST_TRIALS
        self._made: dict[str, Trial] = {}

    def solve(self) -> Iterator[object]:
        """Yield components that make an equal element, the simplest first."""
        if self._make(None).normal == self._wanted:
            yield self._name
        bare = self._make(PROBE)
        for path, text in bare.leaves:
            if PROBE in text:
                for value in self._values_at(path, text, None):
                    if self._make(value).normal == self._wanted:
                        yield {self._name: value}
        for start in SHAPES if self._start is None else (self._start,):
            options, trial = self._begin(start)
            if trial.normal is None:
                continue
            options = self._improve(options, (), 0)
            if self._make(options).normal == self._wanted:
                options = self._without_defaults(options, ())
                flagged = _typed(options, numbers=False)
                if self._make(flagged).normal == self._wanted:
                    yield {self._name: flagged} if options else self._name
                yield {self._name: options}
                yield {self._name: _typed(options, numbers=True)}

    def _begin(self, start: Any) -> tuple[Any, Trial]:
        """Return options that make an element: where one of several is needed, the nearest one."""
        begun = [complete(self._trials, self._kind, self._name, start)]
        trial = self._make(start)
        if trial.normal is None and isinstance(start, dict):
            others = [put(start, path, MARK) for path in list(trial.asked)[:-1] if len(path) == 1]
            begun += [complete(self._trials, self._kind, self._name, other) for other in others]
        return min(begun, key=lambda each: each[1].distance(self._leaves))

    def find_nearest(self) -> dict[str, object]:
        """Return the options, a mapping, that bring the result as near as they can."""
        options, trial = complete(self._trials, self._kind, self._name, {})
        if trial.normal is None:
            return {}
        options = self._improve(options, (), 0)
        self._wanted = self._make(options).normal or self._wanted
        shorter: dict[str, object] = _typed(self._without_defaults(options, ()), numbers=True)
        return shorter if self._make(shorter).normal == self._wanted else options

    def _make(self, options: Any) -> Trial:
        key = repr(options)
        if key not in self._made:
            self._made[key] = self._trials.make(self._kind, self._name, options)
        return self._made[key]

    def _distance(self, options: Any) -> float:
        return self._make(options).distance(self._leaves)

    def _improve(self, options: Any, under: Path, depth: int) -> Any:
        """Return better options: each one below `under` in turn, until none gets better."""
        best = self._distance(options)
        for number in range(_ROUNDS):
            before, seen = best, set[Path]()
            while best and self._trials.count < self._end:
                asked = self._asked(options, under)
                path = next((p for p in asked if p not in seen), None)
                if path is None:
                    break
                seen.add(path)
                # What takes a mapping is tried when the rest has its value.
                for changed in self._variants(options, path, asked[path], depth, deep=number > 0):
                    better = self._fill_new(options, changed)
                    distance = self._distance(better)
                    if distance < best:
                        options, best = better, distance
            if number and under == () and isinstance(options, list):
                options, best = self._lengthen(options, (), best, depth)
            if best == 0 or (number and best >= before):
                break
        return options

    def _asked(self, options: Any, under: Path) -> dict[Path, object]:
        """Return the options below a path that the component asks for, with their defaults."""
        asked = dict(self._make(options).asked)
        for path in [path for path in asked if path[-1:] == ("project",)]:
            asked |= {(*path[:-1], key): None for key in self._hidden}
        return {
            path: default
            for path, default in asked.items()
            if _is_under(path, under) and not self._skipped & set(path)
        }

    def _variants(
        self, options: Any, path: Path, default: object, depth: int, *, deep: bool
    ) -> Iterator[Any]:
        """Yield options with other values at a path."""
        told = self._documented(options, path)
        if isinstance(default, str) and default.lower() in ("true", "false"):
            default = default.lower() == "true"
        if isinstance(default, bool) or told.kind == "bool":
            yield put(options, path, not default)
            yield put(options, path, bool(default))
            if told.kind == "bool":
                return
        marked = self._make(put(options, path, PROBE))
        hits = [] if told.kind in _NESTING else _hits(marked)
        for field, text in hits:
            for value in self._values_at(field, text, default):
                yield put(options, path, value)
        known = VALUES.get((self._kind, self._name, str(path[-1])), ())
        known = (*known, *sorted(told.choices)) or marked.valid
        if hits:
            return
        if known:
            yield from self._known(options, path, known, is_list=told.kind == "list")
            return
        listed = _hits(self._make(put(options, path, [PROBE])))
        for field, _ in listed:
            texts = self._texts_at(field)
            for part in [[text] for text in texts[:_FEW]] + [texts]:
                yield put(options, path, part)
        yield put(options, path, True)
        yield put(options, path, False)
        if listed or (told.kind in _PLAIN and marked.normal is not None):
            return
        if deep and depth < _DEEPEST:
            yield from self._nested(options, path, depth)
        if marked.normal is None:
            yield from self._constants(options, path)

    def _known(
        self, options: Any, path: Path, words: Sequence[str], *, is_list: bool
    ) -> Iterator[Any]:
        """Yield options with the words that a component says it takes."""
        if is_list:
            yield self._choose_several(options, path, words)
            return
        for word in words:
            chosen = put(options, path, {"True": True, "False": False}.get(word, word))
            chosen, trial = complete(self._trials, self._kind, self._name, chosen)
            if trial.normal is not None:
                yield chosen

    def _constants(self, options: Any, path: Path) -> Iterator[Any]:
        """Yield options with a number, or the name of a constant, of the element."""
        for text in dict.fromkeys(text for _, text in self._leaves):
            if text.isdecimal():
                yield put(options, path, int(text))
            elif text.isupper():
                yield put(options, path, text)
                yield put(options, path, text.lower())

    def _choose_several(self, options: Any, path: Path, words: Sequence[str]) -> Any:
        """Return options with a list of all the words that bring the result nearer."""
        chosen: list[str] = []
        best = self._distance(put(options, path, chosen))
        for word in words:
            distance = self._distance(put(options, path, [*chosen, word]))
            if distance < best:
                chosen, best = [*chosen, word], distance
        return put(options, path, chosen)

    def _fill_new(self, before: Any, options: Any) -> Any:
        """Return options with good values for those that `before` didn't ask for."""
        asked = self._make(before).asked
        best = self._distance(options)
        if best == float("inf") or self._make(options).asked.keys() <= asked.keys():
            return options
        new = {path: it for path, it in self._asked(options, ()).items() if path not in asked}
        for path, default in new.items():
            for changed in self._variants(options, path, default, _DEEPEST, deep=False):
                if (distance := self._distance(changed)) < best:
                    options, best = changed, distance
        return options

    def _documented(self, options: Any, path: Path) -> Documented:
        """Return what the component's documentation says that an option wants."""
        told = read_documentation(self._make(options).documentation)
        return told.get(plain_name(str(path[-1])), Documented())

    def _nested(self, options: Any, path: Path, depth: int) -> Iterator[Any]:
        """Yield options with a mapping, or a list of mappings, at a path."""
        for value in SHAPES:
            filled, trial = complete(
                self._trials, self._kind, self._name, put(options, path, value)
            )
            if trial.normal is None:
                continue
            if not any(_is_under(asked, path) for asked in trial.asked):
                continue
            improved = self._improve(filled, path, depth + 1)
            if isinstance(value, list):
                improved, _ = self._lengthen(improved, path, self._distance(improved), depth)
            yield improved

    def _lengthen(self, options: Any, path: Path, best: float, depth: int) -> tuple[Any, float]:
        """Add entries to a list as long as that brings the result nearer."""
        for number in range(1, _LONGEST):
            longer = deepcopy(options)
            entries = at(longer, path)
            if not isinstance(entries, list) or len(entries) != number:
                continue
            entries.append({})
            longer, trial = complete(self._trials, self._kind, self._name, longer)
            if trial.normal is None:
                break
            longer = self._improve(longer, (*path, number), depth + 1)
            distance = self._distance(longer)
            if distance >= best:
                break
            options, best = longer, distance
        return options, best

    def _texts_at(self, field: str) -> list[str]:
        """Return the wanted texts of a field, in the element's order."""
        found: list[str] = []
        _collect(self._wanted, "", field, found)
        return found

    def _values_at(self, field: str, text: str, default: object) -> Iterator[Any]:
        """Yield values for an option that came out as `text`, PROBE within it, in a field."""
        before, _, after = text.lower().partition(PROBE)
        texts = self._texts_at(field)
        if not texts and not before and not after:
            yield ""
        joined = [sign.join(texts) for sign in ",\n"] if len(texts) > 1 else []
        for wanted in dict.fromkeys((*texts, *joined)):
            if not (wanted.lower().startswith(before) and wanted.lower().endswith(after)):
                continue
            value = wanted[len(before) : len(wanted) - len(after)]
            if isinstance(default, bool) and value in ("true", "false"):
                yield value == "true"
            elif isinstance(default, int) and value.lstrip("-").isdecimal():
                yield int(value)
            else:
                yield value

    def _without_defaults(self, options: Any, path: Path) -> Any:
        """Return the options without those that change nothing."""
        value = at(options, path)
        if isinstance(value, dict):
            for key in list(value):
                shorter = deepcopy(options)
                del at(shorter, path)[key]
                if self._make(shorter).normal == self._wanted:
                    options = shorter
                else:
                    options = self._without_defaults(options, (*path, key))
        elif isinstance(value, list):
            for index in range(len(value)):
                options = self._without_defaults(options, (*path, index))
        return options


def _collect(normal: Normal, path: str, field: str, found: list[str]) -> None:
    here = f"{path}/{normal.tag}"
    if here == field:
        found.append(normal.text)
    for key, value in normal.attributes:
        if f"{here}@{key}" == field:
            found.append(value)
    for child in normal.children:
        _collect(child, here, field, found)


def _hits(trial: Trial) -> list[Leaf]:
    """Return the fields where a tried value came out."""
    return [leaf for leaf in trial.leaves if PROBE in leaf[1].lower()]


def put(options: Any, path: Path, value: Any) -> Any:
    """Return a copy of the options with a value at a path."""
    if not path:
        return value
    copied = deepcopy(options)
    holder = at(copied, path[:-1])
    holder[path[-1]] = value
    return copied


def at(options: Any, path: Path) -> Any:
    for key in path:
        options = options[key]
    return options


def _is_under(path: Path, prefix: Path) -> bool:
    return len(path) > len(prefix) and path[: len(prefix)] == prefix


def _typed(options: Any, *, numbers: bool) -> Any:
    """Return the options with truth values, and maybe numbers, instead of their texts."""
    if isinstance(options, dict):
        return {key: _typed(value, numbers=numbers) for key, value in options.items()}
    if isinstance(options, list):
        return [_typed(value, numbers=numbers) for value in options]
    if options in ("true", "false"):
        return options == "true"
    if numbers and isinstance(options, str) and options.isdecimal():
        return int(options) if str(int(options)) == options else options
    return options
