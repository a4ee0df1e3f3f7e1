"""The text of a server's URL → the URL, or what is wrong with it. A password in it is not shown."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from cfl_jobs.errors import CflJobsError

_EXAMPLE = "It looks like https://jenkins.example.org/ or http://localhost:8080/jenkins."
# Where Jenkins keeps its own pages; what stands before is where it runs.
_PAGE = re.compile(r"/(?:(job|view|user)/[^/]+|computer|manage|configure|login)(?=/|$)")


def has_login(url: str) -> bool:
    return "@" in url.partition("//")[2].partition("/")[0]


def check_url(url: str) -> str:
    """Return the URL with a slash at its end. Raises CflJobsError, without showing a password."""
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        if host and not host.isascii():
            host.encode("idna")
    except ValueError:
        host, parts = None, urlsplit("")
    if has_login(text):
        raise CflJobsError(
            "the server's URL has a user or password in it",
            advice="Take it out; set JENKINS_USER_ID and JENKINS_API_TOKEN, or use --conf.",
        )
    if parts.scheme not in ("http", "https") or not host or not text.isprintable():
        raise CflJobsError(f"{text!r} is not the URL of a server", advice=_EXAMPLE)
    if parts.query or parts.fragment:
        raise CflJobsError(f"{text!r} is the URL of a page, not of a server", advice=_EXAMPLE)
    if page := _PAGE.search(parts.path):
        server = text[: len(text) - len(parts.path)] + parts.path[: page.start()] + "/"
        kind = {"job": "a job", "view": "a view"}.get(page[1], "a page")
        raise CflJobsError(
            f"{text!r} is the URL of {kind}, not of a server", advice=f"Use {server}."
        )
    return text.rstrip("/") + "/"
