"""A life from the start of its venue to its result, in its own process."""

from __future__ import annotations

import random
import traceback
from dataclasses import dataclass
from pathlib import Path

from ama_tui.localnet.faults.kinds import API, RPC
from ama_tui.localnet.faults.rules import FaultRule, Faults
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from tests.crash.life import FLEET, MOVES_AND_TAKES, SETTLE_AFTER_S, Life
from tests.e2e.client import OtherClient
from tests.e2e.venues import ServedVenue

MARKETS = ("BNB-USD", "LTC-USD", "BCH-USD", "AVAX-USD", "AAVE-USD", "OIL-USD", "SPX-USD", "ALU-USD", "COPPER-USD")
"""Quiet books with different ticks and margins."""
LATEST_ORDER_S = SETTLE_AFTER_S / 3


@dataclass(frozen=True)
class Chapter:
    """One planned life: a failpoint for each crash, '' for a kill at a random moment; one more kill after a move."""

    number: int
    seed: int
    crashes: tuple[str, ...]
    moves_and_takes: bool = False
    """Whether orders are moved and some wallets take."""


@dataclass(frozen=True)
class LifeResult:
    """The result of a life; `failure` is '' or a traceback."""

    number: int
    asked: int
    crashes: int
    placed: int
    failure: str = ""
    moved: int = 0
    taken: int = 0


def live(chapter: Chapter, directory: Path) -> LifeResult:
    """Run one life on its own venue, with a block per transaction and faults on."""
    chance = random.Random(chapter.seed)
    home = directory / f"life-{chapter.number}"
    home.mkdir(parents=True)
    options = VenueOptions(
        wallets=FLEET + 1, block_time=0, traders=False, seed=chapter.seed, faults=faults_of(chapter.seed)
    )
    life: Life | None = None
    try:
        with VenueProcess.spawn(options, write_dir=home / "venue"), OtherClient(home / "venue") as client:
            venue = ServedVenue(home / "venue", client)
            options_of_run = MOVES_AND_TAKES if chapter.moves_and_takes else ()
            life = Life(venue, chance.choice(MARKETS), home / "operator", chance, options_of_run)
            try:
                with life.outsider:
                    for failpoint in chapter.crashes:
                        life.fail_at(failpoint) if failpoint else life.kill()
                    if chapter.moves_and_takes:
                        life.move()
                    life.finish()
            finally:
                life.operator.end()
    except Exception:
        return _result(chapter, life, traceback.format_exc())
    return _result(chapter, life)


def faults_of(seed: int) -> Faults:
    """Fault injection in a hurry: every fault of a venue, none of them for long."""
    return Faults(
        (
            FaultRule("delay", on=API, rate=0.05, seconds=(0.05, 0.4)),
            FaultRule("lose_request", rate=0.03),
            FaultRule("lose_reply", rate=0.03),
            FaultRule("late", rate=0.03, seconds=(0.1, LATEST_ORDER_S)),
            FaultRule("rate_limit", on=API, rate=0.01, seconds=(0.2, 0.5)),
            FaultRule("unavailable", on=API, rate=0.01, seconds=(0.2, 0.5)),
            FaultRule("error_500", rate=0.02),
            FaultRule("error_500_hash", rate=0.01),
            FaultRule("html", on=API, rate=0.01),
            FaultRule("cut_body", on=API, rate=0.01),
            FaultRule("pending_forever", rate=0.01),
            FaultRule("revert_pending", rate=0.01),
            FaultRule("delay", on=RPC, rate=0.02, seconds=(0.05, 0.3)),
            FaultRule("rpc_error", rate=0.01),
            FaultRule("rpc_empty", rate=0.005),
            FaultRule("rpc_truncated", rate=0.005),
            FaultRule("lag", rate=0.01, blocks=(1, 2)),
            FaultRule("batch_shuffled", rate=0.02),
            FaultRule("batch_missing", rate=0.01),
            FaultRule("reorg", rate=0.01, seconds=(0.0, 0.2), blocks=(1, 2)),
        ),
        seed,
    )


def _result(chapter: Chapter, life: Life | None, failure: str = "") -> LifeResult:
    asked = len(chapter.crashes) + chapter.moves_and_takes
    if life is None:
        return LifeResult(chapter.number, asked, 0, 0, failure)
    return LifeResult(chapter.number, asked, life.crashes, life.placed, failure, life.moved, life.taken)
