"""A fleet that gets its sessions, on one market after another, while the run that requests them is killed."""

from __future__ import annotations

import json
import random
import signal
import time
import traceback
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ama_tui.localnet.faults.kinds import RPC
from ama_tui.localnet.faults.rules import NO_FAULTS, FaultRule, Faults
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from tests.crash.evidence import assert_journal_is_whole, journal_bytes
from tests.crash.outsider import Outsider
from tests.crash.session_evidence import assert_one_usable_each, live_sessions
from tests.crash.starting import STARTS, VENUE_TROUBLE, begun
from tests.e2e.client import OtherClient
from tests.e2e.operator import Operator, Running
from tests.e2e.venues import ServedVenue

FLEET = 10
MARKETS = (
    *("BNB-USD", "LTC-USD", "BCH-USD", "AVAX-USD", "AAVE-USD", "OIL-USD", "SPX-USD", "ALU-USD", "COPPER-USD"),
    *("LINK-USD", "UNI-USD", "ATOM-USD", "DOT-USD", "NEAR-USD", "WHEAT-USD", "XAU-USD"),
)
CRASHES_A_MARKET = 5
LATEST_INIT_S = 4.0
"""How long after its request a session may appear: a delay, and then a late execution."""
LONGEST_ACTIVE_S = 0.6
"""A run is killed at a random moment up to this long after it requested its first session, or took its lock."""
RUN = (
    *("run", "--headless", "--json", "--resume", "--wallets", str(FLEET), "--orders-per-side", "1"),
    *("--settle-after", "3", "--min-delay-ms", "5", "--max-delay-ms", "30"),
)
START_LIMIT_S = 120.0
LAST_RUN_LIMIT_S = 180.0
LOST = 0.25
LOST_LESS = 0.15
"""The share of `lost` that is lost in the last run, which is meant to finish."""
ASKS_FIRST = 0.8
"""The share of the random kills that wait until a session was requested."""


@dataclass(frozen=True)
class SessionChapter:
    """One life as it is planned: a failpoint's name for each crash, '' for a kill at a random moment.

    `lost` is the share of the requests for a session that never arrive, which is what a resumed run has to wait for.
    """

    number: int
    seed: int
    crashes: tuple[str, ...]
    block_time: float
    lost: float = LOST


@dataclass(frozen=True)
class SessionLife:
    """The result of a life.

    `crashes` are those that hit a creation, with `caught` wallets whose request was on its way, and `made` the
    sessions that `wanted` wallets on all markets together came to have. `failure` is '' or a traceback.
    """

    number: int
    asked: int
    crashes: int
    caught: int = 0
    wanted: int = 0
    made: int = 0
    failure: str = ""


def live_with_sessions(chapter: SessionChapter, directory: Path) -> SessionLife:
    """Run one life on its own venue; each of its markets has its own operator, with the same wallets."""
    chance = random.Random(chapter.seed)
    home = directory / f"sessions-{chapter.number}"
    home.mkdir(parents=True)
    options = VenueOptions(wallets=FLEET + 1, block_time=chapter.block_time, traders=False, seed=chapter.seed)
    ordeals: list[Ordeal] = []
    failure = ""
    try:
        with ExitStack() as stack:
            stack.enter_context(VenueProcess.spawn(options, write_dir=home / "venue"))
            client = stack.enter_context(OtherClient(home / "venue"))
            venue = ServedVenue(home / "venue", client)
            markets = iter(chance.sample(MARKETS, len(MARKETS)))
            stack.enter_context(Outsider(client, next(markets), client.keys[FLEET]))  # for blocks while nobody trades
            crashes = deque(chapter.crashes)
            while crashes and len(ordeals) < len(MARKETS) - 1:
                ordeals.append(Ordeal(venue, next(markets), home / f"operator-{len(ordeals)}", chance, chapter))
                stack.callback(ordeals[-1].operator.end)
                ordeals[-1].suffer(crashes)
    except Exception:
        failure = f"seed {chapter.seed}, block time {chapter.block_time:g}\n{traceback.format_exc()}"
    return SessionLife(
        chapter.number,
        len(chapter.crashes),
        sum(one.crashes for one in ordeals),
        sum(one.caught for one in ordeals),
        FLEET * len(ordeals),
        ordeals[-1].made if ordeals else 0,
        failure,
    )


def faults_of(seed: int, *, lost: float) -> Faults:
    """The faults that can turn one session into two or none: lost requests or replies, and late execution."""
    return Faults(
        (
            FaultRule("delay", on=("init",), rate=0.6, seconds=(0.02, 0.8)),
            FaultRule("lose_request", on=("init",), rate=lost),
            FaultRule("lose_reply", on=("init",), rate=0.1),
            FaultRule("late", on=("init",), rate=0.25, seconds=(0.3, LATEST_INIT_S - 1)),
            FaultRule("error_500", on=("init",), rate=0.03),
            FaultRule("rate_limit", on=("init",), rate=0.02, seconds=(0.2, 0.5)),
            FaultRule("rpc_error", on=RPC, rate=0.005),
            FaultRule("lag", on=RPC, rate=0.01, blocks=(1, 2)),
        ),
        seed,
    )


@dataclass
class Ordeal:
    """One market's fleet, from no sessions to one each; `suffer` makes it crash as often as possible in between."""

    venue: ServedVenue
    symbol: str
    directory: Path
    chance: random.Random
    chapter: SessionChapter
    crashes: int = 0
    caught: int = 0
    made: int = 0
    operator: Operator = field(init=False)
    _read: int = 0

    def __post_init__(self) -> None:
        self.operator = self.venue.operator(self.directory)

    @property
    def _client(self) -> OtherClient:
        return self.venue.client

    def suffer(self, crashes: deque[str]) -> None:
        """Crash until every wallet has its session or the crashes are used up; then run to the end."""
        while crashes and self.crashes < CRASHES_A_MARKET and self._lacking():
            if self._crash(crashes[0]):
                crashes.popleft()
        self._finish()

    def _crash(self, failpoint: str) -> bool:
        """Start the run and end it; True if that interrupted a creation."""
        wallets = self._lacking()
        self._set_faults(faults_of(self.chance.getrandbits(32), lost=self.chapter.lost))
        self._read = len(self._journal())
        if failpoint:
            self._fail_at(f"{failpoint}:{self.chance.randint(1, wallets)}")
        else:
            self._kill()
        self._set_faults(NO_FAULTS)  # the client that reads the chain must see it
        unanswered = self._unanswered()
        if not unanswered and not self._lacking():
            return False
        self.crashes += 1
        self.caught += unanswered
        return True

    def _kill(self) -> None:
        """Kill it at a random moment, usually after it requested its first session."""
        running = begun(self.operator, self._start, START_LIMIT_S)
        if self.chance.random() < ASKS_FIRST:
            deadline = time.monotonic() + START_LIMIT_S
            while not self._asked() and not running.is_over and "running" not in running.err:
                assert time.monotonic() < deadline, f"no session was asked for: {running.err}"
                time.sleep(0.005)
        time.sleep(self.chance.uniform(0.0, LONGEST_ACTIVE_S))
        running.signal(signal.SIGKILL)
        assert running.wait().code in (-signal.SIGKILL, VENUE_TROUBLE), running.err

    def _fail_at(self, failpoint: str) -> None:
        """Let it kill itself at the failpoint."""
        for _ in range(STARTS):
            died = self._start(AMA_TUI_FAILPOINT=failpoint).wait(limit=START_LIMIT_S)
            if died.code != VENUE_TROUBLE:
                break
        assert died.code == -signal.SIGKILL, f"{failpoint} was not reached: exit {died.code} {died.err}"

    def _finish(self) -> None:
        """Run to the end, at first with the faults on; then check what is on chain."""
        self._set_faults(faults_of(self.chance.getrandbits(32), lost=self.chapter.lost * LOST_LESS))
        short = self._packed()["short"]
        self._set_faults(NO_FAULTS)
        time.sleep(LATEST_INIT_S + self.chapter.block_time)
        short = short and self._packed()["short"]
        assert not short, f"without a session though nothing is in the way: {short}"
        assert_journal_is_whole(self._journal())
        stored = {address: entry["sessionId"] for address, entry in self.operator.checkpoint()["wallets"].items()}
        self.made = assert_one_usable_each(self._client, self.symbol, self._fleet(), stored)

    def _packed(self) -> dict[str, Any]:
        arguments = (*RUN, "--market", self.symbol, "--until", "packed", "--within", str(LAST_RUN_LIMIT_S))
        for _ in range(STARTS):
            ended = self.operator.ama(*arguments, limit=LAST_RUN_LIMIT_S + START_LIMIT_S)
            if ended.code != VENUE_TROUBLE:
                break
        return ended.packed()

    def _start(self, **environ: str) -> Running:
        return self.operator.start(*RUN, "--market", self.symbol, environ=environ)

    def _fleet(self) -> list[str]:
        return self._client.addresses(self._client.keys[:FLEET])

    def _lacking(self) -> int:
        """How many wallets have no session of this market on chain."""
        return sum(not some for some in live_sessions(self._client, self.symbol, self._fleet()).values())

    def _asked(self) -> dict[str, bool]:
        """The sessions requested since the last start, by intent, and whether a response was journalled."""
        asked: dict[str, bool] = {}
        for text in self._journal()[self._read :].splitlines():
            line = json.loads(text)
            if line["action"] == "INTENT" and line["params"]["method"] == "sessionInit":
                asked[line["intentId"]] = False
            elif line["action"] == "SESSION_INIT":
                asked[line.get("intentId", "")] = True
        return asked

    def _unanswered(self) -> int:
        return sum(not is_answered for is_answered in self._asked().values())

    def _journal(self) -> bytes:
        return b"".join(journal_bytes(directory) for directory in self.operator.state.glob("*/0x*"))

    def _set_faults(self, faults: Faults) -> None:
        httpx.put(self._client.app_url + "/localnet/faults", json=faults.as_json()).raise_for_status()
