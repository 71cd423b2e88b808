"""A signal at a random moment of a real process: it must end in time, with an exit code that the README documents.

`python -m tests.hostile --signals N` makes N tries of each signal, spread over commands and phases: imports, reading a
venue that may hang, a password prompt, packing, running, stopping, ending. In some tries the signal was ignored when
the process started: it then must stay ignored to the end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from tests.e2e.operator import VENUE_NAMES
from tests.e2e.warm import PROGRAM
from tests.hostile.signal_child import Child
from tests.hostile.signal_ways import INTERRUPTED, SIGNALS, Try, Way

LONGEST_END_S = 12.0
HANG_S = 40.0
"""A process still running this long after its signal is killed and counted."""


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
    """Run one process, send its signal, and judge its end."""
    place = _place()
    with place.directory(one.way) as directory, Child(one, directory, place.environ) as child:
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


def _with_ignored_signal(one: Try, child: Child) -> Ended:
    """The signal must change nothing; another one ends a process that does not end by itself."""
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


def _judged(one: Try, child: Child, seconds: float, *, was_before_us: bool) -> Ended:
    failure = ""
    allowed = one.way.codes
    if was_before_us:  # Python's default: the system ends it, or KeyboardInterrupt does
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


@dataclass(frozen=True, slots=True)
class _Place:
    """A venue, and its operator's directory. Each worker process keeps one to its end."""

    root: Path
    environ: dict[str, str]

    @contextmanager
    def directory(self, way: Way) -> Iterator[Path]:
        """The operator's directory, with or without what earlier tries left there."""
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
    Finalize(None, shutil.rmtree, (root, True), exitpriority=0)
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
