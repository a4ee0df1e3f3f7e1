"""Plan or review → one HTML page: the chain drawn with what changes marked, and the changes.

The page loads nothing but its style sheet, where that is a file beside it, and sends nothing. Its
policy allows its own style and script only, so that no text of a definition could run even if it
got through. All of it is readable without the script, and drawn without the style. Jenkins' policy
for artifacts (hudson.model.DirectoryBrowserSupport.CSP) refuses both in a page, and takes a style
sheet beside it.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from cfl_jobs.drawing.svg import Marks, draw_svg, fill_template
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.review.outline import count_actions, list_entries, summarise
from cfl_jobs.review.review import Review

_OPEN_LINES = 40


def read_style_sheet() -> str:
    """Return the style sheet of all pages."""
    return _resource("page.css")


def write_page(review: Review, *, verbose: bool = False, sheet: str = "") -> str:
    """Return the page. `sheet` is the name of its style sheet beside it; "": it is in the page."""
    plan = review.plan
    entries = list(list_entries(review, verbose=verbose))
    anchors: dict[str, str] = {}
    for number, entry in enumerate(entries, start=1):
        for name in entry.names:
            anchors.setdefault(name, f"#change-{number}")
    links = {name: anchors[name] for name in review.marks if name in anchors}
    drawing = ""
    if review.chain and review.chain.nodes:
        drawing = draw_svg(review.chain, marks=Marks(review.marks, review.arrow_marks, links))
    script = _resource("page.js")
    title, summary = summarise(plan), ""
    if review.revisions:
        title, summary = f"Review: {review.title}", ", ".join(count_actions(plan))
    return fill_template(
        Path(__file__).with_name("page.html.j2"),
        review=review,
        verbose=verbose,
        entries=entries,
        open_lines=_OPEN_LINES,
        drawing=Markup(drawing),  # noqa: S704 - it is escaped
        visible=make_visible,
        title=make_visible(title),
        summary=summary,
        sheet=quote(sheet),
        style=Markup("" if sheet else read_style_sheet()),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        code=b64encode(sha256(script.encode()).digest()).decode(),
    )


def _resource(name: str) -> str:
    return (files("cfl_jobs.review") / name).read_text(encoding="utf-8")
