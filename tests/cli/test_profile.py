"""`--profile`: what is sampled, what the file says, and which files it never touches."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path

import pytest

from ama_tui.cli import profile
from ama_tui.cli.profile import HEADING, Samples, profiled
from ama_tui.cli.signals import SIGNALS
from ama_tui.domain.errors import ConfigError
from tests.e2e.operator import Operator

STACK = re.compile(r"[^; ]+(;[^; ]+)* \d+")


@pytest.fixture(autouse=True)
def _no_leftover_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SIGNALS, "before_forced_exit", [])


def test_stack_of_this_thread_names_its_functions_from_the_outermost_to_the_innermost() -> None:
    samples = Samples()

    def inner() -> None:
        samples.take({threading.get_ident(): sys._getframe()})

    inner()
    inner()
    ((stack, count),) = samples.stacks.items()
    test = f"{__name__}:test_stack_of_this_thread_names_its_functions_from_the_outermost_to_the_innermost"
    assert (stack[0], *stack[-2:]) == (threading.current_thread().name, test, f"{test}.<locals>.inner")
    assert count == 2


def test_thread_that_waits_is_not_counted() -> None:
    samples, over = Samples(), threading.Event()
    waiter = threading.Thread(target=over.wait)
    waiter.start()
    try:
        while (frame := sys._current_frames()[waiter.ident or 0]).f_code is not threading.Condition.wait.__code__:
            pass
        samples.take({waiter.ident or 0: frame})
    finally:
        over.set()
        waiter.join()
    assert (samples.taken, dict(samples.stacks)) == (1, {})


def test_stack_beyond_the_limit_counts_for_its_innermost_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "MOST_STACKS", 0)
    samples = Samples()
    samples.take({threading.get_ident(): sys._getframe()})
    ((stack, _),) = samples.stacks.items()
    assert len(stack) == 2
    assert stack[1].endswith("innermost_function")


def test_report_ranks_functions_and_then_lists_stacks() -> None:
    samples = Samples()
    samples.taken = 10
    samples.stacks.update({("main", "a:run", "b:read"): 3, ("main", "a:run", "c:plan"): 2, ("pool", "d:save"): 1})
    text = samples.report(12.3, 4.5).splitlines()
    assert text[1:] == [
        "# 12.3 s, 4.5 s of processor time, 10 samples.",
        "#",
        "# main: busy in 50.0% of the samples, most of them in",
        "#    30.0%  b:read",
        "#    20.0%  c:plan",
        "#",
        "# pool: busy in 10.0% of the samples, most of them in",
        "#    10.0%  d:save",
        "main;a:run;b:read 3",
        "main;a:run;c:plan 2",
        "pool;d:save 1",
    ]


def test_profile_is_private_and_written_although_the_run_fails(tmp_path: Path) -> None:
    path, usual = tmp_path / "profile.txt", sys.getswitchinterval()

    def run() -> None:
        with profiled(path):
            assert sys.getswitchinterval() < usual
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert path.read_text().startswith(HEADING)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sys.getswitchinterval() == usual
    assert "ama-profile" not in [thread.name for thread in threading.enumerate()]


def test_profile_is_written_before_a_forced_exit_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "profile.txt"
    with profiled(path):
        (before_forced_exit,) = SIGNALS.before_forced_exit
        before_forced_exit()
        assert path.read_text().startswith(HEADING)
        path.write_text("read and changed meanwhile")
    assert path.read_text() == "read and changed meanwhile"


def test_old_profile_is_replaced_and_made_private(tmp_path: Path) -> None:
    path = tmp_path / "profile.txt"
    path.write_text(f"{HEADING}\nsomething old 12\n")
    path.chmod(0o644)
    with profiled(path):
        pass
    assert "something old" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_file_of_other_content_or_kind_is_refused_and_kept(tmp_path: Path) -> None:
    keys, link = tmp_path / "wallets.csv", tmp_path / "link"
    keys.write_text("nickname,address,privateKey\n")
    link.symlink_to(keys)
    for path in (keys, link, Path("/dev/null"), tmp_path, tmp_path / "missing" / "profile.txt"):
        with pytest.raises(ConfigError, match="--profile"), profiled(path):
            raise AssertionError("the run began")
    assert keys.read_text() == "nickname,address,privateKey\n"


def test_run_with_a_profile_that_cannot_be_written_is_refused_before_it_begins(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "operator")
    try:
        refusal = operator.ama("demo", "--headless", "--profile", "missing/profile.txt").refusal(2)
    finally:
        operator.end()
    assert refusal == (
        "--profile missing/profile.txt cannot be written (No such file or directory): "
        "choose a new file in a writable directory"
    )
