"""Why a server gave no whole answer → the error: no host, no port, TLS, a timeout."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from http.client import IncompleteRead
from urllib.parse import urlsplit

import requests
from urllib3 import exceptions as below

from cfl_jobs.errors import TargetError, Unreachable


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
_LATER = "Try again later; check the network or VPN if it stays so."
# The first of these classes that an error comes from -> what happened, what to do next.
_FAILURES: tuple[tuple[tuple[type[BaseException], ...], str, str], ...] = (
    (
        (socket.gaierror, below.NameResolutionError),
        "there is no host {host!r}",
        "Check the URL, and the network or VPN.",
    ),
    (
        (ConnectionRefusedError,),
        "{server} refused the connection",
        "Check the port, and whether Jenkins is running.",
    ),
    (
        (requests.ConnectTimeout, below.ConnectTimeoutError),
        "{server} can't be reached: nothing answers there",
        "Check the host and port, and the network or VPN.",
    ),
    (
        (requests.Timeout, below.TimeoutError, TimeoutError),
        "{server} did not answer within {timeout:g} seconds",
        _LATER,
    ),
    (
        (
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
            IncompleteRead,
            below.DecodeError,
        ),
        "{server} broke off in the middle of an answer",
        "Try again.",
    ),
    (
        (requests.ConnectionError, below.ProtocolError),
        "the connection to {server} was lost{reason}",
        "Try again later.",
    ),
    ((BaseException,), "{server} can't be asked ({kind})", "Check the URL."),
)


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
    number = next((link for link in chain if isinstance(link, OSError) and link.strerror), None)
    told = {
        "server": server,
        "host": urlsplit(server).hostname,
        "timeout": timeout,
        "reason": f": {number.strerror}" if number is not None else "",
        "kind": type(error).__name__,
    }
    message, advice = next(row[1:] for row in _FAILURES if _has(chain, *row[0]))
    return Unreachable(message.format(**told), advice=advice)


def is_final(error: BaseException) -> bool:
    """Say whether trying again is no use, though the server was there before."""
    chain = list(_chain(error))
    return _has(chain, *_FINAL) or _missing_authorities(chain) is not None


def _has(chain: Sequence[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(link, kinds) for link in chain)


def _explain_tls(error: ssl.SSLError | None, server: str) -> TargetError:
    if isinstance(error, ssl.SSLCertVerificationError):
        if "mismatch" in error.verify_message:
            return Unreachable(
                f"{server} has a certificate that is for another host: {error.verify_message}",
                advice="Use the host name that the certificate is for.",
            )
        if "expired" in error.verify_message or "not yet valid" in error.verify_message:
            return Unreachable(
                f"{server} has a certificate that isn't valid now: {error.verify_message}",
                advice="Have it renewed, and check this machine's clock.",
            )
        return Unreachable(
            f"{server} has a certificate that is not trusted: {error.verify_message}",
            advice="If your organisation has its own CA, name its file in REQUESTS_CA_BUNDLE.",
        )
    reason = (error.reason if error is not None else "") or ""
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return Unreachable(f"{server} does not speak TLS", advice="Is it http:// there?")
    words = f": {reason.replace('_', ' ').lower()}" if reason else ""
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
