"""The wallets file: rows of nickname, address and privateKey, checked all at once."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ama_tui.domain.errors import WalletsError
from ama_tui.domain.wallet import FleetWallet, Role
from ama_tui.keys.secret_key import KEY_BYTES, SecretKey

COLUMNS = ("nickname", "address", "privateKey")
EVERY_WALLET = 1_000_000
"""A limit that no wallets file reaches."""
_FIELD_OF_HEADER: Mapping[str, str] = {column.lower(): column for column in COLUMNS}
_POSITIONS: Mapping[str, int] = {column: position for position, column in enumerate(COLUMNS)}
_ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{40})")
_KEY = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})")
_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The order of secp256k1; a private key is between 1 and one less."""


@dataclass(frozen=True, slots=True)
class WalletKey:
    """One row: `index` counts wallets from 0, `address` is in lower case."""

    index: int
    nickname: str
    address: str
    key: SecretKey

    def public(self, role: Role = Role.MAKER) -> FleetWallet:
        """The wallet without its key."""
        return FleetWallet(self.index, self.nickname, self.address, role)


@dataclass(frozen=True, slots=True)
class _Row:
    """The cells of one line by column; `problem` is why they cannot be used."""

    line: int
    cells: Mapping[str, str]
    problem: str | None = None


def wallets_of(content: bytes, path: Path) -> tuple[WalletKey, ...]:
    """The wallets of the content of a file; `path` names it in errors.

    Every row is checked. Raises WalletsError that names each bad one with its line number and reason,
    never with anything of its key.
    """
    text = _decoded(content)
    if isinstance(text, int):
        raise WalletsError(f"{path.name}: line {text}: not UTF-8 text", "save the file as CSV in UTF-8")
    wallets, problems = _checked(_rows(text))
    if problems:
        raise WalletsError(f"{path.name}: " + "; ".join(problems), "correct these lines; nothing was started")
    if not wallets:
        raise WalletsError(f"{path} holds no wallet", f"add one line per wallet: {','.join(COLUMNS)}")
    return tuple(wallets)


def csv_of(wallets: Iterable[WalletKey]) -> bytes:
    """The content of a wallets file with these wallets, in their order. `wallets_of` reads it back."""
    text = io.StringIO()
    text.write(",".join(COLUMNS) + "\n")
    # Every cell quoted: a nickname may begin with the # of a comment.
    rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    rows.writerows((wallet.nickname, wallet.address, wallet.key.hex()) for wallet in wallets)
    return text.getvalue().encode()


def new_wallets(count: int) -> tuple[WalletKey, ...]:
    """Wallets with keys of the system's random source, called Wallet001 and so on."""
    wallets: list[WalletKey] = []
    while len(wallets) < count:
        raw = secrets.token_bytes(KEY_BYTES)
        if is_private_key(raw):
            wallets.append(wallet_of(len(wallets), "", SecretKey(raw)))
    return tuple(wallets)


def wallet_of(index: int, nickname: str, key: SecretKey) -> WalletKey:
    """The wallet of a key that `is_private_key`; one without a nickname gets that of its row."""
    return WalletKey(index, nickname or f"Wallet{index + 1:03d}", address_of(key), key)


def nickname_problem(nickname: str) -> str | None:
    """Why a wallet cannot be called so, None when it can."""
    if _KEY.fullmatch(nickname) is not None:
        return "the nickname looks like a private key"
    return None if nickname.isprintable() else "the nickname has control characters"


def is_private_key(raw: bytes) -> bool:
    """Are these 32 bytes a private key of secp256k1?"""
    return 0 < int.from_bytes(raw, "big") < _CURVE_ORDER


def _decoded(raw: bytes) -> str | int:
    """The text of these bytes, or the number of the first line that is not UTF-8."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return raw.count(b"\n", 0, error.start) + 1


def _rows(text: str) -> Iterator[_Row]:
    """The rows that hold something; each line stands on its own, so one stray quote spoils one row."""
    columns: Mapping[str, int] | None = None
    for line, content in enumerate(_LINE_BREAK.split(text), start=1):
        if not content.strip() or content.lstrip().startswith("#"):
            continue
        cells = _cells(content)
        if cells is None:
            yield _Row(line, {}, "its quotes do not close")
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


def _cells(content: str) -> list[str] | None:
    """The stripped cells of one line, None when its quoting is broken."""
    try:
        return [cell.strip() for cell in next(csv.reader([content], skipinitialspace=True, strict=True))]
    except csv.Error:
        return None


def _header(cells: Sequence[str]) -> dict[str, int] | None:
    """Where each column stands, when this row is a header."""
    names = [re.sub(r"[\s_-]", "", cell).lower() for cell in cells]
    if "address" not in names and "privatekey" not in names:
        return None
    return {_FIELD_OF_HEADER[name]: at for at, name in enumerate(names) if name in _FIELD_OF_HEADER}


def _header_problem(cells: Sequence[str], header: Mapping[str, int]) -> str | None:
    missing = [column for column in ("address", "privateKey") if column not in header]
    if missing:
        return f"the header lacks {' and '.join(missing)}"
    names = [re.sub(r"[\s_-]", "", cell).lower() for cell in cells]
    twice = [column for name, column in _FIELD_OF_HEADER.items() if names.count(name) > 1]
    return f"the header names {' and '.join(twice)} twice" if twice else None


def _row(line: int, cells: Sequence[str], columns: Mapping[str, int]) -> _Row:
    needed = max(columns.values()) + 1
    is_plain = columns is _POSITIONS
    if len(cells) < needed or (is_plain and any(cells[needed:])):
        return _Row(line, {}, f"{len(cells)} column(s) where {needed} are needed ({','.join(COLUMNS)})")
    return _Row(line, {column: cells[at] for column, at in columns.items()})


def _checked(rows: Iterator[_Row]) -> tuple[list[WalletKey], list[str]]:
    """The wallets of the good rows, and what is wrong with the others."""
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
    """The wallet of one row, or why it is none. Its key proves its address, so one check covers both."""
    nickname = cells.get("nickname", "")
    problem = nickname_problem(nickname)
    if problem is not None:
        return problem
    address = _ADDRESS.fullmatch(cells["address"])
    if address is None:
        return "the address is not 0x and 40 hexadecimal digits" if cells["address"] else "no address"
    digits = _KEY.fullmatch(cells["privateKey"])
    if digits is None:
        return "the privateKey is not 64 hexadecimal digits" if cells["privateKey"] else "no privateKey"
    raw = bytes.fromhex(digits[1])
    if not is_private_key(raw):
        return "the privateKey is out of the curve's range"
    wallet = wallet_of(index, nickname, SecretKey(raw))
    if wallet.address != "0x" + address[1].lower():
        return "the address is not the privateKey's"
    return wallet


def address_of(key: SecretKey) -> str:
    """The address of a private key, in lower case."""
    # Imported here because the chain libraries take long to load and the first paint must not wait.
    from eth_keys.datatypes import PrivateKey

    return PrivateKey(key.raw()).public_key.to_address()
