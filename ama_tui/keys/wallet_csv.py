"""The CSV format of a wallets file: nickname, address and privateKey, one wallet per line.

Spreadsheets write semicolons or tabs, and some a first line `sep=;`: all of these are read.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ama_tui.domain.errors import WalletsError
from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.wallet_key import PRIVATE_KEY, WalletKey, is_private_key, nickname_problem, wallet_of

COLUMNS = ("nickname", "address", "privateKey")
_FIELD_OF_HEADER: Mapping[str, str] = {column.lower(): column for column in COLUMNS}
_POSITIONS: Mapping[str, int] = {column: position for position, column in enumerate(COLUMNS)}
_ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{40})")
DELIMITERS = ",;\t"
_SEPARATOR = re.compile(r"sep=(.)", re.IGNORECASE)
"""A spreadsheet's first line."""
_LINE_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the file."""

    line: int
    """Line number, from 1."""

    cells: Mapping[str, str]
    """Cell by column name."""

    problem: str | None = None
    """Why the line cannot be used, or None."""


def wallets_of(content: bytes, path: Path) -> tuple[WalletKey, ...]:
    """Parse the content of a wallets file. `path` appears in errors.

    Checks every row. Raises WalletsError listing each bad row by line number and reason, never any part of a key.
    """
    text = _decoded(content)
    if isinstance(text, int):
        raise WalletsError(f"{path.name}: line {text}: not UTF-8 text", "save the file as CSV in UTF-8")
    wallets, problems = _checked(_rows(text))
    if problems:
        raise WalletsError(f"{path.name}: " + "; ".join(problems), "fix these lines; nothing was started")
    if not wallets:
        raise WalletsError(f"{path} contains no wallets", f"add one line per wallet: {','.join(COLUMNS)}")
    return tuple(wallets)


def csv_of(wallets: Iterable[WalletKey]) -> bytes:
    """Format wallets as the content of a wallets file, in order. `wallets_of` parses it back."""
    text = io.StringIO()
    text.write(",".join(COLUMNS) + "\n")
    # Quote every cell: a nickname may start with #, which would make the line a comment.
    rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    rows.writerows((wallet.nickname, wallet.address, wallet.key.hex()) for wallet in wallets)
    return text.getvalue().encode()


def _decoded(raw: bytes) -> str | int:
    """Decode UTF-8, or return the number of the first line that is not UTF-8."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return raw.count(b"\n", 0, error.start) + 1


def _rows(text: str) -> Iterator[_Row]:
    """Yield the rows, skipping empty lines and comments. Each line is parsed alone: a stray quote affects one row."""
    columns: Mapping[str, int] | None = None
    delimiter = ""
    for line, content in enumerate(_LINE_BREAK.split(text), start=1):
        if not content.strip():
            continue
        if content.lstrip().startswith("#"):
            if _is_wallet(content):
                yield _Row(line, {}, 'a nickname that starts with # needs quotes; for a comment, write "# "')
            continue
        separator = _SEPARATOR.fullmatch(content.strip(" ")) if not delimiter else None
        if separator is not None and separator[1] in DELIMITERS:
            delimiter = separator[1]
            continue
        delimiter = delimiter or _delimiter_of(content)
        cells = _cells(content, delimiter)
        if cells is None:
            yield _Row(line, {}, "unbalanced quotes")
            continue
        if columns is None:
            header = _header(cells)
            columns = _POSITIONS if header is None else header
            if header is not None:
                problem = _header_problem(cells, header)
                if problem is not None:
                    yield _Row(line, {}, problem)
                    return
                continue
        yield _row(line, cells, columns)


def _delimiter_of(content: str) -> str:
    """The delimiter of the first line: the one that makes most cells of it, a comma if in doubt."""
    return max(DELIMITERS, key=content.count)


def _is_wallet(comment: str) -> bool:
    """Is this line a wallet whose nickname starts with #? A comment has a space after the #."""
    text = comment.strip()
    if text.startswith(("# ", "#\t")):
        return False
    cells = [cell.strip(" \"'") for cell in text.split(_delimiter_of(text))]
    has_address = any(_ADDRESS.fullmatch(cell) for cell in cells)
    return has_address and any(PRIVATE_KEY.fullmatch(cell) for cell in cells)


def _cells(content: str, delimiter: str) -> list[str] | None:
    """Split one line into stripped cells, or return None if its quotes are unbalanced."""
    try:
        rows = csv.reader([content], delimiter=delimiter, skipinitialspace=True, strict=True)
        return [cell.strip() for cell in next(rows)]
    except csv.Error:
        return None


def _header(cells: Sequence[str]) -> dict[str, int] | None:
    """Return the position of each column if this row is a header, else None."""
    names = [re.sub(r"[\s_-]", "", cell).lower() for cell in cells]
    if "address" not in names and "privatekey" not in names:
        return None
    return {_FIELD_OF_HEADER[name]: at for at, name in enumerate(names) if name in _FIELD_OF_HEADER}


def _header_problem(cells: Sequence[str], header: Mapping[str, int]) -> str | None:
    missing = [column for column in ("address", "privateKey") if column not in header]
    if missing:
        return f"the header lacks {' and '.join(missing)}"
    names = [re.sub(r"[\s_-]", "", cell).lower() for cell in cells]
    repeated = [column for name, column in _FIELD_OF_HEADER.items() if names.count(name) > 1]
    return f"the header contains {' and '.join(repeated)} twice" if repeated else None


def _row(line: int, cells: Sequence[str], columns: Mapping[str, int]) -> _Row:
    needed = max(columns.values()) + 1
    has_no_header = columns is _POSITIONS
    if len(cells) < needed or (has_no_header and any(cells[needed:])):
        return _Row(line, {}, f"{len(cells)} column(s), expected {needed} ({','.join(COLUMNS)})")
    return _Row(line, {column: cells[at] for column, at in columns.items()})


def _checked(rows: Iterator[_Row]) -> tuple[list[WalletKey], list[str]]:
    """Return the wallets of the valid rows, and a problem for each of the others."""
    wallets: list[WalletKey] = []
    problems: list[str] = []
    first_lines: dict[str, int] = {}
    for row in rows:
        wallet = row.problem if row.problem is not None else _wallet(len(wallets), row.cells)
        if isinstance(wallet, WalletKey):
            earlier = first_lines.setdefault(wallet.address, row.line)
            if earlier == row.line:
                wallets.append(wallet)
            else:
                problems.append(f"line {row.line}: the same wallet as line {earlier}")
        else:
            problems.append(f"line {row.line}: {wallet}")
    return wallets, problems


def _wallet(index: int, cells: Mapping[str, str]) -> WalletKey | str:
    """Return the wallet of a row, or why the row is invalid. Checks that the key belongs to the address."""
    nickname = cells.get("nickname", "")
    problem = nickname_problem(nickname)
    if problem is not None:
        return problem
    address = _ADDRESS.fullmatch(cells["address"])
    if address is None:
        return "the address is not 0x plus 40 hexadecimal digits" if cells["address"] else "no address"
    digits = PRIVATE_KEY.fullmatch(cells["privateKey"])
    if digits is None:
        return "the privateKey is not 64 hexadecimal digits" if cells["privateKey"] else "no privateKey"
    raw = bytes.fromhex(digits[1])
    if not is_private_key(raw):
        return "the privateKey is outside the curve's range"
    wallet = wallet_of(index, nickname, SecretKey(raw))
    if wallet.address != "0x" + address[1].lower():
        return "the address does not belong to the privateKey"
    return wallet
