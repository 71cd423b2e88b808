"""The largest values that numbers from outside may have. Anything above is a lie or a mistake."""

from __future__ import annotations

MAX_JSON_INT = 2**53
"""JSON numbers above this may have been rounded."""
MAX_UINT256 = 2**256 - 1
MAX_BLOCK = 10**12
"""A block number: more than thirty thousand years of blocks, one a second."""
MAX_UNIX_TIME = 253_402_300_799
"""Unix seconds: the end of the year 9999, the last that dates can show."""
MAX_CHAIN_ID = 2**63 - 1
MAX_NONCE = 2**64 - 1
MAX_LOG_INDEX = 2**32 - 1
MAX_ROWS = 10**9
"""Rows of a list over all pages."""
MAX_AGE_MS = 10**12
"""Thirty years."""
MAX_ORDERS = 10_000
"""Open orders of one wallet on one market."""
MAX_LEVELS = 1_000
"""Price levels of one side of a book in one answer."""
MAX_RELAYERS = 1_000
MAX_UI_PRICE = 10**15
"""A price in UI units."""
MAX_PRICE6 = 2**128
"""No price on chain reaches this. The price of an empty side is 0, or on some venues the largest integer."""
MAX_USDC6 = 10**18
"""A trillion USDC."""
MAX_AMOUNT18 = 10**36
"""10^18 units of a base asset."""


def within(number: int, most: int, what: str) -> int:
    """The number itself. Raises ValueError if it is negative or above `most`."""
    if 0 <= number <= most:
        return number
    raise ValueError(f"not {what}: {number}" if abs(number) < MAX_UINT256 else f"not {what}")
