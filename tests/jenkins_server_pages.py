"""The stand-in's answers: error pages and the remote API's JSON, as the recordings show them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

HTML = "text/html;charset=utf-8"
_JETTY = "text/html;charset=iso-8859-1"
_REPORT_GROUPS = (
    "JENKINS-39402: use -Dhudson.security.AccessDeniedException2.REPORT_GROUP_HEADERS=true"
    " or use /whoAmI to diagnose"
)
ADMINISTER, READ = "hudson.model.Hudson.Administer", "hudson.model.Item.Read"
# What implies a permission, beside Administer: hudson.security.Permission's Generic….
_IMPLYING = {
    "Read": ("Read",),
    "Configure": ("Configure", "Update", "Write"),
    "Create": ("Create", "Write"),
    "Delete": ("Delete", "Write"),
    "Build": ("Update", "Write"),
}
_OF_VIEWS = {"Create": (), "Delete": (), "Configure": _IMPLYING["Configure"]}
# hudson.security.Permission's id -> its title, and the ids that imply it.
PERMISSIONS = {ADMINISTER: ("Overall/Administer", "")} | {
    f"hudson.model.{owner}.{verb}": (
        f"{title}/{verb}",
        ", ".join([*(f"hudson.security.Permission.Generic{one}" for one in implying), ADMINISTER]),
    )
    for owner, title, verbs in (("Item", "Job", _IMPLYING), ("View", "View", _OF_VIEWS))
    for verb, implying in verbs.items()
}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(self.status, self.body, {**self.headers, **named})


def text_answer(text: str, kind: str, *, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, text.encode(), {"Content-Type": kind, **named})


@dataclass(frozen=True)
class Dialect:
    """What one version of Jenkins says and does in its own way, and its pages."""

    version: str
    # Until LTS 2.555.3 (SECURITY-3744) config.xml was stored and read as it was posted.
    reads_file: bool
    title: str
    challenge: str
    jetty: str
    # A redirect's Location is a URL.
    has_full_locations: bool
    # What a build with parameters, or without, gets where the job is of the other kind.
    wrong_build: int
    # What the page says while Jenkins starts.
    getting_ready: str
    # What is told to who isn't logged in, and with each answer.
    anonymous: Mapping[str, str] = field(default_factory=dict)
    always: Mapping[str, str] = field(default_factory=dict)
    cookie: str = ""

    def json(self, value: object) -> Answer:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        kind = "application/json;charset=utf-8"
        return text_answer(text, kind, X_Jenkins=self.version)

    def redirect(self, url: str) -> Answer:
        return redirect(url if self.has_full_locations else urlsplit(url).path)

    def page(self, title: str, content: str, *, status: int, **headers: str) -> Answer:
        """Return one of Jenkins' own pages."""
        head = (
            '<!DOCTYPE html><html><head resURL="/static/HASH" data-rooturl="" '
            'data-crumb-header="Jenkins-Crumb" data-crumb-value="CRUMB">'
            f"<title>{self.title.format(title) if title else 'Jenkins'}</title></head>"
        )
        body = f'<body id="jenkins"><div id="main-panel">{content}</div></body></html>'
        text = f"\n  {head}{body}"
        return text_answer(text, HTML, status=status, X_Jenkins=self.version, **headers)

    def jetty_page(self, status: int, message: str, path: str, **headers: str) -> Answer:
        """Return an error page of the servlet container, which says nothing of Jenkins."""
        rows = {"URI": path, "STATUS": str(status), "MESSAGE": message, "SERVLET": "Stapler"}
        table = "\n".join(
            f"<tr><th>{name}:</th><td>{html.escape(value)}</td></tr>"
            for name, value in rows.items()
        )
        text = (
            f"<html>\n<head>\n<title>Error {status} {message}</title>\n</head>\n"
            f"<body><h2>HTTP ERROR {status} {message}</h2>\n<table>\n{table}\n</table>\n"
            f'<hr/><a href="https://jetty.org/">Powered by Jetty:// {self.jetty}</a><hr/>\n'
            "\n</body>\n</html>\n"
        )
        return text_answer(text, _JETTY, status=status, **headers)

    def wrong_login(self, path: str) -> Answer:
        headers = {"WWW_Authenticate": self.challenge}
        return self.jetty_page(401, "Unauthorized", path, **headers)

    def login_needed(self, path: str) -> Answer:
        target = "/login?from=" + quote(path, safe="")
        text = (
            f"<html><head><meta http-equiv='refresh' content='1;url={target}'/>"
            f"<script id='redirect' data-redirect-url='{target}' "
            "src='/static/HASH/scripts/redirect.js'></script></head>"
            "<body style='background-color:white; color:white;'>\n"
            "Authentication required\n<!--\n-->\n\n</body></html>"
        )
        answer = text_answer(text + " " * 300, HTML, status=403, X_Jenkins=self.version)
        return answer.with_headers(**self.anonymous)

    def refused(self, message: str) -> Answer:
        """400: not done. The header has blanks where the page has quotation marks."""
        plain = re.sub("[\u2018\u2019\u201c\u201d]", " ", message)
        content = f"<h1>Error</h1><p>{html.escape(message, quote=False)}</p>"
        return self.page("Jenkins", content, status=400).with_headers(X_Error=plain)

    def oops(self) -> Answer:
        content = (
            "<h1>Oops!</h1><h2>A problem occurred while processing the request</h2>"
            "<p>Logging ID=00000000-0000-0000-0000-000000000000</p>"
        )
        return self.page("Jenkins", content, status=500)

    def not_found(self) -> Answer:
        content = (
            "<h1>Oops!</h1><h2>Not Found</h2>"
            "<p>This page may not exist, or you may not have permission to see it.</p>"
        )
        return self.page("Not Found", content, status=404)

    def access_denied(self, user: str, permission: str) -> Answer:
        title, implied = PERMISSIONS[permission]
        content = f"<h1>Access Denied</h1><p>{user} is missing the {title} permission</p>"
        headers = {
            "X_You_Are_Authenticated_As": user,
            "X_You_Are_In_Group_Disabled": _REPORT_GROUPS,
            "X_Required_Permission": permission,
        }
        if implied:
            headers["X_Permission_Implied_By"] = implied
        return self.page("", content, status=403, **headers)

    def starting(self) -> Answer:
        text = (
            '<!DOCTYPE html><html lang="en"><head resURL="/static/HASH"><title>Starting Jenkins'
            '</title></head><body><div class="simple-page" role="main"><h1 class="loading">\n'
            f'{self.getting_ready}</h1><p class="restarting">Your browser will reload'
            " automatically when Jenkins is ready.</div></body></html>"
        )
        return text_answer(text, HTML, status=503)


DIALECTS = {
    dialect.version: dialect
    for dialect in (
        Dialect(
            "2.440.3",
            reads_file=True,
            title="{} [Jenkins]",
            challenge='Basic realm="Jenkins"',
            jetty="10.0.20",
            has_full_locations=True,
            wrong_build=500,
            getting_ready="Please wait while Jenkins is getting ready to work . . .",
        ),
        Dialect(
            "2.568.2",
            reads_file=False,
            title="{} - Jenkins",
            challenge='Basic realm="Jenkins", charset="UTF-8"',
            jetty="12.1.8",
            has_full_locations=False,
            wrong_build=400,
            getting_ready="Jenkins is getting ready to work",
            anonymous={
                "X_You_Are_Authenticated_As": "anonymous",
                "X_Required_Permission": "hudson.model.Hudson.Read",
                "X_Permission_Implied_By": (
                    "hudson.security.Permission.GenericRead, hudson.model.Hudson.Administer"
                ),
            },
            cookie="; SameSite=Lax",
            always={"Content-Security-Policy-Report-Only": "base-uri 'none'; default-src 'self'"},
        ),
    )
}


def redirect(location: str, *, status: int = 302) -> Answer:
    return Answer(status, b"", {"Location": location})


def gateway_error(status: int, *, retry_after: float = 0.0) -> Answer:
    """Return what a proxy in front of Jenkins says."""
    reason = {
        429: "Too Many Requests",
        502: "Bad Gateway",
        503: "Service Temporarily Unavailable",
        504: "Gateway Time-out",
    }
    headers = {"Retry-After": f"{retry_after:.0f}"} if retry_after else {}
    text = (
        f"<html>\r\n<head><title>{status} {reason[status]}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {reason[status]}</h1></center>\r\n<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    )
    return text_answer(text, "text/html", status=status, Server="nginx", **headers)


def proxy_page() -> Answer:
    """Return a company proxy's login page, with status 200."""
    text = "<html><head><title>Single sign-on</title></head><body>Please log in.</body></html>"
    return text_answer(text, "text/html", Server="nginx")


Tree = dict[str, "Tree"]
_TOKEN = re.compile(r"[^\[\],{}]+|[\[\],]|\{\d*,?\d*\}")


def parse_tree(text: str) -> Tree:
    """Parse the remote API's `tree` parameter: "jobs[name,builds[number]{0,9}]".

    A range is kept under the key "{}" of its field.
    """
    tokens = _TOKEN.findall(text)

    def fields(at: int) -> tuple[Tree, int]:
        found: Tree = {}
        name = ""
        while at < len(tokens) and tokens[at] != "]":
            token = tokens[at]
            if token == "[":
                found[name], at = fields(at + 1)
            elif token.startswith("{"):
                found[name] = {**found[name], token: {}}
            elif token != ",":
                name = token.strip()
                found[name] = {}
            at += 1
        return found, at

    return fields(0)[0]


def prune(value: Any, tree: Tree) -> Any:
    """Return only what the tree asks for; unknown fields are left out, as Jenkins does."""
    if isinstance(value, list):
        pruned = [prune(item, tree) for item in value]
        for key in tree:
            if key.startswith("{"):
                first, _, last = key.strip("{}").partition(",")
                pruned = pruned[int(first or 0) : int(last) if last else None]
        return pruned
    if not isinstance(value, dict):
        return value
    fields = {name: inner for name, inner in tree.items() if not name.startswith("{")}
    kept = {"_class": value["_class"]} if "_class" in value else {}
    for name, inner in fields.items():
        if name == "*":
            kept.update({key: item for key, item in value.items() if key not in kept})
        elif name in value:
            kept[name] = prune(value[name], inner)
    return kept
