"""Text for the screen: exact widths, ages, bars, amounts. Pure functions, no widgets.

Text from outside (symbols, errors) must go through `plain` before it is painted, because a terminal executes
control characters wherever they come from.
"""

from __future__ import annotations

import time
import unicodedata
from decimal import Decimal
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from ama_tui.domain.money import AMOUNT_UNIT, USDC_UNIT, amount_decimals

_EIGHTHS = "▏▎▍▌▋▊▉"


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """The text on one line, with control, formatting and direction characters shown as '·'."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        " " if character in "\t\n\r" else "·" if unicodedata.category(character) in {"Cc", "Cf", "Cs"} else character
        for character in text
    )


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly `width` cells: cut with '…', or padded with spaces (on the left when `right`)."""
    if text.isascii():
        length = len(text)
        if length <= width:
            return text.rjust(width) if right else text.ljust(width)
    else:
        length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    blank = " " * (width - length)
    return blank + text if right else text + blank


def age(seconds: float) -> str:
    """0.6 → '0.6s', 42 → '42s', 130 → '2m', 7300 → '2h', 200000 → '2d'. Never negative."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    return whole_age(seconds)


def whole_age(seconds: float) -> str:
    """4.7 → '4s', 130 → '2m', 7300 → '2h', 200000 → '2d'."""
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86_400:
        return f"{whole // 3600}h"
    return f"{whole // 86_400}d"


def duration(seconds: float) -> str:
    """724 → '12m 04s', 45 → '45s', 3720 → '1h 02m'."""
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def hours_left(seconds: float) -> str:
    """Hours and minutes: 85620 → '23:47'; under a minute '<1 min'; 0 or less 'expired'."""
    if seconds <= 0:
        return "expired"
    if seconds < 60:
        return "<1 min"
    return f"{int(seconds) // 3600}:{int(seconds) % 3600 // 60:02d}"


def time_left(seconds: float) -> str:
    """Hours and minutes in words: 85620 → '23 h 47 m left', 120 → '2 m left', 30 → 'under 1 m left', 0 → 'expired'."""
    if seconds <= 0:
        return "expired"
    minutes = int(seconds) // 60
    if minutes < 1:
        return "under 1 m left"
    return f"{minutes // 60} h {minutes % 60:02d} m left" if minutes >= 60 else f"{minutes} m left"


def clock(unix_seconds: float) -> str:
    """Local time of day, '14:03:22'."""
    return time.strftime("%H:%M:%S", time.localtime(unix_seconds))


def clock_ms(unix_ms: int) -> str:
    """Local time of day, '14:03:22.412'."""
    return f"{clock(unix_ms // 1000)}.{unix_ms % 1000:03d}"


def bar(fraction: float, width: int) -> str:
    """A bar of `width` cells with a resolution of an eighth of a cell: bar(0.5, 5) → '██▌  '."""
    eighths = round(min(1.0, max(0.0, fraction)) * width * 8)
    if eighths == 0 and fraction > 0:
        eighths = 1
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest - 1] if rest else "")).ljust(width)


def count_bar(have: int, want: int, width: int) -> tuple[str, str]:
    """The filled and the empty part of a bar (at least 2 cells) for `have` of `want`; full only if complete."""
    if want <= 0:
        return "", "▁" * width
    filled = min(width, have * width // want)
    if filled == 0 and have > 0:
        filled = 1
    return "▆" * filled, "▁" * (width - filled)


def signed_amount(amount18: int, decimals: int = 3) -> str:
    """50000000000000000 → '+0.050', with a sign unless it rounds to 0: '0.000'. A small amount has more decimals."""
    decimals = amount_decimals(amount18, decimals)
    rounded = round(Decimal(amount18) / AMOUNT_UNIT, decimals)
    return f"{rounded or 0:{'+' if rounded else ''},.{decimals}f}"


def signed_usdc(usdc6: int | None) -> str:
    """12410000 → '+12.41', with a sign unless it rounds to 0: '0.00'; None → '–'."""
    if usdc6 is None:
        return "–"
    rounded = round(Decimal(usdc6) / USDC_UNIT, 2)
    return f"{rounded or 0:{'+' if rounded else ''},.2f}"


SHORT_CELLS = 7
"""The width of a short amount."""


def short_usdc(usdc6: int | None) -> str:
    """Whole USDC in at most seven cells, for amounts below 10^15: 12345678900000 → '12.35M', None → '–'."""
    if usdc6 is None:
        return "–"
    value = Decimal(usdc6) / USDC_UNIT
    text = f"{value:,.0f}"
    for size, letter in ((10**6, "M"), (10**9, "B"), (10**12, "T")):
        if len(text) <= SHORT_CELLS:
            break
        text = f"{value / size:,.2f}{letter}"
    return text


def basis_points(distance6: int, anchor_x2: int | None) -> float | None:
    """A price distance in basis points of the anchor (given doubled); None without an anchor."""
    if not anchor_x2:
        return None
    return distance6 * 20_000 / anchor_x2


def count(number: int, noun: str) -> str:
    """1 → '1 order', 2 → '2 orders'."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
