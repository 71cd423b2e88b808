"""The background traders on real books: bounded moves, repeatable, and robust."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from ama_tui.localnet.node import NodeError
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from tests.localnet.venue_client import VenueClient, client_of
from tests.sizes import PATIENCE_S

pytestmark = pytest.mark.usefixtures("lists_few")

UNIT = 10**18
TICK6 = 10_000
MAX_MOVE = 5


@asynccontextmanager
async def stepped(symbol: str = "ETH-USD", **options: object) -> AsyncIterator[tuple[LocalVenue, VenueClient]]:
    """A venue whose traders act only on request."""
    values = {"block_time": 0, "traders": False, "wallets": 4, **options}
    async with (
        await LocalVenue.start(VenueOptions(**values)) as venue,  # type: ignore[arg-type]
        client_of(venue, symbol) as client,
    ):
        yield venue, client


async def path(venue: LocalVenue, client: VenueClient, steps: int) -> list[tuple[int, int]]:
    """The touch before the first step and after each."""
    touches = [await client.touch()]
    for _ in range(steps):
        await venue.traders.step()
        touches.append(await client.touch())
    return touches


async def eventually(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
    """Whether the condition becomes true within the time."""
    for _ in range(int(seconds / 0.05)):
        if condition():
            return True
        await asyncio.sleep(0.05)
    return condition()


async def moves_within(client: VenueClient, seconds: float) -> bool:
    """Whether the touch moves within the time."""
    first = await client.touch()
    for _ in range(int(seconds / 0.05)):
        await asyncio.sleep(0.05)
        if await client.touch() != first:
            return True
    return False


def assert_bounded(touches: list[tuple[int, int]]) -> None:
    for (bid, ask), (next_bid, next_ask) in pairwise(touches):
        assert next_bid < next_ask
        assert abs(next_bid - bid) <= MAX_MOVE * TICK6
        assert abs(next_ask - ask) <= MAX_MOVE * TICK6


async def test_touch_moves_but_never_far_in_one_block_and_never_crosses() -> None:
    async with stepped() as (venue, client):
        touches = await path(venue, client, 200)
    assert_bounded(touches)
    assert len({bid for bid, _ in touches}) > 15


async def test_crossed_orders_of_other_traders_are_filled_within_the_same_bound() -> None:
    async with stepped() as (venue, client):
        for wallet in venue.wallets:
            session = await client.session(wallet)
            bid, ask = await client.touch()
            for level in range(3):
                for is_buy, price6 in ((True, bid - (2 + level) * TICK6), (False, ask + (2 + level) * TICK6)):
                    response = await client.trade(wallet, session, price=price6, amount=UNIT // 20, isBuy=is_buy)
                    assert response.status_code == 200, response.text
        placed = sum([len(await client.orders(wallet)) for wallet in venue.wallets])
        assert placed == 24
        touches = await path(venue, client, 150)
        left = sum([len(await client.orders(wallet)) for wallet in venue.wallets])
    assert_bounded(touches)
    assert left < placed


async def test_same_seed_gives_the_same_market_and_another_seed_another() -> None:
    async def run(seed: int) -> list[tuple[int, int]]:
        async with stepped(seed=seed) as (venue, client):
            return await path(venue, client, 25)

    first, again, other = [await run(seed) for seed in (3, 3, 4)]
    assert first == again
    assert first != other


async def test_each_step_sends_at_most_one_transaction_per_live_market() -> None:
    async with stepped() as (venue, _):
        live = [listing for listing in venue.markets if listing.spec.use == "live"]
        before = await venue.node.block_number()
        for _ in range(20):
            await venue.traders.step()
        made = await venue.node.block_number() - before
        # With a block per transaction. Moving the mark is a separate transaction.
        assert 20 * 0.5 <= made <= 20 * len(live)


async def test_books_that_are_not_live_do_not_change() -> None:
    async with stepped("BNB-USD") as (venue, client):
        touches = await path(venue, client, 20)
        assert len(set(touches)) == 1


async def test_vault_mark_follows_the_price() -> None:
    async with stepped() as (venue, client):
        await path(venue, client, 100)
        desk_price6 = sum(await client.touch()) // 2
        market_id = venue.market("ETH-USD").market_id_bytes
        (mark6,) = await client.call(venue.vault, "getMarkPrice(bytes32)", ["uint256"], market_id)
        assert abs(mark6 - desk_price6) <= 25 * TICK6


async def test_set_price_moves_quotes_and_mark_at_once() -> None:
    async with stepped() as (venue, client):
        await venue.set_price("ETH-USD", 2_600_000_000)
        bid, ask = await client.touch()
        market_id = venue.market("ETH-USD").market_id_bytes
        mark = await client.call(venue.vault, "getMarkPrice(bytes32)", ["uint256"], market_id)
    assert (bid + ask) // 2 == 2_600_000_000
    assert mark == (2_600_000_000,)


async def test_set_price_fills_all_orders_in_the_way() -> None:
    async with stepped() as (venue, client):
        for wallet in venue.wallets:
            session = await client.session(wallet)
            for level in range(12):
                price6 = 2_510_000_000 + (level * 4 + venue.wallets.index(wallet)) * TICK6
                await client.trade(wallet, session, price=price6, amount=UNIT // 50, isBuy=False)
        assert sum([len(await client.orders(wallet)) for wallet in venue.wallets]) == 48
        await venue.set_price("ETH-USD", 2_550_000_000)
        assert await client.touch() == (2_550_000_000 - 8 * TICK6, 2_550_000_000 + 8 * TICK6)
        assert sum([len(await client.orders(wallet)) for wallet in venue.wallets]) == 0


async def test_traders_survive_a_temporary_node_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with await LocalVenue.start(VenueOptions(block_time=0.05, wallets=1)) as venue, client_of(venue) as client:

        async def fail(*args: object, **more: object) -> bytes:
            raise NodeError("the node is away")

        monkeypatch.setattr(venue.node, "call", fail)
        assert await eventually(lambda: "the node is away" in caplog.text)
        monkeypatch.undo()
        assert await moves_within(client, 20)


async def test_traders_without_collateral_are_topped_up_and_continue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.localnet.traders.ENDOWMENT6", 3_000_000_000_000)
    async with stepped() as (venue, client):
        (free6,) = await client.call(venue.vault, "getAvailableCollateral(address)", ["uint256"], venue.traders.maker)
        assert free6 < 3_000_000_000_000
        touches = await path(venue, client, 120)
    assert len({bid for bid, _ in touches[60:]}) > 5


async def test_traders_act_by_themselves_once_a_block_pause_and_resume() -> None:
    async with (
        await LocalVenue.start(VenueOptions(block_time=0.05, wallets=1)) as venue,
        client_of(venue) as client,
    ):
        assert await moves_within(client, 20)
        venue.pause_traders()
        await asyncio.sleep(0.3)
        assert not await moves_within(client, 1)
        venue.resume_traders()
        assert await moves_within(client, 20)
