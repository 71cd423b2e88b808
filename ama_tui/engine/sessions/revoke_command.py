"""Ending sessions without a run: which of those that are known, or that is named, on which markets."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ama_tui.config.environment import Environment
from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import ConfigError, JournalError
from ama_tui.domain.market import Market, find_market
from ama_tui.domain.session import SessionStatus
from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.connections import Connections
from ama_tui.engine.market_state import MarketState, open_records
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.retry import again
from ama_tui.engine.sessions.registry import (
    TROUBLE,
    KnownSession,
    MarketFiles,
    chosen,
    known_sessions,
    nameless_market,
    reach,
    remembered_markets,
)
from ama_tui.engine.sessions.revocation import ProvenRevocation, RevocationTarget

_BEGINNING = re.compile(r"0x[0-9a-f]{8,64}")
_WHOLE = 66
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class RevokeRequest:
    """What was asked for: one session (its id, or the beginning of a known one's), one wallet's, or with neither all.

    `market` is a symbol, an address, or `all` that are remembered; `within_s` is the patience.
    """

    market: str
    environment: Environment
    state_root: Path
    session: str | None = None
    wallet: str | None = None
    force: bool = False
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class RevokeReport:
    """`block` is the last read's. `is_proven` is True once two reads agreed that every one of them is over."""

    block: int
    targets: tuple[RevocationTarget, ...]
    is_proven: bool
    notes: tuple[str, ...] = ()


async def revoke(order: RevokeRequest, *, may_begin: Callable[[Sequence[KnownSession]], bool]) -> RevokeReport | None:
    """End what the order names; None when `may_begin`, which is shown the living ones, says no.

    Raises ConfigError, StoreError (LockHeldError where a run has the market, unless forced) or VenueError before
    anything was sent.
    """
    connections, notes = await reach(order.environment)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(connections.close)
        markets = await _markets(order, connections)
        known: list[RevocationTarget] = []
        for one in markets:
            known += await _open(one, order, connections, notes, stack)
        work = ProvenRevocation(connections, _wanted(order, known, [one.market for one in markets]))
        await work.read_first()
        if order.session is None:
            work.drop_other_wallets(notes)
        alive = [target.known for target in work.targets if not target.is_over]
        if alive and not may_begin(alive):
            return None
        is_proven = await work.finish(order.within_s)
        for target in work.targets:
            target.write_down()
        return RevokeReport(work.block, tuple(work.targets), is_proven, tuple(notes + _awaited(work.targets)))


async def _markets(order: RevokeRequest, connections: Connections) -> list[MarketFiles]:
    """The markets that the order names. One that nothing is remembered of will do for a session named by its id."""
    remembered = remembered_markets(order.state_root, connections.chain_id)
    try:
        return chosen(remembered, order.market, order.state_root)
    except ConfigError:
        if order.session is None:
            raise
    if _ADDRESS.fullmatch(order.market) is not None:
        market = nameless_market(order.market.lower(), connections.chain_id)
    else:
        found = find_market(await again(connections.api.markets, after=TROUBLE), order.market)
        if found is None:
            raise ConfigError(
                f"no market is called {order.market!r}", "`ama-tui markets` lists them, or name its address"
            )
        market = found
    return [MarketFiles(market, StatePaths(order.state_root, connections.chain_id, market.address))]


async def _open(
    files: MarketFiles, order: RevokeRequest, connections: Connections, notes: list[str], stack: AsyncExitStack
) -> list[RevocationTarget]:
    """Take the lock and the journal of a market, so that no run begins meanwhile; the sessions that its files name."""
    if not files.paths.directory.is_dir():
        return []
    records = await asyncio.to_thread(open_records, files.paths, force=order.force)
    stack.callback(_close, records)
    notes += records.notes
    market = files.market
    if not market.market_id:
        market = replace(market, market_id=(await again(lambda: connections.chain.terms(market.address))).market_id)
    action_log = ActionLog(records.journal, Publisher(), market, records.replay.last_run_id or str(uuid.uuid4()))
    action_log.forgive()
    return [RevocationTarget(one, action_log) for one in known_sessions(market, records.wallets, records.replay)]


def _close(records: MarketState) -> None:
    with suppress(JournalError):
        records.close()


def _wanted(order: RevokeRequest, known: list[RevocationTarget], markets: Sequence[Market]) -> list[RevocationTarget]:
    """Those of the known sessions that the order means, or the unknown one that it names. Raises ConfigError."""
    if order.session is not None:
        return [_named(order.session.lower(), known, markets)]
    if order.wallet is None:
        return known
    wanted = order.wallet.lower()
    found = [one for one in known if wanted in (one.known.wallet, one.known.nickname.lower())]
    if not found:
        raise ConfigError(f"no session of a wallet {order.wallet!r} is known", "`ama-tui sessions list` shows them all")
    return found


def _named(session: str, known: list[RevocationTarget], markets: Sequence[Market]) -> RevocationTarget:
    if _BEGINNING.fullmatch(session) is None:
        raise ConfigError(
            f"{session!r} is not a session's id", "give 0x and 64 hexadecimal digits, or the first 8 or more"
        )
    found = {one.known.session_id: one for one in known if one.known.session_id.startswith(session)}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise ConfigError(f"{len(found)} known sessions begin with {session}", "give more of the id")
    if len(session) < _WHOLE:
        raise ConfigError(f"no known session begins with {session}", "give its whole id")
    if len(markets) != 1:
        raise ConfigError(f"session {session} is of no market that is remembered", "name its market with --market")
    return RevocationTarget(KnownSession(markets[0], "", "", session))


def _awaited(targets: Sequence[RevocationTarget]) -> list[str]:
    """A warning where a session that was asked for may still come."""
    count = sum(target.status is SessionStatus.UNKNOWN and target.known.is_awaited for target in targets)
    text = f"{count} more were asked for and are not on the chain: look again in a minute"
    return [text] if count else []
