"""A real localnet in this process, engines on it, and what the chain itself shows of their orders."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from ama_tui.config.run_options import RunOptions
from ama_tui.domain.market import Market
from ama_tui.domain.order import Side, decode_tag
from ama_tui.engine.connect import VenueSource
from ama_tui.engine.engine_api import KillReport
from ama_tui.engine.freeze import Freeze
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.local_engine import EngineSettings, LocalEngine
from ama_tui.engine.run.run import Run
from ama_tui.engine.run.stop_condition import StopCondition
from ama_tui.keys.wallet_source import WalletsSource
from ama_tui.localnet.contract_reads import ContractRead, read, read_all
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from tests.localnet.few_markets import few_markets
from tests.sizes import PATIENCE_S

QUICK: Mapping[str, Any] = {
    "min_delay_ms": 10,
    "max_delay_ms": 30,
    "orders_per_side": 2,
    "wallets": 3,
    "settle_after_s": 1.0,
}
"""Cycles with almost no pause, and twelve orders."""


@dataclass(frozen=True, slots=True)
class ChainOrder:
    """An order as the contract stores it."""

    order_id: int
    wallet: str
    side: Side
    price6: int
    amount18: int
    margin6: int

    @property
    def level(self) -> int | None:
        tag = decode_tag(self.amount18)
        return None if tag is None else tag.level


async def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    """Wait until a condition holds; the failure names what was awaited."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        await asyncio.sleep(0.01)


@dataclass
class Rig:
    """One venue, one state directory, and the engines opened on them."""

    venue: LocalVenue
    directory: Path
    symbol: str = "ETH-USD"
    environ: dict[str, str] = field(default_factory=dict)
    engines: list[LocalEngine] = field(default_factory=list)

    # ---- the engine ----

    async def open(self, **options: Any) -> LocalEngine:
        """An engine, as a front end gets it."""
        source = VenueSource(self.directory, self.environ, WalletsSource(self.directory / "wallets.csv"))
        settings = EngineSettings(lambda: source, self.directory / "state", RunOptions(**{**QUICK, **options}))
        engine = LocalEngine(settings, Publisher(), Freeze())
        self.engines.append(engine)
        await engine.open()
        assert engine.problems == ()
        return engine

    async def begin(self, *, resume: bool = False, ending: StopCondition | None = None, **options: Any) -> LocalEngine:
        """An engine with a run that cycles."""
        engine = await self.open(**options)
        market = await self.market(engine)
        resolved, _ = await engine.resolved_for(market, resume)
        await engine.begin(market, resolved, resume=resume, ending=ending)
        return engine

    async def packed(self, *, resume: bool = False, **options: Any) -> LocalEngine:
        """An engine whose run has placed everything it wants."""
        engine = await self.begin(resume=resume, **options)
        await until(lambda: run_of(engine).packed, "the fleet to be packed")
        return engine

    async def market(self, engine: LocalEngine) -> Market:
        return await engine.market(self.symbol)

    # ---- the chain's view ----

    @property
    def wallets(self) -> list[str]:
        return [wallet.account for wallet in self.venue.wallets]

    async def orders(self, *wallets: str) -> list[ChainOrder]:
        """The open orders of wallets (all of the venue's if none is named)."""
        book = self.venue.market(self.symbol).address
        found = []
        for wallet in wallets or self.wallets:
            (ids,) = await read(self.venue.node, ContractRead("OrderBook", book, "getUserOrders", (wallet,)))
            reads = [ContractRead("OrderBook", book, "getOrder", (order_id,)) for order_id in ids]
            for one in await read_all(self.venue.node, reads) if reads else []:
                if not one[3]:
                    continue  # it ended between the two reads
                side = Side.BUY if one[4] else Side.SELL
                found.append(ChainOrder(one[0], wallet, side, one[2], one[3], one[7]))
        return found

    async def best(self) -> tuple[int, int]:
        """Best bid and ask, 0 for none."""
        book = self.venue.market(self.symbol).address
        (bid,), (ask,) = await read_all(
            self.venue.node, [ContractRead("OrderBook", book, "bestBid"), ContractRead("OrderBook", book, "bestAsk")]
        )
        return bid, ask

    async def sessions_made(self, wallet: str) -> int:
        """How many sessions the registry has created for a wallet."""
        (nonce,) = await read(
            self.venue.node, ContractRead("SessionRegistry", self.venue.registry, "metaNonce", (wallet,))
        )
        return int(nonce)

    async def available6(self, wallet: str) -> int:
        (available6,) = await read(
            self.venue.node, ContractRead("CoreVault", self.venue.vault, "getAvailableCollateral", (wallet,))
        )
        return int(available6)

    # ---- the files ----

    @property
    def state(self) -> Path:
        """The market's state directory."""
        return self.directory / "state" / str(self.venue.chain_id) / self.venue.market(self.symbol).address

    def journal(self, *actions: str) -> list[dict[str, Any]]:
        """The journal's lines; only of the given actions, if any are given."""
        path = self.state / "actions.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if not actions or line["action"] in actions]

    def checkpoint(self) -> dict[str, Any]:
        return dict(json.loads((self.state / "checkpoint.json").read_text()))

    # ---- invariants ----

    async def check_placements(self, target: int) -> None:
        """No level twice, never more than the target per side, nothing crossed, every POST written ahead."""
        by_side: dict[tuple[str, Side], list[ChainOrder]] = {}
        for one in await self.orders():
            by_side.setdefault((one.wallet, one.side), []).append(one)
        for (wallet, side), orders in by_side.items():
            levels = [one.level for one in orders]
            assert len(orders) <= target, f"{wallet} has {len(orders)} {side.value} orders"
            assert len(set(levels)) == len(levels), f"{wallet} has a level twice: {levels}"
        bid, ask = await self.best()
        assert not bid or not ask or bid < ask
        check_journal(self.journal())


def check_journal(lines: list[dict[str, Any]]) -> None:
    """Every outcome of a placement or a move follows its intent, and no order has two intents."""
    intended: dict[str, tuple[str, str]] = {}
    for line in lines:
        params = line.get("params") or {}
        if line["action"] == "INTENT" and params["method"] in ("sessionPlaceMarginLimit", "sessionModifyOrder"):
            assert line["intentId"] not in intended
            intended[line["intentId"]] = (line["trader"], params["amount"])
        if line["action"] in ("PLACE_LIMIT", "MODIFY_ORDER"):
            assert intended[line["intentId"]] == (line["trader"], params["amount"])
    assert len(set(intended.values())) == len(intended), "one amount, tag and all, was intended twice"


def run_of(engine: LocalEngine) -> Run:
    assert engine.run is not None
    return engine.run


def cycles(engine: LocalEngine) -> int:
    return run_of(engine).context.counters.totals.cycles


async def cycles_later(engine: LocalEngine, count: int) -> None:
    """Wait until the run has completed this many more cycles."""
    reached = cycles(engine) + count + 1
    await until(lambda: cycles(engine) >= reached, f"{count} more cycles")


def log_lines(engine: LocalEngine) -> list[str]:
    return [event.text for event in engine.publisher.log_since(0)[1]]


@asynccontextmanager
async def rig_of(directory: Path, symbol: str = "ETH-USD", **options: Any) -> AsyncIterator[Rig]:
    """A venue without traders and with a block per transaction; its engines are closed at the end."""
    chosen: dict[str, Any] = {"wallets": 3, "block_time": 0, "traders": False, "seed": 7, **options}
    with few_markets():
        venue = await LocalVenue.start(VenueOptions(**chosen))
    async with venue:
        venue.write(directory)
        rig = Rig(venue, directory, symbol)
        try:
            yield rig
        finally:
            for engine in rig.engines:
                await engine.close()


@asynccontextmanager
async def ticking(venue: LocalVenue, seconds: float = 0.1) -> AsyncIterator[None]:
    """Mine blocks regularly, as on a real chain."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(seconds)
            await venue.mine()

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def killed(rig: Rig, engine: LocalEngine) -> KillReport:
    """Kill while blocks keep coming."""
    async with ticking(rig.venue):
        return await engine.kill()


def levels_of(orders: list[ChainOrder]) -> Iterator[tuple[str, Side, int | None]]:
    for one in orders:
        yield one.wallet, one.side, one.level
