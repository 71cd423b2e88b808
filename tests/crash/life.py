"""One life: a market, an operator, a run that is killed again and again, and what must hold at its end."""

from __future__ import annotations

import json
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.crash.evidence import (
    assert_each_level_once,
    assert_journal_is_whole,
    assert_no_intent_twice,
    assert_takes_are_ours_and_meet_others,
    journal_bytes,
)
from tests.crash.outsider import Outsider
from tests.crash.starting import STARTS, VENUE_TROUBLE, begun
from tests.e2e.operator import Operator, Running
from tests.e2e.venues import ServedVenue

FLEET = 10
PER_SIDE = 6
SETTLE_AFTER_S = 3
"""Longer than any late order under the faults of these lives."""
RUN = (
    *("run", "--headless", "--json", "--resume", "--wallets", str(FLEET), "--settle-after", str(SETTLE_AFTER_S)),
    *("--min-delay-ms", "5", "--max-delay-ms", "30"),
)
LONGEST_ACTIVE_S = 1.5
"""A run is killed at a random moment up to this long after it took its lock."""
START_LIMIT_S = 60.0
"""The exit code of a run that the venue's faults ended before it began."""
LAST_RUN_LIMIT_S = 180.0


@dataclass
class Life:
    """`kill` and `fail_at` are one crash each; `finish` packs the book and checks everything."""

    venue: ServedVenue
    symbol: str
    directory: Path
    chance: random.Random
    takers: float = 0.0
    """The share of the fleet that takes."""
    crashes: int = 0
    placed: int = 0
    taken: int = 0
    operator: Operator = field(init=False)
    outsider: Outsider = field(init=False)
    _seen: bytes = b""

    def __post_init__(self) -> None:
        self.operator = self.venue.operator(self.directory)
        self.outsider = Outsider(self.venue.client, self.symbol, self.venue.client.keys[FLEET])

    def kill(self) -> None:
        """Start the run and kill it at a random moment."""
        running = begun(self.operator, self._start, START_LIMIT_S)
        time.sleep(self.chance.uniform(0.0, LONGEST_ACTIVE_S))
        running.signal(signal.SIGKILL)
        assert running.wait().code in (-signal.SIGKILL, VENUE_TROUBLE), running.err
        self._after_a_crash()

    def fail_at(self, failpoint: str) -> None:
        """Start the run and let it kill itself at the failpoint."""
        for _ in range(STARTS):
            died = self._start(AMA_TUI_FAILPOINT=failpoint).wait(limit=START_LIMIT_S)
            if died.code != VENUE_TROUBLE:
                break
        assert died.code == -signal.SIGKILL, f"{failpoint} was not reached: exit {died.code} {died.err}"
        self._after_a_crash()

    def finish(self) -> None:
        """Run to the end: the book is exactly the target, nothing is duplicated, the journal is intact."""
        arguments = (*self._run, "--until", "packed", "--within", str(LAST_RUN_LIMIT_S))
        for _ in range(STARTS):
            ended = self.operator.ama(*arguments, limit=LAST_RUN_LIMIT_S + START_LIMIT_S)
            if ended.code != VENUE_TROUBLE:
                break
        last = ended.packed()
        assert (last["unknown"], last["crossed"], last["self_trades"]) == (0, 0, 0), last
        client = self.venue.client
        fleet = client.addresses(client.keys[:FLEET])
        httpx.delete(client.app_url + "/localnet/faults").raise_for_status()  # so that reads are correct
        lines = assert_journal_is_whole(self._journal())
        assert_each_level_once(client, self.symbol, self._makers(), PER_SIDE, lines)
        self.taken = assert_takes_are_ours_and_meet_others(client, self.symbol, fleet, lines)
        self.placed = assert_no_intent_twice(client, self.symbol, fleet, lines)
        verified = self.operator.ama("journal", "verify", str(self.operator.state))
        assert verified.code == 0, verified.out + verified.err

    @property
    def _run(self) -> tuple[str, ...]:
        return (*RUN, "--takers", f"{self.takers}", "--taker-budget", "100000", "--market", self.symbol)

    def _makers(self) -> list[str]:
        """The wallets that make, by the checkpoint."""
        stored = json.loads((self.operator.market_state() / "checkpoint.json").read_bytes())["wallets"]
        return [address for address, wallet in stored.items() if wallet["role"] == "MAKER"]

    def _start(self, **environ: str) -> Running:
        return self.operator.start(*self._run, environ=environ)

    def _after_a_crash(self) -> None:
        """Check that no complete line was lost or changed; then let a trader take a part of the book."""
        self.crashes += 1
        journal = self._journal()
        assert journal.startswith(self._seen), "a whole line of the journal was lost or changed"
        self._seen = journal
        if self.chance.random() < 0.7:
            self.outsider.sweep(self.chance)

    def _journal(self) -> bytes:
        return journal_bytes(self.operator.market_state())
