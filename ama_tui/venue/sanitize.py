"""Makes text from outside safe to show on one line of a log or screen."""

from __future__ import annotations

EXCERPT_CHARS = 200

_hidden: set[str] = set()


def hide(secret: str) -> None:
    """Remove `secret` from all text from outside from now on. Servers may repeat the request's URL."""
    _hidden.add(secret)


def one_line(text: str, limit: int = EXCERPT_CHARS) -> str:
    """The first `limit` characters without hidden secrets, with unprintable characters (newline, ESC, …) escaped."""
    for secret in _hidden:
        text = text.replace(secret, "…")
    cut = text[:limit]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return cut if len(text) <= limit else cut + "…"


def shown(value: object, limit: int = EXCERPT_CHARS) -> str:
    """A value from a JSON body on one line."""
    try:
        return one_line(str(value), limit)
    except RecursionError:
        return "(nested too deeply)"


def excerpt(body: bytes) -> str:
    """The first 200 characters of a response on one line. Invalid UTF-8 is shown as \\xNN."""
    text = body if _hidden else body[: 4 * EXCERPT_CHARS]  # cutting first could leave part of a secret
    return one_line(text.decode("utf-8", "backslashreplace"))
