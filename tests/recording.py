"""What a server does, as data: answers to the recorded requests, what it makes of their jobs.

    recording = record(url, "user", "token")
    find_news(recording)      what no recording shows: where the stand-in does otherwise
    keep(recording, place)    the files of a new folder in tests/data/jenkins

Only jobs and views whose names start with PREFIX are touched, and they are removed. Requests that
are not for someone else's server are left out: builds, lists, logins, a quiet-down.
"""

from __future__ import annotations

import http.client
import json
import re
from base64 import b64encode
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import tests.jenkins_server_configs as configs
from tests.jenkins_server import JenkinsServer
from tests.jenkins_server_rules import mask_ciphers
from tests.jenkins_server_xml import parse, read_text

TELLING = (
    "Content-Type",
    "Location",
    "WWW-Authenticate",
    "X-Error",
    "X-Jenkins",
    "X-Permission-Implied-By",
    "X-Required-Permission",
    "X-You-Are-Authenticated-As",
)
# Parts of JSON bodies that are left out of the comparison, with the reason.
IGNORED_FIELDS = {
    "build info": ({"artifacts", "timestamp", "duration", "estimatedDuration"}, "no build is run"),
    "python-jenkins get_plugins_info": (
        {
            "backupVersion",
            "bundled",
            "deleted",
            "dependencies",
            "detached",
            "downgradable",
            "longName",
            "pinned",
            "requiredCoreVersion",
            "supportsDynamicLoad",
            "url",
        },
        "no one asks for more than plugins' names, versions and state",
    ),
}


def ask(
    url: str, method: str, path: str, *, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    """Send one request. Keywords are headers, with _ for -."""
    place = urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "POST":
            named["Content-Length"] = str(len(body or b""))
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def login(user: str, secret: str) -> str:
    return "Basic " + b64encode(f"{user}:{secret}".encode()).decode()


def page_text(body: str) -> str:
    """Return what a person reads on an error page."""
    text = body.rpartition("</head>")[2]
    text = re.sub(r"<script.*?</script>|<!--.*?-->", " ", text, flags=re.DOTALL)
    text = unescape(re.sub(r"<[^>]*>", " ", text))
    return " ".join(re.sub(r"Logging ID=\S+", "Logging ID", text).split())


def page_title(body: str) -> str:
    found = re.search(r"<title>([^<]*)</title>", body)
    return found[1] if found else ""


def without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: without(item, names) for name, item in value.items() if name not in names}
    return [without(item, names) for item in value] if isinstance(value, list) else value


def complete_objects(text: str) -> list[Any]:
    """Return the objects of the first list in a JSON text that was cut."""
    decoder = json.JSONDecoder()
    at = re.search(r'"(?:jobs|plugins)":\[', text)
    assert at
    found = []
    place = at.end()
    while place < len(text):
        try:
            item, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError:
            break
        found.append(item)
        place += 1
    return found


def compare_bodies(name: str, wanted: dict[str, Any], body: str) -> tuple[Any, Any] | None:
    """Return both sides where they differ."""
    recorded = wanted["body"]
    kind = wanted["headers"].get("Content-Type", "")
    got: Any
    expected: Any
    if kind.startswith("application/json"):
        ignored = IGNORED_FIELDS.get(name, (set(), ""))[0]
        if wanted["truncated"]:
            expected = without(complete_objects(recorded), ignored)
            got = without(complete_objects(body), ignored)[: len(expected)]
            assert len(expected) >= 5
        else:
            got = without(json.loads(body), ignored)
            expected = without(json.loads(recorded), ignored)
    elif kind.startswith("text/html"):
        expected = page_title(recorded)
        got = page_title(body) if expected or not wanted["truncated"] else ""
        if wanted.get("message"):
            logged = re.sub(r"Logging ID=\S+", "Logging ID", wanted["message"])
            got, expected = page_text(body), logged
        elif not wanted["truncated"]:
            got, expected = page_text(body), page_text(recorded)
    else:
        got, expected = body, recorded
    return None if got == expected else (got, expected)


PREFIX = "cfl-jobs-test "
# Names of the recorded requests, which get the prefix; a request without one isn't repeated.
_NAMES = ("Publish X Files", "Publish Y Files", "Code for Life", "team", "absent", "bad2", "bad")
_PLACE = re.compile(
    rf"((?:^|/)(?:job|view)/|[?&](?:newN|n)ame=)(?={'|'.join(map(quote, _NAMES))}(?:[/?&]|$))"
)
_BUILDING = ("build", "build info", "console", "artifact")
_LONGEST = 4000


@dataclass
class Recording:
    """What one server answered. `configs` are by "NAME.FORM", as the files are named."""

    version: str
    plugins: dict[str, str]
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    configs: dict[str, str] = field(default_factory=dict)


class _Recorder:
    def __init__(self, url: str, user: str, secret: str) -> None:
        self.url = url.rstrip("/") + "/"
        self._headers = {"Authorization": login(user, secret)}
        status, headers, body = self.ask("GET", "/crumbIssuer/api/json")
        if status == 200:  # a password needs it, a token doesn't mind
            cookie = headers.get("Set-Cookie", "").partition(";")[0]
            self._headers |= {"Jenkins_Crumb": json.loads(body)["crumb"], "Cookie": cookie}

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        whole = urlsplit(self.url).path.rstrip("/") + path
        data = None if body is None else body.encode()
        return ask(self.url, method, whole, body=data, **self._headers, **headers)

    def read_plugins(self) -> dict[str, str]:
        """Return the plugins' versions; none where the user may not see them."""
        path = "/pluginManager/api/json?tree=plugins[shortName,version]"
        status, _, body = self.ask("GET", path)
        found = json.loads(body)["plugins"] if status == 200 else []
        return {plugin["shortName"]: plugin["version"] for plugin in found}

    def repeat(self, exchange: dict[str, Any]) -> dict[str, Any]:
        """Send a recorded request under the prefix; return the exchange."""
        request = exchange["request"]
        path = _PLACE.sub(rf"\g<1>{quote(PREFIX)}", request["path"])
        body = request["body"] and request["body"].replace(
            "<name>Code for Life<", f"<name>{PREFIX}Code for Life<"
        )
        named = {name.replace("-", "_"): value for name, value in request["headers"].items()}
        status, headers, text = self.ask(request["method"], path, body, **named)
        telling = {name: self._hide(headers[name]) for name in TELLING if name in headers}
        shown = self._hide(text)
        response = {
            "status": status,
            "headers": telling,
            "body": shown[:_LONGEST],
            "truncated": len(shown) > _LONGEST,
        }
        return {"name": exchange["name"], "request": request, "response": response}

    def try_config(self, name: str) -> dict[str, str]:
        """Make a recorded job, let Jenkins save it, remove it; return both texts."""
        posted = configs.recorded(name, "posted")
        job = f"/job/{quote(PREFIX + name, safe='')}"
        kind = {"Content_Type": "text/xml; charset=utf-8"}
        path = f"/createItem?name={quote(PREFIX + name, safe='')}"
        if self.ask("POST", path, posted, **kind)[0] != 200:
            return {}
        try:
            stored = self.ask("GET", f"{job}/config.xml")[2]
            text = read_text(parse(posted), "description") or ""
            form = {"Content_Type": "application/x-www-form-urlencoded"}
            self.ask("POST", f"{job}/submitDescription", f"description={quote(text)}", **form)
            saved = self.ask("GET", f"{job}/config.xml")[2]
        finally:
            self.ask("POST", f"{job}/doDelete")
        texts = {"stored": stored} | ({"saved": saved} if saved != stored else {})
        return {f"{name}.{form}": self._hide(text) for form, text in texts.items()}

    def _hide(self, text: str) -> str:
        """Hide where the server is, the prefix, and every secret."""
        parts = urlsplit(self.url)
        text = text.replace(self.url, "http://jenkins.example/")
        if parts.path != "/":
            text = text.replace(parts.path, "/")
        for prefix in (PREFIX, quote(PREFIX)):
            text = text.replace(prefix, "")
        return mask_ciphers(re.sub(r'(data-crumb-value=")[^"]*', r"\1CRUMB", text))


def record(url: str, user: str, secret: str) -> Recording:
    """Ask a server all that may be asked of it."""
    recorder = _Recorder(url, user, secret)
    version = recorder.ask("GET", "/api/json?tree=mode")[1]["X-Jenkins"]
    made = Recording(version, recorder.read_plugins())
    for exchange in configs.exchanges(find_nearest(version)):
        is_ours = exchange["request"]["auth"] == "token" and exchange["name"] not in _BUILDING
        if is_ours and _PLACE.search(exchange["request"]["path"]):
            made.exchanges.append(recorder.repeat(exchange))
    recorder.ask("POST", f"/job/{quote(f'{PREFIX}team')}/doDelete")
    for known in configs.DIALECTS:
        for name in configs.recorded_names("posted", known):
            made.configs |= recorder.try_config(name)
    return made


def find_nearest(version: str) -> str:
    """Return the newest recorded version that isn't newer, else the oldest."""

    def numbers(text: str) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", text)]

    older = [known for known in configs.DIALECTS if numbers(known) <= numbers(version)]
    return older[-1] if older else configs.OLD


def find_news(recording: Recording) -> list[str]:
    """Name what the stand-in, of the nearest version and with the same plugins, does otherwise."""
    with JenkinsServer(find_nearest(recording.version)) as server:
        server.plugins = recording.plugins or server.plugins
        known = record(server.url, server.user, server.token)
    news = []
    for here, there in zip(recording.exchanges, known.exchanges, strict=True):
        got, expected = here["response"], there["response"]
        told = [
            (answer["status"], answer["headers"] | {"X-Jenkins": ""}) for answer in (got, expected)
        ]
        if told[0] != told[1] or compare_bodies(here["name"], expected, got["body"]):
            news.append(f"exchange: {here['name']}")
    for name in sorted({*recording.configs, *known.configs}):
        if recording.configs.get(name) != known.configs.get(name):
            news.append(f"config: {name}")
    return news


def keep(recording: Recording, place: Path) -> Path:
    """Write a recording as tests/data/jenkins has it; return its folder."""
    folder = place / recording.version
    (folder / "config").mkdir(parents=True, exist_ok=True)
    whole = {"jenkins": recording.version, "exchanges": recording.exchanges}
    plugins = {name: {"version": version} for name, version in recording.plugins.items()}
    for name, data in (("exchanges", whole), ("plugins", plugins)):
        text = json.dumps(data, indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    for name, config in recording.configs.items():
        (folder / "config" / f"{name}.xml").write_text(config, encoding="utf-8")
    return folder
