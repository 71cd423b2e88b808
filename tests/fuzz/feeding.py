"""Feed a parser with broken bodies and judge the results."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tui.domain.errors import AmaError
from tests.fuzz.parsers import Parser

LONGEST_LINE = 600


@dataclass(frozen=True)
class Fed:
    """How many bodies a parser took, and how many it refused in one printable line."""

    bodies: int
    refused: int


class Indigestible(Exception):  # noqa: N818 - the body is what is wrong, not the harness
    """A body for which a parser raised an error that is not ours."""


def feed(parser: Parser, count: int, seed: int) -> Fed:
    """The good body, then at least `count` broken ones. Raises Indigestible with the body."""
    bodies = refused = 0
    for body in (parser.good, *parser.bodies(count, seed)):
        bodies += 1
        try:
            parser.feed(body)
        except parser.own as error:
            refused += 1
            if isinstance(error, AmaError):
                assert_one_line(error)
        except Exception as error:
            raise Indigestible(f"{type(error).__name__}: {error} on {body[:500]!r}") from error
    return Fed(bodies, refused)


def assert_one_line(error: AmaError) -> None:
    """An error is one short line that can be printed on a terminal."""
    text = str(error)
    assert text.isprintable(), text
    assert len(text) < LONGEST_LINE, text
