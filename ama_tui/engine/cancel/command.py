"""Cancel everything that wallets have on a market, without a run: from the files and the chain alone."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ama_tui.config.environment import load_environment
from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import ConfigError, JournalError, VenueError
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
from ama_tui.engine.market_state import MarketState, open_records
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.reconciliation.startup import take_up_missing
from ama_tui.engine.retry import retry_read
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.revocation import WalletRevoker
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.store.journal.replay import sessions_known
from ama_tui.strategies.registry import strategy

TROUBLE = (VenueError,)
"""What a question is asked again after: a venue in trouble is the very reason to be here."""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class CancelAllRequest:
    """What was asked for. `wallets` None takes every wallet of the source; `within_s` is the patience."""

    market: str
    source: VenueSource
    state_root: Path
    wallets: int | None = None
    within_s: float = 60.0
    force: bool = False
    revoke: bool = False


async def cancel_all(
    order: CancelAllRequest,
    *,
    publisher: Publisher,
    on_progress: Callable[[KillProgress], None],
    is_enough: Callable[[], bool],
) -> tuple[Market, KillReport]:
    """Cancel and prove; the log's lines go to `publisher`.

    Raises ConfigError, LockHeldError or VenueError before anything was sent; after that everything is in the report.
    """
    source = order.source
    environment = load_environment(source.directory, source.environ, insecure_http=source.insecure_http)
    wallets, signer = await asyncio.to_thread(open_signer, source.wallets)
    connections, notes = await retry_read(lambda: connect(environment, signer), after=TROUBLE)
    try:
        market = await _market(connections, order.market)
        paths = StatePaths(order.state_root, connections.chain_id, market.address)
        records = await asyncio.to_thread(open_records, paths, force=order.force)
        try:
            context = await _context(connections, market, records, publisher)
            insecure = await asyncio.to_thread(wallets_warning, source)
            for note in filter(None, (*notes, insecure, *records.notes)):
                context.action_log.note(note, is_error=True)
            report = await _cancel(order, context, records, wallets[: order.wallets], on_progress, is_enough)
            context.action_log.note(f"cancel-all: {report.text}", is_error=not report.is_proven)
            return market, report
        finally:
            with suppress(JournalError):
                await asyncio.to_thread(records.close)
    finally:
        await connections.close()


async def _cancel(
    order: CancelAllRequest,
    context: RunContext,
    records: MarketState,
    wallets: Sequence[FleetWallet],
    on_progress: Callable[[KillProgress], None],
    is_enough: Callable[[], bool],
) -> KillReport:
    books = _books(wallets, records)
    context.fleet = Fleet({book.address: book for book in books})
    ids = {address: entry.session_id for address, entry in records.wallets.items()}
    candidates = {book.address: sessions_known(records.replay, book.address, ids.get(book.address)) for book in books}
    await _choose_sessions(context, books, candidates)
    take_up_missing(books, records.replay)
    if not records.is_whole:
        context.action_log.note(
            "orders sent in the last minutes may not all be known: look again in a minute", is_error=True
        )
    work = CancelAll(
        context,
        Sender(context, lambda: False),
        books,
        CancelReason.OPERATOR,
        order.within_s,
        on_progress,
        placed_under=dict(candidates),
        is_enough=is_enough,
    )
    report = await work.finish()
    if order.revoke and report.is_proven:
        ended = await WalletRevoker(context).revoke_all(books)
        return replace(report, revoked=tuple(dict.fromkeys((*report.revoked, *ended))))
    return report


def _books(wallets: Sequence[FleetWallet], records: MarketState) -> list[WalletBook]:
    """The wallets of the file, and those of the checkpoint beside them."""
    books = {wallet.address: WalletBook(wallet) for wallet in wallets}
    for entry in records.wallets.values():
        if entry.address not in books:
            books[entry.address] = WalletBook(FleetWallet(entry.index or 0, entry.nickname, entry.address, entry.role))
    return list(books.values())


async def _choose_sessions(
    context: RunContext, books: Sequence[WalletBook], candidates: Mapping[str, Sequence[str]]
) -> None:
    """Give each wallet the latest of its sessions that may cancel; without one, it gets one when it needs it."""
    every_id = sorted({session for some in candidates.values() for session in some})
    records: Mapping[str, SessionRecord | None] = {}
    block_time = 0
    if every_id:
        with suppress(VenueError):  # then the likeliest is tried, and looked at again with every read
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
    """As much of a run as cancelling takes."""
    parameters = Parameters()
    action_log = ActionLog(records.journal, publisher, market, records.replay.last_run_id or str(uuid.uuid4()))
    action_log.forgive()
    return RunContext(
        market=market,
        terms=await retry_read(lambda: connections.chain.terms(market.address), after=TROUBLE),
        parameters=parameters,
        strategy=strategy("packer", parameters, Rules.EVEN, CollateralBasis.NET),
        connections=connections,
        action_log=action_log,
        settle_after=SETTLE_AFTER.default,
    )


async def _market(connections: Connections, selector: str) -> Market:
    """The market of the venue's list; one that is named by its address need not be on it (any more)."""
    is_address = _ADDRESS.fullmatch(selector) is not None
    try:
        found = find_market(await retry_read(connections.api.markets, after=TROUBLE), selector)
    except VenueError:
        if not is_address:
            raise
        found = None
    if found is None and is_address:
        terms = await retry_read(lambda: connections.chain.terms(selector), after=TROUBLE)
        found = Market(selector.lower(), selector.lower(), terms.market_id, connections.chain_id, DEFAULT_TICK6)
    if found is None:
        raise ConfigError(f"no market named {selector!r}", "`ama-tui markets` lists them, or name its address")
    return replace(found, chain_id=connections.chain_id)


def report_row(market: Market, report: KillReport) -> dict[str, object]:
    """The report as `--json` prints it; order ids are decimal strings."""
    return {
        "market": market.symbol,
        "orderBook": market.address,
        "block": report.block,
        "cancelled": report.cancelled,
        "survivors": [
            {"wallet": one.wallet, "nickname": one.nickname, "orderId": str(one.order_id)} for one in report.survivors
        ],
        "unread": list(report.unread),
        "unsettled": report.unsettled,
        "revoked": list(report.revoked),
        "seconds": round(report.seconds, 3),
        "proven": report.is_proven,
    }
