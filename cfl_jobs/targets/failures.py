"""What went wrong below an answer → an error of ours: no host, no port, TLS, a timeout.

Reads the errors of requests and urllib3 by the names of their classes, without importing them;
their own texts are never shown, since they may hold a proxy's password.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from cfl_jobs.errors import NotJenkins, TargetError, Unreachable

_TIMEOUTS = {"ReadTimeout", "ReadTimeoutError", "Timeout"}
_CUT_SHORT = {"ChunkedEncodingError", "IncompleteRead", "ContentDecodingError", "DecodeError"}
# What OpenSSL says of a file without any certificate.
_NO_AUTHORITIES = {"NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB", "BAD_BASE64_DECODE", "NO_START_LINE"}


class TooSlow(TimeoutError):
    """A request was cut since it had not ended within so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not done within {seconds:g} seconds")
        self.seconds = seconds


def explain_failure(error: BaseException, server: str, timeout: float) -> TargetError:
    """Return the error for a request that got no whole answer."""
    chain = list(_chain(error))
    slow = next((link for link in chain if isinstance(link, TooSlow)), None)
    if slow is not None:
        return Unreachable(
            f"{server} did not answer in full within {slow.seconds:g} seconds",
            advice="Try again later; check the network or VPN if it stays so.",
        )
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    host = urlsplit(server).hostname
    if "ProxyError" in names:
        return Unreachable(
            f"{server} can't be reached through the proxy",
            advice="Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY.",
        )
    if (authorities := _missing_authorities(chain)) is not None:
        return Unreachable(
            f"the file of certificate authorities {authorities!r} can't be read",
            advice="Correct REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE), or unset it.",
        )
    tls = next((link for link in chain if isinstance(link, ssl.SSLError)), None)
    if tls is not None or "SSLError" in names:
        return _explain_tls(tls, server)
    if any(isinstance(link, socket.gaierror) for link in chain) or "NameResolutionError" in names:
        return Unreachable(
            f"there is no host {host!r}", advice="Check the URL, and the network or VPN."
        )
    if any(isinstance(link, ConnectionRefusedError) for link in chain):
        return Unreachable(
            f"{server} refused the connection",
            advice="Check the port, and whether Jenkins is running.",
        )
    if names & {"ConnectTimeout", "ConnectTimeoutError"}:
        return Unreachable(
            f"{server} can't be reached: nothing answers there",
            advice="Check the host and port, and the network or VPN.",
        )
    if names & _TIMEOUTS or any(isinstance(link, TimeoutError) for link in chain):
        return Unreachable(
            f"{server} did not answer within {timeout:g} seconds",
            advice="Try again later; check the network or VPN if it stays so.",
        )
    if names & _CUT_SHORT:
        return Unreachable(f"{server} broke off in the middle of an answer", advice="Try again.")
    if "JSONDecodeError" in names or type(error) is ValueError:
        return NotJenkins(
            f"{server} gave something that is not a crumb when it was asked for one",
            advice="Check whether a proxy or a login page stands in front of Jenkins.",
        )
    number = next((link for link in chain if isinstance(link, OSError) and link.strerror), None)
    reason = f": {number.strerror}" if number is not None else ""
    if names & {"ConnectionError", "ProtocolError", "OSError"}:
        return Unreachable(
            f"the connection to {server} was lost{reason}", advice="Try again later."
        )
    return Unreachable(f"{server} can't be asked ({type(error).__name__})", advice="Check the URL.")


def is_final(error: BaseException, *, has_answered: bool) -> bool:
    """Say whether trying again is no use.

    A server that has answered in this run is refusing only while it restarts; one that never has
    is not there, and nobody wants to wait for it.
    """
    chain = list(_chain(error))
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    if "TooSlow" in names:
        return False
    if _missing_authorities(chain) is not None:
        return True
    if "SSLError" in names or "ProxyError" in names or "JSONDecodeError" in names:
        return not has_answered or any(
            isinstance(link, ssl.SSLCertVerificationError) for link in chain
        )
    absent = (socket.gaierror, ConnectionRefusedError)
    if any(isinstance(link, absent) for link in chain):
        return not has_answered
    return not names & {"OSError", "HTTPError", "RequestException"}


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
