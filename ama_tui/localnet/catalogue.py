"""The markets that localnet lists, from the busy first one to the odd cases a client must survive.

Prices are starting points; the traders move them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Use = Literal["live", "quiet", "one_sided", "empty"]
"""`live`: the traders quote, move and take. `quiet`: a thin book that does not change. `one_sided`: bids only,
never traded. `empty`: no order ever."""


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """A market to list."""

    symbol: str
    identifier: str | None
    base: str
    tick6: int
    """Tick size in USDC, 6 decimals."""
    price6: int
    """Starting price in USDC, 6 decimals."""
    margin_req_bps: int
    """The share of its notional that a buy reserves, in basis points."""
    use: Use
    tick_listed: bool = True
    """False: the API lists a null tick, and `tick6` must be 0.01, the wire contract's default."""
    name_only: bool = False
    """The API lists the symbol under `name`."""
    status: str = "ACTIVE"
    """Any other status takes no orders."""

    @property
    def price_ticks(self) -> int:
        """The starting price in whole ticks."""
        return self.price6 // self.tick6


def _spec(
    base: str,
    price6: int,
    tick6: int,
    margin_req_bps: int = 10_000,
    use: Use = "quiet",
    *,
    has_identifier: bool = True,
    tick_listed: bool = True,
    name_only: bool = False,
    status: str = "ACTIVE",
) -> MarketSpec:
    symbol = f"{base}-USD"
    return MarketSpec(
        symbol=symbol,
        identifier=f"{symbol}-PERP" if has_identifier else None,
        base=base,
        tick6=tick6,
        price6=price6,
        margin_req_bps=margin_req_bps,
        use=use,
        tick_listed=tick_listed,
        name_only=name_only,
        status=status,
    )


CATALOGUE: tuple[MarketSpec, ...] = (
    # Live books. The demo picks the first: it works with the packer's defaults.
    _spec("ETH", 2_500_000_000, 10_000, use="live"),
    _spec("BTC", 60_000_000_000, 500_000, use="live"),
    _spec("SOL", 150_000_000, 10_000, 15_000, use="live"),
    _spec("HYPE", 32_500_000, 1_000, use="live", has_identifier=False),
    # Odd books that a client must handle.
    _spec("NOVA", 40_000_000, 10_000, use="empty"),
    _spec("BIDS", 80_000_000, 10_000, use="one_sided"),
    # A price of 13 ticks: less than twice the default distance, so set-up must refuse it.
    _spec("DOGE", 130_000, 10_000),
    _spec("XAU", 2_650_000_000, 10_000, tick_listed=False),
    _spec("XAG", 31_200_000, 1_000, name_only=True),
    # The rest: quiet, with various ticks, prices and margins.
    _spec("BNB", 580_000_000, 10_000),
    _spec("XRP", 620_000, 100, 15_000),
    _spec("ADA", 450_000, 100),
    _spec("AVAX", 34_700_000, 1_000, 12_000),
    _spec("LINK", 14_250_000, 1_000),
    _spec("DOT", 6_820_000, 500),
    _spec("LTC", 71_400_000, 10_000, has_identifier=False),
    _spec("BCH", 412_000_000, 50_000, 12_000),
    _spec("ATOM", 7_930_000, 1_000),
    _spec("NEAR", 5_110_000, 500),
    _spec("UNI", 9_640_000, 1_000, 20_000),
    _spec("AAVE", 97_300_000, 10_000),
    _spec("ARB", 820_000, 100),
    _spec("OP", 1_940_000, 100),
    _spec("SUI", 1_030_000, 50, 15_000),
    _spec("APT", 7_450_000, 500),
    _spec("TIA", 6_270_000, 500, 20_000),
    _spec("PEPE", 12_600, 1, 25_000),
    _spec("TRX", 128_000, 10),
    _spec("OIL", 78_450_000, 10_000, 11_000),
    _spec("GAS", 2_270_000, 1_000, 11_000),
    _spec("ALU", 2_412_500_000, 500_000, 11_000),
    _spec("COPPER", 9_215_000_000, 2_500_000, 11_000),
    _spec("WHEAT", 548_250_000, 250_000, 11_000),
    _spec("SPX", 5_480_000_000, 250_000, 10_500),
    _spec("NDX", 19_150_000_000, 1_000_000, 10_500),
    # Settled: listed only without a status filter; takes no orders.
    _spec("LUNA", 2_500_000, 1_000, status="SETTLED"),
)
