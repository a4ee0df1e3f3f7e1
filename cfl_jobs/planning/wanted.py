"""A change to be made → what is posted of it, and what must come of it; its config read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cfl_jobs.configs.buildwritten import BuildWritten, put_build_written
from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.configs.mark import (
    Mark,
    code_of_name,
    description_of,
    fingerprint,
    join_description,
    set_description,
    split_description,
)
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.requirements import used_plugins
from cfl_jobs.configs.sections import MATRIX, codes_of_versions, find_plugins
from cfl_jobs.planning.differences import Change, Difference, compare
from cfl_jobs.planning.observe import Live, digest_of, normal_of_root, read_live
from cfl_jobs.planning.plan import Create, Update
from cfl_jobs.reading.versions import CORE, NEWEST
from cfl_jobs.target import Listed


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job or view as it should be: in normal form, its description without a mark.

    `mark` is the one it has if Jenkins keeps it as it is posted. `plugins` are those whose elements
    it has, None among them for elements nobody knows. `there` is the job as it is, None where it is
    new. `build_written` is what stays of its builds'.
    """

    change: Create | Update
    normal: Normal
    description: str
    mark: Mark
    plugins: frozenset[str | None]
    there: Live | None
    build_written: tuple[BuildWritten, ...] = field(default=(), compare=False)

    @property
    def digest(self) -> str:
        """The digest of the job if Jenkins keeps it as it is posted (see Live.digest)."""
        keeps_disabled = isinstance(self.change, Update) and self.change.keep_disabled
        return digest_of(self.normal, is_disabled=keeps_disabled or self.mark.said_disabled is True)

    def describe(self, mark: Mark) -> str:
        """Return the description with a mark."""
        return join_description(self.description, mark)

    def write(self, mark: Mark) -> str:
        """Return the config with a mark, disabled where it is to stay so."""
        change = self.change
        root = parse_config(change.config, name=change.name)
        set_description(root, self.describe(mark))
        if isinstance(change, Update) and change.keep_disabled:
            element = root.find("disabled")
            if element is None:
                element = root.makeelement("disabled", {})
                root.append(element)
            element.text = "true"
        put_build_written(root, self.build_written)
        return format_config(root)

    def beside(self, live: Live) -> Live:
        """Return what is there without what its builds wrote."""
        if not live.may_be_built:
            return live
        return live.beside(parse_config(self.change.config, name=self.change.name))

    def leave_granted(self, live: Live, *, shown: Sequence[Difference] = ()) -> Wanted:
        """Return it with the permissions that Jenkins gave who made the job (matrix-auth).

        Those are all that the definition doesn't set, and that are not `shown` as differences:
        without them the creator could see the job no more.
        """
        if MATRIX not in live.config:
            return self
        # What is added stands at a place of ours, which may be called as one of theirs.
        told = {found.path for found in shown if found.change is not Change.ADDED}
        found = [
            raw
            for raw in compare(self.normal, live.normal)
            if raw.wanted is None and raw.place.path not in told
        ]
        root = parse_config(live.config, name=self.change.name)
        granted: list[BuildWritten] = []
        for element in root.findall("properties/*"):
            if not element.tag.endswith(MATRIX):
                continue
            if any(
                raw.wanted is None and raw.live and raw.live.tag == element.tag for raw in found
            ):
                granted.append(BuildWritten(("properties",), element))
            texts = {raw.live.text for raw in found if raw.live and raw.parent == element.tag}
            inside = ("properties", element.tag)
            granted += [BuildWritten(inside, entry) for entry in element if entry.text in texts]
        return replace(self, build_written=(*self.build_written, *granted)) if granted else self

    def mark_for(self, versions: Mapping[str, str]) -> Mark:
        """Return its mark with codes of the versions of plugins that will stand in the saved job.

        `versions` are the server's (see observe.list_versions).
        """
        saved_by = find_plugins(self.there.normal) if self.there else frozenset()
        if versions:
            names = self.plugins | {text.partition("@")[0] for text in saved_by} | {CORE}
            saved_by = frozenset(
                f"{name}@{versions[name]}"
                for name in names
                if name is not None and name in versions
            )
        return replace(self.mark, versions=codes_of_versions(saved_by))


def read_wanted(
    change: Create | Update, before: str = "", versions: Mapping[str, str] = NEWEST
) -> Wanted:
    """Return what a change is to make of a job whose config is `before`, on such a server."""
    root = parse_config(change.config, name=change.name)
    live = read_live(Listed(change.name), before, versions=versions) if before else None
    there = live.beside(root) if live else None
    description = split_description(description_of(root))[0].strip()
    disabled = root.findtext("disabled")
    plugins = used_plugins(root)
    normal = normal_of_root(root, versions)
    print_ = fingerprint(normal)
    mark = Mark(
        change.position.file,
        print_,
        print_,
        project=change.project,
        name=code_of_name(change.name),
        said_disabled=None if disabled is None else disabled == "true",
    )
    written = there.build_written if there else ()
    return Wanted(change, normal, description, mark, plugins, there, written)
