"""A difference of a rendered job → the line of a definition, template or script that made it."""

from __future__ import annotations

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import Position
from cfl_jobs.planning.differences import Raw
from cfl_jobs.planning.linediff import count_common
from cfl_jobs.reading.definitions import JOBS
from cfl_jobs.reading.tracking import Pieces


def place_of(rendered: Config, raw: Raw) -> Position:
    """Return the place that made a part, or that it would stand in: its list, its element."""
    path = raw.place.path
    if raw.wanted is None:
        # A number in the path counts the server's elements, not ours.
        return rendered.place_of(path.rpartition("/")[0] if raw.is_item else path)
    pieces = rendered.pieces_of(path)
    whole = rendered.place_of(path)
    if raw.live is None or not pieces or not raw.wanted.text:
        return whole
    return _place_of_change(raw.wanted.text, raw.live.text, pieces, whole)


def _place_of_change(wanted: str, live: str, pieces: Pieces, whole: Position) -> Position:
    """Return the place of the first part of a text that the other one doesn't have.

    A value that was put into the text is to blame where nothing around it, in its line, changed.
    """
    start = count_common(wanted, live)
    end = len(wanted) - count_common(wanted[start:][::-1], live[start:][::-1])
    line_end = wanted.find("\n", start, end)
    end = end if line_end < 0 else line_end
    ends = [at for at, _ in pieces[1:]] + [len(wanted)]
    found = [(at, place) for at, place in pieces if at <= start] or [(0, whole)]
    at, place = found[-1]
    if start == end and start == at and len(found) > 1:
        # Only the other one has something here: it stood at the end of what is before.
        at, place = found[-2]
    elif end > ends[len(found) - 1]:
        others = {of.file for here, of in pieces[len(found) :] if here < end} - {place.file}
        written = [(here, of) for here, of in found if not of.file.startswith(f"{JOBS}/")]
        if others:
            at, place = written[-1] if written else (start, whole)
    lines = wanted.count("\n", at, start)
    return place._replace(line=place.line + lines, column=1 if lines else place.column)
