"""A few rows of the table; `make hostile` runs all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.hostile.kills import Kill, kill_under
from tests.hostile.lies import LIES
from tests.hostile.runs import run_lie
from tests.hostile.signal_ways import WAYS, Try, plan
from tests.hostile.signals import run_try

BY_NAME = {f"{lie.name} {lie.since.value}": lie for lie in LIES}
SHORT = (
    "market id start",
    "relayer set start",
    "nonce start",
    "clock 10 years ahead start",
    "mark far off, empty book start",
    "5 ids packed",
    "half of the orders hidden packed",
    "orders hidden, no logs resumed",
    "orders hidden forgotten",
    "cached orders start",
    "tick NaN start",
    "available collateral = 2^256-1 start",
)


@pytest.mark.parametrize("name", SHORT)
async def test_lie_leads_to_the_stated_outcome(name: str, tmp_path: Path) -> None:
    result = await run_lie(BY_NAME[name], tmp_path)
    assert result.failure == ""
    assert result.told > 0, "the lie was never told"


def test_no_two_lies_have_the_same_name() -> None:
    assert len({(lie.name, lie.since) for lie in LIES}) == len(LIES) >= 80


def short_tries() -> list[Try]:
    """A run, a dashboard and a cancel-all, once with a signal that was ignored from the start."""
    tries = plan(len(WAYS), seed=5)
    chosen = [next(one for one in tries if one.way.name == name and one.at_work) for name in SIGNALLED]
    return [*chosen, replace(chosen[0], is_ignored=True, second=None)]


SIGNALLED = ("run", "dashboard", "cancel-all")


@pytest.mark.parametrize("one", short_tries(), ids=lambda one: f"{one.way.name}-{one.number.name}")
def test_signal_ends_a_process_in_time_with_a_documented_code(one: Try) -> None:
    assert run_try(one).failure == ""


@pytest.mark.parametrize(
    "kill",
    [
        Kill("the truth"),
        Kill("the truth", is_forgotten=True),
        Kill("all hidden, no logs", relayer_works=False),
        Kill("all hidden", relayer_works=False, is_forgotten=True),
        Kill("half hidden"),
    ],
    ids=lambda kill: kill.text,
)
async def test_no_kill_is_proven_while_orders_rest(kill: Kill, tmp_path: Path) -> None:
    result = await kill_under(kill, tmp_path)
    assert not result.is_false, result.text
    assert result.is_proven or kill.name != "the truth", result.text
