"""The smallest terminal that the dashboard supports."""

from __future__ import annotations

LEAST_WIDTH, LEAST_HEIGHT = 80, 24
"""Columns and lines."""


def is_too_small(width: int, height: int) -> bool:
    return width < LEAST_WIDTH or height < LEAST_HEIGHT
