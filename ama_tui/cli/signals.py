"""The signals that ask the program to stop: SIGINT, SIGTERM and SIGHUP, from its first line to its last.

They are taken before anything slow is imported, and never handed to an event loop, which would reset them when it
closes. A signal that was ignored when the program started (nohup, `trap '' INT`) stays ignored.
"""

from __future__ import annotations

import _thread
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = tuple(number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP"))
"""Those of them that this system has."""
INTERRUPTED = 130
"""The exit code of a command that a signal ended before its work was done."""
LONGEST_STOP_S = 11.5
"""The process ends this long after the first signal, whatever it waits for."""
LONGEST_EXIT_S = 5.0
"""A process whose exit code is known may wait this long for its threads."""
_LATE = b"ama-tui: something did not stop in time; exited without it\n"


class Interrupted(KeyboardInterrupt):
    """A signal asks the program to stop.

    A type of its own: Python ends a process by SIGINT, whatever its exit code, if a plain KeyboardInterrupt once passed
    through an `exec`, as imports make them.
    """


def was_interrupted(error: BaseException | None) -> bool:
    """Whether an interrupt is behind an error: imports turn it into errors of other types."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


class StopSignals:
    """What a signal does: it is held, raises Interrupted in the main thread, or goes to a receiver."""

    def __init__(self) -> None:
        self.before_forced_exit: list[Callable[[], None]] = []
        """Called, on any thread, before the process is ended although something still runs."""
        self._taken: set[signal.Signals] = set()
        self._is_held = True
        self._receiver: Callable[[int], None] | None = None
        self._count = 0
        self._unheard: int | None = None
        """The latest signal that no receiver got."""
        self._is_limited = True

    def take_over(self) -> None:
        """Take the signals that are not ignored, and hold them. Call it again without effect."""
        for number in STOPPING:
            if number not in self._taken and signal.getsignal(number) is not signal.SIG_IGN:
                self._taken.add(number)
                signal.signal(number, self._received)

    def hold(self) -> None:
        """Keep the signals until something takes them."""
        self._is_held, self._receiver = True, None

    def interrupt(self) -> None:
        """Raise Interrupted at every signal from now on, and now if one was held."""
        self._is_held, self._receiver = False, None
        if self._unheard is not None:
            raise Interrupted

    def deliver_to(self, receiver: Callable[[int], None]) -> None:
        """Call `receiver` with the number of every signal from now on, and now if one was held.

        It is called between any two steps of the main thread, so it may only wake an event loop.
        """
        self._receiver = receiver
        if self._unheard is not None:
            self._deliver(receiver, self._unheard)

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Raise Interrupted at a signal within this context: the event loop waits for the operator's input."""
        is_held, receiver = self._is_held, self._receiver
        self.interrupt()
        try:
            yield
        finally:
            self._is_held, self._receiver = is_held, receiver

    def lift_limit(self) -> None:
        """Let the stop take as long as it needs: it cancels orders."""
        self._is_limited = False

    def exit_now(self, exit_code: int, text: bytes = b"") -> None:
        """End the process, whatever still runs. The text goes to stderr."""
        for action in self.before_forced_exit:
            action()
        if text and select.select([], [2], [], 0)[1]:  # a reader that does not read must not hold up the end
            os.write(2, text)
        os._exit(exit_code)

    def again(self) -> None:
        """Repeat an interrupt that Python could not raise in the main thread, as in a destructor."""
        if self._unheard is not None:
            _thread.start_new_thread(_send_soon, (_thread.get_ident(), signal.Signals(self._unheard)))

    def over(self, exit_code: int) -> None:
        """The exit code is known: signals change nothing any more, and a thread that hangs cannot keep the process."""
        for number in self._taken:
            signal.signal(number, signal.SIG_IGN)
        _thread.start_new_thread(_exit_after, (LONGEST_EXIT_S, exit_code))

    def _received(self, number: int, frame: FrameType | None) -> None:
        if not self._count:
            _thread.start_new_thread(self._exit_when_late, ())
        self._count += 1
        self._unheard = number
        if self._receiver is not None:
            self._deliver(self._receiver, number)
        elif not self._is_held:
            raise Interrupted

    def _deliver(self, receiver: Callable[[int], None], number: int) -> None:
        self._unheard = None
        receiver(number)

    def _exit_when_late(self) -> None:
        time.sleep(LONGEST_STOP_S)
        if self._is_limited:
            self.exit_now(INTERRUPTED, _LATE)


def _send_soon(thread: int, number: signal.Signals) -> None:
    time.sleep(0.05)  # until the destructor and what reports its error are over
    signal.pthread_kill(thread, number)  # a real one: it ends a call that waits


def _exit_after(seconds: float, code: int) -> None:
    time.sleep(seconds)
    os._exit(code)


SIGNALS = StopSignals()
"""Those of this process."""
