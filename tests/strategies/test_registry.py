from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.plan import Rules
from ama_tui.domain.session import Methods
from ama_tui.domain.settings import SHARED
from ama_tui.domain.wallet import Role
from ama_tui.strategies import registry
from ama_tui.strategies.packer import PACKER
from ama_tui.strategies.packer_parameters import PackerParameters
from tests.strategies.plug_ins import installed

OWN = ("packer", "rebalance", "classic")


def test_packer_is_registered_by_name_and_takes_its_own_among_the_values_of_a_run() -> None:
    chosen = registry.strategy("packer", {"ordersPerSidePerWallet": 3, "rules": "original", "minDelayMs": 7})
    assert chosen.parameters == PackerParameters(orders_per_side=3, rules=Rules.ORIGINAL)
    assert (chosen.name, chosen.is_built_in, chosen.targets.orders) == ("packer", True, 6)
    assert "packer" in registry.names()


def test_makers_need_only_margin_limit_modify_and_cancel() -> None:
    methods = registry.strategy("packer", {}).methods(Role.MAKER)
    assert methods == Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL


def test_takers_may_not_place_orders_that_rest() -> None:
    methods = registry.strategy("packer", {}).methods(Role.TAKER)
    assert Methods.PLACE_MARGIN_MARKET in methods
    assert not methods & (Methods.PLACE_MARGIN_LIMIT | Methods.PLACE_LIMIT)


def test_no_strategy_gets_market_orders_into_a_makers_session_or_placements_into_a_takers() -> None:
    greedy = replace(PACKER, maker_methods=~Methods(0))
    assert not greedy.methods(Role.MAKER) & (Methods.PLACE_MARKET | Methods.PLACE_MARGIN_MARKET)
    assert greedy.methods(Role.TAKER) == Methods.PLACE_MARGIN_MARKET | Methods.CANCEL


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with installed(lots="LOTS"), pytest.raises(ParameterError) as raised:
        registry.strategy("pakcer", {})
    assert str(raised.value) == "unknown strategy 'pakcer': choose one of: packer, rebalance, classic, lots"


def test_strategy_of_another_package_has_its_own_settings_before_the_runs() -> None:
    with installed(lots="LOTS"):
        found = registry.settings_for("lots")
        chosen = registry.strategy("lots", {"lots": 4, "gapMax": 5})
    assert [setting.name for setting in found.own] == ["lots", "gap_min", "gap_max", "size_min", "ceiling"]
    assert {setting.key for setting in found.shared} == {setting.key for setting in SHARED}
    assert [(low.name, high.name) for low, high in found.ranges] == [
        ("gap_min", "gap_max"), ("min_delay_ms", "max_delay_ms")
    ]  # fmt: skip
    lines = {setting.name: setting.form_line for setting in found.asked}
    assert lines["lots"] < lines["gap_min"] == lines["gap_max"] < lines["size_min"] < lines["max_utilization"]
    assert (chosen.is_built_in, chosen.targets.bids, found.is_flat) == (False, 4, False)


def test_names_are_listed_without_loading_anything() -> None:
    with installed(lots="LOTS", ghost="no_such_module:NOTHING"):
        assert registry.names() == (*OWN, "ghost", "lots")


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("no_such_module:NOTHING", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("NOWHERE", "AttributeError: "),
        ("BROKEN", "TypeError: tests.strategies.plug_ins:BROKEN is a str, not a StrategyDefinition"),
        ("LOTS", "ValueError: it calls itself 'lots'"),
    ],
)
def test_broken_package_is_one_clear_line_and_does_not_hurt_the_others(attribute: str, said: str) -> None:
    with installed(ghost=attribute, lots="LOTS"):
        with pytest.raises(ParameterError) as raised:
            registry.settings_for("ghost")
        assert raised.value.message.startswith(f"strategy ghost cannot be loaded: {said}")
        assert "\n" not in str(raised.value)
        assert registry.strategy("lots", {}).name == "lots"
        assert registry.owners_of("gap_min") == registry.owners_of("gapMin") == ("lots",)
        assert registry.owners_of("size_min") == (*OWN, "lots")


def test_package_cannot_take_the_name_of_a_built_in_strategy() -> None:
    with installed(packer="LOTS"):
        assert registry.names() == OWN
        assert registry.is_built_in("packer")
        assert registry.strategy("packer", {}).parameters == PackerParameters()


def test_values_that_do_not_go_together_are_refused_in_the_strategys_words() -> None:
    with installed(lots="LOTS"), pytest.raises(ParameterError) as raised:
        registry.strategy("lots", {"lots": 7})
    assert raised.value.message == "strategy lots: 7 lots are unlucky"
