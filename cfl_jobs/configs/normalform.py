"""A config's normal form as a value: equal where two texts of a job mean the same.

How it is made of config XML, cfl_jobs.configs.normalising says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

# Lists by their parent's tag, whatever their elements are called. An element of one is never
# dropped, and its order counts unless the list is in SETS.
LISTS = frozenset(
    """
    axes bindings branches builders buildWrappers choices columns conditionalbuilders configs
    extensions jobFilters jobNames operationList parameterDefinitions patterns permissions
    postbuilders prebuilders projectNameList properties publishers publisherList steps submoduleCfg
    testDataPublishers triggers userRemoteConfigs values
    """.split()  # noqa: SIM905 - longer as a list
)
# Lists that Jenkins keeps as a set, at most one of a kind or sorted by itself: a ListView's names
# (TreeSet), a job's properties and triggers (one per class, sorted by descriptor at a save in the
# UI), names that may copy artifacts, email-ext's triggers and recipients.
SETS = frozenset(
    """
    configuredTriggers jobNames projectNameList properties recipientProviders
    triggers
    """.split()  # noqa: SIM905 - longer as a list
)
# What stands for a secret's text, which tells nothing and may change.
SECRET = "{secret}"  # noqa: S105 - a placeholder


@dataclass(frozen=True, slots=True)
class Normal:
    """One element in normal form. `plugin`, `secrets` and `defaults` tell more, and don't count.

    `kind` is the `class` attribute (or the tag, where the tag is the class), `defaults` the tags of
    fields that are there and say what their absence would.
    """

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    text: str = ""
    children: tuple[Normal, ...] = ()
    plugin: str = field(default="", compare=False)
    secrets: tuple[str, ...] = field(default=(), compare=False)
    defaults: tuple[str, ...] = field(default=(), compare=False)
    _digest: str = field(default="", init=False, compare=False, repr=False)

    @property
    def digest(self) -> str:
        """A SHA-256 of all that counts, and of secrets, hexadecimal."""
        if not self._digest:
            text = "".join(canonical(self))
            object.__setattr__(self, "_digest", hashlib.sha256(text.encode()).hexdigest())
        return self._digest

    @property
    def kind(self) -> str:
        return dict(self.attributes).get("class", self.tag)

    @property
    def is_ordered(self) -> bool:
        """Whether the children are a list whose order counts."""
        return self.tag in LISTS and self.tag not in SETS

    def find(self, tag: str) -> Normal | None:
        return next((child for child in self.children if child.tag == tag), None)

    def walk(self) -> Iterator[Normal]:
        waiting = [self]
        while waiting:
            yield (element := waiting.pop())
            waiting += reversed(element.children)


# An element that says nothing.
NOTHING = Normal("")


def canonical(normal: Normal) -> list[str]:
    """Return the pieces of a text that tells every two normal forms apart."""
    # Lengths in front, so that no text can look like structure.
    pieces = [f"<{normal.tag}"]
    pieces += [f" {key}={len(value)}:{value}" for key, value in normal.attributes]
    pieces.append(f">{len(normal.text)}:{normal.text}")
    pieces += [f"!{len(secret)}:{secret}" for secret in normal.secrets]
    for child in normal.children:
        pieces += canonical(child)
    pieces.append("/")
    return pieces
