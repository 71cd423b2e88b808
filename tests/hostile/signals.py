"""A signal at a random moment of a real process: it must end in time, with an exit code that the README documents.

`python -m tests.hostile --signals N` makes N tries of each signal, spread over commands and phases: imports, reading a
venue that may hang, a password prompt, packing, running, stopping, ending. In some tries the signal was ignored when
the process started: it then must stay ignored to the end.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from tests.e2e.operator import PROGRAM, VENUE_NAMES

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_END_S = 12.0
START_S = 1.5
"""Half of the signals come within this time: imports, connecting, the first reads."""
AT_WORK_S = 2.5
SIGN_S = 30.0
"""A sign takes no longer, or is not waited for."""
IGNORED_SHARE = 0.2
SECOND_SHARE = 0.25
"""This share of the tries gets another signal while it stops."""
HANG_S = 40.0
"""A process that is still there so long after its signal is killed, and counted."""
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
    """A signal comes within this time; the command may have ended by itself."""
    sign: str
    """What it shows once it does its work; half of the tries wait for that."""
    on_a_terminal: bool
    is_endless: bool
    hangs: bool
    """The venue accepts connections and answers nothing."""
    stays: bool
    """It works on the directory that the tries before it left, not on an empty one."""
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
    """Seconds to the signal from the start of the process, or from the sign that it works."""
    at_work: bool
    is_ignored: bool
    second: tuple[signal.Signals, float] | None
    """Another signal, so many seconds after the first."""


def plan(count: int, seed: int) -> list[Try]:
    """So many tries of each signal, the same for the same seed."""
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


@dataclass(frozen=True, slots=True)
class Ended:
    """How a try ended."""

    code: int | None
    """None: it hung."""
    seconds: float
    """From the signal to the end."""
    was_before_us: bool
    """The signal came before Python had run a line of the program."""
    failure: str


def signal_row(one: Try) -> tuple[str, str]:
    """What happened in a try, and why it failed ('' if it did not)."""
    number = one.number.name
    name = f"{number} at {one.after:.2f} s{' of its work' if one.at_work else ''}, {one.way.name}"
    if one.is_ignored:
        name += ", ignored"
    if one.second is not None:
        name += f", then {one.second[0].name}"
    try:
        ended = run_try(one)
    except Exception as error:
        return name, f"{type(error).__name__}: {error}"
    if ended.was_before_us:
        name += ", before the program's first line"
    return f"{name}: code {ended.code} after {ended.seconds:.1f} s", ended.failure


def run_try(one: Try) -> Ended:
    """Run one process, send it its signal, and judge its end."""
    place = _place()
    with place.directory(one.way) as directory, _Child(one, directory, place.environ) as child:
        if one.at_work:
            child.wait_for_sign()
        child.wait(one.after)
        if child.code is not None:
            return _judged(one, child, 0.0, was_before_us=False)
        if one.is_ignored:
            return _with_ignored_signal(one, child)
        was_before_us = not child.handles_signals()
        began = time.monotonic()
        child.send(one.number)
        if one.second is not None:
            child.wait(one.second[1])
            child.send(one.second[0])
        child.wait(HANG_S)
        return _judged(one, child, time.monotonic() - began, was_before_us=was_before_us)


def _with_ignored_signal(one: Try, child: _Child) -> Ended:
    """The signal must change nothing; another one ends what does not end by itself."""
    child.send(one.number)
    child.wait(1.0)
    other = signal.SIGTERM if one.number is not signal.SIGTERM else signal.SIGINT
    if child.code is None and not child.ignores(one.number):
        return Ended(None, 0.0, False, "the signal is not ignored any more")
    child.send(one.number)
    if one.way.is_endless:
        if child.code is not None and child.code not in one.way.codes - {INTERRUPTED}:
            return Ended(child.code, 0.0, False, f"an ignored signal ended it with code {child.code}")
        child.wait(1.0)
        began = time.monotonic()
        was_before_us = child.code is None and not child.handles_signals()
        child.send(other)
        child.wait(HANG_S)
        return _judged(one, child, time.monotonic() - began, was_before_us=was_before_us)
    child.wait(90.0)
    if child.code not in one.way.codes - {INTERRUPTED}:
        return Ended(child.code, 0.0, False, f"code {child.code} though the signal is ignored: {child.said()}")
    return Ended(child.code, 0.0, False, "")


def _judged(one: Try, child: _Child, seconds: float, *, was_before_us: bool) -> Ended:
    failure = ""
    allowed = one.way.codes
    if was_before_us:  # Python's own: it ends as the system has it, or with KeyboardInterrupt
        allowed |= {-int(number) for number in SIGNALS} | {1}
    if child.code is None:
        failure = f"still there {HANG_S:.0f} s after the signal"
    elif seconds > LONGEST_END_S:
        failure = f"it took {seconds:.1f} s"
    elif child.code not in allowed:
        failure = f"code {child.code} is not documented: {child.said()}"
    elif not was_before_us and "Traceback" in child.said():
        failure = f"a traceback: {child.said()}"
    return Ended(child.code, seconds, was_before_us, failure)


class _Child:
    """The process of a try."""

    def __init__(self, one: Try, directory: Path, environ: dict[str, str]) -> None:
        self._out = (directory.parent / "said").open("w+b")
        self._sign = one.way.sign.encode()
        ignored = [one.number] if one.is_ignored else []
        code = (
            "import os, signal, sys\n"
            + ("os.login_tty(0)\n" if one.way.on_a_terminal else "")
            + "".join(
                f"signal.signal({int(number)}, signal.SIG_{'IGN' if number in ignored else 'DFL'})\n"
                for number in SIGNALS
            )
            + "os.execv(sys.argv[1], sys.argv[1:])"
        )
        self._screen = -1
        streams: dict[str, int] = {"stdin": subprocess.DEVNULL, "stdout": self._out.fileno()}
        if one.way.on_a_terminal:
            self._screen, program_side = os.openpty()
            streams = {"stdin": program_side, "stdout": program_side, "stderr": program_side}
        else:
            streams["stderr"] = self._out.fileno()
        self._child = subprocess.Popen(
            [sys.executable, "-ISc", code, *PROGRAM, *one.way.arguments],
            cwd=directory,
            env=environ | _more_environ(one.way, environ),
            start_new_session=True,
            **streams,  # type: ignore[call-overload]
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        if one.way.on_a_terminal:
            os.close(program_side)
            self._reader.start()
        self._wait_for_program()

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        if self._screen >= 0:
            self._reader.join(5)
            os.close(self._screen)
        self._out.close()

    @property
    def code(self) -> int | None:
        code: int | None = self._child.poll()
        return code

    def wait(self, seconds: float) -> None:
        """Wait for its end, at most so long."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)

    def wait_for_sign(self) -> None:
        """Wait until it shows what its way names, or ends."""
        deadline = time.monotonic() + SIGN_S
        while self._child.poll() is None and self._sign not in self._all() and time.monotonic() < deadline:
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def handles_signals(self) -> bool:
        """Each of the signals is caught, or ignored as it was at the start."""
        mask = self._mask("SigCgt") | self._mask("SigIgn")
        return all(mask >> (number - 1) & 1 for number in SIGNALS)

    def ignores(self, number: signal.Signals) -> bool:
        return self.code is not None or bool(self._mask("SigIgn") >> (number - 1) & 1)

    def said(self) -> str:
        """The end of what it printed."""
        return self._all().decode(errors="replace")[-600:]

    def _all(self) -> bytes:
        return Path(self._out.name).read_bytes()

    def _mask(self, name: str) -> int:
        with suppress(OSError):
            for line in Path(f"/proc/{self._child.pid}/status").read_text().splitlines():
                if line.startswith(f"{name}:"):
                    return int(line.split()[1], 16)
        return -1  # it has just ended

    def _wait_for_program(self) -> None:
        """The starter has become the program."""
        while self._child.poll() is None and b"ama_tui" not in self._arguments():
            time.sleep(0.001)

    def _arguments(self) -> bytes:
        with suppress(OSError):
            words = Path(f"/proc/{self._child.pid}/cmdline").read_bytes().split(b"\0")
            return b"" if b"-ISc" in words else b" ".join(words)
        return b""

    def _read(self) -> None:
        with suppress(OSError):  # EIO: nobody holds the other side any more
            while piece := os.read(self._screen, 65_536):
                self._out.write(piece)
                self._out.flush()


def _more_environ(way: Way, environ: dict[str, str]) -> dict[str, str]:
    more = {"RPC_URL": _hanging(), "APP_URL": _hanging()} if way.hangs else {}
    if way.knows_password:
        more["AMA_VAULT_PASSWORD_FILE"] = f"{environ['XDG_STATE_HOME']}/password"
    return more


@cache
def _hanging() -> str:
    """The URL of a server that takes connections and never answers."""
    _SERVERS.append(socket.create_server(("127.0.0.1", 0), backlog=4096))
    return f"http://127.0.0.1:{_SERVERS[-1].getsockname()[1]}"


_SERVERS: list[socket.socket] = []


@dataclass(frozen=True, slots=True)
class _Place:
    """A venue, and where its operator works. Each worker process has one to the end."""

    root: Path
    environ: dict[str, str]

    @contextmanager
    def directory(self, way: Way) -> Iterator[Path]:
        """The operator's directory, with what the tries before left there, or without."""
        kept = self.root / "operator"
        if way.stays:
            yield kept
            return
        with tempfile.TemporaryDirectory(dir=self.root) as fresh:
            (Path(fresh) / "operator").mkdir()
            for name in (".env", "wallets.csv"):
                (Path(fresh) / "operator" / name).symlink_to(kept / name)
            yield Path(fresh) / "operator"


@cache
def _place() -> _Place:
    root = Path(tempfile.mkdtemp(prefix="ama-signals-"))
    operator = root / "operator"
    operator.mkdir(mode=0o700)
    (root / "runtime").mkdir(mode=0o700)
    _VENUES.append(VenueProcess.spawn(VenueOptions(wallets=2, block_time=0.3), write_dir=operator))
    password = root / "password"
    password.write_text("correct horse battery staple\n")
    password.chmod(0o600)
    around = {name: value for name, value in os.environ.items() if name not in VENUE_NAMES}
    environ = {
        **around,
        "TERM": "xterm-256color",
        "XDG_RUNTIME_DIR": str(root / "runtime"),
        "XDG_STATE_HOME": str(root),
    }
    sealing = {**environ, "AMA_VAULT_PASSWORD_FILE": str(password)}
    subprocess.run(
        [*PROGRAM, "wallets", "seal"], cwd=operator, env=sealing, check=True, capture_output=True, timeout=60
    )
    return _Place(root, environ)


_VENUES: list[VenueProcess] = []
"""They end with this process."""


def counts(rows: list[tuple[str, str]]) -> str:
    """The figures of all tries, in one line."""
    failures = [failure for _, failure in rows if failure]
    hangs = sum("still there" in failure or "it took" in failure for failure in failures)
    codes = sum("is not documented" in failure for failure in failures)
    early = sum("before the program's first line" in name for name, _ in rows)
    return json.dumps(
        {
            "tries": len(rows),
            "hangs": hangs,
            "undocumented codes": codes,
            "other failures": len(failures) - hangs - codes,
            "before the program's first line": early,
        }
    )
