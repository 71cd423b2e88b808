"""Making text from a file fit for one line of an error message."""

from __future__ import annotations


def shortened(text: str, head: int = 6, tail: int = 4) -> str:
    """The start and end of a text, enough to recognise it, with unprintable characters as `?`.

    With the default lengths, a private key in the wrong place is not exposed.
    """
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= head + tail + 4 else f"{printable[:head]}…{printable[-tail:]}"
