"""How much the sampled tests do: a sample by default, everything with `AMA_TUI_LONG=1`, little on a mutant.

Each surviving mutant runs all the tests that reach it; a test that kills one nearly always does so at once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

IS_MUTATED = "MUTANT_UNDER_TEST" in os.environ
"""mutmut puts the mutant's name here, or another word for its current phase."""

_THINNING = 16


def size(short: int, long: int) -> int:
    return long if os.environ.get("AMA_TUI_LONG") == "1" else short


def examples(usual: int) -> int:
    """How many examples a property is tried with."""
    return usual // _THINNING if IS_MUTATED else usual


def thinned(cases: Sequence[int]) -> Sequence[int]:
    """The cases to go through: all of them, except in mutation testing."""
    return cases[::_THINNING] if IS_MUTATED else cases


PATIENCE_S = 120.0
"""How long a test waits for what must come: far above what anything takes, even beside other work on every core."""

SLOW_MACHINE = frozenset({"mark price unavailable", "push lost"})
"""Errors that a run on a busy machine may count although nothing is wrong: the venue took longer than a cycle waits, or
its blocks came late over the WebSocket."""
