"""The review's HTML page, in a real browser: by keyboard, on a phone, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest

from cfl_jobs.drawing.svg import draw_svg
from cfl_jobs.review.comparing import read_setup, review_setups
from cfl_jobs.review.formats import read_style_sheet, write_page
from cfl_jobs.review.review import Review, Revision
from tests.browser import ENTER, ESCAPE, TAB, Browser, why_no_browser
from tests.projects import ROOT, copy_project, edit
from tests.reviews import CHANGE, real_setup, review

NO_BROWSER = why_no_browser()
in_browser = pytest.mark.skipif(bool(NO_BROWSER), reason=NO_BROWSER)
XSS = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Review:
    """A change with a new job, a job that goes, new and gone arrows, and hostile text."""
    suites = (ROOT / "jobs/tests.yaml").read_text()
    return review(
        tmp_path_factory.mktemp("change"),
        ("jobs/deploy.yaml", "", "\n  - name: Deploy to Demo\n    environment: Demo\n"),
        ("jobs/tests.yaml", suites[suites.index("\n  - name: Run Ocargo Tests") :], ""),
        ("jobs/deploy.yaml", "    after_promotion: true\n", ""),
        ("templates/scripts/publish.sh", "", f"cat <<'END'\n{XSS}\nEND\n"),
        ("jobs/settings.yaml", "time_limit: 30", "time_limit: 45"),
        head=Revision("<b>change</b>"),
    )


@pytest.fixture(scope="module")
def page(made: Review, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page that holds its style itself."""
    file = tmp_path_factory.mktemp("page") / "review.html"
    file.write_text(write_page(made), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def artifacts(made: Review, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page, its style sheet beside it, and a drawing."""
    folder = tmp_path_factory.mktemp("artifacts")
    (folder / "my review#1.css").write_text(read_style_sheet(), encoding="utf-8")
    text = write_page(made, sheet="my review#1.css")
    (folder / "review.html").write_text(text, encoding="utf-8")
    assert made.chain
    (folder / "chain.svg").write_text(draw_svg(made.chain), encoding="utf-8")
    return folder


@contextmanager
def serving(folder: Path, policy: str) -> Iterator[str]:
    """Serve files as Jenkins serves artifacts, with a policy; yield the URL of the folder."""

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            super().end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def browser(session: Browser, page: Path) -> Browser:
    session.open(page)
    return session


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "br", "link", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_well_formed_and_asks_for_nothing_outside(page: Path) -> None:
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert reader.open == []
    tags = [tag for tag, _ in reader.tags]
    assert not {"img", "link", "iframe", "object", "b"} & set(tags)
    assert tags.count("style") == 1
    assert tags.count("script") == 1
    for _, attributes in reader.tags:
        assert "src" not in attributes
        assert not any(name == "style" or name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    anchors = {attributes["id"] for _, attributes in reader.tags if "id" in attributes}
    links = {str(a["href"])[1:] for _, a in reader.tags if "href" in a}
    assert links <= anchors
    assert "url(" not in page.read_text(encoding="utf-8").replace("url(#tip)", "")


def test_page_of_a_broken_head_shows_its_findings(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    edit(root, "jobs/deploy.yaml", "- name: Deploy to Prod", "- name: Deploy <b>to Prod</b>")
    text = write_page(review_setups(Revision("main"), CHANGE, real_setup(), read_setup(root)))
    assert "<b>" not in text
    for shown in (
        '<header class="high">',
        "What is wrong in change",
        "<h3>jobs/deploy.yaml:31:11 ",
        "- name: Deploy &lt;b&gt;to Prod",
        "main renders: 12 jobs and 1 view",
        'data-job="Deploy to Dev"',
    ):
        assert shown in text


@in_browser
def test_nothing_of_a_definition_runs_and_nothing_is_refused(browser: Browser) -> None:
    assert browser.run("return document.title").startswith("Review: <b>change</b>")
    assert browser.messages() == []
    assert browser.run("return performance.getEntriesByType('resource').length") == 0


@in_browser
def test_drawing_shows_what_is_new_changed_and_gone(browser: Browser) -> None:
    card, arrow = "[data-job='{}']", "[data-from='{}'][data-to='{}']"
    shown = {
        card.format("Deploy to Demo"): "mark-new",
        card.format("Run Ocargo Tests"): "mark-gone",
        card.format("Publish Ocargo Files"): "mark-changed",
        arrow.format("Promote Distribution", "Deploy to Dev"): "mark-changed",
        arrow.format("Create Distribution", "Run Ocargo Tests"): "mark-gone",
        arrow.format("Promote Distribution", "Deploy to Demo"): "mark-new",
    }
    for selector, mark in shown.items():
        found = "return document.querySelector(arguments[0]).getAttribute('class')"
        assert mark in browser.run(found, selector), selector
    badge = "return document.querySelector(`[data-job='Deploy to Demo'] .badge`).textContent"
    assert browser.run(badge) == "new"


@in_browser
def test_card_chosen_by_keyboard_shows_its_jobs_changes_only(browser: Browser) -> None:
    for _ in range(30):
        browser.press(TAB)
        label = browser.run("return document.activeElement.getAttribute('aria-label')")
        if label == "Deploy to Demo: new":
            break
    else:
        pytest.fail("no way to the card by keyboard")
    browser.press(ENTER)
    shown = (
        "return [...document.querySelectorAll('.change')].filter(c => c.checkVisibility())"
        ".map(c => c.querySelector('h3').textContent)"
    )
    assert browser.run(shown) == ["create job Deploy to Demo"]
    assert "1 of" in browser.run("return document.getElementById('told').textContent")
    pressed = "return [...document.querySelectorAll('.jobs [aria-pressed=true]')].length"
    assert browser.run(pressed) == 1
    browser.press(ESCAPE)
    assert len(browser.run(shown)) > 4


@in_browser
def test_first_tab_leads_past_the_drawing(browser: Browser) -> None:
    browser.press(TAB)
    assert browser.run("return document.activeElement.textContent") == "Skip to the changes"
    browser.press(ENTER)
    assert browser.run("return location.hash") == "#changes"


@in_browser
def test_search_finds_changes_by_their_text(browser: Browser) -> None:
    browser.click("#find")
    browser.press("timeout minutes")
    shown = "return [...document.querySelectorAll('.change')].filter(c => !c.hidden).length"
    every = "return document.querySelectorAll('.change').length"
    assert 0 < browser.run(shown) < browser.run(every)
    browser.click("#all")
    assert browser.run(shown) == browser.run(every)


@in_browser
def test_drawing_fits_on_request(browser: Browser) -> None:
    width = "return document.querySelector('.drawing svg').getBoundingClientRect().width"
    fitted = browser.run(width)
    browser.click("[for=size]")
    assert browser.run(width) > fitted


@in_browser
def test_phone_scrolls_down_and_never_sideways(session: Browser, page: Path) -> None:
    session.open(page, width=360, height=740)
    assert session.run("return document.documentElement.scrollWidth") <= 360
    session.run("for (const d of document.querySelectorAll('details')) d.open = true")
    assert session.run("return document.documentElement.scrollWidth") <= 360
    too_small = (
        "return [...document.querySelectorAll('button, summary, input')]"
        ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 32).length"
    )
    assert session.run(too_small) == 0


@in_browser
def test_text_has_contrast_in_light_and_dark(browser: Browser, page: Path, tmp_path: Path) -> None:
    with Browser(tmp_path, dark=True) as in_the_dark:
        in_the_dark.open(page)
        for opened, is_dark in ((browser, False), (in_the_dark, True)):
            dark = "return matchMedia('(prefers-color-scheme: dark)').matches"
            assert opened.run(dark) is is_dark
            assert opened.run(_LOW_CONTRAST) == []
            assert opened.picture().startswith(b"\x89PNG")


@in_browser
def test_everything_that_can_be_chosen_has_a_name(browser: Browser) -> None:
    nameless = (
        "return [...document.querySelectorAll('a, button, input, summary, [role=region]')]"
        ".filter(e => !(e.ariaLabel || e.textContent.trim() || (e.labels && e.labels.length)"
        " || e.getAttribute('aria-label'))).map(e => e.outerHTML)"
    )
    assert browser.run(nameless) == []
    levels = browser.run(
        "return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


# What Jenkins sends with artifacts (hudson.model.DirectoryBrowserSupport), and what it sends where
# somebody allowed scripts.
POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'self'"
LAX = f"{POLICY}; script-src 'unsafe-inline'".replace("sandbox", "sandbox allow-scripts")
_FACTS = """
const see = (name) => [...document.querySelectorAll(name)].filter(e => e.checkVisibility()).length;
return {
  border: getComputedStyle(document.querySelector('header')).borderLeftWidth,
  sheets: document.styleSheets.length,
  inline: document.querySelectorAll('style, [style]').length,
  tools: see('.tools'),
  gone: getComputedStyle(document.querySelector('.card.mark-gone rect')).stroke,
  hidden: [...document.querySelectorAll('main *:not(.tools):not(.tools *)')]
    .filter(e => !e.closest('details, svg') && !e.checkVisibility()).map(e => e.outerHTML),
};
"""


@in_browser
@pytest.mark.parametrize(("policy", "runs"), [(POLICY, False), (LAX, True), ("", True)])
def test_page_has_its_style_from_beside_it(
    session: Browser, artifacts: Path, policy: str, *, runs: bool
) -> None:
    """Under Jenkins' policy nothing is hidden but what needs the script; else all works."""
    with serving(artifacts, policy) as url:
        page = f"{url}/review.html" if policy else artifacts / "review.html"
        session.open(page, width=360, height=740)
        assert session.run("return document.documentElement.scrollWidth") <= 360
        width = "return document.querySelector('.drawing svg').getBoundingClientRect().width"
        assert session.run(width) <= 360
        session.open(page)
        refused = [message.partition(" - ")[2][:24] for message in session.messages()]
        assert refused == ([] if runs else 2 * ["Blocked script execution"])
        facts = session.run(_FACTS)
        assert (facts["border"], facts["sheets"], facts["inline"]) == ("8px", 1, 0)
        assert facts["gone"] == "rgb(192, 38, 45)"
        assert bool(facts["tools"]) is runs
        assert set(facts["hidden"]) <= {'<p id="told" class="soft" role="status"></p>'}
        assert session.run(_LOW_CONTRAST) == []
        overview = session.run(width)
        session.click("[for=size]")
        assert session.run(width) > overview
        is_open = "return document.querySelector('.change').open"
        before = session.run(is_open)
        session.click(".change summary")
        assert session.run(is_open) is not before


@in_browser
def test_drawing_is_drawn_under_jenkins_policy(session: Browser, artifacts: Path) -> None:
    with serving(artifacts, POLICY) as url:
        session.open(f"{url}/chain.svg")
        assert session.messages() == []
        drawn = (
            "const style = getComputedStyle(document.querySelector('.arrow path'));"
            "return [style.fill, style.stroke, style.strokeWidth]"
        )
        assert session.run(drawn)[:2] == ["none", "rgb(91, 103, 120)"]


# WCAG 2.1: the ratio of the luminances of text and what is behind it, 4.5 at least; SVG text too.
_LOW_CONTRAST = """
function parse(colour) { return colour.match(/[\\d.]+/g).map(Number); }
function luminance([r, g, b]) {
  const parts = [r, g, b].map((value) => {
    const part = value / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}
function behind(element) {
  const card = element.closest('.card');
  if (card) return parse(getComputedStyle(card.querySelector('rect')).fill);
  for (let at = element; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
}
const low = new Set();
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || ['SCRIPT', 'STYLE', 'style', 'title'].includes(element.tagName)) continue;
  if (element.closest('.skip')) continue;
  const style = getComputedStyle(element);
  const colour = parse(element.closest('svg') ? style.fill : style.color);
  const [a, b] = [luminance(colour), luminance(behind(element))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) low.add(`${element.tagName}.${element.className.baseVal ?? element.className} `
    + `${ratio.toFixed(2)} ${element.textContent.slice(0, 30)}`);
}
return [...low];
"""
