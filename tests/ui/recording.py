"""A run recorded on a real venue, and an engine that plays it back. `record.py` makes the recording."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ama_tui.domain.event import EngineSnapshot, LogEvent
from ama_tui.domain.market import Market, Quote
from ama_tui.engine.engine_api import KillReport, PlanPreview, StartRequest, StoredRun
from tests.ui.codec import decode, encode
from tests.ui.fakes import FakeEngine, FakeHost

FILE = Path(__file__).with_name("data") / "run.json"


@dataclass(frozen=True, slots=True)
class Moment:
    """What the engine published at one moment; `now` in Unix seconds."""

    now: float
    snapshot: EngineSnapshot


@dataclass(frozen=True, slots=True)
class Recording:
    """One run on one market, from an empty environment to the proof of a kill.

    `opened`, `stored_at` and the moments' `now` are Unix seconds. `course` is the run from its start every other
    second, with its fleet in one row: as much as the charts are made of. The previews are of a fresh run, of a
    resumed one, and of the parameters of the paused one.
    """

    problems: tuple[str, ...]
    environment_label: str
    opened: float
    markets: tuple[Market, ...]
    quotes: dict[str, Quote]
    fresh_plan: PlanPreview
    preparing: Moment
    course: tuple[Moment, ...]
    live: Moment
    events: tuple[LogEvent, ...]
    paused: Moment
    paused_plan: PlanPreview
    stored: StoredRun
    stored_at: float
    resumed_plan: PlanPreview
    killed: Moment
    report: KillReport

    @property
    def market(self) -> Market:
        market = self.live.snapshot.market
        assert market is not None
        return market


def save(recording: Recording) -> None:
    """Write the recording, one line for each of its fields."""
    parts = encode(recording)
    lines = [f"{json.dumps(key)}:{json.dumps(one, separators=(',', ':'))}" for key, one in parts.items()]
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


@cache
def recorded() -> Recording:
    """The stored recording. It must not be changed."""
    recording: Recording = decode(Recording, json.loads(FILE.read_text(encoding="utf-8")))
    return recording


def fleet_in_one_row(snapshot: EngineSnapshot) -> EngineSnapshot:
    """The snapshot with its wallets summed up and without its book: `History` records the same values of it."""
    rows = snapshot.wallets
    whole = replace(
        rows[0],
        bids=sum(row.bids for row in rows),
        asks=sum(row.asks for row in rows),
        target_bids=sum(row.target_bids for row in rows),
        target_asks=sum(row.target_asks for row in rows),
        reserved6=sum(row.reserved6 or 0 for row in rows),
        cap6=sum(row.cap6 or 0 for row in rows),
        orders=(),
        pending_orders=(),
    )
    return EngineSnapshot(
        snapshot.state,
        market=snapshot.market,
        run_id=snapshot.run_id,
        started_at_ms=snapshot.started_at_ms,
        best_bid6=snapshot.best_bid6,
        best_ask6=snapshot.best_ask6,
        wallets=(whole,),
        totals=snapshot.totals,
        errors_last_minute=snapshot.errors_last_minute,
    )


class ReplayEngine(FakeEngine):
    """Responds as the recorded venue did. Without `stored` no run is stored yet."""

    async def quote(self, market: Market) -> Quote:
        await self._arrive("quote")
        return recorded().quotes[market.address]

    async def resumable(self, markets: Sequence[Market]) -> frozenset[str]:
        await self._arrive("resumable")
        return frozenset() if self.stored is None else frozenset({recorded().market.address})

    async def preview(self, request: StartRequest) -> PlanPreview:
        await self._arrive("preview")
        if self.stored is not None:
            return recorded().resumed_plan
        return recorded().paused_plan if request.resume else recorded().fresh_plan

    async def start(self, *requests: StartRequest) -> None:
        self.publisher.publish(recorded().preparing.snapshot)
        await self._arrive("start")

    async def kill(self, *, revoke: bool = False, market: str | None = None) -> KillReport:
        await self._arrive("kill")
        self.publisher.publish(recorded().killed.snapshot)
        return recorded().report


class ReplayHost(FakeHost):
    """An engine thread with a `ReplayEngine` on it."""

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)
        one = recorded()
        whole = {"all_markets": one.markets, "environment_label": one.environment_label, "wallets_available": 10}
        self.engine = ReplayEngine(self.publisher, self._freeze, **(whole | fields))  # type: ignore[arg-type]
