"""How the markets of a run share each wallet's collateral: by weights, equally without any."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from ama_tui.domain.errors import ConfigError
from ama_tui.domain.market import Market, find_market

_WEIGHT = re.compile(r"(?P<market>.+)=(?P<number>\d+(\.\d+)?|\.\d+)(?P<percent>%?)")
_HOW = "write --weight MARKET=NUMBER, for example --weight ETH-USD=3"


def shares_of(markets: Sequence[Market], weights: Sequence[str]) -> tuple[Fraction, ...]:
    """Each market's share of the collateral, in the order of the markets; together 1.

    `weights` are texts such as `ETH-USD=3`; a market without one has 1. Or all of them are percentages, which must
    add up to 100 %. Raises ConfigError.
    """
    given: dict[str, Fraction] = {}
    are_percent: set[bool] = set()
    for text in weights:
        match = _WEIGHT.fullmatch(text.strip())
        if match is None:
            raise ConfigError(f"--weight {text} is not a market and a positive number", _HOW)
        market, weight = find_market(markets, match["market"].strip()), Fraction(match["number"])
        if market is None:
            names = ", ".join(one.symbol for one in markets)
            raise ConfigError(f"--weight {text}: the run has no market {match['market']}", f"its markets are {names}")
        if weight <= 0:
            raise ConfigError(f"--weight {text} must be above 0", "leave the market out of the run instead")
        if market.address in given:
            raise ConfigError(f"{market.symbol} has two weights", "give each market one --weight")
        given[market.address] = weight
        are_percent.add(bool(match["percent"]))
    if len(are_percent) == 2:
        raise ConfigError("some weights are percentages and some are not", "write all of them in the same way")
    total = sum(given.values(), Fraction(0))
    if True in are_percent and (total != 100 or len(given) < len(markets)):
        raise ConfigError(
            f"the weights add up to {float(total):g} % for {len(given)} of {len(markets)} markets",
            "give every market a percentage; together they must be 100 %",
        )
    parts = [given.get(market.address, Fraction(1)) for market in markets]
    return tuple(part / sum(parts, Fraction(0)) for part in parts)


def share_text(share: Fraction) -> str:
    """A share as the operator reads it: `60 %`, `33.3 %`."""
    return f"{float(100 * share):.3g} %"
