"""`--profile FILE`: samples what every thread of a run is doing and writes where its time went.

The file has a summary for people (lines with `#`) and then collapsed stacks, which flame graph viewers such as
speedscope read: `thread;function;function count`. It names functions and nothing else: no values, no paths.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FrameType

from ama_tui.cli.signals import SIGNALS
from ama_tui.disk.atomic import FILE_MODE
from ama_tui.domain.errors import ConfigError

INTERVAL_S = 0.005
SWITCH_INTERVAL_S = 0.0005
"""Python's, while sampling. With the usual 5 ms a short burst of work would be over before the sampler gets a turn."""
MOST_STACKS = 20_000
"""Stacks to tell apart. Later ones count for their innermost function only, so a long run needs little memory."""
FUNCTIONS_SHOWN = 15
HEADING = "# Where the time of an ama-tui run went"
_WAITING = ("selectors", "threading", "queue", "concurrent.futures.thread", "ama_tui.cli.signals")
"""A thread whose innermost function is in one of these modules waits."""
_STARTERS = ("asyncio.events:Handle._run", "concurrent.futures.thread:_WorkItem.run", "threading:Thread.run")
"""What calls a task, a job or a thread: the same for all, so it is left out with all that is around it."""
_IMPORTING = "importlib._bootstrap"
_NUMBER = re.compile(r"[-_]\d.*")

Stack = tuple[str, ...]
"""A thread's name and its functions, outermost first."""


@contextmanager
def profiled(path: Path | None) -> Iterator[None]:
    """Profile this context into a file, unless `path` is None. The file is written however the context is left.

    Raises ConfigError, before anything runs, if the file cannot be written or is something else than an old profile.
    """
    if path is None:
        yield
        return
    profile = _Profile(path, _opened(path))
    SIGNALS.before_forced_exit.append(profile.finish)
    profile.start()
    try:
        yield
    finally:
        profile.finish()


def _opened(path: Path) -> int:
    """The descriptor of the empty private file. Never overwrites anything but an old profile."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, FILE_MODE)
    except OSError as error:
        text = f"--profile {path} cannot be written ({error.strerror})"
        raise ConfigError(text, "choose a new file in a writable directory") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or _is_foreign(descriptor):
        os.close(descriptor)
        raise ConfigError(f"--profile {path} exists and is not a profile", "choose a new file")
    os.fchmod(descriptor, FILE_MODE)
    os.ftruncate(descriptor, 0)
    return descriptor


def _is_foreign(descriptor: int) -> bool:
    return os.pread(descriptor, len(HEADING), 0) not in (b"", HEADING.encode())


class _Profile:
    """Samples on a thread of its own until `finish`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor
        self._samples = Samples()
        self._over = threading.Event()
        self._finishing = threading.Lock()
        self._is_finished = False
        self._usual_switch_interval = sys.getswitchinterval()
        self._thread = threading.Thread(target=self._sample, name="ama-profile", daemon=True)
        self._began = self._cpu_began = 0.0

    def start(self) -> None:
        self._began, self._cpu_began = time.monotonic(), time.process_time()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._thread.start()

    def finish(self) -> None:
        """Write the file, once. Safe to call again, also from another thread or a signal handler."""
        if not self._finishing.acquire(timeout=1):
            return
        try:
            if self._is_finished:
                return
            self._is_finished = True
            self._over.set()
            self._thread.join(1)
            sys.setswitchinterval(self._usual_switch_interval)
            seconds, cpu = time.monotonic() - self._began, time.process_time() - self._cpu_began
            self._write(self._samples.report(seconds, cpu))
        finally:
            self._finishing.release()

    def _sample(self) -> None:
        own = threading.get_ident()
        while not self._over.wait(INTERVAL_S):
            frames = sys._current_frames()
            frames.pop(own, None)
            self._samples.take(frames)

    def _write(self, text: str) -> None:
        try:
            with os.fdopen(self._descriptor, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            with suppress(OSError):
                print(f"--profile {self._path} could not be written ({error.strerror})", file=sys.stderr)


class Samples:
    """How often each stack was seen, without those of waiting threads."""

    def __init__(self) -> None:
        self.taken = 0
        self.stacks: Counter[Stack] = Counter()
        self._labels: dict[CodeType, str] = {}
        self._names: dict[int, str] = {}

    def take(self, frames: dict[int, FrameType]) -> None:
        """Count what each thread (by its id) is doing."""
        self.taken += 1
        for ident, frame in frames.items():
            if frame.f_globals.get("__name__") in _WAITING:
                continue
            stack = (self._thread_name(ident), *self._functions(frame))
            if len(self.stacks) >= MOST_STACKS and stack not in self.stacks:
                stack = (stack[0], stack[-1])
            self.stacks[stack] += 1

    def report(self, seconds: float, cpu_seconds: float) -> str:
        """The file's text. Percentages are of the samples, so of the time."""
        lines = [
            f"{HEADING}: every {INTERVAL_S * 1000:g} ms what each thread was doing, waiting left out.",
            f"# {seconds:,.1f} s, {cpu_seconds:,.1f} s of processor time, {self.taken:,} samples.",
        ]
        busy: Counter[str] = Counter()
        for stack, count in self.stacks.items():
            busy[stack[0]] += count
        for name, count in busy.most_common():
            lines += ["#", f"# {name}: busy in {self._share(count)} of the samples, most of them in", *self._top(name)]
        lines += [f"{';'.join(stack)} {count}" for stack, count in self.stacks.most_common()]
        return "\n".join(lines) + "\n"

    def _top(self, name: str) -> Iterator[str]:
        """The functions in which a thread spent most, what they call not counted."""
        functions: Counter[str] = Counter()
        for stack, count in self.stacks.items():
            if stack[0] == name:
                functions[stack[-1]] += count
        for function, count in functions.most_common(FUNCTIONS_SHOWN):
            yield f"# {self._share(count):>8}  {function}"

    def _share(self, count: int) -> str:
        return f"{count / max(1, self.taken):.1%}"

    def _functions(self, frame: FrameType | None) -> Iterator[str]:
        """A stack's functions from the task or job of its thread on, without those that import."""
        labels: list[str] = []
        while frame is not None and (label := self._label(frame)) not in _STARTERS:
            if not label.startswith(_IMPORTING):
                labels.append(label)
            frame = frame.f_back
        return reversed(labels)

    def _label(self, frame: FrameType) -> str:
        """`ama_tui.engine.run.cycle:Cycle.decide`."""
        code = frame.f_code
        label = self._labels.get(code)
        if label is None:
            label = self._labels[code] = f"{frame.f_globals.get('__name__', '?')}:{code.co_qualname}"
        return label

    def _thread_name(self, ident: int) -> str:
        """A thread's name without its number: the threads of a pool count as one."""
        name = self._names.get(ident)
        if name is None:
            running = threading.enumerate()
            self._names |= {one.ident: _NUMBER.sub("", one.name) for one in running if one.ident is not None}
            name = self._names.setdefault(ident, "other")
        return name
