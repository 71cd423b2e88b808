"""The points at which a test can have the process killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from ama_tui.disk.failpoints import NAMES, VARIABLE

PASSER = """
import sys
from ama_tui.disk.failpoints import reach
for number in range(5):
    reach("intent.after")
    reach(sys.argv[1])
    print(number, flush=True)
"""


def passed(setting: str, name: str) -> tuple[int, int, str]:
    """The exit code, how often the point was passed, and stderr."""
    done = subprocess.run(
        [sys.executable, "-c", PASSER, name],
        capture_output=True,
        text=True,
        env={**os.environ, VARIABLE: setting},
        check=False,
    )
    return done.returncode, len(done.stdout.split()), done.stderr


@pytest.mark.parametrize(
    ("setting", "passes"),
    [("", None), ("post.after", None), ("post.before", 0), ("post.before:1", 0), ("post.before:4", 3)],
)
def test_process_is_killed_the_nth_time_it_reaches_its_failpoint(setting: str, passes: int | None) -> None:
    code, count, _ = passed(setting, "post.before")
    assert (code, count) == ((0, 5) if passes is None else (-signal.SIGKILL, passes))


@pytest.mark.parametrize("setting", ["post", "post.before:x", "post.before:-1"])
def test_setting_that_would_never_kill_is_refused(setting: str) -> None:
    code, _, said = passed(setting, "post.before")
    assert code != 0
    assert f"StoreError: {VARIABLE}={setting} is not a failpoint" in said
    assert all(name in said for name in NAMES)
