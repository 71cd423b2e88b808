"""Units: prices have 6 decimals, amounts 18, USDC 6; ratios are in basis points.

The venue's JSON and the screen use floats. They are converted here and nowhere else.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

PRICE_UNIT = 10**6
AMOUNT_UNIT = 10**18
USDC_UNIT = 10**6
BPS_UNIT = 10_000

SHORT_MARGIN_BPS = 15_000
"""The least margin that venues reserve for a sell, regardless of the market's requirement."""

_MAX_EXPONENT = 77
"""No number on the wire is larger than a uint256, which has 78 digits."""


def price6_from_ui(value: float | str | None) -> int | None:
    """A price in UI units (100.25) as an integer with 6 decimals, half to even; None stays None.

    Raises ValueError for anything but a finite, non-negative number of at most 78 digits.
    """
    if value is None:
        return None
    return _scaled(value, PRICE_UNIT)


MOST_DECIMALS = 9
"""Orders are made in steps of a billionth."""


def amount18_from_ui(value: float | str) -> int:
    """An amount in units of the base asset as an integer with 18 decimals. Raises ValueError."""
    return _scaled(value, AMOUNT_UNIT)


def _scaled(value: float | str, unit: int) -> int:
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError(f"not a number: {value!r}") from None
    if not number.is_finite() or number < 0:
        raise ValueError(f"not a finite, non-negative number: {value!r}")
    if number.adjusted() > _MAX_EXPONENT:
        raise ValueError(f"number too large: {value!r}")
    return int((number * unit).to_integral_value(ROUND_HALF_EVEN))


def notional6(amount18: int, price6: int) -> int:
    """The value in USDC (6 decimals) of an amount at a price, rounded down."""
    return amount18 * price6 // AMOUNT_UNIT


def margin6(amount18: int, price6: int, bps: int) -> int:
    """The margin in USDC (6 decimals) that an order reserves, rounded up."""
    return -(-amount18 * price6 * bps // 10**22)


def decimals_of_tick(tick6: int) -> int:
    """How many decimals show every multiple of the tick exactly (0 to 6)."""
    decimals = 6
    while decimals > 0 and tick6 % 10 == 0:
        tick6 //= 10
        decimals -= 1
    return decimals


def format_price(price6: int | None, tick6: int = 10_000) -> str:
    """2500100000 at a tick of 0.01 → '2,500.10'; None → '–'."""
    if price6 is None:
        return "–"
    return f"{Decimal(price6) / PRICE_UNIT:,.{decimals_of_tick(tick6)}f}"


def format_usdc(usdc6: int | None, decimals: int = 2) -> str:
    """9774200000 → '9,774.20'; None → '–'."""
    if usdc6 is None:
        return "–"
    return f"{Decimal(usdc6) / USDC_UNIT:,.{decimals}f}"


def format_amount(amount18: int | None, decimals: int = 3) -> str:
    """184000000000000000 → '0.184'; None → '–'. An amount too small for these decimals has two digits: '0.00042'."""
    if amount18 is None:
        return "–"
    return f"{Decimal(amount18) / AMOUNT_UNIT:,.{amount_decimals(amount18, decimals)}f}"


def amount_decimals(amount18: int, decimals: int) -> int:
    """The decimals that show an amount: these, or as many as two digits of a smaller amount need, up to nine."""
    if amount18 == 0 or abs(amount18) >= 10 ** (18 - decimals):
        return decimals
    return min(MOST_DECIMALS, 20 - len(str(abs(amount18))))
