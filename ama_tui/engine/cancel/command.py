"""`ama-tui cancel-all`: cancels all orders on a market without a run, using only the saved state and the chain."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from ama_tui.config.environment import load_environment
from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import ConfigError, JournalError, UnreachableError, VenueError
from ama_tui.domain.event import KillProgress
from ama_tui.domain.market import DEFAULT_TICK6, Market, find_market
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import CancelReason, CollateralBasis, Rules
from ama_tui.domain.session import Methods, SessionRecord, session_status
from ama_tui.domain.settings import SETTLE_AFTER
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.cancel.kill import CancelAll
from ama_tui.engine.connect import VenueSource, open_signer, wallets_warning
from ama_tui.engine.connections import Connections, connect
from ama_tui.engine.engine_api import KillReport
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.market_state import MarketState, open_market_state
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.reconciliation.known_orders import look_back_from
from ama_tui.engine.reconciliation.startup import track_missing
from ama_tui.engine.retry import retry_read
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.registry import EVERY_MARKET, remembered_markets
from ama_tui.engine.sessions.revocation import WalletRevoker
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.store.journal.replay import session_ids
from ama_tui.strategies.registry import strategy

RETRIED = (VenueError,)
"""Errors that are retried: a venue in trouble is a common reason to cancel everything."""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class CancelAllRequest:
    """The command's arguments."""

    market: str
    source: VenueSource
    state_root: Path
    wallets: int | None = None
    """The number of wallets, None for all."""

    within_s: float = 60.0
    force: bool = False
    revoke: bool = False


async def markets_named(
    source: VenueSource, state_root: Path, selectors: Sequence[str], within_s: float
) -> tuple[str, ...]:
    """The markets to cancel on: `all` stands for every market with saved files. Raises ConfigError, VenueError."""
    if EVERY_MARKET not in selectors:
        return tuple(dict.fromkeys(selectors))
    environment = load_environment(source.directory, source.environ, insecure_http=source.insecure_http)
    async with _time_limit(within_s, monotonic() + within_s):
        connections, _ = await retry_read(lambda: connect(environment), after=RETRIED)
    try:
        saved = remembered_markets(state_root, connections.chain_id)
    finally:
        await connections.close()
    if not saved:
        raise ConfigError(f"no market has saved files under {state_root}", "name the markets with --market")
    return tuple(one.market.address for one in saved)


async def cancel_all(
    request: CancelAllRequest,
    *,
    publisher: Publisher,
    on_progress: Callable[[KillProgress], None],
    stop: asyncio.Event,
) -> tuple[Market, KillReport]:
    """Cancel everything and prove it, within `within_s` in all. Log lines go to `publisher`.

    Once `stop` is set it reports what the chain shows, within 9 s.

    Raises ConfigError, LockHeldError or VenueError before anything is sent. After that, problems are part of the
    report.
    """
    source, deadline = request.source, monotonic() + request.within_s
    environment = load_environment(source.directory, source.environ, insecure_http=source.insecure_http)
    wallets, signer = await asyncio.to_thread(open_signer, source.wallets)
    async with AsyncExitStack() as stack:
        async with _time_limit(request.within_s, deadline):
            connections, notes = await retry_read(lambda: connect(environment, signer), after=RETRIED)
            stack.push_async_callback(connections.close)
            market = await _market(connections, request.market)
            paths = StatePaths(request.state_root, connections.chain_id, market.address)
            records = await asyncio.to_thread(open_market_state, paths, force=request.force)
            stack.push_async_callback(_close, records)
            context = await _context(connections, market, records, publisher)
        insecure = await asyncio.to_thread(wallets_warning, source)
        for note in filter(None, (*notes, insecure, *records.notes)):
            context.action_log.note(note, is_error=True)
        report = await _cancel(request, deadline, context, records, wallets[: request.wallets], on_progress, stop)
        context.action_log.note(f"cancel-all: {report.text}", is_error=not report.is_proven)
        return market, report


@asynccontextmanager
async def _time_limit(seconds: float, deadline: float) -> AsyncIterator[None]:
    """Raise UnreachableError if the venue was not read by the deadline (monotonic), `seconds` after the start."""
    try:
        async with asyncio.timeout(max(0.0, deadline - monotonic())):
            yield
    except TimeoutError:
        raise UnreachableError(
            f"the venue could not be read within {seconds:.3g} s: nothing was cancelled",
            "check the venue and the node, or allow more time with --within",
        ) from None


async def _close(records: MarketState) -> None:
    with suppress(JournalError):
        await asyncio.to_thread(records.close)


async def _cancel(
    request: CancelAllRequest,
    deadline: float,
    context: RunContext,
    records: MarketState,
    wallets: Sequence[FleetWallet],
    on_progress: Callable[[KillProgress], None],
    stop: asyncio.Event,
) -> KillReport:
    books = _books(wallets, records)
    context.fleet = Fleet(books)
    ids = {address: entry.session_id for address, entry in records.wallets.items()}
    candidates = {book.address: session_ids(records.replay, book.address, ids.get(book.address)) for book in books}
    with suppress(TimeoutError):  # then no wallet has one, and gets one when it needs it
        async with asyncio.timeout(max(0.0, deadline - monotonic()) / 4):
            await _choose_sessions(context, books, candidates)
    track_missing(books, records.replay)
    if not records.is_whole:
        context.action_log.note(
            "orders sent in the last few minutes may be missing: run the command again in a minute", is_error=True
        )
    work = CancelAll(
        context,
        Sender(context, lambda: False),
        books,
        CancelReason.OPERATOR,
        max(0.0, deadline - monotonic()),
        on_progress,
        placed_under=dict(candidates),
        stop=stop,
    )
    work.witnesses.add_journal(records.replay)
    work.witnesses.look_back_from = look_back_from(records.replay, [book.address for book in books])
    report = await work.finish()
    if request.revoke and report.is_proven:
        return await _revoke(context, books, report, max(0.0, deadline - monotonic()), stop)
    return report


async def _revoke(
    context: RunContext, books: Sequence[WalletBook], report: KillReport, seconds: float, stop: asyncio.Event
) -> KillReport:
    """Revoke the wallets' sessions in what is left of the time, or until the operator wants to stop."""
    revoking = asyncio.create_task(WalletRevoker(context).revoke_all(books))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({revoking, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not revoking.done():
            context.action_log.note("not all sessions were revoked in time: `ama-tui sessions revoke`", is_error=True)
            return report
        return replace(report, revoked=tuple(dict.fromkeys((*report.revoked, *revoking.result()))))
    finally:
        stopping.cancel()
        revoking.cancel()
        await asyncio.gather(revoking, stopping, return_exceptions=True)


def _books(wallets: Sequence[FleetWallet], records: MarketState) -> list[WalletBook]:
    """The wallets of the file, plus those that only the checkpoint has."""
    books = {wallet.address: WalletBook(wallet) for wallet in wallets}
    for entry in records.wallets.values():
        if entry.address not in books:
            books[entry.address] = WalletBook(FleetWallet(entry.index or 0, entry.nickname, entry.address, entry.role))
    return list(books.values())


async def _choose_sessions(
    context: RunContext, books: Sequence[WalletBook], candidates: Mapping[str, Sequence[str]]
) -> None:
    """Select each wallet's latest session that may cancel. A wallet without one gets a session when it needs it."""
    every_id = sorted({session for sessions in candidates.values() for session in sessions})
    records: Mapping[str, SessionRecord | None] = {}
    block_time = 0
    if every_id:
        with suppress(VenueError):  # then the most likely session is used, and checked again with every read
            read = await context.connections.chain.sessions(context.connections.registry, every_id)
            records, block_time = read.records, read.block_time
    for book in books:
        for session in candidates[book.address]:
            status = session_status(
                records.get(session), trader=book.address, block_time=block_time, methods=Methods.CANCEL
            )
            if status.problem is None:
                book.session.use(session)


async def _context(connections: Connections, market: Market, records: MarketState, publisher: Publisher) -> RunContext:
    """The parts of a run that cancelling needs."""
    parameters = Parameters()
    action_log = ActionLog(records.journal, publisher, market, records.replay.last_run_id or str(uuid.uuid4()))
    action_log.forgive()
    return RunContext(
        market=market,
        terms=await retry_read(lambda: connections.chain.terms(market.address), after=RETRIED),
        parameters=parameters,
        strategy=strategy("packer", parameters, Rules.EVEN, CollateralBasis.NET),
        connections=connections,
        action_log=action_log,
        settle_after=SETTLE_AFTER.default,
    )


async def _market(connections: Connections, selector: str) -> Market:
    """A market by symbol or address. An address works even if the venue does not list it (any more)."""
    is_address = _ADDRESS.fullmatch(selector) is not None
    try:
        market = find_market(await retry_read(connections.api.markets, after=RETRIED), selector)
    except VenueError:
        if not is_address:
            raise
        market = None
    if market is None and is_address:
        terms = await retry_read(lambda: connections.chain.terms(selector), after=RETRIED)
        market = Market(selector.lower(), selector.lower(), terms.market_id, connections.chain_id, DEFAULT_TICK6)
    if market is None:
        raise ConfigError(f"no market named {selector!r}", "list them with `ama-tui markets`, or use the address")
    return replace(market, chain_id=connections.chain_id)


def report_row(market: Market, report: KillReport) -> dict[str, object]:
    """The report as printed by `--json`. Order ids are decimal strings."""
    return {
        "market": market.symbol,
        "orderBook": market.address,
        "block": report.block,
        "cancelled": report.cancelled,
        "survivors": [
            {"wallet": order.wallet, "nickname": order.nickname, "orderId": str(order.order_id)}
            for order in report.survivors
        ],
        "unread": list(report.unread),
        "unsettled": report.unsettled,
        "revoked": list(report.revoked),
        "seconds": round(report.seconds, 3),
        "objections": list(report.objections),
        "checkedAgainst": report.witnesses,
        "proven": report.is_proven,
    }
