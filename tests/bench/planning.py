"""How long the packer takes to plan a large fleet: from an empty book, and with every order resting."""

from __future__ import annotations

from ama_tui.strategies.packer_parameters import PackerParameters
from tests.bench.figures import Figure, Kind, under
from tests.bench.scale import Scale
from tests.bench.timing import best_ms, reference_loop
from tests.strategies.worlds import USDC, Packer, carried_out, market, wallet

GOAL = under(100)
REFERENCE = "reference"


def measure(scale: Scale) -> list[Figure]:
    """Milliseconds per plan, and how many times the reference loop that is."""
    packer = Packer(PackerParameters(orders_per_side=scale.orders_per_side))
    wallets = [wallet(index) for index in range(scale.planned_wallets)]
    nothing = market(
        *wallets,
        best_bid6=2_499_920_000,
        best_ask6=2_500_080_000,
        others_bid6=2_499_920_000,
        others_ask6=2_500_080_000,
        mark6=2500 * USDC,
    )
    first = packer.plan(nothing)
    packed = carried_out(nothing, first, first_id=1)
    orders = 2 * scale.orders_per_side * scale.planned_wallets
    if len(first.intents) != orders or packer.plan(packed).intents:
        raise AssertionError("the fleet is not packed after one plan: this would not be a steady plan")
    best = best_ms(
        {
            "from nothing": lambda: packer.plan(nothing),
            "steady": lambda: packer.plan(packed),
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
