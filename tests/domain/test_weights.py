"""Weights: how the markets of a run share each wallet's collateral, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ama_tui.domain.errors import ConfigError
from ama_tui.domain.market import Market
from ama_tui.domain.weights import share_text, shares_of

ETH, BTC, SOL = (
    Market(f"{name}-USD", "0x" + digit * 40, "0x" + digit * 64, 1, 10_000, f"{name}-USD-PERP")
    for name, digit in (("ETH", "a"), ("BTC", "b"), ("SOL", "c"))
)
ALL = (ETH, BTC, SOL)


def test_markets_share_equally_without_weights() -> None:
    assert shares_of(ALL, ()) == (Fraction(1, 3),) * 3
    assert shares_of((ETH,), ()) == (Fraction(1),)


def test_weights_are_relative_and_a_market_without_one_has_one() -> None:
    assert shares_of(ALL, ("ETH-USD=3",)) == (Fraction(3, 5), Fraction(1, 5), Fraction(1, 5))
    assert shares_of((ETH, BTC), ("eth-usd-perp=0.5", f"{BTC.address}=1.5")) == (Fraction(1, 4), Fraction(3, 4))


def test_percentages_must_be_given_for_every_market_and_add_up() -> None:
    assert shares_of((ETH, BTC), ("ETH-USD=60%", "BTC-USD=40%")) == (Fraction(3, 5), Fraction(2, 5))
    with pytest.raises(ConfigError, match="the weights add up to 90 % for 2 of 2 markets"):
        shares_of((ETH, BTC), ("ETH-USD=60%", "BTC-USD=30%"))
    with pytest.raises(ConfigError, match="the weights add up to 100 % for 1 of 2 markets"):
        shares_of((ETH, BTC), ("ETH-USD=100%",))
    with pytest.raises(ConfigError, match="some weights are percentages and some are not"):
        shares_of((ETH, BTC), ("ETH-USD=60%", "BTC-USD=2"))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (("DOGE-USD=2",), "--weight DOGE-USD=2: the run has no market DOGE-USD"),
        (("ETH-USD=0",), "--weight ETH-USD=0 must be above 0"),
        (("ETH-USD=-1",), "--weight ETH-USD=-1 is not a market and a positive number"),
        (("ETH-USD",), "--weight ETH-USD is not a market and a positive number"),
        (("ETH-USD=nan",), "--weight ETH-USD=nan is not a market and a positive number"),
        (("ETH-USD=1", "ETH-USD-PERP=2"), "ETH-USD has two weights"),
    ],
)
def test_wrong_weights_are_refused_in_one_line(weights: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        shares_of(ALL, weights)
    assert raised.value.message == message
    assert "\n" not in str(raised.value)


def test_share_is_shown_as_a_percentage() -> None:
    assert (share_text(Fraction(3, 5)), share_text(Fraction(1, 3))) == ("60 %", "33.3 %")
