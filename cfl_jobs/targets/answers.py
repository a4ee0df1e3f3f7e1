"""What a server answered → the error it means: one sentence, and what to do next.

What Jenkins answers is recorded in tests/data/jenkins/*/exchanges.json.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from html import unescape
from urllib.parse import unquote, urlsplit

from cfl_jobs.errors import (
    LoginRefused,
    Missing,
    NotJenkins,
    PermissionDenied,
    Refused,
    TargetError,
    Unavailable,
)

# hudson.security.PermissionGroup: the owner's class -> the title that Jenkins shows.
_PERMISSION_GROUPS = {
    "hudson.model.Hudson": "Overall",
    "hudson.model.Item": "Job",
    "hudson.model.Run": "Run",
    "hudson.model.View": "View",
    "hudson.model.Computer": "Agent",
    "hudson.scm.SCM": "SCM",
}
_ANONYMOUS = re.compile(r"\banonymous is missing the ")
_LOGIN_ADVICE = "Set JENKINS_USER_ID and JENKINS_API_TOKEN, or name a jenkins_jobs.ini with --conf."


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `headers` don't tell upper from lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def is_jenkins(self) -> bool:
        """Whether Jenkins signed it. It does not sign a config, a 401 or a page of its start."""
        return "X-Jenkins" in self.headers


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: `doing` continues "can't", for example "read job 'a'"."""

    server: str
    user: str
    doing: str
    path: str
    is_write: bool = False


def wants_crumb(answer: Answer) -> bool:
    """Say whether the crumb was missing or of a session that is no more."""
    return answer.status == 403 and "No valid crumb" in answer.text


def is_starting(answer: Answer) -> bool:
    """Say whether Jenkins answers that it is not ready yet."""
    return answer.status == 503 and "Jenkins is getting ready to work" in answer.text


def retry_after(answer: Answer) -> float:
    """Return for how many seconds the server asks to be left alone, 0 where it doesn't say.

    Retry-After holds seconds, or a date (RFC 9110, 10.2.3), which is taken by the server's clock.
    """
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        now = parsedate_to_datetime(answer.headers.get("Date", ""))
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def explain(answer: Answer, asked: Asked) -> TargetError:
    """Return the error that an answer means."""
    status, server = answer.status, asked.server
    if status == 401:
        return _explain_login(asked)
    if status == 403:
        return _explain_forbidden(answer, asked)
    if status == 404:
        return _explain_missing(answer, asked)
    if status == 413:
        return Refused(
            f"{server} can't {asked.doing}: the config is larger than what is taken "
            f"(status 413{_by(answer)})",
            advice="Raise the limit: client_max_body_size in nginx, LimitRequestBody in Apache.",
        )
    if status == 429:
        seconds = retry_after(answer)
        wait = f" for the next {seconds:.0f} s" if seconds else ""
        return Unavailable(
            f"{server} can't {asked.doing}: it wants no more requests{wait} "
            f"(status 429{_by(answer)})",
            advice="Run it again later; ask who runs the server for a higher limit of requests.",
        )
    if status in (502, 503, 504):
        return _explain_unavailable(answer, asked)
    if 300 <= status < 400:
        return explain_redirect(answer, asked)
    if status == 400 and answer.headers.get("X-Error"):
        reason = " ".join(answer.headers["X-Error"].split())
        return Refused(f"{server} can't {asked.doing}: {reason}")
    if status == 400 and "X-Error" in answer.headers and asked.is_write:
        user = asked.user or "anonymous"
        return Refused(
            f"{server} can't {asked.doing}: it gives no reason, most likely since there is one "
            f"already that {user} may not see",
            advice=f"Ask an administrator of Jenkins to let {user} read it, or name it otherwise.",
        )
    if status >= 500 and answer.is_jenkins:
        found = re.search(r"Logging ID=([0-9a-f-]+)", answer.text)
        where = f" under Logging ID={found[1]}" if found else ""
        kind = Refused if asked.is_write else TargetError
        return kind(
            f"{server} can't {asked.doing}: it met a problem of its own (status {status})",
            advice=f"Jenkins' log has the reason{where}."
            + (" Nothing was changed." if asked.is_write else ""),
        )
    return (TargetError if answer.is_jenkins else NotJenkins)(
        f"{server} can't {asked.doing}: unexpected status {status}{_by(answer)}{_title(answer)}",
        advice="Check the URL, and what stands between here and Jenkins.",
    )


def explain_page(answer: Answer, asked: Asked) -> TargetError:
    """Return the error for an answer of status 200 that isn't what Jenkins would say."""
    if answer.is_jenkins:
        return TargetError(
            f"{asked.server} can't {asked.doing}: its answer can't be read",
            advice="Check what stands between here and Jenkins.",
        )
    return NotJenkins(
        f"{asked.server} answers with a page that is not from Jenkins{_title(answer)}",
        advice="Check the URL, and whether a proxy or a login page stands in front of Jenkins.",
    )


def explain_redirect(answer: Answer, asked: Asked) -> TargetError:
    """Return the error for a redirect that leads away from what was asked."""
    location = answer.headers.get("Location", "")
    parts = urlsplit(location)
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    own_path = "/" + unquote(asked.path.partition("?")[0])
    if unquote(parts.path).endswith(own_path):
        base = place + unquote(parts.path).removesuffix(own_path) + "/"
        return NotJenkins(
            f"{asked.server} has moved to {base}",
            advice="Use that URL; nothing was sent there.",
        )
    if re.search(r"login|oauth|saml|sso|securityRealm", location, re.IGNORECASE):
        return LoginRefused(
            f"{asked.server} leads to a login page{f' at {place}' if place else ''}",
            advice=f"{_LOGIN_ADVICE} If they are set, a proxy's login stands in front of Jenkins.",
        )
    return NotJenkins(
        f"{asked.server} can't {asked.doing}: it leads to {place}{parts.path}",
        advice="Check the URL, and what stands between here and Jenkins.",
    )


def explain_lost_login(asked: Asked) -> TargetError:
    """Return the error for an answer that takes us for anonymous, though we sent a login."""
    return LoginRefused(
        f"{asked.server} got no login, though {asked.user!r} was sent with an API token",
        advice="A proxy in front of Jenkins drops the header Authorization: let it pass that.",
    )


def _explain_login(asked: Asked) -> TargetError:
    if not asked.user:
        return LoginRefused(f"{asked.server} wants a login", advice=_LOGIN_ADVICE)
    return LoginRefused(
        f"{asked.server} does not know the user {asked.user!r} with this API token",
        advice="Make a new token on the user's Security page in Jenkins, and check the user's ID.",
    )


def _explain_forbidden(answer: Answer, asked: Asked) -> TargetError:
    user = answer.headers.get("X-You-Are-Authenticated-As", "")
    wants_login = "Authentication required" in answer.text
    if asked.user and (wants_login or user == "anonymous" or _ANONYMOUS.search(answer.text)):
        return explain_lost_login(asked)
    if wants_login:
        return LoginRefused(f"{asked.server} wants a login", advice=_LOGIN_ADVICE)
    permission = _permission(answer)
    if permission:
        user = user or asked.user or "anonymous"
        return PermissionDenied(
            f"{user} is missing the {permission} permission on {asked.server}, "
            f"which is needed to {asked.doing}",
            advice="Ask an administrator of Jenkins for it.",
        )
    if wants_crumb(answer):
        return LoginRefused(
            f"{asked.server} did not take the crumb that it gave itself",
            advice="Use an API token instead of a password: it needs no crumb.",
        )
    kind = PermissionDenied if answer.is_jenkins else NotJenkins
    return kind(
        f"{asked.server} can't {asked.doing}: access is forbidden"
        f"{'' if answer.is_jenkins else ' by something in front of Jenkins'}{_title(answer)}",
        advice="Check the URL, the user's permissions, and any proxy on the way.",
    )


def _permission(answer: Answer) -> str:
    """Return "Job/Configure" from the header, else from the page."""
    owner, _, verb = answer.headers.get("X-Required-Permission", "").rpartition(".")
    if owner in _PERMISSION_GROUPS:
        return f"{_PERMISSION_GROUPS[owner]}/{verb}"
    found = re.search(r"is missing the ([^<>]{1,80}?) permission", answer.text)
    return unescape(found[1]) if found else ""


def _explain_missing(answer: Answer, asked: Asked) -> TargetError:
    if not answer.is_jenkins:
        return NotJenkins(
            f"there is no Jenkins at {asked.server}{_title(answer)}",
            advice="Check the URL, also the path after the host.",
        )
    return Missing(
        f"{asked.server} can't {asked.doing}: there is none, or {asked.user or 'anonymous'} "
        "may not see it",
        advice="Check the name, and the user's permissions.",
    )


def _explain_unavailable(answer: Answer, asked: Asked) -> TargetError:
    if is_starting(answer):
        return Unavailable(f"{asked.server} is starting up", advice="Try again in a minute.")
    return Unavailable(
        f"{asked.server} can't {asked.doing}: it is not available (status {answer.status})",
        advice="Try again later; if it stays so, the proxy in front of Jenkins can't reach it.",
    )


def _by(answer: Answer) -> str:
    return "" if answer.is_jenkins else ", and not from Jenkins"


def _title(answer: Answer) -> str:
    found = re.search(r"<title[^>]*>([^<]{1,80})", answer.text, re.IGNORECASE)
    title = " ".join(unescape(found[1]).split()) if found else ""
    return f" ({title!r})" if title else ""
