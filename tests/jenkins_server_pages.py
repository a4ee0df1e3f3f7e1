"""The stand-in's answers: error pages and the remote API's JSON, as the recordings show them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

VERSION = "2.440.3"
HTML = "text/html;charset=utf-8"
_JETTY = "text/html;charset=iso-8859-1"
_REPORT_GROUPS = (
    "JENKINS-39402: use -Dhudson.security.AccessDeniedException2.REPORT_GROUP_HEADERS=true"
    " or use /whoAmI to diagnose"
)
# hudson.security.Permission's id -> its title, and the ids that imply it.
PERMISSIONS = {
    "hudson.model.Hudson.Administer": ("Overall/Administer", ""),
    "hudson.model.Item.Configure": (
        "Job/Configure",
        "hudson.security.Permission.GenericConfigure, hudson.security.Permission.GenericUpdate,"
        " hudson.security.Permission.GenericWrite, hudson.model.Hudson.Administer",
    ),
    "hudson.model.Item.Create": (
        "Job/Create",
        "hudson.security.Permission.GenericCreate, hudson.security.Permission.GenericWrite,"
        " hudson.model.Hudson.Administer",
    ),
    "hudson.model.Item.Delete": (
        "Job/Delete",
        "hudson.security.Permission.GenericDelete, hudson.security.Permission.GenericWrite,"
        " hudson.model.Hudson.Administer",
    ),
    "hudson.model.Item.Build": (
        "Job/Build",
        "hudson.security.Permission.GenericUpdate, hudson.security.Permission.GenericWrite,"
        " hudson.model.Hudson.Administer",
    ),
    **{
        f"hudson.model.View.{verb}": (f"View/{verb}", "hudson.model.Hudson.Administer")
        for verb in ("Create", "Delete")
    },
    "hudson.model.View.Configure": (
        "View/Configure",
        "hudson.security.Permission.GenericConfigure, hudson.security.Permission.GenericUpdate,"
        " hudson.security.Permission.GenericWrite, hudson.model.Hudson.Administer",
    ),
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


def json_answer(value: object) -> Answer:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text_answer(text, "application/json;charset=utf-8", X_Jenkins=VERSION)


def redirect(location: str, *, status: int = 302) -> Answer:
    return Answer(status, b"", {"Location": location})


def page(title: str, content: str, *, status: int, **headers: str) -> Answer:
    """Return one of Jenkins' own pages."""
    head = (
        '<!DOCTYPE html><html><head resURL="/static/HASH" data-rooturl="" '
        'data-crumb-header="Jenkins-Crumb" data-crumb-value="CRUMB">'
        f"<title>{title}</title></head>"
    )
    body = f'<body id="jenkins"><div id="main-panel">{content}</div></body></html>'
    return text_answer(f"\n  {head}{body}", HTML, status=status, X_Jenkins=VERSION, **headers)


def jetty_page(status: int, message: str, path: str, **headers: str) -> Answer:
    """Return an error page of the servlet container, which says nothing of Jenkins."""
    rows = {"URI": path, "STATUS": str(status), "MESSAGE": message, "SERVLET": "Stapler"}
    table = "\n".join(
        f"<tr><th>{name}:</th><td>{html.escape(value)}</td></tr>" for name, value in rows.items()
    )
    text = (
        f"<html>\n<head>\n<title>Error {status} {message}</title>\n</head>\n"
        f"<body><h2>HTTP ERROR {status} {message}</h2>\n<table>\n{table}\n</table>\n"
        '<hr/><a href="https://eclipse.org/jetty">Powered by Jetty:// 10.0.20</a><hr/>\n'
        "\n</body>\n</html>\n"
    )
    return text_answer(text, _JETTY, status=status, **headers)


def login_needed(path: str) -> Answer:
    target = "/login?from=" + quote(path, safe="")
    text = (
        f"<html><head><meta http-equiv='refresh' content='1;url={target}'/>"
        f"<script id='redirect' data-redirect-url='{target}' "
        "src='/static/HASH/scripts/redirect.js'></script></head>"
        "<body style='background-color:white; color:white;'>\n"
        "Authentication required\n<!--\n-->\n\n</body></html>"
    )
    return text_answer(text + " " * 300, HTML, status=403, X_Jenkins=VERSION)


def refused(message: str, *, header: str | None = None) -> Answer:
    """400: the change was not made. The header has blanks where the page has quotation marks."""
    plain = re.sub("[\u2018\u2019\u201c\u201d]", " ", message) if header is None else header
    content = f"<h1>Error</h1><p>{html.escape(message, quote=False)}</p>"
    answer = page("Jenkins [Jenkins]", content, status=400)
    return Answer(400, answer.body, {**answer.headers, "X-Error": plain})


def oops() -> Answer:
    content = (
        "<h1>Oops!</h1><h2>A problem occurred while processing the request</h2>"
        "<p>Logging ID=00000000-0000-0000-0000-000000000000</p>"
    )
    return page("Jenkins [Jenkins]", content, status=500)


def not_found() -> Answer:
    content = (
        "<h1>Oops!</h1><h2>Not Found</h2>"
        "<p>This page may not exist, or you may not have permission to see it.</p>"
    )
    return page("Not Found [Jenkins]", content, status=404)


def access_denied(user: str, permission: str) -> Answer:
    title, implied = PERMISSIONS[permission]
    content = f"<h1>Access Denied</h1><p>{user} is missing the {title} permission</p>"
    headers = {
        "X_You_Are_Authenticated_As": user,
        "X_You_Are_In_Group_Disabled": _REPORT_GROUPS,
        "X_Required_Permission": permission,
    }
    if implied:
        headers["X_Permission_Implied_By"] = implied
    return page("Jenkins", content, status=403, **headers)


def starting() -> Answer:
    text = (
        '<!DOCTYPE html><html lang="en"><head resURL="/static/HASH"><title>Starting Jenkins'
        '</title></head><body><div class="simple-page" role="main"><h1 class="loading">\n'
        "Please wait while Jenkins is getting ready to work\n<span>.</span><span>.</span>"
        '<span>.</span></h1><p class="restarting">Your browser will reload automatically when'
        " Jenkins is ready.</div></body></html>"
    )
    return text_answer(text, HTML, status=503)


def gateway_error(status: int) -> Answer:
    """Return what a proxy in front of Jenkins says."""
    reason = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}
    text = (
        f"<html>\r\n<head><title>{status} {reason[status]}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {reason[status]}</h1></center>\r\n<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    )
    return text_answer(text, "text/html", status=status, Server="nginx")


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
