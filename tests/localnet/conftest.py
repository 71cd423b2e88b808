"""Shared by the tests of the test venue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.localnet.few_markets import few_markets


@pytest.fixture
def lists_few() -> Iterator[None]:
    """For tests that do not depend on how many markets there are."""
    with few_markets():
        yield
