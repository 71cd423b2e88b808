"""Lines of fields fill their width exactly and drop the least important field first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ama_tui.ui.widgets.field_lines import field, fit, kept_fields
from ama_tui.ui.widgets.styled_text import spans_width

WORDS = st.text("abcdefgh", min_size=1, max_size=12)


@given(st.lists(st.tuples(WORDS, st.integers(0, 5), st.booleans()), min_size=1, max_size=8), st.integers(16, 120))
def test_line_fills_exactly_its_width(parts: list[tuple[str, int, bool]], width: int) -> None:
    line = tuple(field((text, "plain"), rank=rank, right=right) for text, rank, right in parts)
    assert spans_width(fit(line, width)) == width


@given(st.lists(st.tuples(WORDS, st.integers(0, 5)), min_size=1, max_size=8), st.integers(10, 60))
def test_dropped_fields_never_rank_above_kept_ones(parts: list[tuple[str, int]], width: int) -> None:
    line = tuple(field((f"{text}{index}", "plain"), rank=rank) for index, (text, rank) in enumerate(parts))
    kept = kept_fields(line, width)
    left_out = [one for one in line if one not in kept]
    assert all(gone.rank >= max(one.rank for one in kept) for gone in left_out)


def test_right_aligned_fields_are_at_the_end() -> None:
    spans = fit((field(("left", "plain")), field(("right", "plain"), right=True)), 20)
    assert "".join(text for text, _ in spans) == " left         right "
