"""Environment and jenkins_jobs.ini → the user and token for one server, never for another.

Sources, in this order: JENKINS_USER_ID and JENKINS_API_TOKEN (the names that Jenkins' own
command line uses), then the ini file that jenkins-job-builder's users have.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cfl_jobs.errors import CflJobsError, LoginRefused

USER_VARIABLE, TOKEN_VARIABLE = "JENKINS_USER_ID", "JENKINS_API_TOKEN"
# jenkins_jobs.config in jenkins-job-builder 6.5: the places it looks at, and its default URL.
_INI_PLACES = (".config/jenkins_jobs/jenkins_jobs.ini", "/etc/jenkins_jobs/jenkins_jobs.ini")
_INI_DEFAULT_URL = "http://localhost:8080/"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and an API token (or password), "" where none were found.

    `source` says where they stand; `notes` are lines that the user should see.
    """

    user: str = ""
    token: str = field(default="", repr=False)
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_anonymous(self) -> bool:
        return not self.user

    def __str__(self) -> str:
        if self.is_anonymous:
            return "anonymous"
        return f"{self.user} (from {self.source})"


def find_credentials(
    url: str, environ: Mapping[str, str], conf: Path | None, home: Path
) -> Credentials:
    """Return the credentials for the server at `url`.

    `conf` is an ini file named by the user, else the usual places are looked at, `home` being the
    user's home directory. Raises LoginRefused where only half is given, CflJobsError on a file
    that can't be read.
    """
    names = USER_VARIABLE, TOKEN_VARIABLE
    user, token = (environ.get(name, "").strip() for name in names)
    if user and token:
        return _checked(Credentials(user, token, " and ".join(names)))
    if user or token:
        there, lacking = sorted(names, key=lambda name: not environ.get(name, "").strip())
        advice = "Set both, or neither of them."
        raise LoginRefused(f"{there} is set, but {lacking} is not", advice=advice)
    if conf is not None and not conf.is_file():
        raise CflJobsError(f"{conf} is not there", advice="Name an ini file with --conf.")
    notes: list[str] = []
    for path in [conf] if conf else [home / place for place in _INI_PLACES]:
        if path.is_file() and (found := _read_ini(path, url, notes)):
            return found
    return Credentials(notes=tuple(notes))


def _checked(credentials: Credentials) -> Credentials:
    """Refuse what can't be sent in a header."""
    text = credentials.user + credentials.token
    if ":" in credentials.user or any(ord(character) < 32 for character in text):
        raise LoginRefused(
            f"the user name or token from {credentials.source} can't be right: "
            "it has a line end or a colon in it",
            advice="Copy both again from the user's page in Jenkins.",
        )
    return credentials


def _read_ini(path: Path, url: str, notes: list[str]) -> Credentials | None:
    """Return the credentials of the section for this server, and note what is not as it should be.

    jenkins-job-builder lets one file hold a section for each server.
    """
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), source=str(path))
    except (configparser.Error, UnicodeDecodeError) as error:
        # The parser's own message quotes the line, which may be the password's.
        line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", [])), [None])[0]
        place = f"{path}:{line}".removesuffix(":None")
        raise CflJobsError(
            f"{place}: not an ini file", advice="It needs a [jenkins] section with user, password."
        ) from None
    except OSError as error:
        raise CflJobsError(
            f"{path} can't be read: {error.strerror}", advice="Check the file's owner and mode."
        ) from error
    others = []
    for name in parser.sections():
        section = parser[name]
        if name != "jenkins" and "url" not in section:
            continue  # [job_builder] and the like
        its_url = section.get("url", _INI_DEFAULT_URL).strip()
        if _place(its_url) != _place(url):
            scheme, mark, rest = its_url.partition("://")
            host, slash, path_there = rest.partition("/")
            others.append(scheme + mark + host.rpartition("@")[2] + slash + path_there)
            continue
        user, password = section.get("user", "").strip(), section.get("password", "").strip()
        if user and password:
            with suppress(OSError):
                if path.stat().st_mode & 0o044:
                    open_to = f"{path} holds credentials and others may read it: chmod 600 {path}"
                    notes.append(open_to)
            return _checked(Credentials(user, password, str(path), tuple(notes)))
        notes.append(f"{path}: [{name}] has no user and password")
        return None
    if others:
        notes.append(f"{path} is for {', '.join(others)}: its credentials are not sent to {url}")
    return None


def _place(url: str) -> tuple[str, str | None, int | None, str] | None:
    """Return scheme, host, port and path: a token for https must not go over http."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:  # no URL
        return None
    return parts.scheme, parts.hostname, port, parts.path.strip("/")
