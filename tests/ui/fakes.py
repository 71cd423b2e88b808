"""An engine that trades nowhere: the dashboard's tests and manual trials run on it, in a real engine thread."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import Action, EngineSnapshot, EngineState, LogEvent, SessionState, Totals, WalletRow
from ama_tui.domain.market import Market, Quote
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import MarketSnapshot, RunLimits, WalletSnapshot
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.engine_api import EngineApi, KillReport, PlanPreview, StartRequest, StoredRun, Survivor
from ama_tui.engine.freeze import Freeze
from ama_tui.engine.host import EngineHost
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.plan_check import trusted
from ama_tui.strategies.registry import strategy

NOW = 1_763_820_000.0
"""Tests run at this time, 2025-11-22 14:00:00 UTC."""


def market(symbol: str = "ETH", number: int = 0, tick6: int = 10_000, identifier: str | None = "ETH-USD") -> Market:
    address = f"0x{0x1234 << 144 | 0xABC0 + number:040x}"
    return Market(symbol, address, f"0x{number:064x}", 31337, tick6, identifier=identifier)


def markets(count: int = 40) -> tuple[Market, ...]:
    """ETH first, then BTC, then one without a tick and an identifier, then generated ones."""
    named = [
        market(),
        market("BTC", 1, 1_000_000, "BTC-USD"),
        replace(market("ODD", 2), tick_is_default=True, identifier=None),
    ]
    return tuple(named + [market(f"C{number:03d}", number, 1_000, f"C{number:03d}-USD") for number in range(3, count)])


def wallet(index: int, *, bids: int = 6, asks: int = 6, target: int = 6, now: float = NOW) -> WalletRow:
    reserved6 = (bids + asks) * 19_000_000
    return WalletRow(
        address=f"0x{0xABC0 + index:040x}",
        nickname=f"User{index + 1:03d}",
        index=index,
        bids=bids,
        asks=asks,
        target_bids=target,
        target_asks=target,
        available6=9_999_000_000 - reserved6,
        cap6=1_999_800_000,
        reserved6=reserved6,
        session=SessionState.VALID,
        session_expiry=int(now) + 85_650,
        last_action_at=int(now * 1000) - 4_000,
        is_packed=bids == target and asks == target,
    )


def snapshot(state: EngineState = EngineState.RUNNING, wallets: int = 10, **changes: object) -> EngineSnapshot:
    """A packed fleet of ten on ETH at block 1,204."""
    base = EngineSnapshot(
        state,
        market=market(),
        run_id="1a2b3c4d-0000-4000-8000-000000000000",
        started_at_ms=int((NOW - 724) * 1000),
        block=1204,
        read_at_ms=int((NOW - 0.6) * 1000),
        best_bid6=2_499_900_000,
        best_ask6=2_500_100_000,
        mark6=2_499_970_000,
        last_trade6=2_500_100_000,
        anchor_x2=5_000_000_000,
        wallets=tuple(wallet(index) for index in range(wallets)),
        totals=Totals(cycles=80, sent=162, fills=14, rpc_requests=240, api_requests=242),
        cycle_ms=42.0,
        rpc_ms=6.0,
        api_ms=38.0,
        next_cycle_at_ms=int((NOW + 0.8) * 1000),
        packed=True,
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # the tests name fields of the snapshot


def planned(request: StartRequest, available6: int = 10_000_000_000, *, poor: int | None = None) -> PlanPreview:
    """The packer's own plan at 2,500 for wallets with these balances; the wallet with index `poor` has none."""
    fleet = tuple(
        FleetWallet(index, f"User{index + 1:03d}", f"0x{0xABC0 + index:040x}") for index in range(request.wallets)
    )
    world = MarketSnapshot(
        tick6=request.market.tick6,
        margin_req_bps=10_000,
        now=int(NOW),
        best_bid6=2_499_900_000,
        best_ask6=2_500_100_000,
        mark6=2_500_000_000,
        wallets=tuple(
            WalletSnapshot(one.index, one.address, available6=0 if one.index == poor else available6) for one in fleet
        ),
        block=1199,
        limits=RunLimits(request.parameters.max_utilization),
    )
    planner = strategy(request.parameters.strategy.name, request.parameters.as_keys())
    plan = planner.plan(world) if planner.is_built_in else trusted(planner.plan(world), world)
    refusal = planner.refusal(request.market.tick6, plan.anchor_x2) or ""
    return PlanPreview(1199, plan, fleet, world.best_bid6, world.best_ask6, refusal=refusal)


@dataclass
class FakeEngine(EngineApi):
    """Returns what it was given. An AmaError in `errors` is raised by the call of that name."""

    publisher: Publisher
    freeze: Freeze
    problems: tuple[str, ...] = ()
    environment_label: str = "chain 31337"
    is_demo: bool = False
    wallets_available: int = 25
    wallets_asked: int = 10
    resume_asked: bool | None = None
    confirms_quit: bool = True
    directory: str = "/desk"
    defaults: Parameters = field(default_factory=Parameters)
    preselected: tuple[str, ...] = ()
    all_markets: tuple[Market, ...] = field(default_factory=markets)
    prices: Quote = field(default_factory=lambda: Quote(2_499_900_000, 2_500_100_000, 2_500_100_000, 2_499_970_000))
    stored: StoredRun | None = None
    errors: dict[str, AmaError] = field(default_factory=dict)
    gates: dict[str, threading.Event] = field(default_factory=dict)
    """A call named here waits for its event."""
    report: KillReport = field(default_factory=lambda: KillReport(cancelled=120, block=1231, seconds=2.1))
    calls: list[str] = field(default_factory=list)
    requests: list[StartRequest] = field(default_factory=list)
    revoked: list[bool] = field(default_factory=list)
    """Whether each kill was to revoke the sessions."""
    markets_asked: list[str | None] = field(default_factory=list)
    """The market that each pause, resume, stop and kill was for; None for all."""
    changed: list[Parameters] = field(default_factory=list)
    previews: list[StartRequest] = field(default_factory=list)
    available6: int = 10_000_000_000
    """The collateral of every wallet of a preview, in USDC with 6 decimals."""

    async def _arrive(self, name: str) -> None:
        self.calls.append(name)
        if name in self.gates:
            await asyncio.to_thread(self.gates[name].wait)
        if name in self.errors:
            raise self.errors[name]

    def set_state(self, state: EngineState, of: str | None = None, **changes: object) -> None:
        """Of one market of the run (its order book's address), or of all."""
        for publisher in self.publishers(of):
            publisher.publish(replace(publisher.latest, state=state, **changes))  # type: ignore[arg-type]

    def publishers(self, market: str | None = None) -> list[Publisher]:
        """The publisher of one market of the run, or of all."""
        every = self.publisher.all
        chosen = [one for one in every if one.latest.market is not None and one.latest.market.address == market]
        return list(every) if market is None else chosen

    async def open(self) -> None:
        await self._arrive("open")

    async def markets(self) -> tuple[Market, ...]:
        await self._arrive("markets")
        return self.all_markets

    async def quote(self, market: Market) -> Quote:
        await self._arrive("quote")
        return self.prices

    async def stored_run(self, market: Market) -> StoredRun | None:
        await self._arrive("stored_run")
        return self.stored

    async def start(self, *requests: StartRequest) -> None:
        self.requests += requests
        publishers = self.publisher.for_markets(len(requests))
        for request, publisher in zip(requests, publishers, strict=True):
            rows = tuple(
                replace(
                    wallet(index, bids=0, asks=0), session=SessionState.CREATING, session_expiry=0, last_action_at=0
                )
                for index in range(request.wallets)
            )
            publisher.publish(EngineSnapshot(EngineState.PREPARING, market=request.market, wallets=rows))
        try:
            await self._arrive("start")
        except AmaError:
            self.set_state(EngineState.READY)
            raise
        for request, publisher in zip(requests, publishers, strict=True):
            publisher.publish(snapshot(wallets=request.wallets, market=request.market))
            publisher.log(LogEvent(int(NOW * 1000), Action.NOTE, "the run began"))

    async def pause(self, market: str | None = None) -> None:
        self.markets_asked.append(market)
        await self._arrive("pause")
        self.set_state(EngineState.PAUSED, market)

    async def resume(self, market: str | None = None) -> None:
        self.markets_asked.append(market)
        await self._arrive("resume")
        self.set_state(EngineState.RUNNING, market)

    async def stop(self, *, market: str | None = None) -> KillReport | None:
        self.markets_asked.append(market)
        self.set_state(EngineState.STOPPING, market)
        await self._arrive("stop")
        self.set_state(EngineState.STOPPED, market)
        return self.report if self.publisher.latest.cancels_on_stop else None

    async def kill(self, *, revoke: bool = False, market: str | None = None) -> KillReport:
        assert self.freeze.is_set(market)
        self.markets_asked.append(market)
        self.revoked.append(revoke)
        self.set_state(EngineState.KILLING, market)
        await self._arrive("kill")
        state = EngineState.STOPPED if self.report.is_proven else EngineState.FAULTED
        for publisher in self.publishers(market):
            bare = tuple(replace(row, bids=0, asks=0) for row in publisher.latest.wallets)
            publisher.publish(replace(publisher.latest, state=state, wallets=bare))
        return self.report

    @property
    def problem_lines(self) -> tuple[str, ...]:  # type: ignore[override]  # the same here
        return self.problems

    async def resumable(self, markets: Sequence[Market]) -> frozenset[str]:
        await self._arrive("resumable")
        return frozenset() if self.stored is None else frozenset(market.address for market in markets[:1])

    async def preview(self, request: StartRequest) -> PlanPreview:
        await self._arrive("preview")
        self.previews.append(request)
        return planned(request, self.available6)

    async def change(self, parameters: Parameters, market: str | None = None) -> None:
        await self._arrive("change")
        self.changed.append(parameters)
        self.set_state(self.publisher.latest.state, parameters=parameters)

    async def pause_wallet(self, address: str, market: str | None = None) -> None:
        await self._arrive("park")

    async def resume_wallet(self, address: str, market: str | None = None) -> None:
        await self._arrive("unpark")

    async def renew(self, address: str, market: str | None = None) -> None:
        await self._arrive("renew")

    async def cancel_order(self, address: str, order_id: int, market: str | None = None) -> None:
        await self._arrive("cancel_order")

    async def close(self) -> None:
        await self._arrive("close")


class FakeHost(EngineHost):
    """A real engine thread with a fake engine on it; `engine` exists from the start."""

    def __init__(self, **fields: object) -> None:
        super().__init__(lambda publisher, freeze: self.engine)
        self.engine = FakeEngine(self.publisher, self._freeze, **fields)  # type: ignore[arg-type]
        self.was_closed = False

    def close(self, timeout: float) -> bool:
        self.was_closed = True
        return super().close(timeout)


def survivors(count: int) -> KillReport:
    """A kill that left orders on the book."""
    left = tuple(Survivor(f"0x{number:040x}", f"User{number:03d}", 900 + number) for number in range(1, count + 1))
    return KillReport(cancelled=120 - count, block=1231, seconds=9.9, survivors=left)


class LivelyEngine(FakeEngine):
    """Simulates a lively run: sessions are created, levels fill, the price moves, orders trade."""

    _task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await asyncio.sleep(0.6)
        await super().open()

    async def start(self, *requests: StartRequest) -> None:
        request = requests[0]
        self.requests.append(request)
        began, target = (
            time.time(),
            strategy(request.parameters.strategy.name, request.parameters.as_keys()).targets.bids,
        )
        rows = [
            replace(wallet(index, bids=0, asks=0, target=target), session=SessionState.NONE)
            for index in range(request.wallets)
        ]
        for ready in range(request.wallets + 1):
            prepared = tuple(
                replace(row, session=SessionState.VALID, session_expiry=int(began) + 86_400)
                if index < ready
                else replace(row, session=SessionState.CREATING if index < ready + 4 else SessionState.NONE)
                for index, row in enumerate(rows)
            )
            self.publisher.publish(EngineSnapshot(EngineState.PREPARING, market=request.market, wallets=prepared))
            if ready:
                self._log(rows[ready - 1], Action.SESSION_INIT, "session created, valid for 24 h")
            await asyncio.sleep(0.25)
        self._task = asyncio.create_task(self._play(request, began))
        self.set_state(EngineState.RUNNING)

    def _log(self, row: WalletRow, action: Action, text: str, *, is_error: bool = False) -> None:
        event = LogEvent(int(time.time() * 1000), action, text, row.address, row.nickname, is_error)
        self.publisher.log(event)

    async def _play(self, request: StartRequest, began: float) -> None:
        step, sent, block = 0, 0, 1200
        target = strategy(request.parameters.strategy.name, request.parameters.as_keys()).targets.bids
        while True:
            now = time.time()
            rows = []
            for index in range(request.wallets):
                have = min(target, max(0, step - index // 2))
                bids, asks = have, max(0, have - (index % 5 == 1 and step % 9 < 2))
                row = replace(wallet(index, bids=bids, asks=asks, target=target, now=began), note="")
                if index == 2 and request.wallets > 2:
                    row = replace(
                        row,
                        bids=0,
                        asks=0,
                        reserved6=0,
                        session=SessionState.UNUSABLE,
                        is_packed=True,
                        note="session revoked: start again to renew it",
                    )
                else:
                    row = replace(row, last_action_at=int((now - (step + index) % 7) * 1000))
                rows.append(row)
            middle = 2_500_000_000 + int(math.sin(step / 7) * 3_000_000) // 10_000 * 10_000
            state = self.publisher.latest.state
            if state in (EngineState.RUNNING, EngineState.PAUSED):
                sent += 3
                self.publisher.publish(
                    snapshot(
                        state,
                        wallets=0,
                        market=request.market,
                        run_id="1a2b3c4d",
                        started_at_ms=int(began * 1000),
                        block=block,
                        read_at_ms=int(now * 1000),
                        best_bid6=middle - 100_000,
                        best_ask6=middle + 100_000,
                        mark6=middle,
                        last_trade6=middle + 100_000,
                        packed=step > 8,
                        next_cycle_at_ms=int((now + 0.8) * 1000),
                        totals=Totals(step, sent, step // 10, step // 4),
                    )
                )
                self.publisher.publish(replace(self.publisher.latest, wallets=tuple(rows)))
                row = rows[step % len(rows)]
                if state is EngineState.RUNNING:
                    side = "sell" if step % 2 else "buy"
                    self._log(row, Action.PLACE_LIMIT, f"{side}  0.184 @ 2,500.52   L3   mined {block:,}   38 ms")
                if step % 6 == 5:
                    self._log(row, Action.FILL, "buy   0.050 @ 2,500.10   L1")
                if step % 17 == 3 and request.wallets > 2:
                    self._log(rows[2], Action.ERROR, "session revoked: start again to renew it", is_error=True)
            step, block = step + 1, block + 1
            await asyncio.sleep(0.5)

    async def kill(self, *, revoke: bool = False, market: str | None = None) -> KillReport:
        self.set_state(EngineState.KILLING)
        rows = list(self.publisher.latest.wallets)
        cancelled = self.publisher.latest.resting
        for index, row in enumerate(rows):
            rows[index] = replace(row, bids=0, asks=0)
            self.set_state(EngineState.KILLING, wallets=tuple(rows))
            await asyncio.sleep(0.2)
        self.set_state(EngineState.STOPPED)
        return KillReport(cancelled=cancelled, block=1231, seconds=2.1)


class LivelyHost(EngineHost):
    """The host of `LivelyEngine`, to try the dashboard by hand."""

    def __init__(self, **fields: object) -> None:
        build: Callable[[Publisher, Freeze], EngineApi] = lambda publisher, freeze: LivelyEngine(  # noqa: E731
            publisher,
            freeze,
            **fields,  # type: ignore[arg-type]
        )
        super().__init__(build)
