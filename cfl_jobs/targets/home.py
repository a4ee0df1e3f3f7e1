"""Target: a directory laid out as JENKINS_HOME ← configs. A Jenkins started on it loads them.

Jobs are `jobs/<name>/config.xml`, a folder's jobs `jobs/<folder>/jobs/<name>/config.xml`; views
have no files of their own, Jenkins keeps them in the home's `config.xml` (class
jenkins.model.Jenkins, field `views`). All else in that file is the server's and stays as it is, to
the byte: security, nodes, secrets, comments. Every write is whole or not at all.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.parsers import expat

from cfl_jobs.configs.configxml import (
    check_config,
    child_of,
    format_config,
    parse_config,
    restore_controls,
    split_declaration,
)
from cfl_jobs.configs.mark import set_description
from cfl_jobs.errors import ConfigError, Missing, PermissionDenied, Refused, TargetError
from cfl_jobs.files import sync_directory
from cfl_jobs.reading.names import find_name_problem
from cfl_jobs.target import Kind, Listed, name_command
from cfl_jobs.targets.home_files import (
    JobNames,
    delete_directory,
    explaining,
    is_file,
    list_directory,
    locked,
    make_directory,
    read_text,
    write_text,
)

# What Jenkins itself makes of a new home: the view "all", shown first. Where workspaceDir and
# buildsDir lack, it keeps workspaces in the jobs' own folders (seen with 2.440.3 and 2.568.2).
FRESH_HOME = """\
<?xml version='1.1' encoding='UTF-8'?>
<hudson>
  <workspaceDir>${JENKINS_HOME}/workspace/${ITEM_FULL_NAME}</workspaceDir>
  <buildsDir>${ITEM_ROOTDIR}/builds</buildsDir>
  <views>
    <hudson.model.AllView>
      <owner class="hudson" reference="../../.."/>
      <name>all</name>
      <filterExecutors>false</filterExecutors>
      <filterQueue>false</filterQueue>
      <properties class="hudson.model.View$PropertyList"/>
    </hudson.model.AllView>
  </views>
  <primaryView>all</primaryView>
</hudson>
"""
# What Linux's file systems take for a name, in bytes.
_LONGEST = 255
# How long another run may take to write one file, in seconds.
_TIMEOUT = 30.0


class HomeTarget:
    """A directory as JENKINS_HOME; it is made at the first write.

    `durable`: each write is on the disk before the next one, so that a power cut loses none.
    Another run waits `timeout` seconds for what this one writes, and this one for others.
    """

    def __init__(self, root: Path, *, durable: bool = True, timeout: float = _TIMEOUT) -> None:
        self._root = root
        self.label = str(root)
        self._durable = durable
        self._timeout = timeout
        self._names = JobNames()

    def list(self, kind: Kind) -> tuple[Listed, ...]:
        """List jobs or views. One whose config can't be read has a name and a problem."""
        self._check_root()
        if kind is Kind.JOB:
            return tuple(sorted(self._list_jobs()))
        named = ((view.findtext("name"), view) for view in self._read_views()[1])
        return tuple(sorted(_listed(name, view) for name, view in named if name))

    def read(self, kind: Kind, name: str) -> str:
        if kind is Kind.JOB:
            return read_text(self._find(name))
        view = find_view(self._read_views()[1], name)
        if view is None:
            raise self._missing(kind, name)
        return read_view(view)

    def create(self, kind: Kind, name: str, config: str) -> None:
        check_config(config, name=name)
        _check_new(kind, name)
        if kind is Kind.VIEW:
            self._make_home()
            self._change_views(name, make_view(name, config), is_new=True)
            return
        with self._taking(name) as path:
            self._make_home()
            make_directory(path.parents[1], durable=self._durable)
            make_directory(path.parent, durable=False)
        if self._durable:
            with explaining(path.parents[1]):
                sync_directory(path.parents[1])
        with self._locked(path.parent):
            if is_file(path):
                raise self._taken(kind, name)
            write_text(path, config, durable=self._durable)

    def update(self, kind: Kind, name: str, config: str) -> None:
        check_config(config, name=name)
        if kind is Kind.VIEW:
            self._change_views(name, make_view(name, config))
            return
        with self._locked(self._find(name).parent):
            write_text(self._find(name), config, durable=self._durable)

    def save(self, name: str, description: str) -> None:
        with self._locked(self._find(name).parent):
            root = parse_config(self.read(Kind.JOB, name), name=name)
            set_description(root, description)
            write_text(self._find(name), format_config(root), durable=self._durable)

    def delete(self, kind: Kind, name: str) -> None:
        if kind is Kind.VIEW:
            self._change_views(name, None)
            return
        directory = self._find(name).parent
        self._names.sweep(directory.parent)
        with self._locked(directory):
            delete_directory(directory, durable=self._durable)

    def rename(self, name: str, new_name: str) -> None:
        _check_new(Kind.JOB, new_name)
        old = self._find(name).parent
        with self._locked(old), self._taking(new_name, renamed=old) as new:
            make_directory(new.parents[1], durable=self._durable)
            with explaining(new.parent):
                old.rename(new.parent)
                for parent in {old.parent, new.parents[1]} if self._durable else ():
                    sync_directory(parent)

    def count_builds(self, name: str) -> int:
        builds = self._config_path(name).parent / "builds"
        return sum(1 for number in list_directory(builds) if number.isdigit())

    def version(self) -> str:
        return ""

    def rewrites_late(self, version: str) -> bool:
        return False

    def plugins(self) -> dict[str, str]:
        return {}

    def _check_root(self) -> None:
        if sys.getfilesystemencoding() != "utf-8":
            raise TargetError(
                f"this locale writes file names as {sys.getfilesystemencoding()}; "
                "those of a Jenkins are UTF-8",
                advice="Run it with LC_ALL=C.UTF-8, or with PYTHONUTF8=1.",
            )
        with explaining(self._root), suppress(FileNotFoundError):
            if not stat.S_ISDIR(self._root.stat().st_mode):
                raise TargetError(
                    f"{self._root} is a file, not a directory",
                    advice="Name a directory with --home.",
                )

    def _list_jobs(self) -> Iterator[Listed]:
        for name, path in _find_jobs(self._root / "jobs"):
            try:
                yield _listed(name, parse_config(read_text(path), name=name))
            except Missing:  # it went meanwhile
                continue
            except (ConfigError, TargetError) as error:
                yield Listed(name, problem=error.message)

    def _config_path(self, name: str) -> Path:
        steps = []
        for part in name.split("/"):
            if part.strip() in ("", ".", "..") or "\0" in part:
                raise _bad_name(name, f"{part!r} is no name")
            steps += ["jobs", part]
        return self._root.joinpath(*steps, "config.xml")

    def _find(self, name: str) -> Path:
        """Return where a job's config is. Raises Missing."""
        path = self._config_path(name)
        if not is_file(path):
            raise self._missing(Kind.JOB, name)
        return path

    @contextmanager
    def _taking(self, name: str, *, renamed: Path | None = None) -> Iterator[Path]:
        """Yield where a new job's config belongs, while no other thread takes a name there.

        Raises Refused where it has no folder, or the folder has one of its name. A name in other
        letters is the same to Jenkins; only the job that is `renamed` may have it.
        """
        path = self._config_path(name)
        own, jobs = path.parent.name, path.parents[1]
        if jobs.parent != self._root and not is_file(jobs.parent / "config.xml"):
            raise Refused(
                f"{name!r} can't be made: its folder is not there", advice="Make the folder first."
            )
        with self._names.taking(jobs, own) as equal:
            for other in equal:
                is_own = other != own and jobs / other == renamed
                if not is_own and is_file(jobs / other / "config.xml"):
                    raise self._taken(Kind.JOB, f"{name.rpartition('/')[0]}/{other}".lstrip("/"))
            yield path

    def _make_home(self) -> None:
        """Write what Jenkins writes into a new home; one without it is taken for an old one."""
        path = self._root / "config.xml"
        if is_file(path):
            return
        make_directory(self._root, durable=self._durable)
        with self._locked(self._root):
            if not is_file(path):
                write_text(path, FRESH_HOME, durable=self._durable)

    def _read_views(self) -> tuple[str, ET.Element, str]:
        path = self._root / "config.xml"
        return split_views(read_text(path) if is_file(path) else FRESH_HOME, str(self._root))

    def _change_views(self, name: str, view: ET.Element | None, *, is_new: bool = False) -> None:
        """Put a view, new or instead of the one of its name; None removes that one."""
        with self._locked(self._root):
            before, views, after = self._read_views()
            there = find_view(views, name)
            if is_new and there is not None:
                raise self._taken(Kind.VIEW, name)
            if not is_new and there is None:
                raise self._missing(Kind.VIEW, name)
            put_view(views, there, view)
            text = join_views(before, views, after)
            write_text(self._root / "config.xml", text, durable=self._durable)

    def _locked(self, directory: Path) -> AbstractContextManager[None]:
        return locked(directory, timeout=self._timeout)

    def _missing(self, kind: Kind, name: str) -> Missing:
        return Missing(f"{self.label} has no {kind.value} {name!r}", advice=self._advice)

    def _taken(self, kind: Kind, name: str) -> Refused:
        return Refused(f"{self.label} has a {kind.value} {name!r} already", advice=self._advice)

    @property
    def _advice(self) -> str:
        return f"Run `{name_command('plan', self.label)}` to see what it has."


def open_home(place: str, *, conf: Path | None = None) -> HomeTarget:
    """Return the target at a directory, which needs no credentials."""
    return HomeTarget(Path(place))


def _listed(name: str, element: ET.Element) -> Listed:
    return Listed(
        name=name,
        description=element.findtext("description") or "",
        disabled=element.findtext("disabled") == "true",
    )


def _find_jobs(
    directory: Path, prefix: str = "", above: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Path]]:
    """Yield full names and config paths, those of folders and what is in them included.

    A link to a directory above is not gone into again.
    """
    real = os.path.realpath(directory)
    if real in above:
        return
    for own in list_directory(directory):
        config = directory / own / "config.xml"
        try:
            is_job = is_file(config)
        except PermissionDenied:
            yield prefix + own, config  # whatever it is, it is there
            continue
        if is_job:
            yield prefix + own, config
            yield from _find_jobs(config.with_name("jobs"), f"{prefix}{own}/", above | {real})


def _check_new(kind: Kind, name: str) -> None:
    """Raise Refused where Jenkins would not take a new name, or no directory can have it."""
    if problem := find_name_problem(name):
        raise _bad_name(name, f"it has {problem}")
    if kind is Kind.VIEW:
        if "/" in name:
            raise _bad_name(name, "it has the character '/'")
    elif any(len(os.fsencode(part)) > _LONGEST for part in name.split("/")):
        raise _bad_name(name, f"a directory's name has at most {_LONGEST} bytes")


def _bad_name(name: str, problem: str) -> Refused:
    return Refused(
        f"{name!r} can't be a name in Jenkins: {problem}",
        advice="Change the name in the definition.",
    )


def split_views(text: str, source: str) -> tuple[str, ET.Element, str]:
    """Return what is before a home's views, those, with their comments, and what follows.

    Raises TargetError, naming `source`, where the text makes no sense.
    """
    try:
        root = parse_config(text, name=source)
    except ConfigError as error:
        advice = "Put that right first: no Jenkins starts with it."
        raise TargetError(error.message, advice=advice) from error
    head, body = split_declaration(text)
    data = body.encode()
    if place := _locate(data):
        builder = ET.TreeBuilder(insert_comments=True, insert_pis=True)
        parser = ET.XMLParser(target=builder)  # noqa: S314 - has no entities
        parser.feed(data[slice(*place)])
        views = parser.close()
        return head + data[: place[0]].decode(), views, data[place[1] :].decode()
    if f"</{root.tag}" not in body:  # the root is an empty tag
        body = ET.tostring(root, encoding="unicode", short_empty_elements=False)
    end = body.rfind(f"</{root.tag}")
    return f"{head}{body[:end].rstrip()}\n  ", ET.Element("views"), f"\n{body[end:]}"


def _locate(data: bytes) -> tuple[int, ...]:
    """Return where the root's element `views` begins and ends, () where there is none."""
    depth = 0
    place: list[int] = []
    parser = expat.ParserCreate("UTF-8")

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == 2 and tag == "views" and not place:
            place.append(parser.CurrentByteIndex)

    def end(tag: str) -> None:
        nonlocal depth
        if depth == 2 and tag == "views" and len(place) == 1:
            index = parser.CurrentByteIndex  # at the end tag, or after an empty element
            if data.startswith(b"</views", index):
                index = data.index(b">", index) + 1
            place.append(index)
        depth -= 1

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.Parse(data, True)
    return tuple(place)


def join_views(before: str, views: ET.Element, after: str) -> str:
    """Return the home's config with these views."""
    ET.indent(views, level=1)
    written = ET.tostring(views, encoding="unicode").replace("\r", "&#13;").strip()
    return restore_controls(f"{before}{written}{after}")


def find_view(views: ET.Element, name: str) -> ET.Element | None:
    return next((view for view in views if view.findtext("name") == name), None)


def put_view(views: ET.Element, old: ET.Element | None, new: ET.Element | None) -> None:
    """Put a view where another was, or last; None for nothing."""
    place = [*views, old].index(old)
    views[place : place + 1] = [] if new is None else [new]


def make_view(name: str, config: str) -> ET.Element:
    """Return a view as the home's config has it."""
    view = parse_config(config, name=name)
    child_of(view, "name").text = name
    _drop_owner(view)
    view.insert(0, ET.Element("owner", {"class": "hudson", "reference": "../../.."}))
    return view


def read_view(view: ET.Element) -> str:
    """Return a view's config, without the owner, which says only where it stands."""
    _drop_owner(view)
    view.tail = None
    ET.indent(view)
    return format_config(view)


def _drop_owner(view: ET.Element) -> None:
    for owner in view.findall("owner"):
        view.remove(owner)
