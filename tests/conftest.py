"""Shared by every test: the hypothesis profile, and which tests this machine can run."""

from __future__ import annotations

import gc
import shutil
import signal

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.sizes import IS_MUTATED

# Garbage collections in the middle of tests cost an eighth of the suite's CPU time.
gc.set_threshold(100_000, 50, 100)

# A script's background job ignores these, and so would every program that it starts.
for one, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(one) is signal.SIG_IGN:
        signal.signal(one, usual)

settings.register_profile(
    "ama", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
# A mutant is killed by the first example that fails, and by the same ones every time.
settings.register_profile(
    "mutants",
    settings.get_profile("ama"),
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("mutants" if IS_MUTATED else "ama")


PROGRAMS = ("anvil", "tmux")
"""Tests marked with a program's name need it on the PATH."""
FOLDERS = ("e2e", "crash", "ui", "localnet", "bench", "install", "hostile")
"""Tests in these folders are marked with the folder's name; all others are unit tests and tests of one room."""
RUNS = frozenset({"rig", "empty_rig", "rig_of", "bench_of"})
"""Tests with one of these fixtures or contexts are whole runs of the engine on localnet; they are marked `run`."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by folder, and leave out those whose program is missing: CI installs each program and runs them."""
    for item in items:
        for folder in set(FOLDERS) & set(item.path.relative_to(config.rootpath).parts[1:-1]):
            item.add_marker(folder)
        code = getattr(getattr(item, "function", None), "__code__", None)
        if RUNS & {*getattr(item, "fixturenames", ()), *(code.co_names if code else ())}:
            item.add_marker("run")
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        (left_out if any(item.get_closest_marker(program) for program in missing) else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_collection_finish() -> None:
    """What is loaded now stays: no collection has to look at it again."""
    gc.freeze()
