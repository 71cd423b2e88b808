"""The freeze: one market at a time, or all at once."""

from __future__ import annotations

from ama_tui.engine.freeze import Freeze


def test_freeze_of_one_market_leaves_the_others_free_until_all_are_frozen() -> None:
    freeze = Freeze()
    eth, btc = freeze.of("0xe"), freeze.of("0xb")
    eth.set()
    assert (eth.is_set(), btc.is_set(), freeze.is_set()) == (True, False, False)
    freeze.set()
    assert (eth.is_set(), btc.is_set(), freeze.is_set()) == (True, True, True)
    freeze.clear()
    assert (eth.is_set(), btc.is_set()) == (True, False)
    eth.clear()
    assert not eth.is_set()
