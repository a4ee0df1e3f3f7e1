"""An element of a config → the component of jenkins-job-builder that makes it, if there is one.

For each component that makes elements of that class, options are found by trial, one after the
other (coordinate descent): a marker shows which field an option sets, the element says which value
belongs there. An option stays if it brings the result nearer; what counts in the end is that the
result is equal in normal form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configs.config import normalise_element
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.requirements import find_missing_plugins
from cfl_jobs.importing.trial import (
    PARENTS,
    ROOT,
    SHAPES,
    SKIPPED,
    VALUES,
    Leaf,
    Path,
    Trial,
    Trials,
    begin,
    hidden_keys,
    list_leaves,
    normal_of_element,
    tag_of,
)
from cfl_jobs.importing.writing import write_template
from cfl_jobs.reading.inventory import Inventory
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.tracking import TrackedDict
from cfl_jobs.rendering.documentation import (
    UNDOCUMENTED,
    plain_name,
    read_documentation,
)
from cfl_jobs.rendering.generator import Generator
from cfl_jobs.rendering.losses import find_losses
from cfl_jobs.rendering.options import COMPONENT_LISTS

_MOST_CANDIDATES = 4
# The key of a job below which each type of component stands: the first that the table has.
_KEYS = {kind: key for key, kind in reversed(COMPONENT_LISTS.items())}
# What stands where a component needs some value, and what shows where a value goes.
_MARK = "zqmarkqz"
_PROBE = "zqprobeqz"
# Types of options as jenkins-job-builder's documentation has them.
_NESTING = ("dict", "list")
_PLAIN = ("int", "str")
_ROUNDS = 4
_DEEPEST = 4
_MOST_TRIALS = 4_000
_FEW = 8
_LONGEST = 30


class ComponentSolver:
    """Finds components by trial; one serves many jobs. `inventory` is the project's."""

    def __init__(self, inventory: Inventory | None) -> None:
        self._inventory = inventory
        self._generator = Generator((inventory or Inventory()).as_plugins_list())
        self._trials = Trials(self._generator)
        self._makers: dict[str, dict[str, list[str]]] = {}
        self._solved: dict[tuple[str, str], object | None] = {}

    def solve(self, kind: str, element: ET.Element) -> object | None:
        """Return a component of a type that renders to an equal element, or None."""
        key = (kind, ET.tostring(element, encoding="unicode").strip())
        if key not in self._solved:
            self._solved[key] = next(self._solutions(kind, element), None)
        return self._solved[key]

    def solve_root(self, kind: str, root: ET.Element) -> dict[str, object]:
        """Return the options of a kind of job that bring it nearest to a config."""
        wanted = self._trials.own_fields(normalise_element(deepcopy(root)))
        return _Descent(self._trials, ROOT, kind, root, wanted).find_nearest()

    def _solutions(self, kind: str, element: ET.Element) -> Iterator[object]:
        if kind not in PARENTS:
            return
        wanted = normal_of_element(kind, element)
        names = self.makers_of(kind).get(tag_of(kind, element), [])
        for name in names[:_MOST_CANDIDATES]:
            found = _Descent(self._trials, kind, name, element, wanted).solve()
            yield from (component for component in found if self._is_sound(kind, component))

    def makers_of(self, kind: str) -> dict[str, list[str]]:
        """Return the names of the components that make elements of each class."""
        if kind not in self._makers:
            makers = self._makers[kind] = {}
            for name in sorted(self._generator.functions_of(kind).keys() - {"raw"}):
                component = _Component(self._trials, kind, name)
                tags = {component.make(shape).tag for shape in (None, "x")}
                tags |= {component.complete(shape)[1].tag for shape in SHAPES}
                for tag in tags - {""}:
                    makers.setdefault(tag, []).append(name)
        return self._makers[kind]

    def _is_sound(self, kind: str, component: object) -> bool:
        """Tell whether a job with this component alone renders, and nothing of it is lost."""
        text = write_template({"name": "job", _KEYS[kind]: [component]})
        loaded = load_yaml(text, "job.yaml")
        if loaded.findings or not isinstance(loaded.value, TrackedDict):
            return "{{" in text  # Jinja2's escapes are taken out only in a project
        made = self._generator.generate(loaded.value, is_view=False)
        there = self._inventory
        if made.problems or (there and find_missing_plugins(made.root, there.plugins.keys())):
            return False
        return not any(find_losses(loaded.value, made, word="job"))


class _Component:
    """A component of a type, or the options of a kind of job, and the trials that were made."""

    def __init__(self, trials: Trials, kind: str, name: str) -> None:
        self._trials = trials
        self._kind = kind
        self._name = name
        self._made: dict[str, Trial] = {}

    def make(self, options: Any) -> Trial:
        key = repr(options)
        if key not in self._made:
            self._made[key] = self._trials.make(self._kind, self._name, options)
        return self._made[key]

    def complete(self, options: Any) -> tuple[Any, Trial]:
        """Add what the component can't do without, whatever its value, and return the trial."""
        trial = self.make(options)
        if trial.normal is None and not trial.asked and not options:
            # It looked only whether there is anything at all.
            trial = self.make({_MARK: _MARK})
        for _ in range(8):
            if trial.normal is not None or not trial.asked:
                break
            # What was asked for last is what it broke off at.
            options, trial = self._mend(options, list(trial.asked)[-1])
        return options, trial

    def _mend(self, options: Any, path: Path) -> tuple[Any, Trial]:
        """Return options with a value that the component takes, or gets further with."""
        best = put(options, path, _MARK)
        trial = self.make(best)
        for value in (*trial.valid, [_MARK], {}, [{}], "1", True):
            if trial.normal is not None:
                break
            changed = put(options, path, value)
            tried = self.make(changed)
            if tried.normal is not None or len(tried.asked) > len(trial.asked):
                best, trial = changed, tried
        return best, trial


class _Descent(_Component):
    """The search for one component's options."""

    def __init__(
        self, trials: Trials, kind: str, name: str, element: ET.Element, wanted: Normal
    ) -> None:
        super().__init__(trials, kind, name)
        self._wanted = wanted
        self._leaves = Counter(list_leaves(wanted))
        self._hidden = hidden_keys(kind, name, element)
        self._skipped = SKIPPED.get((kind, name), frozenset())
        self._starts = begin(kind, name, element)
        self._end = trials.count + _MOST_TRIALS

    def solve(self) -> Iterator[object]:
        """Yield components that make an equal element, the simplest first."""
        if self._fits(None):
            yield self._name
        for path, text in self.make(_PROBE).leaves:
            if _PROBE in text:
                for value in filter(self._fits, self._values_at(path, text, None)):
                    yield {self._name: value}
        for start in self._starts:
            options, trial = self._begin(start)
            if trial.normal is not None and self._fits(options := self._improve(options, (), 0)):
                options = self._without_defaults(options, ())
                flagged = _typed(options, numbers=False)
                if self._fits(flagged):
                    yield {self._name: flagged} if options else self._name
                yield {self._name: options}
                yield {self._name: _typed(options, numbers=True)}

    def _fits(self, options: Any) -> bool:
        return self.make(options).normal == self._wanted

    def _begin(self, start: Any) -> tuple[Any, Trial]:
        """Return options that make an element: where one of several is needed, the nearest one."""
        begun = [start]
        trial = self.make(start)
        if trial.normal is None and isinstance(start, dict):
            begun += [put(start, path, _MARK) for path in list(trial.asked)[:-1] if len(path) == 1]
        return min(map(self.complete, begun), key=lambda each: each[1].distance(self._leaves))

    def find_nearest(self) -> dict[str, object]:
        """Return the options, a mapping, that bring the result as near as they can."""
        options, trial = self.complete({})
        if trial.normal is None:
            return {}
        options = self._improve(options, (), 0)
        self._wanted = self.make(options).normal or self._wanted
        shorter: dict[str, object] = _typed(self._without_defaults(options, ()), numbers=True)
        return shorter if self._fits(shorter) else options

    def _distance(self, options: Any) -> float:
        return self.make(options).distance(self._leaves)

    def _nearest(self, options: Any, others: Iterator[Any]) -> Any:
        return min((options, *others), key=self._distance)

    def _improve(self, options: Any, under: Path, depth: int) -> Any:
        """Return better options: each one below `under` in turn, until none gets better."""
        for number in range(_ROUNDS):
            before, seen = self._distance(options), set[Path]()
            while self._distance(options) and self._trials.count < self._end:
                asked = self._asked(options, under)
                path = next((p for p in asked if p not in seen), None)
                if path is None:
                    break
                seen.add(path)
                # What takes a mapping is tried when the rest has its value.
                variants = self._variants(options, path, asked[path], depth, deep=number > 0)
                options = self._nearest(options, (self._fill_new(options, it) for it in variants))
            if number and under == ():
                options = self._lengthen(options, (), depth)
            distance = self._distance(options)
            if distance == 0 or (number and distance >= before):
                break
        return options

    def _asked(self, options: Any, under: Path) -> dict[Path, object]:
        """Return the options below a path that the component asks for, with their defaults."""
        asked = dict(self.make(options).asked)
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
        documented = read_documentation(self.make(options).documentation)
        told = documented.get(plain_name(str(path[-1])), UNDOCUMENTED)
        if isinstance(default, str) and default.lower() in ("true", "false"):
            default = default.lower() == "true"
        if isinstance(default, bool) or told.kind == "bool":
            yield put(options, path, not default)
            yield put(options, path, bool(default))
            if told.kind == "bool":
                return
        marked = self.make(put(options, path, _PROBE))
        hits = [hit for hit in _hits(marked) if told.kind not in _NESTING]
        for field, text in hits:
            for value in self._values_at(field, text, default):
                yield put(options, path, value)
        if hits:
            return
        known = VALUES.get((self._kind, self._name, str(path[-1])), ())
        if known := (*known, *sorted(told.choices)) or marked.valid:
            yield from self._known(options, path, known, is_list=told.kind == "list")
            return
        listed = _hits(self.make(put(options, path, [_PROBE])))
        for field, _ in listed:
            texts = self._texts_at(field)
            for part in [*([text] for text in texts[:_FEW]), texts]:
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
        """Yield options with each of the words, or a list of all that bring the result nearer."""
        if is_list:
            chosen = put(options, path, [])
            for word in words:
                more = put(options, path, [*at(chosen, path), word])
                chosen = self._nearest(chosen, iter([more]))
            yield chosen
            return
        for word in words:
            tried = put(options, path, {"True": True, "False": False}.get(word, word))
            tried, trial = self.complete(tried)
            if trial.normal is not None:
                yield tried

    def _constants(self, options: Any, path: Path) -> Iterator[Any]:
        for text in dict.fromkeys(text for _, text in self._leaves):
            if text.isdecimal():
                yield put(options, path, int(text))
            elif text.isupper():
                yield put(options, path, text)
                yield put(options, path, text.lower())

    def _fill_new(self, before: Any, options: Any) -> Any:
        """Return options with good values for those that `before` didn't ask for."""
        known = self.make(before).asked
        if self.make(options).normal is None:
            return options
        new = {path: it for path, it in self._asked(options, ()).items() if path not in known}
        for path, default in new.items():
            variants = self._variants(options, path, default, _DEEPEST, deep=False)
            options = self._nearest(options, variants)
        return options

    def _nested(self, options: Any, path: Path, depth: int) -> Iterator[Any]:
        for value in SHAPES:
            filled, trial = self.complete(put(options, path, value))
            if trial.normal is not None and any(_is_under(asked, path) for asked in trial.asked):
                yield self._lengthen(self._improve(filled, path, depth + 1), path, depth)

    def _lengthen(self, options: Any, path: Path, depth: int) -> Any:
        """Add entries to what is a list as long as that brings the result nearer."""
        while isinstance(entries := at(options, path), list) and 0 < len(entries) < _LONGEST:
            longer, trial = self.complete(put(options, path, [*entries, {}]))
            if trial.normal is None:
                break
            longer = self._improve(longer, (*path, len(entries)), depth + 1)
            if self._distance(longer) >= self._distance(options):
                break
            options = longer
        return options

    def _texts_at(self, field: str) -> list[str]:
        return [text for path, text in list_leaves(self._wanted) if path == field]

    def _values_at(self, field: str, text: str, default: object) -> Iterator[Any]:
        """Yield values for an option that came out as `text`, _PROBE within it, in a field."""
        before, _, after = text.lower().partition(_PROBE)
        texts = self._texts_at(field)
        if not texts and not before and not after:
            yield ""
        joined = [sign.join(texts) for sign in ",\n" if len(texts) > 1]
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
        if isinstance(value, list):
            for index in range(len(value)):
                options = self._without_defaults(options, (*path, index))
        elif isinstance(value, dict):
            for key in list(value):
                shorter = deepcopy(options)
                del at(shorter, path)[key]
                if not self._fits(shorter):
                    shorter = self._without_defaults(options, (*path, key))
                options = shorter
        return options


def _hits(trial: Trial) -> list[Leaf]:
    return [leaf for leaf in trial.leaves if _PROBE in leaf[1].lower()]


def put(options: Any, path: Path, value: Any) -> Any:
    """Return a copy of the options with a value at a path."""
    if not path:
        return value
    copied = deepcopy(options)
    at(copied, path[:-1])[path[-1]] = value
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
    is_number = isinstance(options, str) and options.isdecimal() and str(int(options)) == options
    return int(options) if numbers and is_number else options
