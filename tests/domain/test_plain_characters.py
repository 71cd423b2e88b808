"""Every character that the program shows has an ASCII replacement of the same width."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ama_tui.domain.plain_characters import encodable, is_complete, plain

PACKAGE = Path(__file__).parents[2] / "ama_tui"
SHOWN = sorted(
    {
        character
        for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.tcss")]
        for character in path.read_text(encoding="utf-8")
        if not character.isascii()
    }
)
FRAMES = [chr(code) for code in (*range(0x2500, 0x25A0), *range(0x2800, 0x2900))]


def test_every_character_of_the_sources_frames_and_charts_keeps_its_width_in_ascii() -> None:
    wrong = [one for one in (*SHOWN, *FRAMES) if not plain(one).isascii() or len(plain(one)) != cell_len(one)]
    assert wrong == []


def test_only_the_replacement_character_is_shown_as_a_question_mark() -> None:
    assert [one for one in SHOWN if "?" in plain(one)] == ["\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize(
    ("text", "ascii_text", "latin_1"),
    [
        ("┌─┐│█▏ → 80×24 …", "+-+|#| > 80x24 ~", "+-+|#| > 80×24 ~"),
        ("naïve Ω 名 e\u0301", "naive ? ?? e", "naïve ? ?? e"),
        ("a\udcff", "a?", "a?"),
    ],
)
def test_unencodable_characters_are_replaced_and_the_rest_stays(text: str, ascii_text: str, latin_1: str) -> None:
    assert encodable(text, "ascii") == ascii_text
    assert encodable(text, "iso-8859-1") == latin_1


@given(st.text())
def test_any_text_can_be_written_in_any_encoding(text: str) -> None:
    for encoding in ("ascii", "iso-8859-1", "cp437", "utf-8"):
        encodable(text, encoding).encode(encoding)


def test_only_unicode_encodings_are_complete() -> None:
    assert [is_complete(one) for one in ("UTF-8", "utf8", "utf-16", "ascii", "latin-1", "cp437")] == [True] * 3 + [
        False
    ] * 3
