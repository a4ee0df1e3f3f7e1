"""Drawings of the chain: held against files, and against what makes a drawing readable."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.cli import cli
from cfl_jobs.configs.graph import Start, build_chain
from cfl_jobs.configs.model import Job, Parameter, ParameterKind, StartKind
from cfl_jobs.configs.read_model import read_job
from cfl_jobs.configs.steps.triggering import BuildOther
from cfl_jobs.drawing.formats import WRITERS, draw_text, warn_of_size
from cfl_jobs.drawing.svg import Box, Marks, draw_svg, lay_out
from cfl_jobs.drawing.words import say_start
from tests.trial_chain import CONFIGS, NAMES, read_trial_chain

CASES = Path(__file__).parent / "cases/drawing"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("path", sorted(CASES.glob("trial.*")), ids=lambda path: path.name)
def test_the_trial_chain_is_drawn_as_its_file_says(path: Path) -> None:
    form = {"txt": "text", "mmd": "mermaid"}.get(path.suffix[1:], path.suffix[1:])
    assert WRITERS[form](read_trial_chain()) == path.read_text(encoding="utf-8")


def test_there_is_a_file_for_each_format_but_svg() -> None:
    assert len(list(CASES.glob("trial.*"))) == len(WRITERS) - 1


def test_svg_has_a_card_for_each_job_and_an_arrow_for_each_edge() -> None:
    chain = read_trial_chain()
    root = ET.fromstring(draw_svg(chain, marks=Marks({"Deploy to Prod": "changed"})))
    cards = {card.get("data-job"): card for card in root.iter() if card.get("data-job")}
    assert set(cards) == set(NAMES)
    assert "mark-changed" in (cards["Deploy to Prod"].get("class") or "")
    arrows = {(g.get("data-from"), g.get("data-to")) for g in root.iter() if g.get("data-from")}
    edges = {(edge.source, edge.target) for edge in chain.triggers}
    edges |= {(edge.source, edge.target) for edge in chain.copies}
    assert arrows == {edge for edge in edges if edge[0] != edge[1]}
    references = [
        value for node in root.iter() for value in node.attrib.values() if "http" in value
    ]
    assert references == [], "nothing is loaded from elsewhere"


def test_names_that_mean_something_to_a_format_are_escaped() -> None:
    name = 'a "b" <c> & \\d #e; ✓'
    chain = build_chain([Job(name, publishers=(BuildOther(("f]g",)),)), Job("f]g")])
    card = next(g for g in ET.fromstring(draw_svg(chain)).iter() if g.get("data-job"))
    assert card.get("data-job") == name
    assert '"a #34;b#34; #60;c#62; #38; #92;d #35;e#59; #10003;' not in WRITERS["mermaid"](chain)
    assert "<b>a #34;b#34; #60;c#62; #38; #92;d #35;e#59; #10003;</b>" in WRITERS["mermaid"](chain)
    assert '"a \\"b\\" <c> & \\\\d #e; ✓"' in WRITERS["dot"](chain)


def test_text_shows_each_job_once_and_points_back_to_it() -> None:
    text = draw_text(read_trial_chain())
    shown = [line.split("─ ")[1] for line in text.splitlines() if "─ " in line]
    assert sorted(name for name in shown if "(shown above)" not in name) == sorted(NAMES)
    assert text.count("(shown above)") == 4


@pytest.mark.parametrize("width", [60, 72])
def test_text_keeps_to_the_width_it_gets(width: int) -> None:
    assert max(map(len, draw_text(read_trial_chain(), width=width).splitlines())) <= width


def test_text_draws_a_circle_that_nothing_starts() -> None:
    jobs = [Job("a", publishers=(BuildOther(("b",)),)), Job("b", publishers=(BuildOther(("a",)),))]
    lines = draw_text(build_chain(jobs)).splitlines()
    assert lines == [
        "",
        "Only these start each other",
        "└─ a",
        "   starts:",
        "   └─ b",
        "      starts:",
        "      └─ a  (shown above)",
    ]


@pytest.mark.parametrize(
    ("kind", "detail", "words"),
    [
        (StartKind.PUSH, "cfl/ocargo", "a push to cfl/ocargo"),
        (StartKind.PUSH, "", "a push to its repository"),
        (StartKind.POLL, "", "a change in its repository, found by polling"),
        (StartKind.TIMER, "H 3 * * *", "the clock, H 3 * * *"),
        (StartKind.TIMER, "", "the clock, never"),
        (StartKind.HAND, "", "a person"),
    ],
)
def test_what_starts_a_job_is_told_in_words(kind: StartKind, detail: str, words: str) -> None:
    assert say_start(Start(kind, detail)) == words


def test_no_jobs_are_drawn_in_every_format() -> None:
    for draw in WRITERS.values():
        assert draw(build_chain([]))


def test_a_job_with_a_long_text_stays_inside_its_card() -> None:
    long = Parameter("W" * 300, ParameterKind.STRING, "abcdefg " * 200)
    root = ET.fromstring(draw_svg(build_chain([Job("N" * 300, parameters=(long,))])))
    (card,) = (g for g in root.iter() if g.get("data-job"))
    rect = card.find(f"{SVG}rect")
    assert rect is not None
    for text in card.iter(f"{SVG}text"):
        assert float(text.get("y", "0")) < float(rect.get("height", "0"))
        # Half an em for each of these letters is about what a sans-serif takes
        assert float(text.get("x", "0")) + len(text.text or "") * 6 < float(rect.get("width", "0"))


@settings(max_examples=30)
@given(
    st.lists(st.floats(60, 200), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16),
)
def test_no_cards_overlap_and_no_arrow_crosses_a_card(
    heights: list[float], pairs: list[tuple[int, int]]
) -> None:
    sizes = {str(number): (200.0, height) for number, height in enumerate(heights)}
    arrows = [(str(a), str(b)) for a, b in pairs if max(a, b) < len(sizes)]
    layout = lay_out(sizes, arrows)
    for one, other in combinations(layout.boxes.values(), 2):
        assert not _overlap(one, other)
    for box in layout.boxes.values():
        assert box.x >= -0.01
        assert box.x + box.width <= layout.width + 0.01
        assert box.y + box.height <= layout.height + 0.01
    for points in layout.routes.values():
        for x, y in _walk(points):
            for box in layout.boxes.values():
                inside = box.x + 1 < x < box.x + box.width - 1
                assert not (inside and box.y + 1 < y < box.y + box.height - 1)


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width - 0.01
        and other.x < one.x + one.width - 0.01
        and one.y < other.y + other.height - 0.01
        and other.y < one.y + one.height - 0.01
    )


def _walk(points: tuple[tuple[float, float], ...]) -> Iterator[tuple[float, float]]:
    """Yield points along an arrow, as it is drawn: curves stand upright at both ends."""
    for (x, y), (to_x, to_y) in pairwise(points):
        for step in range(21):
            t = step / 20
            ease = t * t * (3 - 2 * t)
            yield x + (to_x - x) * ease, y + (to_y - y) * t


def test_the_command_draws_the_jobs_of_a_directory(tmp_path: Path) -> None:
    job = tmp_path / "jobs/Publish Ocargo Files"
    job.mkdir(parents=True)
    config = (CONFIGS / "Publish Ocargo Files.saved.xml").read_text(encoding="utf-8")
    (job / "config.xml").write_text(config, encoding="utf-8")
    result = CliRunner().invoke(cli, ["graph", "--home", str(tmp_path)], standalone_mode=False)
    assert result.return_value == 0
    assert "A push to GitHub starts\n" in result.output
    assert "└─ Create Distribution  (not defined here)" in result.output


def test_a_job_that_cant_be_read_is_told_and_the_others_are_drawn(tmp_path: Path) -> None:
    for name, config in (("good", "<project/>"), ("damaged", "<project>")):
        (tmp_path / "jobs" / name).mkdir(parents=True)
        (tmp_path / "jobs" / name / "config.xml").write_text(config, encoding="utf-8")
    result = CliRunner().invoke(cli, ["graph", "--home", str(tmp_path)], standalone_mode=False)
    assert result.return_value == 1
    assert "good" in result.stdout
    assert "Not drawn, since it can't be read: " in result.stderr
    assert "damaged: config.xml line 1" in result.stderr


@pytest.mark.parametrize(
    ("jobs", "name", "is_told"),
    [(250, "many", False), (251, "many", True), (30, "long" * 500, True)],
    ids=["500 edges", "502 edges", "60,000 characters"],
)
def test_a_chart_that_mermaid_would_not_draw_is_told(jobs: int, name: str, is_told: bool) -> None:
    """Each of these jobs has two edges: a timer starts it, and it starts the last one."""
    trigger = "<hudson.triggers.TimerTrigger><spec>@daily</spec></hudson.triggers.TimerTrigger>"
    other = (
        "<hudson.tasks.BuildTrigger><childProjects>end</childProjects></hudson.tasks.BuildTrigger>"
    )
    config = f"<project><triggers>{trigger}</triggers><publishers>{other}</publishers></project>"
    chain = build_chain(read_job(f"{name} {number}", config) for number in range(jobs))
    assert bool(warn_of_size(WRITERS["mermaid"](chain))) is is_told
