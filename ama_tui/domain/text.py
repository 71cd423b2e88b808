"""What a file holds, made fit to be repeated in one line of an error."""

from __future__ import annotations


def shortened(text: str, head: int = 6, tail: int = 4) -> str:
    """Enough of a text to recognise it, with everything unprintable as `?`.

    The default repeats too little of a private key that stands in a wrong place to be of use to anybody.
    """
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= head + tail + 4 else f"{printable[:head]}…{printable[-tail:]}"
