"""What a steady cycle costs: requests to the node and to the API, by the size of the fleet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ama_tui.config.run_options import RunOptions
from ama_tui.domain.event import Action, EngineSnapshot, LogEvent
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.local_engine import LocalEngine
from ama_tui.localnet.options import VenueOptions
from tests.bench.figures import Figure, at_most
from tests.bench.fleet import packed_desk, until
from tests.bench.scale import Scale

LONGEST_WATCH = 60.0
RPC_GOAL, RPC_GOAL_OF_MANY, API_GOAL = at_most(3), at_most(8), at_most(1)
_ORDERS = (Action.PLACE_LIMIT, Action.CANCEL_ORDER)


@dataclass(frozen=True, slots=True)
class Cost:
    """The requests of one cycle. `is_pinned`: all that it read was of one block."""

    rpc: int
    api: int
    is_pinned: bool


class CostMeter(Publisher):
    """Notes what each cycle cost, of those that neither sent nor awaited an order, nor stood beside one that did."""

    def __init__(self) -> None:
        super().__init__()
        self.steady: list[Cost] = []
        self._engine: LocalEngine | None = None
        self._held: Cost | None = None
        self._is_quiet = False
        self._has_acted = False

    def begin(self, engine: LocalEngine) -> None:
        """Count the cycles of this desk's run from now on."""
        self._engine = engine

    def log(self, event: LogEvent) -> None:
        self._has_acted = self._has_acted or event.action in _ORDERS
        super().log(event)

    def publish(self, snapshot: EngineSnapshot) -> None:
        before, now = self.latest.totals, snapshot.totals
        super().publish(snapshot)
        if now.cycles != before.cycles + 1 or self._engine is None or self._engine.run is None:
            return
        was_quiet = self._is_quiet
        self._is_quiet = snapshot.packed and snapshot.pending == 0 and not self._has_acted
        self._has_acted = False
        if self._held is not None and self._is_quiet:
            # A cost counts once the next cycle has shown that nothing was on its way meanwhile.
            self.steady.append(self._held)
        self._held = None
        if was_quiet and self._is_quiet:
            read = self._engine.run.context.read
            self._held = Cost(
                now.rpc_requests - before.rpc_requests,
                now.api_requests - before.api_requests,
                read is not None and read.pinned,
            )


def measure(scale: Scale) -> list[Figure]:
    """The most that a steady cycle costs, of a small and of a large fleet, while the market moves.

    Localnet's node knows its latest block only, so a read that a new block interrupts is made again, which
    a node with some history would not ask for: such cycles are told apart.
    """
    figures: list[Figure] = []
    for wallets, goal in ((scale.wallets, RPC_GOAL), (scale.many_wallets, RPC_GOAL_OF_MANY)):
        costs = asyncio.run(_steady_costs(wallets, scale))
        whole = [cost for cost in costs if cost.is_pinned] or costs
        again = [cost.rpc for cost in costs if not cost.is_pinned]
        detail = f"{2 * scale.orders_per_side * wallets} orders, the most of {len(whole)} steady cycles"
        if again and len(again) < len(costs):
            detail += f"; {len(again)} more were interrupted by a block: up to {max(again)}"
        rpc, api = max(cost.rpc for cost in whole), max(cost.api for cost in costs)
        figures.append(Figure(f"RPC requests a cycle, {wallets} wallets", rpc, "", goal, detail))
        figures.append(Figure(f"API requests a cycle, {wallets} wallets", api, "", API_GOAL))
    return figures


async def _steady_costs(wallets: int, scale: Scale) -> list[Cost]:
    """What steady cycles cost when each of them meets a new block."""
    meter = CostMeter()
    seconds = scale.steady_block_time
    parameters = RunOptions(
        min_delay_ms=round(seconds * 500),
        max_delay_ms=round(seconds * 800),
        orders_per_side=scale.orders_per_side,
    )
    async with packed_desk(VenueOptions(wallets=wallets, block_time=seconds), meter, parameters) as engine:
        meter.begin(engine)
        await until(lambda: len(meter.steady) >= scale.steady_cycles, LONGEST_WATCH)
    return meter.steady
