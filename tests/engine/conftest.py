"""A venue for every test that needs one; it starts in a tenth of a second."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine.rig import Rig, rig_of


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Three funded wallets on a book that changes only when the test changes it."""
    async with rig_of(tmp_path) as found:
        yield found


@pytest.fixture
async def empty_rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """The same on a book where nobody else quotes."""
    async with rig_of(tmp_path, "NOVA-USD") as found:
        yield found
