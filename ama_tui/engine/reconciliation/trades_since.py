"""Counts the trades that were made while no process of the run was there to see them."""

from __future__ import annotations

from functools import partial

from ama_tui.engine.reconciliation.rules import REORG_BLOCKS
from ama_tui.engine.retry import retry_read
from ama_tui.engine.run_context import RunContext

MOST_TURNS = 50
"""Reads of up to 10,000 blocks each. Trades of a longer absence are not looked up."""


async def count_trades_since(context: RunContext) -> None:
    """Count the trades between the block that the stored results are of and the last read.

    If the node does not list all of them, the positions of that read are taken over and the reason is shown. Raises
    VenueError.
    """
    pnl, read, until = context.pnl, context.read, context.trades_block
    if read is None:
        return
    began, chain = pnl.through, context.connections.chain
    if began > until + REORG_BLOCKS:
        _give_up(context, f"trades up to block {began:,} are counted, but the chain is at block {until:,}")
        return
    for _ in range(MOST_TURNS):
        if pnl.through >= until:
            return
        read_trades = partial(chain.settlement, context.market.address, pnl.through + 1, until, ())
        settlement = await retry_read(read_trades)
        if settlement.trades is None or settlement.through <= pnl.through:
            break
        pnl.note(settlement.trades, settlement.through)
    if pnl.through < until:
        _give_up(context, f"the node does not list the trades of blocks {pnl.through + 1:,} to {until:,}")


def _give_up(context: RunContext, reason: str) -> None:
    assert context.read is not None  # noqa: S101 - the caller has looked
    context.pnl.take_over(context.read, reason)
    context.action_log.note_error(f"{reason}: the P&L takes over the positions of block {context.read.block:,}")
