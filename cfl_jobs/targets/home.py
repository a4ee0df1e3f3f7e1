"""Target: a directory laid out as JENKINS_HOME ← configs. A Jenkins started on it loads them.

Jobs are `jobs/<name>/config.xml`, a folder's jobs `jobs/<folder>/jobs/<name>/config.xml`; views
have no files of their own, Jenkins keeps them in the home's `config.xml` (class
jenkins.model.Jenkins, field `views`). Every write is whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.errors import Missing, Refused, TargetError
from cfl_jobs.target import Kind, Listed

# hudson.model.Jenkins.checkGoodName (2.440): these, control characters, "." and ".." are refused.
UNSAFE_IN_NAMES = frozenset("?*/\\%!@#$^&|<>[]:;")

# What Jenkins itself makes of a home without views: the view "all", shown first.
_FRESH_HOME = """\
<hudson>
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


class HomeTarget:
    """A directory as JENKINS_HOME; it is made at the first write.

    `durable`: each write is on the disk before the next one, so that a power cut loses none.
    """

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self._root = root
        self._durable = durable
        self._views_lock = threading.Lock()

    @property
    def label(self) -> str:
        return str(self._root)

    def list(self, kind: Kind) -> tuple[Listed, ...]:
        if self._root.exists() and not self._root.is_dir():
            raise TargetError(
                f"{self._root} is a file, not a directory", advice="Name a directory with --home."
            )
        if kind is Kind.VIEW:
            views = self._read_home().iterfind("views/*")
            found = [(view.findtext("name") or "", view) for view in views]
        else:
            found = [
                (name, parse_config(self._read_file(path), name=name))
                for name, path in _find_jobs(self._root / "jobs", "")
            ]
        return tuple(
            Listed(
                name=name,
                description=element.findtext("description") or "",
                disabled=element.findtext("disabled") == "true",
            )
            for name, element in sorted(found, key=lambda pair: pair[0])
        )

    def read(self, kind: Kind, name: str) -> str:
        if kind is Kind.VIEW:
            view = self._find_view(self._read_home(), name)
            if view is None:
                raise Missing(f"{self.label} has no view {name!r}")
            for owner in view.findall("owner"):
                view.remove(owner)
            view.tail = None
            ET.indent(view)
            return format_config(view)
        path = self._config_path(name)
        if not path.is_file():
            raise Missing(f"{self.label} has no job {name!r}")
        return self._read_file(path)

    def create(self, kind: Kind, name: str, config: str) -> None:
        if kind is Kind.VIEW:
            self._put_view(name, config, new=True)
            return
        path = self._config_path(name)
        parse_config(config, name=name)
        if path.exists():
            raise Refused(f"{self.label} has a job {name!r} already")
        folder = path.parents[2]
        if folder != self._root and not (folder / "config.xml").is_file():
            raise Refused(f"{name!r} can't be made: its folder is not there")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._wrap(error) from error
        self._write_file(path, config)

    def update(self, kind: Kind, name: str, config: str) -> None:
        if kind is Kind.VIEW:
            self._put_view(name, config, new=False)
            return
        parse_config(config, name=name)
        path = self._config_path(name)
        if not path.is_file():
            raise Missing(f"{self.label} has no job {name!r}")
        self._write_file(path, config)

    def save(self, name: str, description: str) -> None:
        root = parse_config(self.read(Kind.JOB, name), name=name)
        element = root.find("description")
        if element is None:
            element = ET.SubElement(root, "description")
        element.text = description
        self.update(Kind.JOB, name, format_config(root))

    def delete(self, kind: Kind, name: str) -> None:
        if kind is Kind.VIEW:
            with self._views_lock:
                home = self._read_home()
                view = self._find_view(home, name)
                views = home.find("views")
                if view is None or views is None:
                    raise Missing(f"{self.label} has no view {name!r}")
                views.remove(view)
                self._write_home(home)
            return
        path = self._config_path(name)
        try:
            # Without its config.xml the directory is no job any more, so this is the one step
            # that counts.
            path.unlink()
            shutil.rmtree(path.parent)
        except FileNotFoundError as error:
            raise Missing(f"{self.label} has no job {name!r}") from error
        except OSError as error:
            raise self._wrap(error) from error

    def rename(self, name: str, new_name: str) -> None:
        old, new = self._config_path(name), self._config_path(new_name)
        if not old.is_file():
            raise Missing(f"{self.label} has no job {name!r}")
        if new.exists():
            raise Refused(f"{self.label} has a job {new_name!r} already")
        try:
            new.parent.parent.mkdir(parents=True, exist_ok=True)
            old.parent.rename(new.parent)
        except OSError as error:
            raise self._wrap(error) from error

    def count_builds(self, name: str) -> int:
        builds = self._config_path(name).parent / "builds"
        if not builds.is_dir():
            return 0
        return sum(1 for build in builds.iterdir() if build.name.isdigit() and build.is_dir())

    def plugins(self) -> dict[str, str]:
        return {}

    def _config_path(self, name: str) -> Path:
        path = self._root
        for part in name.split("/"):
            _check_name(part, whole=name)
            path = path / "jobs" / part
        return path / "config.xml"

    def _read_file(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise TargetError(f"{path} is not UTF-8 text") from error
        except OSError as error:
            raise self._wrap(error) from error

    def _write_file(self, path: Path, text: str) -> None:
        """Write to a file beside it, flush it to the disk, then rename it into place."""
        temporary: Path | None = None
        try:
            handle, made = tempfile.mkstemp(dir=path.parent, prefix=".config.xml.")
            temporary = Path(made)
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
                stream.flush()
                os.fchmod(stream.fileno(), 0o644)
                if self._durable:
                    os.fsync(stream.fileno())
            temporary.replace(path)
            temporary = None
            if self._durable:
                _sync_directory(path.parent)
        except OSError as error:
            raise self._wrap(error) from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)

    def _read_home(self) -> ET.Element:
        path = self._root / "config.xml"
        text = self._read_file(path) if path.is_file() else _FRESH_HOME
        return parse_config(text, name=str(path))

    def _write_home(self, home: ET.Element) -> None:
        ET.indent(home)
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._wrap(error) from error
        self._write_file(self._root / "config.xml", format_config(home))

    def _find_view(self, home: ET.Element, name: str) -> ET.Element | None:
        return next((v for v in home.iterfind("views/*") if v.findtext("name") == name), None)

    def _put_view(self, name: str, config: str, *, new: bool) -> None:
        _check_name(name, whole=name)
        view = parse_config(config, name=name)
        label = view.find("name")
        if label is None:
            label = ET.SubElement(view, "name")
        label.text = name
        view.insert(0, ET.Element("owner", {"class": "hudson", "reference": "../../.."}))
        with self._views_lock:
            home = self._read_home()
            views = home.find("views")
            if views is None:
                views = ET.SubElement(home, "views")
            there = self._find_view(home, name)
            if new and there is not None:
                raise Refused(f"{self.label} has a view {name!r} already")
            if not new and there is None:
                raise Missing(f"{self.label} has no view {name!r}")
            if there is None:
                views.append(view)
            else:
                views[list(views).index(there)] = view
            self._write_home(home)

    def _wrap(self, error: OSError) -> TargetError:
        where = error.filename or self._root
        return TargetError(f"{where}: {error.strerror}", advice="Is it a directory you may write?")


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _find_jobs(directory: Path, prefix: str) -> list[tuple[str, Path]]:
    """Return full names and config paths, those of folders and what is in them included."""
    if not directory.is_dir():
        return []
    found: list[tuple[str, Path]] = []
    for job in directory.iterdir():
        config = job / "config.xml"
        if config.is_file():
            found.append((prefix + job.name, config))
            found.extend(_find_jobs(job / "jobs", f"{prefix}{job.name}/"))
    return found


def _check_name(part: str, *, whole: str) -> None:
    bad = sorted(c for c in set(part) if c in UNSAFE_IN_NAMES or ord(c) < 32)
    if bad:
        raise Refused(
            f"{whole!r} can't be a name in Jenkins: {bad[0]!r} is an unsafe character",
            advice="Change the name in the definition.",
        )
    if part.strip() in ("", ".", ".."):
        raise Refused(f"{whole!r} can't be a name in Jenkins")
