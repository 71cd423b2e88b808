"""One `.env` file as python-dotenv reads it; where it fails on the whole, line by line."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream
from dotenv.variables import parse_variables

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_ASSIGNED = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=")
"""The start of a line that assigns to a name. Anything else on an unreadable line may be a secret."""


@dataclass(frozen=True, slots=True)
class DotenvFile:
    """The values of one file, left out of the repr because such files hold secrets."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    unreadable_lines: Mapping[str, int] = field(default_factory=dict)
    """The line number of each name whose quotes do not close."""
    problem: str | None = None
    """Why the file could not be opened."""


def read_dotenv(path: Path, environ: Mapping[str, str]) -> DotenvFile | None:
    """The file at `path`, None where there is no such file. `${NAME}` is resolved, `environ` first."""
    try:
        if not path.is_file():
            return None
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError as error:
        return DotenvFile(problem=error.strerror or "cannot be read")
    return parse_dotenv(text, environ)


def parse_dotenv(text: str, environ: Mapping[str, str]) -> DotenvFile:
    """The values in the text of a file. After an unclosed quote, lines that can be read alone still count."""
    values: dict[str, str] = {}
    is_whole = True
    # The parser is called directly: dotenv_values() would log a warning onto the operator's screen.
    for binding in parse_stream(io.StringIO(text)):
        is_whole = is_whole and not binding.error
        if binding.key is not None and binding.value is not None and not binding.error:
            values[binding.key] = _resolved(binding.value, values, environ)
    if is_whole:
        return DotenvFile(values)
    single, unreadable = _single_lines(text)
    filled = {name: _resolved(value, values, environ) for name, value in single.items() if name not in values}
    values = {**filled, **values}
    return DotenvFile(values, {name: line for name, line in unreadable.items() if name not in values})


def _single_lines(text: str) -> tuple[dict[str, str], dict[str, int]]:
    """The values of the lines that python-dotenv can read one by one, and the numbers of those that it cannot."""
    values: dict[str, str] = {}
    unreadable: dict[str, int] = {}
    for number, line in enumerate(_LINE_BREAK.split(text), start=1):
        for binding in parse_stream(io.StringIO(line)):
            if binding.error:
                name = _ASSIGNED.match(binding.original.string)
                if name is not None:
                    unreadable[name[1]] = number
            elif binding.key is not None and binding.value is not None:
                values[binding.key] = binding.value
    return values, unreadable


def _resolved(value: str, earlier: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """The value with `${NAME}` and `${NAME:-default}` filled in, as python-dotenv does it."""
    variables: dict[str, str | None] = {**earlier, **environ}
    return "".join(atom.resolve(variables) for atom in parse_variables(value))
