"""A server's URL, and names of jobs and views → the paths where Jenkins keeps them."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

import urllib3

from cfl_jobs.errors import CflJobsError, Refused
from cfl_jobs.target import Kind
from cfl_jobs.targets.answers import Answer

# Where Jenkins keeps its own pages; what stands before is where it runs.
_PAGE = re.compile(r"/(?:(job|view|user)/[^/]+|computer|manage|configure|login)(?=/|$)")


def check_url(url: str) -> str:
    """Return the URL with a slash at its end. Raises CflJobsError, without showing a password."""
    example = "It looks like https://jenkins.example.org/ or http://localhost:8080/jenkins."
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        urllib3.util.parse_url(text)  # knows hosts that can't be encoded
    except ValueError:
        host, parts = None, urlsplit("")
    if "@" in text.partition("//")[2].partition("/")[0]:
        raise CflJobsError(
            "the server's URL has a user or password in it",
            advice="Take it out; set JENKINS_USER_ID and JENKINS_API_TOKEN, or use --conf.",
        )
    if parts.scheme not in ("http", "https") or not host or not text.isprintable():
        raise CflJobsError(f"{text!r} is not the URL of a server", advice=example)
    if parts.query or parts.fragment:
        raise CflJobsError(f"{text!r} is the URL of a page, not of a server", advice=example)
    if page := _PAGE.search(parts.path):
        server = text[: len(text) - len(parts.path)] + parts.path[: page.start()] + "/"
        kind = {"job": "a job", "view": "a view"}.get(page[1], "a page")
        raise CflJobsError(
            f"{text!r} is the URL of {kind}, not of a server", advice=f"Use {server}."
        )
    return text.rstrip("/") + "/"


def quote_name(name: str) -> str:
    return quote(name, safe="")


def path_of(kind: Kind, name: str) -> str:
    """Return the path of a job ("job/team/job/inner") or view ("job/team/view/mine")."""
    *folders, own = name.split("/")
    if any(part.strip() in ("", ".", "..") for part in (*folders, own)):
        raise Refused(f"{name!r} can't be the name of a {kind.value}", advice="Name it otherwise.")
    above = "".join(f"job/{quote_name(folder)}/" for folder in folders)
    return f"{above}{kind.value}/{quote_name(own)}"


def what(kind: Kind, name: str) -> str:
    return f"{kind.value} {name!r}"


def leads_to(answer: Answer, path: str, server: str) -> bool:
    """Say whether a redirect goes where Jenkins goes after a change.

    Jenkins names its own idea of its URL, so the host and the path before `path` may differ.
    """
    if answer.status not in (301, 302, 303) or "Location" not in answer.headers:
        return False
    parts = urlsplit(answer.headers["Location"])
    there = unquote(parts.path).strip("/")
    if not path:  # the top: nothing but a context path
        return there in ("", unquote(urlsplit(server).path).strip("/")) and not parts.query
    return there == unquote(path) or there.endswith("/" + unquote(path))
