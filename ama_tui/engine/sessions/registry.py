"""All sessions that a state directory names, with their status on chain. Needs neither keys nor a lock."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ama_tui.config.environment import Environment
from ama_tui.config.paths import StatePaths, markets_under
from ama_tui.domain.errors import ConfigError, VenueError
from ama_tui.domain.market import DEFAULT_TICK6, Market, find_market
from ama_tui.domain.session import Methods, SessionRecord, SessionStatus, session_status
from ama_tui.engine.connections import Connections, connect
from ama_tui.engine.retry import retry_read
from ama_tui.store.checkpoint import WalletEntry
from ama_tui.store.journal.replay import JournalReplay, session_ids
from ama_tui.store.read_only import market_at, read_stored_market

EVERY_MARKET = "all"
TROUBLE = (VenueError,)
"""Errors to retry after: who lists or revokes sessions wants a result."""

_SESSION_ID = re.compile(r"0x[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KnownSession:
    """A session that a market's files name."""

    market: Market
    wallet: str
    """In lower case."""
    nickname: str
    """'' when not known."""
    session_id: str
    expiry: int | None = None
    is_awaited: bool = False
    """It was requested without a response, and may still appear."""


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A known session with its status and the registry's record, None where it could not be read."""

    known: KnownSession
    status: SessionStatus
    record: SessionRecord | None

    @property
    def expiry(self) -> int | None:
        """Unix seconds: from the chain, otherwise from the files."""
        return self.record.expiry if self.record is not None and self.record.exists else self.known.expiry


@dataclass(frozen=True, slots=True)
class SessionList:
    """The sessions at one block."""

    chain_id: int
    block: int
    """0 when there was nothing to read."""
    sessions: tuple[ListedSession, ...]
    notes: tuple[str, ...] = ()
    """Warnings, for example about files that could not be read."""


@dataclass(frozen=True, slots=True)
class MarketFiles:
    """A market and the paths of its files."""

    market: Market
    paths: StatePaths


async def reach(environment: Environment) -> tuple[Connections, list[str]]:
    """Connect to the venue without keys; returns the warnings too. Raises VenueError."""
    connections, notes = await retry_read(lambda: connect(environment), after=TROUBLE)
    return connections, [*notes]


async def list_sessions(environment: Environment, state_root: Path, selector: str) -> SessionList:
    """The sessions of one market saved under `state_root`, or of `all`.

    Raises ConfigError, StoreError or VenueError.
    """
    connections, notes = await reach(environment)
    try:
        known: list[KnownSession] = []
        for one in chosen(remembered_markets(state_root, connections.chain_id), selector, state_root):
            found = await asyncio.to_thread(read_stored_market, one.paths)
            notes += found.problems
            known += known_sessions(one.market, found.wallets, found.replay)
        if not known:
            return SessionList(connections.chain_id, 0, (), tuple(notes))
        root = await _relayer_root(connections, notes)
        ids = sorted({session.session_id for session in known})
        read = await retry_read(lambda: connections.chain.sessions(connections.registry, ids), after=TROUBLE)
        listed = []
        for session in known:
            record = read.records[session.session_id]
            status = session_status(record, trader=session.wallet, block_time=read.block_time, relayer_root=root)
            listed.append(ListedSession(session, status, record))
        return SessionList(connections.chain_id, read.block, tuple(listed), tuple(notes))
    finally:
        await connections.close()


def remembered_markets(state_root: Path, chain_id: int) -> list[MarketFiles]:
    """The markets of a chain with files under `state_root`. Raises StoreError."""
    return [
        MarketFiles(market_at(paths) or nameless_market(paths.order_book, chain_id), paths)
        for paths in markets_under(state_root, chain_id)
    ]


def nameless_market(order_book: str, chain_id: int) -> Market:
    """A market of which only the address is known; that is its symbol too."""
    return Market(order_book, order_book, "", chain_id, DEFAULT_TICK6)


def chosen(markets: Sequence[MarketFiles], selector: str, state_root: Path) -> list[MarketFiles]:
    """The selected market, or `all`. Raises ConfigError when nothing is saved for it."""
    if selector == EVERY_MARKET:
        return list(markets)
    found = find_market((one.market for one in markets), selector)
    if found is None:
        symbols = ", ".join(one.market.symbol for one in markets) or "none"
        raise ConfigError(f"nothing saved for market {selector!r}", f"markets under {state_root}: {symbols}")
    return [one for one in markets if one.market is found]


def known_sessions(market: Market, wallets: Mapping[str, WalletEntry], replayed: JournalReplay) -> list[KnownSession]:
    """The sessions that a checkpoint and a journal name."""
    found = []
    for address in _in_order(wallets, replayed.sessions):
        entry = wallets.get(address)
        announced = {one.session_id: one for one in replayed.sessions.get(address, ())}
        for session in session_ids(replayed, address, entry.session_id if entry is not None else None):
            if _SESSION_ID.fullmatch(session.lower()) is None:
                continue
            line = announced.get(session)
            stored = entry.session_expiry if entry is not None and entry.session_id == session else None
            found.append(
                KnownSession(
                    market,
                    address,
                    entry.nickname if entry is not None else "",
                    session.lower(),
                    stored if line is None or line.expiry is None else line.expiry,
                    line is not None and not line.is_confirmed,
                )
            )
    return found


def methods_of(methods: Methods) -> list[str]:
    """The names of the methods that a session allows, spelled like the venue's trade methods."""
    return [_METHOD_NAMES[one] for one in Methods if one in methods]


_METHOD_NAMES = {
    Methods.PLACE_LIMIT: "placeLimit",
    Methods.PLACE_MARGIN_LIMIT: "placeMarginLimit",
    Methods.PLACE_MARKET: "placeMarket",
    Methods.PLACE_MARGIN_MARKET: "placeMarginMarket",
    Methods.MODIFY: "modify",
    Methods.CANCEL: "cancel",
}


def _in_order(wallets: Mapping[str, WalletEntry], others: Iterable[str]) -> list[str]:
    """The checkpoint's wallets by their index, then those that only the journal names."""
    indexed = sorted(wallets.values(), key=lambda entry: (entry.index is None, entry.index or 0))
    return list(dict.fromkeys([*(entry.address for entry in indexed), *sorted(others)]))


async def _relayer_root(connections: Connections, notes: list[str]) -> str | None:
    try:
        return (await retry_read(connections.api.relayer_set)).root
    except VenueError as error:
        notes.append(f"relayer set not available, so sessions are not checked against it: {error}")
        return None
