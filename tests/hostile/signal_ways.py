"""What a signal hits: the ways to use the program, the exit codes they may end with, and a plan of tries."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from random import Random

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_S = 1.5
"""Half of the signals are sent within this time: imports, connecting, the first reads."""
AT_WORK_S = 2.5
IGNORED_SHARE = 0.2
SECOND_SHARE = 0.25
"""This share of the tries gets another signal while it stops."""
INTERRUPTED = 130
SMALL = ("--market", "ETH-USD", "--wallets", "2", "--orders-per-side", "2")
QUICK = ("--min-delay-ms", "20", "--max-delay-ms", "80")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to use the program."""

    name: str
    arguments: tuple[str, ...]
    codes: frozenset[int]
    """The exit codes that it may end with, stopped or not."""
    seconds: float
    """A signal is sent within this time; the command may have ended by itself."""
    sign: str
    """What it shows once it does its work; half of the tries wait for that."""
    on_a_terminal: bool
    is_endless: bool
    hangs: bool
    """The venue accepts connections and never answers."""
    stays: bool
    """It uses the directory left by earlier tries, not an empty one."""
    knows_password: bool
    """The vault's password comes from a file."""


def _way(
    name: str,
    *arguments: str,
    codes: tuple[int, ...] = (),
    seconds: float = 4.0,
    sign: str = "",
    is_endless: bool = False,
    hangs: bool = False,
    on_a_terminal: bool = False,
    stays: bool = True,
    knows_password: bool = False,
) -> Way:
    allowed = frozenset({0, INTERRUPTED, *codes})
    is_endless |= on_a_terminal
    return Way(name, arguments, allowed, seconds, sign, on_a_terminal, is_endless, hangs, stays, knows_password)


RUN = ("run", "--headless", "--json", *SMALL, *QUICK)
REVOKE = ("sessions", "revoke", "--all", "--yes", "--market", "all")
WAYS = (
    _way("run", *RUN, sign="resting", is_endless=True),
    _way("run with new sessions", *RUN, sign="sessions", is_endless=True, stays=False),
    _way("run that cancels on stop", *RUN, "--cancel-on-stop", codes=(4,), sign="resting", is_endless=True),
    _way("run until packed", *RUN, "--until", "packed", codes=(5,), sign="sessions"),
    _way("run on a venue that hangs", *RUN, codes=(3,), seconds=6, hangs=True),
    _way("plan", *RUN, "--dry-run"),
    _way("dashboard", "run", "--no-ask", *SMALL, *QUICK, sign="RUNNING", on_a_terminal=True),
    _way("dashboard that asks", "run", "--ask", sign="Markets", on_a_terminal=True),
    _way("dashboard on a venue that hangs", "run", codes=(3,), sign="ama-tui", hangs=True, on_a_terminal=True),
    _way("password prompt", "run", "--vault", "wallets.vault", sign="Password for", on_a_terminal=True),
    _way("demo", "demo", "--headless", "--wallets", "2", "--block-time", "0.2", sign="resting", is_endless=True),
    _way("venue", "venue", "--wallets", "2", sign="API http", is_endless=True),
    _way("cancel-all", "cancel-all", "--market", "ETH-USD", codes=(4,), sign="cancelling"),
    _way("cancel-all and revoke", "cancel-all", "--market", "all", "--revoke", codes=(2, 4), sign="cancelling"),
    _way("cancel-all on a venue that hangs", "cancel-all", "--market", "ETH-USD", codes=(3, 4), seconds=6, hangs=True),
    _way("sessions list", "sessions", "list", seconds=3),
    _way("sessions revoke", *REVOKE, codes=(4,)),
    _way("sessions revoke on a venue that hangs", *REVOKE, codes=(3,), hangs=True),
    _way("markets", "markets", seconds=2),
    _way("doctor", "doctor", sign="ok "),
    _way("doctor on a venue that hangs", "doctor", codes=(3,), seconds=6, sign="ok ", hangs=True),
    _way("journal", "journal", "tail", "--follow", codes=(2,), sign="session", is_endless=True),
    _way("wallets", "wallets", "seal", "--vault", "other.vault", stays=False, knows_password=True),
)


@dataclass(frozen=True, slots=True)
class Try:
    """One process and its signal."""

    way: Way
    number: signal.Signals
    after: float
    """Seconds to the signal from the start of the process, or from the text it shows."""
    at_work: bool
    is_ignored: bool
    second: tuple[signal.Signals, float] | None
    """Another signal, this many seconds after the first."""


def plan(count: int, seed: int) -> list[Try]:
    """This many tries of each signal; the same for the same seed."""
    dice = Random(seed)
    tries = []
    for index in range(count * len(SIGNALS)):
        way = WAYS[index // len(SIGNALS) % len(WAYS)]
        at_work = bool(way.sign) and dice.random() < 0.5
        after = dice.uniform(0.0, AT_WORK_S if at_work else dice.choice((START_S, way.seconds)))
        is_ignored = dice.random() < IGNORED_SHARE
        second = (dice.choice(SIGNALS), dice.uniform(0.0, 3.0)) if dice.random() < SECOND_SHARE else None
        tries.append(
            Try(way, SIGNALS[index % len(SIGNALS)], after, at_work, is_ignored, None if is_ignored else second)
        )
    return tries
