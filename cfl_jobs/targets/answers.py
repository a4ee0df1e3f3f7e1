"""What a server answered, or why it didn't → the error: one sentence, and what to do next.

What Jenkins answers is recorded in tests/data/jenkins/*/exchanges.json.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from html import unescape
from http.client import IncompleteRead
from urllib.parse import unquote, urlsplit

import requests
from urllib3 import exceptions as below

from cfl_jobs.errors import (
    LoginRefused,
    Missing,
    NotJenkins,
    PermissionDenied,
    Refused,
    TargetError,
    Unavailable,
    Unreachable,
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

    @property
    def after(self) -> float:
        """For how many seconds the server asks to be left alone, 0 where it doesn't say.

        Retry-After holds seconds, or a date (RFC 9110, 10.2.3), taken by the server's own clock.
        """
        text = self.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            now = parsedate_to_datetime(self.headers.get("Date", ""))
            return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
        except (TypeError, ValueError):
            return 0.0

    @property
    def wants_crumb(self) -> bool:
        """Whether the crumb was missing or of a session that is no more."""
        return self.status == 403 and "No valid crumb" in self.text

    @property
    def is_starting(self) -> bool:
        """Whether Jenkins says that it is not ready yet."""
        return self.status == 503 and "Jenkins is getting ready to work" in self.text

    @property
    def by(self) -> str:
        return ", and not from Jenkins" * (not self.is_jenkins)

    @property
    def title(self) -> str:
        """A page's title in brackets, "" where it has none."""
        title = unescape(find_group(r"(?i)<title[^>]*>([^<]{1,80})", self.text)).split()
        return f" ({' '.join(title)!r})" * bool(title)


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
    return next((str(found[1]) for found in re.finditer(pattern, text, re.DOTALL)), "")


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
    """Return the error that an answer means; of status 200: that it isn't Jenkins' own."""
    if answer.status == 200 and answer.is_jenkins:
        return TargetError(
            f"{asked.cant}: its answer can't be read",
            advice="Check what stands between here and Jenkins.",
        )
    if answer.status == 200:
        return NotJenkins(
            f"{asked.server} answers with a page that is not from Jenkins{answer.title}",
            advice="Check the URL, and whether a proxy or a login page stands in front of Jenkins.",
        )
    if 300 <= answer.status < 400:
        return _explain_redirect(answer, asked)
    if answer.status == 403:
        return _explain_forbidden(answer, asked)
    if found := _explain_status(answer, asked):
        return found
    if answer.status >= 500 and answer.is_jenkins:
        place = find_group(r"(Logging ID=[0-9a-f-]+)", answer.text)
        message = f"{asked.cant}: it met a problem of its own (status {answer.status})"
        advice = " under ".join(filter(None, ("Jenkins' log has the reason", place))) + "."
        if asked.is_write:
            return Refused(message, advice=f"{advice} Nothing was changed.")
        return TargetError(message, advice=advice)
    return (TargetError if answer.is_jenkins else NotJenkins)(
        f"{asked.cant}: unexpected status {answer.status}{answer.by}{answer.title}",
        advice="Check the URL, and what stands between here and Jenkins.",
    )


def _explain_status(answer: Answer, asked: Asked) -> TargetError | None:
    """Return what a status means by itself, None where more is to be looked at."""
    reason = " ".join(answer.headers.get("X-Error", "").split())
    match answer.status:
        case 400 if reason:
            return Refused(f"{asked.cant}: {reason}")
        case 400 if "X-Error" in answer.headers and asked.is_write:
            return Refused(
                f"{asked.cant}: it gives no reason, most likely since there is one already that "
                f"{asked.who} may not see",
                advice=f"Ask an administrator of Jenkins to let {asked.who} read it, or name it "
                "otherwise.",
            )
        case 401 if not asked.user:
            return _want_login(asked)
        case 401:
            return LoginRefused(
                f"{asked.server} does not know the user {asked.user!r} with this API token",
                advice="Make a new token on the user's Security page in Jenkins, and check the "
                "user's ID.",
            )
        case 404 if not answer.is_jenkins:
            return NotJenkins(
                f"there is no Jenkins at {asked.server}{answer.title}",
                advice="Check the URL, also the path after the host.",
            )
        case 404:
            return Missing(
                f"{asked.cant}: there is none, or {asked.who} may not see it",
                advice="Check the name, and the user's permissions.",
            )
        case 413:
            return Refused(
                f"{asked.cant}: the config is larger than what is taken (status 413{answer.by})",
                advice="Raise the limit: client_max_body_size in nginx, LimitRequestBody in "
                "Apache.",
            )
        case 429:
            wait = f" for the next {answer.after:.0f} s" * (answer.after > 0)
            return Unavailable(
                f"{asked.cant}: it wants no more requests{wait} (status 429{answer.by})",
                advice="Run it again later; ask who runs the server for a higher limit of "
                "requests.",
            )
        case 503 if answer.is_starting:
            return Unavailable(f"{asked.server} is starting up", advice="Try again in a minute.")
        case 502 | 503 | 504:
            return Unavailable(
                f"{asked.cant}: it is not available (status {answer.status})",
                advice="Try again later; if it stays so, the proxy in front of Jenkins can't "
                "reach it.",
            )
    return None


def _explain_redirect(answer: Answer, asked: Asked) -> TargetError:
    """Return the error for a redirect that leads away from what was asked."""
    location = answer.headers.get("Location", "")
    parts = urlsplit(location)
    host = parts.netloc.rpartition("@")[2]
    place = host and f"{parts.scheme}://{host}"
    own_path = "/" + unquote(asked.path.partition("?")[0])
    if unquote(parts.path).endswith(own_path):
        base = place + unquote(parts.path).removesuffix(own_path) + "/"
        return NotJenkins(
            f"{asked.server} has moved to {base}", advice="Use that URL; nothing was sent there."
        )
    if re.search(r"login|oauth|saml|sso|securityRealm", location, re.IGNORECASE):
        return LoginRefused(
            f"{asked.server} leads to a login page{place and f' at {place}'}",
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


def _want_login(asked: Asked) -> TargetError:
    return LoginRefused(f"{asked.server} wants a login", advice=_LOGIN_ADVICE)


def _explain_forbidden(answer: Answer, asked: Asked) -> TargetError:
    user = answer.headers.get("X-You-Are-Authenticated-As", "")
    wants_login = "Authentication required" in answer.text
    if asked.user and (wants_login or user == "anonymous" or _ANONYMOUS.search(answer.text)):
        return explain_lost_login(asked)
    if wants_login:
        return _want_login(asked)
    # From the header as "Job/Configure", else from the page.
    owner, _, verb = answer.headers.get("X-Required-Permission", "").rpartition(".")
    permission = f"{_PERMISSION_GROUPS[owner]}/{verb}" if owner in _PERMISSION_GROUPS else ""
    permission = permission or unescape(
        find_group(r"is missing the ([^<>]{1,80}?) permission", answer.text)
    )
    if permission:
        return PermissionDenied(
            f"{user or asked.who} is missing the {permission} permission on {asked.server}, "
            f"which is needed to {asked.doing}",
            advice="Ask an administrator of Jenkins for it.",
        )
    if answer.wants_crumb:
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


class TooSlow(TimeoutError):
    """A request was cut since it had not ended within so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not done within {seconds:g} seconds")
        self.seconds = seconds


# All that requests, urllib3 and the socket below them raise. Their own texts are never shown, since
# they may hold a proxy's password.
FOREIGN = (requests.RequestException, below.HTTPError, OSError, UnicodeError)
# What no further try helps against.
_FINAL = (
    ssl.SSLCertVerificationError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
    below.LocationValueError,
    UnicodeError,
)
# What OpenSSL says of a file without any certificate.
_NO_AUTHORITIES = {"NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB", "BAD_BASE64_DECODE", "NO_START_LINE"}
# What it says of a certificate -> what is wrong with that, what to do next.
_CERTIFICATES = (
    ("mismatch", "is for another host", "Use the host name that the certificate is for."),
    (
        "expired|not yet valid",
        "isn't valid now",
        "Have it renewed, and check this machine's clock.",
    ),
    (
        "",
        "is not trusted",
        "If your organisation has its own CA, name its file in REQUESTS_CA_BUNDLE.",
    ),
)
_LATER = "Try again later; check the network or VPN if it stays so."
_NO_HOST = "there is no host {host!r}", "Check the URL, and the network or VPN."
_NO_PORT = "{server} refused the connection", "Check the port, and whether Jenkins is running."
_NOBODY = (
    "{server} can't be reached: nothing answers there",
    "Check the host and port, and the network or VPN.",
)
_SLOW = "{server} did not answer within {timeout:g} seconds", _LATER
_HALF = "{server} broke off in the middle of an answer", "Try again."
_LOST = "the connection to {server} was lost{reason}", "Try again later."
# The first of these classes that an error comes from -> what happened, what to do next.
_FAILURES: dict[type[BaseException], tuple[str, str]] = {
    **dict.fromkeys((socket.gaierror, below.NameResolutionError), _NO_HOST),
    ConnectionRefusedError: _NO_PORT,
    **dict.fromkeys((requests.ConnectTimeout, below.ConnectTimeoutError), _NOBODY),
    **dict.fromkeys((requests.Timeout, below.TimeoutError, TimeoutError), _SLOW),
    requests.exceptions.ChunkedEncodingError: _HALF,
    requests.exceptions.ContentDecodingError: _HALF,
    **dict.fromkeys((IncompleteRead, below.DecodeError), _HALF),
    **dict.fromkeys((requests.ConnectionError, below.ProtocolError), _LOST),
    BaseException: ("{server} can't be asked ({kind})", "Check the URL."),
}


def explain_failure(error: BaseException, server: str, timeout: float) -> TargetError:
    """Return the error for a request that got no whole answer within `timeout` seconds."""
    chain = list(_chain(error))
    slow = next((link for link in chain if isinstance(link, TooSlow)), None)
    if slow is not None:
        return Unreachable(
            f"{server} did not answer in full within {slow.seconds:g} seconds", advice=_LATER
        )
    if _has(chain, requests.exceptions.ProxyError, below.ProxyError):
        return Unreachable(
            f"{server} can't be reached through the proxy",
            advice="Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY.",
        )
    if (authorities := _missing_authorities(chain)) is not None:
        return Unreachable(
            f"the file of certificate authorities {authorities!r} can't be read",
            advice="Correct REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE), or unset it.",
        )
    if _has(chain, ssl.SSLError, requests.exceptions.SSLError, below.SSLError):
        return _explain_tls(
            next((link for link in chain if isinstance(link, ssl.SSLError)), None), server
        )
    said = [link.strerror for link in chain if isinstance(link, OSError) and link.strerror]
    told = {
        "server": server,
        "host": urlsplit(server).hostname,
        "timeout": timeout,
        "reason": "".join(f": {words}" for words in said[:1]),
        "kind": type(error).__name__,
    }
    message, advice = next(_FAILURES[kind] for kind in _FAILURES if _has(chain, kind))
    return Unreachable(message.format(**told), advice=advice)


def is_final(error: BaseException) -> bool:
    """Say whether trying again is no use, though the server was there before."""
    chain = list(_chain(error))
    return _has(chain, *_FINAL) or _missing_authorities(chain) is not None


def is_brief(error: BaseException) -> bool:
    """Say whether a connection broke, which is no reason to wait for a server."""
    chain = list(_chain(error))
    return _has(chain, below.ProtocolError) and not _has(chain, TimeoutError, below.TimeoutError)


def _has(chain: Sequence[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(link, kinds) for link in chain)


def _explain_tls(error: ssl.SSLError | None, server: str) -> TargetError:
    if isinstance(error, ssl.SSLCertVerificationError):
        said = error.verify_message
        what, advice = next(row[1:] for row in _CERTIFICATES if re.search(row[0], said))
        return Unreachable(f"{server} has a certificate that {what}: {said}", advice=advice)
    reason = getattr(error, "reason", "") or ""
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return Unreachable(f"{server} does not speak TLS", advice="Is it http:// there?")
    words = reason and f": {reason.replace('_', ' ').lower()}"
    return Unreachable(
        f"{server} can't be reached by TLS{words}", advice="Check the URL, and any proxy."
    )


def _missing_authorities(chain: Sequence[BaseException]) -> str | None:
    """Return the file of certificate authorities that requests could not use, None if it could."""
    for link in chain:
        found = re.search(r"TLS CA certificate bundle, invalid path: (.*)", str(link), re.DOTALL)
        if found:
            return found[1]
        if isinstance(link, ssl.SSLError) and getattr(link, "reason", "") in _NO_AUTHORITIES:
            return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it came from, however the libraries tell of it."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        told = (link.__cause__, link.__context__, getattr(link, "reason", None), *link.args)
        waiting += [other for other in told if isinstance(other, BaseException)]
