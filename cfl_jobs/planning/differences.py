"""Two normal forms → what differs; what of ours is lost, and what to do about that.

Desired is what we render now, live is what the server has (see owners.py for whose each is).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import filterfalse
from types import MappingProxyType

from cfl_jobs.check.secret_text import is_secret
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.mark import Mark, is_plain_list, number_children, sections
from cfl_jobs.configs.normalform import LISTS, NOTHING, SECRET, Normal
from cfl_jobs.configs.requirements import find_uses
from cfl_jobs.rendering.noeffect import SUCCESSORS
from cfl_jobs.target import name_command

_FLAG_OR_NUMBER = re.compile(r"true|false|-?\d+(\.\d+)?")
_TELLING = 8  # characters: such a text is hardly two fields' by chance
_NUMBER = re.compile(r"\[\d+\]")
_COLLECTION = re.compile(r"java\.(util|lang)\.")
# Class or field: what the Jenkins page calls it.
_WORDS = MappingProxyType(
    {
        "hudson.tasks.BatchFile": "batch step",
        "hudson.tasks.Fingerprinter": "fingerprint files",
        "hudson.plugins.copyartifact.CopyArtifactPermissionProperty": "who may copy artifacts",
        "hudson.security.AuthorizationMatrixProperty": "permissions",
        "jenkins.model.BuildDiscarderProperty": "builds to keep",
        "org.jenkins.plugins.lockableresources.RequiredResourcesProperty": "lockable resources",
        "com.coravy.hudson.plugins.github.GithubProjectProperty": "GitHub project",
        "com.cloudbees.jenkins.GitHubPushTrigger": "trigger on GitHub push",
        "hudson.triggers.TimerTrigger": "timer",
        "hudson.triggers.SCMTrigger": "polling",
        "jenkins.triggers.ReverseBuildTrigger": "build after other projects",
        "assignedNode": "node label",
        "canRoam": "run on any node",
        "command": "script",
        "concurrentBuild": "concurrent builds",
        "blockBuildWhenDownstreamBuilding": "wait for downstream builds",
        "blockBuildWhenUpstreamBuilding": "wait for upstream builds",
        "defaultSelector": "default",
        "defaultValue": "default",
        "jobNames": "jobs",
        "numToKeep": "builds",
        "daysToKeep": "days",
        "artifactNumToKeep": "builds with artifacts",
        "artifactDaysToKeep": "days with artifacts",
        "quietPeriod": "quiet period",
    }
)
# Parts of a path that people don't speak of: lists, and objects around what they do speak of.
_SILENT = frozenset(
    """
    builders publishers buildWrappers properties triggers strategy configs parameterDefinitions
    hudson.model.ParametersDefinitionProperty hudson.plugins.parameterizedtrigger.BuildTriggerConfig
    hudson.plugins.parameterizedtrigger.BlockableBuildTriggerConfig projectNameList string
    """.split()  # noqa: SIM905 - longer as a list
)
# A child's path within its parent, and the child.
_Numbered = tuple[str, Normal]


@dataclass(frozen=True, slots=True)
class Raw:
    """A difference with the elements themselves; `desired` or `live` is None where it has none.

    `path` is as configxml.element_paths gives it, in the config of the side that has the element;
    `words` are people's words along it, `word` is the last step's though nobody speaks of it. It
    `is_moved` where both have it alike, in another order.
    `parent` is the class of the element around it, `plugin` the one that saved that on the server,
    as Jenkins writes it: "git@5.2.1". It is in these sections of both sides.
    """

    path: str
    desired: Normal | None
    live: Normal | None
    is_moved: bool = False
    parent: str = ""
    plugin: str = ""
    words: tuple[str, ...] = ()
    word: str = ""
    desired_section: Normal | None = None
    live_section: Normal | None = None

    @property
    def label(self) -> str:
        return ": ".join(self.words) or self.word

    @property
    def element(self) -> Normal:
        """What either side has, ours first."""
        return self.desired or self.live or NOTHING

    @property
    def is_item(self) -> bool:
        """Whether it is a whole element of a list: a step, a publisher, a parameter."""
        return self.parent in LISTS or "." in self.element.tag or self.path.endswith("]")

    def is_upgraded(self, mark: Mark | None) -> bool:
        """Tell whether a version that the last update didn't meet saved the element around it."""
        return mark is not None and mark.is_older_than(self.plugin)


def compare(desired: Normal, live: Normal) -> tuple[Raw, ...]:
    """Return every difference, in the order of the job's parts."""
    if desired == live:
        return ()
    if (desired.tag, desired.attributes) != (live.tag, live.attributes):
        return (replace(_pair_plain(desired, live), words=("kind of job",)),)
    return tuple(raw for pair in _pair_top(desired, live) for raw in _compare(pair))


def _pair_plain(desired: Normal, live: Normal) -> Raw:
    ours, theirs = sections(desired)[0][1], sections(live)[0][1]
    return Raw("", desired, live, word="job", desired_section=ours, live_section=theirs)


def _pair_top(desired: Normal, live: Normal) -> Iterator[Raw]:
    """Yield what either job has on top, each in its section; lists of sections are in none."""
    root, plain = Raw("", desired, live), _pair_plain(desired, live)
    for tag in dict.fromkeys(child.tag for child in (*desired.children, *live.children)):
        ours, theirs, empty = desired.find(tag), live.find(tag), Normal(tag)
        there = [child for child in (ours, theirs) if child and child != empty]
        if tag in LISTS and all(map(is_plain_list, there)):
            pair = _descend(root, tag, ours or empty, theirs or empty)
            yield replace(pair, desired_section=None, live_section=None)
        elif tag == "description" or any(child.children for child in there):
            yield _descend(root, tag, ours, theirs)
        else:
            yield _descend(plain, tag, ours, theirs)


def compare_passwords(desired: Normal, live: Normal) -> tuple[Raw, ...]:
    """Return the passwords that both have, and not the same text of.

    Jenkins encrypts one that we post, so the texts of the two sides say nothing.
    """
    if not any(element.text == SECRET for element in desired.walk()):
        return ()
    return tuple(raw for pair in _pair_top(desired, live) for raw in _compare_passwords(pair))


def _compare_passwords(pair: Raw) -> Iterator[Raw]:
    if pair.desired is None or pair.live is None:
        return
    if pair.desired.text == pair.live.text == SECRET and pair.desired.secrets != pair.live.secrets:
        yield pair
    theirs = {_name_of(*numbered): numbered[1] for numbered in number_children(pair.live)}
    for step, child in number_children(pair.desired):
        other = theirs.get(_name_of(step, child))
        yield from _compare_passwords(_descend(pair, step, child, other))


def _name_of(step: str, child: Normal) -> str:
    """Return what tells an element from others: a parameter's name, else its path."""
    return word_for(child) if child.tag.endswith("ParameterDefinition") else step


def _descend(around: Raw, step: str, desired: Normal | None, live: Normal | None) -> Raw:
    """Return what may be a difference of a child, `step` being its path in the element around."""
    child = desired or live or NOTHING
    word, number = word_for(child), step.partition("[")[2].rstrip("]")
    shown, sides = [word], (around.desired_section, around.live_section)
    if number and not word.startswith("parameter "):
        shown = [f"{word} {number}"]
    if child.tag in _SILENT:
        shown = []
    if sides == (None, None):
        sides = desired, live
    return Raw(
        f"{around.path}/{step}".lstrip("/"),
        desired,
        live,
        parent=around.element.kind,
        plugin=(around.live or NOTHING).plugin or around.plugin,
        words=(*around.words, *shown),
        word=word,
        desired_section=sides[0],
        live_section=sides[1],
    )


def _compare(pair: Raw) -> Iterator[Raw]:
    desired, live = pair.desired, pair.live
    if desired is None or live is None or desired.attributes != live.attributes:
        yield pair
        return
    is_text = bool(desired.children) != bool(live.children) and (desired.text or live.text)
    if is_text or desired.text != live.text:
        yield pair
    if not is_text and desired != live:
        yield from _compare_children(pair)


def _compare_children(pair: Raw) -> Iterator[Raw]:
    ours, theirs = (list(number_children(side or NOTHING)) for side in (pair.desired, pair.live))
    counts = Counter(child.tag for _, child in ours) | Counter(child.tag for _, child in theirs)
    is_list = pair.element.is_ordered

    def is_item(numbered: _Numbered) -> bool:
        return is_list or counts[numbered[1].tag] > 1

    fields = {child.tag: child for _, child in filterfalse(is_item, theirs)}
    for step, child in filterfalse(is_item, ours):
        other = fields.pop(child.tag, None)
        if child != other:
            yield from _compare(_descend(pair, step, child, other))
    for tag, child in fields.items():
        yield _descend(pair, tag, None, child)
    yield from _compare_items(pair, list(filter(is_item, ours)), list(filter(is_item, theirs)))


def _compare_items(around: Raw, ours: list[_Numbered], theirs: list[_Numbered]) -> Iterator[Raw]:
    from difflib import SequenceMatcher

    before, after = ([child for _, child in side] for side in (theirs, ours))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    gone: list[_Numbered] = []
    new: list[_Numbered] = []
    pairs: list[tuple[_Numbered, _Numbered]] = []
    for operation, their_from, their_to, our_from, our_to in matcher.get_opcodes():
        if operation == "equal":
            continue
        left = theirs[their_from:their_to]
        for step, child in ours[our_from:our_to]:
            pair = _choose_pair(child, left)
            if pair is None:
                new.append((step, child))
                continue
            left.remove(pair)
            pairs.append(((step, child), pair))
            yield from _compare(_descend(around, step, child, pair[1]))
        gone += left
    places = {step: number for number, (step, _) in enumerate(theirs)}
    moved = [pairs[number] for number in find_moved([places[pair[0]] for _, pair in pairs])]
    for numbered in list(new):
        for same in [pair for pair in gone if pair[1] == numbered[1]][:1]:
            gone.remove(same)
            new.remove(numbered)
            moved.append((numbered, same))
    for (step, child), (_, other) in moved:
        yield replace(_descend(around, step, child, other), is_moved=True)
    for step, child in new:
        yield _descend(around, step, child, None)
    for step, child in gone:
        yield _descend(around, step, None, child)


def find_losses(found: Iterable[Raw], own: Collection[str] = ()) -> tuple[Raw, ...]:
    """Return what Jenkins dropped: elements and values of ours that are not there any more.

    `own` are the paths of what nobody asked for (see Config.own), which is no loss.
    """
    raws = tuple(found)
    kept = find_renamed(raws).union(own)
    return tuple(raw for raw in raws if raw.path not in kept and _is_lost(raw))


def _is_lost(raw: Raw) -> bool:
    desired, live = raw.desired, raw.live
    if desired is None or raw.is_moved:
        return False
    if live is None:
        return True
    ours, theirs = (dict(side.attributes).get("class", "") for side in (desired, live))
    if "." in ours and not _COLLECTION.match(ours) and ours != theirs:
        # An object of another class, if it isn't just moved or renamed.
        is_moved = re.split(r"[.$]", ours)[-1] == re.split(r"[.$]", theirs)[-1]
        if not is_moved or (desired.text, desired.children) != (live.text, live.children):
            return True
    if desired.children and not live.children:
        return True
    return bool(desired.text) and not live.text and not live.children


def find_renamed(raws: Sequence[Raw]) -> frozenset[str]:
    """Return the paths of fields whose value stands in the same element under another name."""
    gone = [raw for raw in raws if raw.live is None and not raw.is_item]
    new = [raw for raw in raws if raw.desired is None and not raw.is_item]
    found: set[str] = set()
    for old in gone:
        around = old.path.rpartition("/")[0]
        beside = (raw for raw in new if around and raw.path.rpartition("/")[0] == around)
        for other in [raw for raw in beside if is_renamed(old.element, raw.element)][:1]:
            found |= {old.path, other.path}
            new.remove(other)
    return frozenset(found)


def _choose_pair(child: Normal, candidates: Sequence[_Numbered]) -> _Numbered | None:
    """Return the element that `child` most likely was: same tag, and same name if it has one."""
    same = [pair for pair in candidates if pair[1].tag == child.tag]
    name = child.find("name")
    if name is not None and child.tag.endswith(("ParameterDefinition", "Parameter")):
        return next((pair for pair in same if pair[1].find("name") == name), None)
    if not child.children:  # a value, or an element whose fields are all as they are by default
        same = [pair for pair in same if pair[1].children and not child.text]
    return next(iter(same), None)


def find_moved(places: Sequence[int]) -> tuple[int, ...]:
    """Return which of these, given by their places on the other side, have another order there.

    As few as can be: all but the longest run that goes up, [2, 0, 1] → (0,).
    """
    runs: list[tuple[int, ...]] = []  # the longest run that ends with each
    for number, place in enumerate(places):
        before = [run for run in runs if places[run[-1]] < place]
        runs.append((*max(before, key=len, default=()), number))
    kept = max(runs, key=len, default=())
    return tuple(number for number in range(len(places)) if number not in kept)


def is_renamed(gone: Normal, new: Normal) -> bool:
    """Tell whether a field that is new in an element is one that is gone, under another name.

    It has the same value, and that or the two names tell it: a flag, a number or a short text is
    equal by chance.
    """
    if is_secret(gone.tag, gone.text) != is_secret(new.tag, new.text):
        return False
    if (gone.text, gone.children) != (new.text, new.children) or not (gone.text or gone.children):
        return False
    if gone.children or (len(gone.text) >= _TELLING and not _FLAG_OR_NUMBER.fullmatch(gone.text)):
        return True
    # One name is the other's with something added: `project`, `projectName`.
    shorter, longer = sorted((gone.tag.lower(), new.tag.lower()), key=len)
    return len(shorter) > 2 and shorter in longer


def word_for(normal: Normal) -> str:
    """Return what people call an element: a parameter by its name, others by their kind."""
    kind = normal.tag
    name = normal.find("name")
    if kind.endswith(("ParameterDefinition", "SelectorParameter")) and name is not None:
        return f"parameter {name.text}"
    from cfl_jobs.configs.read_model import label_of

    return label_of(kind) or _WORDS.get(kind) or split_words(kind)


def without_numbers(path: str) -> str:
    """Return "builders/hudson.tasks.Shell" for "builders/hudson.tasks.Shell[2]"."""
    return _NUMBER.sub("", path)


def split_words(tag: str) -> str:
    """Return "pre build cleanup" for "hudson.plugins.ws__cleanup.PreBuildCleanup"."""
    simple = re.split(r"[.$]|_-", tag)[-1].replace("__", "_")
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", simple)
    return " ".join(word if word.isupper() else word.lower() for word in words) or tag


def advise_on_loss(config: Config, losses: Sequence[Raw], plugins: Mapping[str, str]) -> str:
    """Return advice on elements of ours that Jenkins dropped when it saved the job.

    `plugins` are the server's, by short name; empty where they aren't known.
    """
    brought = {use.path: use.plugin for use in reversed([*find_uses(config.parse())])}
    missing: dict[str, None] = {}
    senseless: dict[str, None] = {}
    renamed: dict[str, None] = {}
    for loss in losses:
        plugin = brought.get(loss.path)
        if _has_successor(loss):
            renamed[repr(loss.label)] = None
        elif plugin and plugin not in plugins:
            missing[plugin] = None
        elif plugin:
            senseless[f"the installed version of {plugin} doesn't know {loss.label!r}"] = None
        elif loss.is_item or loss.path in brought:
            senseless[f"no plugin is known that brings {loss.label!r}"] = None
        else:
            senseless[f"{loss.label!r} has no effect on this server"] = None
    advice = []
    if missing:
        many = f"plugin{'s' * (len(missing) > 1)}"
        advice.append(f"Install the {many} {', '.join(missing)}, then run the update again.")
    if renamed:
        advice.append(f"For {', '.join(renamed)}, {_advise_renewal()}.")
    if senseless:
        advice.append(f"Take out of the definition what can't work: {'; '.join(senseless)}.")
    return " ".join(advice)


def advise_on_taken(raw: Raw) -> str:
    """Return advice on a field of ours that an upgrade took."""
    if _has_successor(raw):
        return _advise_renewal()
    return "take it out of the definition"


def _advise_renewal() -> str:
    command = name_command("inventory")
    return f"run `{command}`: newer versions have another field for it, which is written then"


def _has_successor(raw: Raw) -> bool:
    return any((it.kind, it.old) == (raw.parent, raw.element.tag) for it in SUCCESSORS)
