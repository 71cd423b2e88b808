"""How long strategies take to plan a large fleet: from an empty book, with every order resting, and as prices move."""

from __future__ import annotations

from dataclasses import replace

from ama_tui.domain.plan import MarketSnapshot, Plan
from ama_tui.strategies.packer_parameters import PackerParameters
from ama_tui.strategies.rebalance.parameters import RebalanceParameters
from ama_tui.strategies.rebalance.plan import REBALANCE, RebalanceMemory
from tests.bench.figures import Figure, Kind, under
from tests.bench.scale import Scale
from tests.bench.timing import best_ms, reference_loop
from tests.strategies.worlds import USDC, Packer, carried_out, market, wallet

GOAL = under(100)
REFERENCE = "reference"
BID6, ASK6 = 2_499_920_000, 2_500_080_000
DRIFT6 = 30 * 10_000
"""Thirty ticks: more than the slack of `rebalance`, so that it moves a part of the orders."""


def measure(scale: Scale) -> list[Figure]:
    """Milliseconds per plan, and how many times the reference loop that is."""
    wallets = [wallet(index) for index in range(scale.planned_wallets)]
    nothing = _quoted(market(*wallets, mark6=2500 * USDC), 0)
    packer = Packer(PackerParameters(orders_per_side=scale.orders_per_side))
    first = packer.plan(nothing)
    packed = carried_out(nothing, first, first_id=1)
    orders = 2 * scale.orders_per_side * scale.planned_wallets
    if len(first.intents) != orders or packer.plan(packed).intents:
        raise AssertionError("the fleet is not packed after one plan: this would not be a steady plan")
    own = RebalanceParameters(orders_per_side=scale.orders_per_side)
    _, memory = REBALANCE.plan(packed, own, RebalanceMemory())
    drifted = _quoted(packed, DRIFT6)

    def rebalance(snapshot: MarketSnapshot, after: RebalanceMemory) -> Plan:
        return REBALANCE.plan(snapshot, own, after)[0]

    if not rebalance(drifted, memory).intents:
        raise AssertionError("nothing is moved: this would be a steady plan")
    best = best_ms(
        {
            "from nothing": lambda: packer.plan(nothing),
            "steady": lambda: packer.plan(packed),
            "rebalance from nothing": lambda: rebalance(nothing, RebalanceMemory()),
            "rebalance steady": lambda: rebalance(packed, memory),
            "rebalance as prices move": lambda: rebalance(drifted, memory),
            REFERENCE: reference_loop,
        },
        scale.repeats,
    )
    reference = best.pop(REFERENCE)
    size = f"{scale.planned_wallets:,} wallets, {orders:,} orders"
    return [
        Figure(f"planning, {name}", ms, "ms", GOAL, f"{size}; {ms / reference:.2f} × the reference loop", Kind.CPU)
        for name, ms in best.items()
    ]


def _quoted(snapshot: MarketSnapshot, away6: int) -> MarketSnapshot:
    """The same market with others quoting this far above where they began."""
    bid6, ask6 = BID6 + away6, ASK6 + away6
    now = snapshot.now + (60 if away6 else 0)
    return replace(snapshot, now=now, best_bid6=bid6, best_ask6=ask6, others_bid6=bid6, others_ask6=ask6)
