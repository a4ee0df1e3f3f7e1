"""A van on a road: where does a program take it?"""

from collections.abc import Iterable

STEPS = {"north": (0, 1), "east": (1, 0), "south": (0, -1), "west": (-1, 0)}
TURNS = {"left": -1, "right": 1}
HEADINGS = tuple(STEPS)


def drive(program: Iterable[str], heading: str = "east") -> tuple[int, int]:
    """Return where the van stands after the moves "forwards", "left" and "right" from (0, 0)."""
    x, y = 0, 0
    for move in program:
        if move == "forwards":
            step = STEPS[heading]
            x, y = x + step[0], y + step[1]
        elif move in TURNS:
            heading = HEADINGS[(HEADINGS.index(heading) + TURNS[move]) % len(HEADINGS)]
        else:
            raise ValueError(f"the van does not know how to go {move!r}")
    return x, y
