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
    assert_no_self_trade,
    assert_no_take_twice,
    has_moves,
    journal_bytes,
)
from tests.crash.outsider import Outsider
from tests.crash.starting import STARTS, VENUE_TROUBLE, begun
from tests.e2e.chain_pnl import earned, stored
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
MOVES_AND_TAKES = (
    *("--strategy", "rebalance", "--slack-ticks", "0", "--min-rest-seconds", "0", "--full-position", "0.2"),
    *("--takers", "0.3", "--taker-budget", "1000000", "--taker-slippage", "1000"),
)
"""Every fill moves the orders of its wallet, and three wallets take."""
ONE_MORE_RUN = "2s"
LONGEST_ACTIVE_S = 1.5
"""A run is killed at a random moment up to this long after it took its lock."""
START_LIMIT_S = 60.0
"""The exit code of a run that the venue's faults ended before it began."""
LAST_RUN_LIMIT_S = 180.0
MOVE_LIMIT_S = 120.0
SWEEP_EVERY_S = 1.0


@dataclass
class Life:
    """`kill` and `fail_at` are one crash each; `finish` packs the book and checks everything."""

    venue: ServedVenue
    symbol: str
    directory: Path
    chance: random.Random
    options: tuple[str, ...] = ()
    """Of the run, besides the usual."""
    crashes: int = 0
    placed: int = 0
    moved: int = 0
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

    def move(self) -> None:
        """Start the run, trade with it until the chain has a move of its orders, and kill it."""
        running = begun(self.operator, self._start, START_LIMIT_S)
        deadline, largest18 = time.monotonic() + MOVE_LIMIT_S, 10**18
        while not has_moves(self.venue.client, self.symbol):
            assert time.monotonic() < deadline, f"no order was moved in {MOVE_LIMIT_S:.0f} s: {running.err}"
            if running.is_over:
                running = begun(self.operator, self._start, START_LIMIT_S)
            self.outsider.sweep(self.chance, largest18)
            largest18 *= 2  # so that it gets through a deep book to the fleet's orders
            time.sleep(SWEEP_EVERY_S)
        running.signal(signal.SIGKILL)
        running.wait()
        self._after_a_crash()

    def finish(self) -> None:
        """Run to the end: the book is exactly the target, nothing is duplicated, the journal is intact."""
        arguments = (
            *RUN,
            *self.options,
            "--market",
            self.symbol,
            "--until",
            "packed",
            "--within",
            str(LAST_RUN_LIMIT_S),
        )
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
        takers = {line["trader"] for line in lines if line.get("role") == "TAKER"}
        makers = [address for address in fleet if address not in takers]
        assert_each_level_once(client, self.symbol, makers, PER_SIDE, lines)
        self.placed, self.moved = assert_no_intent_twice(client, self.symbol, fleet, lines)
        self.taken = assert_no_take_twice(client, self.symbol, fleet, lines)
        assert_no_self_trade(client, self.symbol, fleet)
        self._check_results(fleet)
        verified = self.operator.ama("journal", "verify", str(self.operator.state))
        assert verified.code == 0, verified.out + verified.err

    def _check_results(self, fleet: list[str]) -> None:
        """One more run, on a venue without faults: the results are what the events say, unless they say why not.

        A reorg may take a counted trade to another block.
        """
        last = self.operator.ama(*RUN, *self.options, "--market", self.symbol, "--until", ONE_MORE_RUN)
        assert last.code == 0, last.err
        checkpoint = json.loads((self.operator.market_state() / "checkpoint.json").read_text())
        if "pnlProblem" not in checkpoint["run"]:
            through = checkpoint["run"]["tradesBlock"]
            assert stored(checkpoint) == earned(self.venue.client, self.symbol, fleet, through)

    def _start(self, **environ: str) -> Running:
        return self.operator.start(*RUN, *self.options, "--market", self.symbol, environ=environ)

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
