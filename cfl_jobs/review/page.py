"""Plan or review → one HTML page: the chain drawn with what changes marked, and the changes.

The page loads nothing and sends nothing; its policy allows its own style and script only, so that
no text of a definition could run even if it got through. Without JavaScript all of it is readable.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from cfl_jobs.drawing.svg import Marks, draw_svg, fill_template
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.review.outline import count_actions, list_entries, summarise
from cfl_jobs.review.review import Review

_OPEN_LINES = 40


def write_page(review: Review, *, verbose: bool = False) -> str:
    """Return the page."""
    plan = review.plan
    entries = list(list_entries(plan, of_revisions=review.revisions is not None, verbose=verbose))
    anchors: dict[str, str] = {}
    for number, entry in enumerate(entries, start=1):
        for name in entry.names:
            anchors.setdefault(name, f"#change-{number}")
    links = {name: anchors[name] for name in review.marks if name in anchors}
    drawing = draw_svg(review.chain, marks=Marks(review.marks, review.arrow_marks, links))
    style, script = _resource("page.css"), _resource("page.js")
    title, summary = summarise(plan), ""
    if review.revisions:
        title, summary = f"Review: {review.title}", ", ".join(count_actions(plan))
    return fill_template(
        Path(__file__).with_name("page.html.j2"),
        review=review,
        entries=entries,
        open_lines=_OPEN_LINES,
        drawing=Markup(drawing) if review.chain.nodes else "",  # noqa: S704 - it is escaped
        visible=make_visible,
        title=make_visible(title),
        summary=summary,
        style=Markup(style),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        code=b64encode(sha256(script.encode()).digest()).decode(),
    )


def _resource(name: str) -> str:
    return (files("cfl_jobs.review") / name).read_text(encoding="utf-8")
