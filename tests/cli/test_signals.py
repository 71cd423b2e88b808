"""Signals before, during and after the time something listens for them, each in its own process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.sizes import PATIENCE_S

TAKEN = "import os, signal, sys, time\nfrom ama_tui.cli import signals\nfrom ama_tui.cli.signals import SIGNALS\n"
TAKE = TAKEN + "SIGNALS.take_over()\n"
KILL = "os.kill(os.getpid(), signal.SIGTERM)\n"


def ended(code: str) -> tuple[int, str]:
    """The exit code of a program, and what it printed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_entry_point_takes_the_signals_before_anything_slow_is_imported() -> None:
    slow = "{'asyncio', 'click', 'logging', 'typing', 'ama_tui.cli.main'}"
    code = f"import sys, ama_tui.__main__\nprint({slow} & set(sys.modules))"
    assert ended(code) == (0, "set()\n")


def test_held_signal_interrupts_once_something_can_be_interrupted() -> None:
    code = f"{TAKE}{KILL}print('held')\ntry:\n    SIGNALS.interrupt()\nexcept KeyboardInterrupt:\n    print('heard')"
    assert ended(code) == (0, "held\nheard\n")


def test_held_signal_reaches_the_receiver_once() -> None:
    assert ended(f"{TAKE}{KILL}SIGNALS.deliver_to(print)\nSIGNALS.deliver_to(print)") == (0, "15\n")


def test_ignored_signal_stays_ignored() -> None:
    code = f"{TAKEN}signal.signal(signal.SIGTERM, signal.SIG_IGN)\nSIGNALS.take_over()\nSIGNALS.interrupt()\n{KILL}"
    assert ended(f"{code}import asyncio\nasyncio.run(asyncio.sleep(0))\n{KILL}print('on')") == (0, "on\n")


def test_interrupt_within_a_destructor_ends_what_waits_after_it() -> None:
    code = f"{TAKE}SIGNALS.interrupt()\nsys.unraisablehook = lambda failed: SIGNALS.again()\n"
    code += f"class End:\n    def __del__(self):\n        {KILL}"
    code += "\nbegan = time.monotonic()\ntry:\n    End()\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    "
    assert ended(f"{code}print('heard', time.monotonic() - began < 30)") == (0, "heard True\n")


def test_exit_code_is_ours_even_if_the_interrupt_passed_through_an_exec() -> None:
    code = f"{TAKE}SIGNALS.interrupt()\ntry:\n    exec({KILL!r})\nexcept KeyboardInterrupt:\n    SIGNALS.over(130)\n"
    assert ended(f"{code}{KILL}sys.exit(130)") == (130, "")


@pytest.mark.parametrize(("lift", "seconds", "code"), [("", 60, 130), ("SIGNALS.lift_limit()\n", 1, 7)])
def test_slow_stop_is_cut_off_unless_it_cancels_orders(lift: str, seconds: int, code: int) -> None:
    start = f"{TAKE}signals.LONGEST_STOP_S = 0.2\nsignals._LATE = b''\nSIGNALS.deliver_to(lambda number: None)\n"
    assert ended(f"{start}{lift}{KILL}time.sleep({seconds})\nsys.exit(7)") == (code, "")


def test_hanging_thread_does_not_keep_a_finished_process_alive() -> None:
    code = f"{TAKE}import threading\nsignals.LONGEST_EXIT_S = 0.2\n"
    code += "threading.Thread(target=threading.Event().wait).start()\n"
    assert ended(f"{code}SIGNALS.over(3)\nsys.exit(3)") == (3, "")
