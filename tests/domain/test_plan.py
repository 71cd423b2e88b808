from __future__ import annotations

import pytest

from ama_tui.domain.plan import Skip, SkipReason, WalletBudget


def test_remaining_budget_is_the_cap_less_what_is_in_use_and_never_negative() -> None:
    assert WalletBudget(basis6=1_000, cap6=200, reserved6=50, pending6=30).remaining6 == 120
    assert WalletBudget(basis6=1_000, cap6=200, reserved6=190, pending6=30).remaining6 == 0


@pytest.mark.parametrize("reason", list(SkipReason))
def test_only_reasons_that_the_next_cycle_can_change_are_not_standing(reason: SkipReason) -> None:
    assert reason.is_standing is (
        reason not in {SkipReason.WOULD_CROSS, SkipReason.UNREAD, SkipReason.SESSION_TOO_SMALL, SkipReason.STRATEGY}
    )


def test_skip_text_has_reason_and_detail() -> None:
    assert Skip("0xab", SkipReason.CAP).text == "cap reached"
    assert Skip("0xab", SkipReason.UNREAD, "timed out").text == "could not be read: timed out"
