"""What a server answered → the error it means: one sentence, and what to do next.

What Jenkins answers is recorded in tests/data/jenkins/*/exchanges.json.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from cfl_jobs.targets.retries import retry_after

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

    @property
    def by(self) -> str:
        return "" if self.is_jenkins else ", and not from Jenkins"

    @property
    def title(self) -> str:
        """A page's title in brackets, "" where it has none."""
        title = unescape(find_group(r"(?i)<title[^>]*>([^<]{1,80})", self.text))
        return f" ({' '.join(title.split())!r})" if title.strip() else ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: `doing` continues "can't", for example "read job 'a'"."""

    server: str
    user: str
    doing: str
    path: str
    is_write: bool = False

    @property
    def who(self) -> str:
        return self.user or "anonymous"

    @property
    def cant(self) -> str:
        return f"{self.server} can't {self.doing}"


def find_group(pattern: str, text: str) -> str:
    """Return the group of a pattern where it is first found in a text, "" where it isn't."""
    found = re.search(pattern, text, re.DOTALL)
    return found[1] if found else ""


def wants_crumb(answer: Answer) -> bool:
    """Say whether the crumb was missing or of a session that is no more."""
    return answer.status == 403 and "No valid crumb" in answer.text


def is_starting(answer: Answer) -> bool:
    """Say whether Jenkins answers that it is not ready yet."""
    return answer.status == 503 and "Jenkins is getting ready to work" in answer.text


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


def explain(answer: Answer, asked: Asked) -> TargetError:
    """Return the error that an answer means."""
    if 300 <= answer.status < 400:
        return _explain_redirect(answer, asked)
    if answer.status in _BY_STATUS:
        return _BY_STATUS[answer.status](answer, asked)
    if answer.status >= 500 and answer.is_jenkins:
        return _explain_oops(answer, asked)
    return _explain_unexpected(answer, asked)


def explain_page(answer: Answer, asked: Asked) -> TargetError:
    """Return the error for an answer of status 200 that isn't what Jenkins would say."""
    if answer.is_jenkins:
        return TargetError(
            f"{asked.cant}: its answer can't be read",
            advice="Check what stands between here and Jenkins.",
        )
    return NotJenkins(
        f"{asked.server} answers with a page that is not from Jenkins{answer.title}",
        advice="Check the URL, and whether a proxy or a login page stands in front of Jenkins.",
    )


def _explain_redirect(answer: Answer, asked: Asked) -> TargetError:
    """Return the error for a redirect that leads away from what was asked."""
    location = answer.headers.get("Location", "")
    parts = urlsplit(location)
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    own_path = "/" + unquote(asked.path.partition("?")[0])
    if unquote(parts.path).endswith(own_path):
        base = place + unquote(parts.path).removesuffix(own_path) + "/"
        return NotJenkins(
            f"{asked.server} has moved to {base}", advice="Use that URL; nothing was sent there."
        )
    if re.search(r"login|oauth|saml|sso|securityRealm", location, re.IGNORECASE):
        return LoginRefused(
            f"{asked.server} leads to a login page{f' at {place}' if place else ''}",
            advice=f"{_LOGIN_ADVICE} If they are set, a proxy's login stands in front of Jenkins.",
        )
    return NotJenkins(
        f"{asked.cant}: it leads to {place}{parts.path}",
        advice="Check the URL, and what stands between here and Jenkins.",
    )


def explain_lost_login(asked: Asked) -> TargetError:
    """Return the error for an answer that takes us for anonymous, though we sent a login."""
    return LoginRefused(
        f"{asked.server} got no login, though {asked.user!r} was sent with an API token",
        advice="A proxy in front of Jenkins drops the header Authorization: let it pass that.",
    )


def _explain_refusal(answer: Answer, asked: Asked) -> TargetError:
    reason = " ".join(answer.headers.get("X-Error", "").split())
    if reason:
        return Refused(f"{asked.cant}: {reason}")
    if "X-Error" not in answer.headers or not asked.is_write:
        return _explain_unexpected(answer, asked)
    return Refused(
        f"{asked.cant}: it gives no reason, most likely since there is one already that "
        f"{asked.who} may not see",
        advice=f"Ask an administrator of Jenkins to let {asked.who} read it, or name it otherwise.",
    )


def _explain_login(answer: Answer, asked: Asked) -> TargetError:
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
    if permission := _permission(answer):
        return PermissionDenied(
            f"{user or asked.who} is missing the {permission} permission on {asked.server}, "
            f"which is needed to {asked.doing}",
            advice="Ask an administrator of Jenkins for it.",
        )
    if wants_crumb(answer):
        return LoginRefused(
            f"{asked.server} did not take the crumb that it gave itself",
            advice="Use an API token instead of a password: it needs no crumb.",
        )
    advice = "Check the URL, the user's permissions, and any proxy on the way."
    forbidden = f"{asked.cant}: access is forbidden"
    if answer.is_jenkins:
        return PermissionDenied(f"{forbidden}{answer.title}", advice=advice)
    by = "by something in front of Jenkins"
    return NotJenkins(f"{forbidden} {by}{answer.title}", advice=advice)


def _permission(answer: Answer) -> str:
    """Return "Job/Configure" from the header, else from the page."""
    owner, _, verb = answer.headers.get("X-Required-Permission", "").rpartition(".")
    if owner in _PERMISSION_GROUPS:
        return f"{_PERMISSION_GROUPS[owner]}/{verb}"
    return unescape(find_group(r"is missing the ([^<>]{1,80}?) permission", answer.text))


def _explain_missing(answer: Answer, asked: Asked) -> TargetError:
    if not answer.is_jenkins:
        return NotJenkins(
            f"there is no Jenkins at {asked.server}{answer.title}",
            advice="Check the URL, also the path after the host.",
        )
    return Missing(
        f"{asked.cant}: there is none, or {asked.who} may not see it",
        advice="Check the name, and the user's permissions.",
    )


def _explain_too_large(answer: Answer, asked: Asked) -> TargetError:
    return Refused(
        f"{asked.cant}: the config is larger than what is taken (status 413{answer.by})",
        advice="Raise the limit: client_max_body_size in nginx, LimitRequestBody in Apache.",
    )


def _explain_too_many(answer: Answer, asked: Asked) -> TargetError:
    seconds = retry_after(answer.headers)
    wait = f" for the next {seconds:.0f} s" if seconds else ""
    return Unavailable(
        f"{asked.cant}: it wants no more requests{wait} (status 429{answer.by})",
        advice="Run it again later; ask who runs the server for a higher limit of requests.",
    )


def _explain_unavailable(answer: Answer, asked: Asked) -> TargetError:
    if is_starting(answer):
        return Unavailable(f"{asked.server} is starting up", advice="Try again in a minute.")
    return Unavailable(
        f"{asked.cant}: it is not available (status {answer.status})",
        advice="Try again later; if it stays so, the proxy in front of Jenkins can't reach it.",
    )


def _explain_oops(answer: Answer, asked: Asked) -> TargetError:
    place = find_group(r"(Logging ID=[0-9a-f-]+)", answer.text)
    message = f"{asked.cant}: it met a problem of its own (status {answer.status})"
    advice = " under ".join(filter(None, ("Jenkins' log has the reason", place))) + "."
    if asked.is_write:
        return Refused(message, advice=f"{advice} Nothing was changed.")
    return TargetError(message, advice=advice)


def _explain_unexpected(answer: Answer, asked: Asked) -> TargetError:
    return (TargetError if answer.is_jenkins else NotJenkins)(
        f"{asked.cant}: unexpected status {answer.status}{answer.by}{answer.title}",
        advice="Check the URL, and what stands between here and Jenkins.",
    )


_BY_STATUS: Mapping[int, Callable[[Answer, Asked], TargetError]] = {
    400: _explain_refusal,
    401: _explain_login,
    403: _explain_forbidden,
    404: _explain_missing,
    413: _explain_too_large,
    429: _explain_too_many,
    502: _explain_unavailable,
    503: _explain_unavailable,
    504: _explain_unavailable,
}
