"""The garbage collector's thresholds during a run."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 20
"""A read of a large fleet makes a hundred thousand small values without a cycle among them. At Python's own thresholds
(700, 10, 10) looking for cycles took a sixth of the engine's processor time.
"""


def collect_rarely() -> None:
    """From now on collect garbage less often, and leave alone what is there already: mostly modules."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    gc.freeze()
