"""A venue whose faults are set over HTTP, and a simple client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from ama_tui.localnet.keys import Wallet
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from tests.localnet.venue_client import VenueClient, client_of
from tests.sizes import PATIENCE_S

FAULTS = "/localnet/faults"

Strike = Callable[..., Awaitable[None]]


async def eventually(is_so: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_S) -> bool:
    """Whether the condition becomes true within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if await is_so():
            return True
        await asyncio.sleep(0.02)
    return await is_so()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue() -> AsyncIterator[LocalVenue]:
    """A venue with a block per transaction and no other traders."""
    async with await LocalVenue.start(VenueOptions(block_time=0, traders=False, wallets=60)) as venue:
        yield venue


@pytest_asyncio.fixture(loop_scope="module")
async def client(venue: LocalVenue) -> AsyncIterator[VenueClient]:
    """A client of a venue that works before and after the test."""
    async with client_of(venue) as client:
        yield client
        await client.http.delete(venue.app_url + FAULTS)


@pytest.fixture(scope="module")
def wallets(venue: LocalVenue) -> Iterator[Wallet]:
    return iter(venue.wallets)


@pytest.fixture
def wallet(wallets: Iterator[Wallet]) -> Wallet:
    """A wallet that no other test used."""
    return next(wallets)


@pytest_asyncio.fixture(loop_scope="module")
async def session(client: VenueClient, wallet: Wallet) -> str:
    return await client.session(wallet)


@pytest.fixture
def strike(client: VenueClient) -> Strike:
    """Sets rules over HTTP, as any client would: `await strike({"fault": "html"})`."""

    async def put(*rules: dict[str, Any], seed: int = 1) -> None:
        response = await client.http.put(client.app_url + FAULTS, json={"seed": seed, "rules": rules})
        assert response.status_code == 200, response.text

    return put
