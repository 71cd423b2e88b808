"""One `.env` file: what python-dotenv makes of it and, where it fails, the plain NAME=value lines."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream
from dotenv.variables import parse_variables

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*?)\s*")
_QUOTED = re.compile(r"""(?:"([^"]*)"|'([^']*)')\s*(?:#.*)?""")
_LINE_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class DotenvFile:
    """The values of one file. `odd_lines` says on which line a name stands whose quoting nobody can read.

    `problem` is why the file could not be opened, None when it could. Values stay out of the repr:
    such files hold secrets.
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    odd_lines: Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None


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
    """The values in the text of a file; its plain lines count even where python-dotenv gives up."""
    values: dict[str, str] = {}
    is_whole = True
    # The parser is called directly: dotenv_values() would log a warning onto the operator's screen.
    for binding in parse_stream(io.StringIO(text)):
        is_whole = is_whole and not binding.error
        if binding.key is not None and binding.value is not None and not binding.error:
            values[binding.key] = _resolved(binding.value, values, environ)
    if is_whole:
        return DotenvFile(values)
    plain, odd_lines = _plain_lines(text)
    filled = {name: _resolved(value, values, environ) for name, value in plain.items() if name not in values}
    still_odd = {name: line for name, line in odd_lines.items() if name not in values and name not in plain}
    return DotenvFile({**filled, **values}, still_odd)


def _plain_lines(text: str) -> tuple[dict[str, str], dict[str, int]]:
    """Every NAME=value line on its own, and the line numbers of those whose quotes do not close."""
    plain: dict[str, str] = {}
    odd_lines: dict[str, int] = {}
    for number, line in enumerate(_LINE_BREAK.split(text), start=1):
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            continue
        name, value = match.groups()
        if value[:1] in ('"', "'"):
            quoted = _QUOTED.fullmatch(value)
            if quoted is None:
                odd_lines[name] = number
                continue
            plain[name] = quoted[1] if quoted[1] is not None else quoted[2]
        else:
            plain[name] = re.sub(r"(?:^|\s+)#.*", "", value)
    return plain, odd_lines


def _resolved(value: str, earlier: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """The value with `${NAME}` and `${NAME:-default}` filled in, as python-dotenv does it."""
    known: dict[str, str | None] = {**earlier, **environ}
    return "".join(atom.resolve(known) for atom in parse_variables(value))
