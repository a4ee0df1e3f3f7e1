"""Text of others shows what is in it."""

from __future__ import annotations

import json
import unicodedata

from cfl_jobs.planning.visible import make_json_visible, make_line_visible, make_visible


def test_what_a_terminal_obeys_or_a_reader_does_not_see_is_spelled_out() -> None:
    """Escape sequences, writing directions, odd spaces, letters without ink."""
    assert make_visible("a\x1b[31m\u202eb\u00a0c\U000e0041\r") == (
        "a\\x1b[31m\\u202eb\\xa0c\\U000e0041\\r"
    )


def test_text_of_people_stays_as_it_is() -> None:
    """Whatever they write in; lines and tabs too."""
    text = "ä ß 配置 тест עברית ✔️ 🙂\n\tb"
    assert make_visible(text) == text


def test_a_text_of_one_line_stays_one() -> None:
    """A name can't look like two lines of a plan."""
    assert make_line_visible("A\n= job\tB\r") == "A\\n= job\\tB\\r"


def test_no_character_that_controls_or_formats_is_left() -> None:
    """All of Unicode's: controls, formats, lone surrogates, separators of lines."""
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    hidden = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in kinds]
    left = {c for c in hidden if make_line_visible(c) == c}
    # Signs of Arabic, Syriac, Kaithi, shorthand, music, hieroglyphs have ink, or join what has.
    signs = ((0x600, 0x605), (0x6DD, 0x70F), (0x890, 0x8E2), (0x110BD, 0x1D17A))
    assert all(any(first <= ord(c) <= last for first, last in signs) for c in left)


def test_json_means_the_same_and_hides_nothing() -> None:
    """Programs get each character, a terminal none that it obeys."""
    value = ["ä\x9b31m\u202e\U000e0041\x1b\ud800", "\u00a0\n\x7f"]
    text = make_json_visible(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()
    assert "ä" in text
