"""`sessions revoke`: revokes sessions without a run."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from ama_tui.config.environment import Environment
from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import ConfigError, JournalError, UnreachableError
from ama_tui.domain.market import Market, find_market
from ama_tui.domain.session import SessionStatus
from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.connections import Connections
from ama_tui.engine.market_state import MarketState, open_market_state
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.retry import retry_read
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
    """Which sessions to revoke: one session, one wallet's sessions, or all when neither is named."""

    markets: tuple[str, ...]
    """Symbols, addresses, or `all` saved markets."""
    environment: Environment
    state_root: Path
    session: str | None = None
    """An id, or the beginning of a known id."""
    wallet: str | None = None
    force: bool = False
    within_s: float = 60.0
    """Seconds until the proof, from the start."""


@dataclass(frozen=True, slots=True)
class RevokeReport:
    """What became of the sessions."""

    block: int
    """Block of the last read."""
    targets: tuple[RevocationTarget, ...]
    is_proven: bool
    """Two reads of the chain show every session over."""
    notes: tuple[str, ...] = ()


async def revoke(
    request: RevokeRequest, *, may_begin: Callable[[Sequence[KnownSession]], bool], stop: asyncio.Event
) -> RevokeReport | None:
    """Revoke the sessions; None when `may_begin`, which gets the valid ones, returns False.

    Takes `within_s` in all, besides the time in `may_begin`. Once `stop` is set it reports what the chain shows,
    within 9 s. Raises ConfigError, StoreError (LockHeldError when a run has the market, unless forced) or VenueError
    before anything was sent.
    """
    began = monotonic()
    async with AsyncExitStack() as stack:
        notes: list[str] = []
        async with _time_limit(request.within_s):
            work = await _prepare(request, notes, stack)
        left = request.within_s - (monotonic() - began)
        alive = [target.known for target in work.targets if not target.is_over]
        if alive and not may_begin(alive):
            return None
        is_proven = await work.finish(left, stop)
        for target in work.targets:
            target.write_down()
        return RevokeReport(work.block, tuple(work.targets), is_proven, tuple(notes + _awaited(work.targets)))


@asynccontextmanager
async def _time_limit(seconds: float) -> AsyncIterator[None]:
    """Raise UnreachableError if the venue was not read in this many seconds."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise UnreachableError(
            f"the venue could not be read within {seconds:.3g} s: nothing was revoked",
            "check the venue and the node, or allow more time with --within",
        ) from None


async def _prepare(request: RevokeRequest, notes: list[str], stack: AsyncExitStack) -> ProvenRevocation:
    """Connect, lock the markets, and read the requested sessions."""
    connections, warnings = await reach(request.environment)
    stack.push_async_callback(connections.close)
    notes += warnings
    markets = await _markets(request, connections)
    known: list[RevocationTarget] = []
    for one in markets:
        known += await _open(one, request, connections, notes, stack)
    work = ProvenRevocation(connections, _wanted(request, known, [one.market for one in markets]))
    await work.read_first()
    if request.session is None:
        work.drop_other_wallets(notes)
    return work


async def _markets(request: RevokeRequest, connections: Connections) -> list[MarketFiles]:
    """The requested markets. A market without saved files is fine for a session named by its id."""
    remembered = remembered_markets(request.state_root, connections.chain_id)
    found: dict[str, MarketFiles] = {}
    for selector in request.markets:
        try:
            files = chosen(remembered, selector, request.state_root)
        except ConfigError:
            if request.session is None:
                raise
            files = [await _unsaved(selector, request, connections)]
        found |= {one.market.address: one for one in files}
    return list(found.values())


async def _unsaved(selector: str, request: RevokeRequest, connections: Connections) -> MarketFiles:
    """A market without saved files. Raises ConfigError for one that the venue does not list."""
    if _ADDRESS.fullmatch(selector) is not None:
        market = nameless_market(selector.lower(), connections.chain_id)
    else:
        listed = find_market(await retry_read(connections.api.markets, after=TROUBLE), selector)
        if listed is None:
            raise ConfigError(f"no market named {selector!r}", "list them with `ama-tui markets`, or use the address")
        market = listed
    return MarketFiles(market, StatePaths(request.state_root, connections.chain_id, market.address))


async def _open(
    files: MarketFiles, request: RevokeRequest, connections: Connections, notes: list[str], stack: AsyncExitStack
) -> list[RevocationTarget]:
    """Lock a market and open its journal, to keep runs from starting; returns the sessions that its files name."""
    if not files.paths.directory.is_dir():
        return []
    records = await asyncio.to_thread(open_market_state, files.paths, force=request.force)
    stack.callback(_close, records)
    notes += records.notes
    market = files.market
    if not market.market_id:
        market = replace(
            market, market_id=(await retry_read(lambda: connections.chain.terms(market.address))).market_id
        )
    action_log = ActionLog(records.journal, Publisher(), market, records.replay.last_run_id or str(uuid.uuid4()))
    action_log.forgive()
    return [RevocationTarget(one, action_log) for one in known_sessions(market, records.wallets, records.replay)]


def _close(records: MarketState) -> None:
    with suppress(JournalError):
        records.close()


def _wanted(request: RevokeRequest, known: list[RevocationTarget], markets: Sequence[Market]) -> list[RevocationTarget]:
    """The requested ones of the known sessions, or the named unknown session. Raises ConfigError."""
    if request.session is not None:
        return [_named(request.session.lower(), known, markets)]
    if request.wallet is None:
        return known
    wanted = request.wallet.lower()
    found = [one for one in known if wanted in (one.known.wallet, one.known.nickname.lower())]
    if not found:
        raise ConfigError(f"no known session of wallet {request.wallet!r}", "`ama-tui sessions list` shows them all")
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
        raise ConfigError(f"session {session} belongs to no saved market", "name its market with --market")
    return RevocationTarget(KnownSession(markets[0], "", "", session))


def _awaited(targets: Sequence[RevocationTarget]) -> list[str]:
    """A warning when a requested session may still appear."""
    count = sum(target.status is SessionStatus.UNKNOWN and target.known.is_awaited for target in targets)
    text = f"{count} more were requested and are not on chain yet: check again in a minute"
    return [text] if count else []
