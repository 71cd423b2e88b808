"""Text that came from outside, made fit for one line of a log or a screen."""

from __future__ import annotations

EXCERPT_CHARS = 200


_hidden: set[str] = set()


def hide(secret: str) -> None:
    """From now on this is left out of all text from outside: servers repeat the URL that they were asked by."""
    _hidden.add(secret)


def one_line(text: str, limit: int = EXCERPT_CHARS) -> str:
    """The first `limit` characters without what is hidden, and with what is unprintable escaped (newline, ESC, …)."""
    for secret in _hidden:
        text = text.replace(secret, "…")
    cut = text[:limit]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return cut if len(text) <= limit else cut + "…"


def excerpt(body: bytes) -> str:
    """The first 200 characters of an answer, on one line; bytes that are no text show as \\xNN."""
    text = body if _hidden else body[: 4 * EXCERPT_CHARS]  # cut first, half of what is hidden could be left over
    return one_line(text.decode("utf-8", "backslashreplace"))
