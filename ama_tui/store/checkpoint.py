"""The checkpoint of a market's run and the wallet files, in the original tool's format."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from ama_tui.disk.atomic import read_own, replace_file
from ama_tui.domain.errors import CheckpointError
from ama_tui.domain.market import DEFAULT_TICK6, Market
from ama_tui.domain.money import PRICE_UNIT, price6_from_ui
from ama_tui.domain.parameters import STRATEGY_PARAMETERS, Parameters
from ama_tui.domain.pnl import Pnl
from ama_tui.domain.settings import ORDERS_PER_SIDE
from ama_tui.domain.wallet import Role
from ama_tui.store.json_fields import (
    ShapeError,
    indented,
    integer_of,
    iso_utc,
    object_of,
    optional_integer,
    optional_text,
    parse_object,
    signed_of,
    text_of,
    time_of,
)

VERSION = 1
CORRUPT_HINT = "start with --fresh (this file is kept as {name}.corrupt), or restore a copy of it"

_MARKET_KEYS = ("symbol", "market_identifier", "market_address", "market_id_bytes32", "chain_id", "tick_size")
_WALLET_KEYS = ("nickname", "role", "sessionId", "sessionExpiry", "lastActionAt", "index", "pnl")
_COUNTED_KEYS = ("tradesBlock", "pnlProblem")
_PNL_KEYS = {field.name: field.name.rstrip("0123456789") for field in fields(Pnl)}
"""A result's fields and their keys."""


@dataclass(frozen=True, slots=True)
class WalletEntry:
    """The stored state of one wallet. `address` is lower case.

    `session_expiry` is Unix seconds, `last_action_at` Unix milliseconds, `index` the wallet's row (from 0) when it was
    first used. `pnl` is the result of its trades that are counted; only the checkpoint's is used.
    `extra` holds unknown keys, which are written back unchanged.
    """

    address: str
    nickname: str
    role: Role = Role.MAKER
    session_id: str | None = None
    session_expiry: int | None = None
    last_action_at: int | None = None
    index: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    pnl: Pnl | None = None

    def merged(self, other: WalletEntry) -> WalletEntry:
        """This entry merged with another of the same wallet: the later action, the longer-lived session."""
        mine, theirs = self.session_expiry or 0, other.session_expiry or 0
        session = self if self.session_id and (mine >= theirs or not other.session_id) else other
        return replace(
            self,
            session_id=session.session_id,
            session_expiry=session.session_expiry,
            last_action_at=_latest(self.last_action_at, other.last_action_at),
            index=other.index if self.index is None else self.index,
            extra={**other.extra, **self.extra},
        )

    def as_json(self) -> dict[str, object]:
        known: dict[str, object | None] = {
            "nickname": self.nickname,
            "role": self.role.value,
            "sessionId": self.session_id,
            "sessionExpiry": self.session_expiry,
            "lastActionAt": self.last_action_at,
            "index": self.index,
            "pnl": None if self.pnl is None else _pnl_as_json(self.pnl),
        }
        return _without_none(known) | dict(self.extra)


@dataclass(frozen=True, slots=True)
class TradesCounted:
    """Which trades are in the results of all wallets of a checkpoint."""

    through: int = 0
    """The last block whose trades are, 0 if there are no results."""
    problem: str = ""
    """Why the results may be off, '' if they are exact."""

    def as_json(self) -> dict[str, object]:
        return {key: value for key, value in zip(_COUNTED_KEYS, (self.through, self.problem), strict=True) if value}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run on one market. Times are Unix milliseconds; `wallets` is by lower-case address.

    `config` is the run's configuration by file key: the eight parameters (the original tool stores only four of them),
    `mode` and any others. `raw` is the JSON this was read from; its unknown keys are written back unchanged.
    """

    market: Market
    run_id: str
    started_at_ms: int
    updated_at_ms: int
    config: Mapping[str, object] = field(default_factory=dict)
    wallets: Mapping[str, WalletEntry] = field(default_factory=dict)
    counted: TradesCounted = field(default_factory=TradesCounted)
    raw: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def chain_id(self) -> int:
        return self.market.chain_id

    @property
    def order_book(self) -> str:
        return self.market.address

    def as_json(self) -> dict[str, object]:
        market, run = self.raw.get("market"), self.raw.get("run")
        run = run if isinstance(run, dict) else {}
        known = {
            "version": VERSION,
            "chainId": self.chain_id,
            "orderBook": self.order_book,
            "market": _market_as_json(self.market, market if isinstance(market, dict) else {}),
            "run": {key: value for key, value in run.items() if key not in _COUNTED_KEYS}
            | {
                "runId": self.run_id,
                "startedAt": iso_utc(self.started_at_ms),
                "updatedAt": iso_utc(self.updated_at_ms),
            }
            | self.counted.as_json(),
            "config": dict(self.config),
            "wallets": {address: entry.as_json() for address, entry in self.wallets.items()},
        }
        return known | {key: value for key, value in self.raw.items() if key not in known}


def stored_config(
    parameters: Parameters, earlier: Mapping[str, object] | None = None, **more: object
) -> dict[str, object]:
    """A checkpoint's `config`: the existing keys, the parameters and `more` (strategy, collateral, ...).

    The packer's parameters are beside the others, where the original tool has them; if another strategy runs, they are
    kept, or have their defaults, and its own are beside them too (`classic`) or under `strategyParameters` by its name.
    The original tool also needs `mode`, `makerRatio` and `maxOpenOrdersPerMaker` to read the file. `makerRatio` is the
    share of the wallets that do not take, once there were takers; until then it stays as the original tool wrote it.
    """
    is_packer = ORDERS_PER_SIDE in parameters.strategy.all and parameters.strategy.is_flat
    flat = parameters if is_packer else Parameters()
    legacy: dict[str, object] = {
        "mode": "MEAN",
        "makerRatio": 1,
        "maxOpenOrdersPerMaker": 2 * flat[ORDERS_PER_SIDE.name],
    }
    config = {**flat.as_keys(), **legacy, **(earlier or {})}
    takers = more.get("takers")
    if isinstance(takers, int | float) and (takers or "takers" in config):
        config["makerRatio"] = round(1 - takers, 9)
    values = parameters.as_keys()
    if parameters.strategy.is_flat:
        return {**config, **values, **more}
    own = {setting.key: values.pop(setting.key) for setting in parameters.strategy.own}
    others = config.get(STRATEGY_PARAMETERS)
    by_strategy = {**(others if isinstance(others, Mapping) else {}), parameters.strategy.name: own}
    return {**config, **values, STRATEGY_PARAMETERS: by_strategy, **more}


def wallet_indexes(addresses: Iterable[str], wallets: Mapping[str, WalletEntry]) -> dict[str, int]:
    """The index `w` of each wallet of a run; `addresses` is in the order of the wallets file.

    It is the stored index, else the wallet's row, else the next free one after it. No two wallets share an index, so no
    two plan the same prices.
    """
    rows = [address.lower() for address in addresses]
    indexes: dict[str, int] = {}
    used: set[int] = set()
    for address in rows:
        index = wallets[address].index if address in wallets else None
        if index is not None and index not in used:
            indexes[address] = index
            used.add(index)
    taken = {entry.index for entry in wallets.values()} | used
    for row, address in enumerate(rows):
        if address not in indexes:
            indexes[address] = next(index for index in itertools.count(row) if index not in taken)
            taken.add(indexes[address])
    return {address: indexes[address] for address in rows}


def load_checkpoint(path: Path, *, chain_id: int, order_book: str) -> Checkpoint | None:
    """The checkpoint of this market, None when there is none.

    Raises CheckpointError if the file cannot be read, is corrupt, or is for another version or market. The file stays
    in place: `set_aside` renames it before a new one is written.
    """
    try:
        data = read_own(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror})", "check its owner and permissions") from error
    try:
        checkpoint = parse_checkpoint(parse_object(data))
        _check_market(checkpoint, chain_id, order_book)
    except ShapeError as error:
        raise CheckpointError(f"{path} is corrupt: {error}", CORRUPT_HINT.format(name=path.name)) from None
    return checkpoint


def parse_checkpoint(raw: dict[str, object]) -> Checkpoint:
    """Parse a checkpoint from a JSON object. Raises ShapeError."""
    version = raw.get("version")
    if isinstance(version, bool) or version != VERSION:
        raise ShapeError(f"version is not {VERSION}")
    run, wallets = object_of(raw, "run"), object_of(raw, "wallets")
    checkpoint = Checkpoint(
        market=_market_from_json(object_of(raw, "market")),
        run_id=text_of(run, "runId"),
        started_at_ms=time_of(run, "startedAt"),
        updated_at_ms=time_of(run, "updatedAt"),
        config=object_of(raw, "config"),
        wallets={key.lower(): parse_wallet(key, object_of(wallets, key)) for key in wallets},
        counted=TradesCounted(optional_integer(run, "tradesBlock") or 0, optional_text(run, "pnlProblem") or ""),
        raw=raw,
    )
    _check_market(checkpoint, integer_of(raw, "chainId"), text_of(raw, "orderBook"))
    return checkpoint


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the whole checkpoint. Raises CheckpointError; the old one is then unchanged."""
    _save(path, checkpoint.as_json())


def load_wallet(path: Path, address: str) -> WalletEntry | None:
    """One wallet's file, None when there is none. Raises CheckpointError."""
    try:
        return parse_wallet(address, parse_object(read_own(path)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror})", "check its owner and permissions") from error
    except ShapeError as error:
        raise CheckpointError(
            f"{path} is corrupt: {error}", "the file will be kept aside and a new one written"
        ) from None


def parse_wallet(address: str, raw: Mapping[str, object]) -> WalletEntry:
    """Parse a wallet's entry from a JSON object. Raises ShapeError."""
    role = text_of(raw, "role")
    if role not in Role.__members__:
        raise ShapeError("role is neither MAKER nor TAKER")
    return WalletEntry(
        address=address.lower(),
        nickname=text_of(raw, "nickname"),
        role=Role(role),
        session_id=optional_text(raw, "sessionId"),
        session_expiry=optional_integer(raw, "sessionExpiry"),
        last_action_at=optional_integer(raw, "lastActionAt"),
        index=optional_integer(raw, "index"),
        extra={key: value for key, value in raw.items() if key not in _WALLET_KEYS},
        pnl=_pnl_from_json(raw),
    )


def _pnl_as_json(pnl: Pnl) -> dict[str, object]:
    """As decimal strings: a value has more digits than a JSON number keeps."""
    return {key: str(getattr(pnl, name)) for name, key in _PNL_KEYS.items()}


def _pnl_from_json(raw: Mapping[str, object]) -> Pnl | None:
    if raw.get("pnl") is None:
        return None
    values = object_of(raw, "pnl")
    return Pnl(**{name: signed_of(values, key) for name, key in _PNL_KEYS.items()})


def save_wallet(path: Path, entry: WalletEntry) -> None:
    """Replace one whole wallet file, without a sync of its own: the checkpoint has the same entry.

    Raises CheckpointError; the old one is then unchanged.
    """
    _save(path, entry.as_json(), is_durable=False)


def _save(path: Path, value: Mapping[str, object], *, is_durable: bool = True) -> None:
    # Escaped to ASCII, so that any JSON string can be written back.
    data = indented(value) + b"\n"
    try:
        replace_file(path, data, is_durable=is_durable)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written ({error.strerror})",
            "free disk space or correct the directory's permissions",
        ) from error


def _market_as_json(market: Market, raw: Mapping[str, object]) -> dict[str, object]:
    known: dict[str, object | None] = {
        "symbol": market.symbol,
        "market_identifier": market.identifier,
        "market_address": market.address,
        "market_id_bytes32": market.market_id,
        "chain_id": market.chain_id,
        "tick_size": None if market.tick_is_default else market.tick6 / PRICE_UNIT,
    }
    if raw and _tick6(raw) == market.tick6:
        known["tick_size"] = raw.get("tick_size")
    return _without_none(known) | {key: value for key, value in raw.items() if key not in _MARKET_KEYS}


def _market_from_json(raw: Mapping[str, object]) -> Market:
    tick6 = _tick6(raw)
    return Market(
        symbol=text_of(raw, "symbol"),
        address=text_of(raw, "market_address").lower(),
        market_id=text_of(raw, "market_id_bytes32").lower(),
        chain_id=integer_of(raw, "chain_id"),
        tick6=DEFAULT_TICK6 if tick6 is None else tick6,
        identifier=optional_text(raw, "market_identifier"),
        tick_is_default=tick6 is None,
    )


def _tick6(raw: Mapping[str, object]) -> int | None:
    """The tick size with 6 decimals, None when the market has none."""
    tick_size = raw.get("tick_size")
    if isinstance(tick_size, bool) or not isinstance(tick_size, int | float | None):
        raise ShapeError("market: tick_size is not a number")
    try:
        return price6_from_ui(tick_size)
    except ValueError:
        raise ShapeError("market: tick_size is not a positive number") from None


def _check_market(checkpoint: Checkpoint, chain_id: int, order_book: str) -> None:
    if checkpoint.chain_id != chain_id:
        raise ShapeError(f"it is for chain {checkpoint.chain_id}, not chain {chain_id}")
    if checkpoint.order_book != order_book.lower():
        raise ShapeError(f"it is for order book {checkpoint.order_book}, not {order_book.lower()}")


def _latest(one: int | None, other: int | None) -> int | None:
    known = [moment for moment in (one, other) if moment is not None]
    return max(known) if known else None


def _without_none(values: Mapping[str, object | None]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}
