from __future__ import annotations

import pytest

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.plan import Rules
from ama_tui.domain.session import Methods
from ama_tui.domain.wallet import Role
from ama_tui.strategies.packer_parameters import PackerParameters
from ama_tui.strategies.registry import names, strategy


def test_packer_is_registered_by_name_and_takes_its_own_among_the_values_of_a_run() -> None:
    chosen = strategy("packer", {"ordersPerSidePerWallet": 3, "rules": "original", "minDelayMs": 7})
    assert chosen.parameters == PackerParameters(orders_per_side=3, rules=Rules.ORIGINAL)
    assert chosen.name == "packer"
    assert "packer" in names()


def test_makers_need_only_margin_limit_modify_and_cancel() -> None:
    methods = strategy("packer", {}).methods(Role.MAKER)
    assert methods == Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL


def test_takers_may_not_place_orders_that_rest() -> None:
    methods = strategy("packer", {}).methods(Role.TAKER)
    assert Methods.PLACE_MARGIN_MARKET in methods
    assert not methods & (Methods.PLACE_MARGIN_LIMIT | Methods.PLACE_LIMIT)


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ParameterError) as raised:
        strategy("pakcer", {})
    assert str(raised.value) == "unknown strategy 'pakcer': choose one of: packer"
