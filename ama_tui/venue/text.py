"""Text that came from outside, made fit for one line of a log or a screen."""

from __future__ import annotations

EXCERPT_CHARS = 200


def one_line(text: str, limit: int = EXCERPT_CHARS) -> str:
    """The first `limit` characters with everything unprintable escaped (newline, ESC, bidi marks)."""
    cut = text[:limit]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return cut if len(text) <= limit else cut + "…"


def excerpt(body: bytes) -> str:
    """The first 200 characters of an answer, on one line; bytes that are no text show as \\xNN."""
    return one_line(body[: 4 * EXCERPT_CHARS].decode("utf-8", "backslashreplace"))
