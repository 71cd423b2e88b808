"""Send queues: one send at a time per wallet, wallets in parallel, only the newest plan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.plan import Cancel, Intent, Place, level_of
from ama_tui.engine.execution.send_queues import Send, SendQueues
from ama_tui.engine.rate_limiter import RateLimiter, Slot
from ama_tui.engine.read_share import READ_PATIENCE_S, ReadShare
from tests.engine.samples import ALICE, BOB, CAROL, cancel, place
from tests.engine.virtual_time import run_virtually

Clock = Callable[[], float]


@dataclass
class Post:
    """Takes a second for each send, and records what it sent and how many of a wallet's were in flight at once."""

    seconds: float = 1.0
    refuse: set[int] = field(default_factory=set)
    fail: dict[int, Exception] = field(default_factory=dict)
    pending: list[tuple[str, int]] = field(default_factory=list)
    under_way: dict[str, int] = field(default_factory=dict)
    most_at_once: int = 0

    async def send(self, intent: Intent, _: Slot) -> bool:
        wallet = intent.wallet
        self.under_way[wallet] = self.under_way.get(wallet, 0) + 1
        assert self.under_way[wallet] == 1, "two sends of one wallet at once"
        self.most_at_once = max(self.most_at_once, sum(self.under_way.values()))
        number = intent.order_id if isinstance(intent, Cancel) else level_of(intent) or 0
        try:
            await asyncio.sleep(self.seconds)
            if number in self.fail:
                raise self.fail[number]
            self.pending.append((wallet, number))
            return number not in self.refuse
        finally:
            self.under_way[wallet] -= 1


def queues(send: Send, clock: Clock, limiter: RateLimiter | None = None, reads: ReadShare | None = None) -> SendQueues:
    return SendQueues(send, limiter or RateLimiter(clock=clock), reads or ReadShare(clock))


def levels(wallet: str, *numbers: int) -> list[Place]:
    return [place(wallet, level=number) for number in numbers]


def test_a_wallet_sends_in_sequence_and_wallets_send_in_parallel() -> None:
    async def main(clock: Clock) -> None:
        post = Post()
        send_queues = queues(post.send, clock)
        began = clock()
        send_queues.load([*levels(ALICE, 1, 2, 3), *levels(BOB, 1, 2, 3), *levels(CAROL, 1)])
        assert await send_queues.idle(60)
        assert clock() - began < 3.5
        assert post.most_at_once == 3
        assert [number for wallet, number in post.pending if wallet == ALICE] == [1, 2, 3]

    run_virtually(main)


def test_cancels_are_sent_before_placements() -> None:
    async def main(clock: Clock) -> None:
        post = Post()
        send_queues = queues(post.send, clock)
        send_queues.load([*levels(ALICE, 1, 2), cancel(ALICE, 77)])
        await send_queues.idle(60)
        assert [number for _, number in post.pending] == [77, 1, 2]

    run_virtually(main)


def test_new_plan_replaces_the_queue_and_lets_the_current_send_finish() -> None:
    async def main(clock: Clock) -> None:
        post = Post()
        send_queues = queues(post.send, clock)
        send_queues.load([*levels(ALICE, 1, 2, 3), *levels(BOB, 1)])
        await asyncio.sleep(0.5)
        send_queues.load(levels(ALICE, 5, 6))
        await send_queues.idle(60)
        assert [number for wallet, number in post.pending if wallet == ALICE] == [1, 5, 6]

    run_virtually(main)


def test_nothing_more_is_sent_after_clear() -> None:
    async def main(clock: Clock) -> None:
        post = Post()
        send_queues = queues(post.send, clock)
        send_queues.load([*levels(ALICE, 1, 2), *levels(BOB, 1, 2)])
        await asyncio.sleep(0.5)
        send_queues.clear()
        await send_queues.idle(60)
        assert sorted(post.pending) == [(ALICE, 1), (BOB, 1)]

    run_virtually(main)


def test_dropping_one_queue_leaves_the_others() -> None:
    async def main(clock: Clock) -> None:
        post = Post()
        send_queues = queues(post.send, clock)
        send_queues.load([*levels(ALICE, 1, 2), *levels(BOB, 1, 2)])
        await asyncio.sleep(0.5)
        send_queues.drop(ALICE)
        send_queues.drop(CAROL)
        await send_queues.idle(60)
        assert sorted(post.pending) == [(ALICE, 1), (BOB, 1), (BOB, 2)]

    run_virtually(main)


def test_refused_send_drops_the_rest_of_its_wallets_queue() -> None:
    async def main(clock: Clock) -> None:
        post = Post(refuse={1})
        send_queues = queues(post.send, clock)
        send_queues.load([*levels(ALICE, 1, 2, 3), *levels(BOB, 2, 3)])
        await send_queues.idle(60)
        assert [number for wallet, number in post.pending if wallet == ALICE] == [1]
        assert [number for wallet, number in post.pending if wallet == BOB] == [2, 3]
        send_queues.load(levels(ALICE, 4))
        await send_queues.idle(60)
        assert post.pending[-1] == (ALICE, 4)

    run_virtually(main)


def test_refused_send_also_drops_the_plan_loaded_meanwhile() -> None:
    """The newer plan did not know about the refusal, and the wallet may have to back off now."""

    async def main(clock: Clock) -> None:
        post = Post(refuse={1})
        send_queues = queues(post.send, clock)
        send_queues.load([*levels(ALICE, 1, 2, 3), *levels(BOB, 2)])
        await asyncio.sleep(0.5)
        send_queues.load([*levels(ALICE, 7, 8), *levels(BOB, 9)])
        await send_queues.idle(60)
        assert [number for wallet, number in post.pending if wallet == ALICE] == [1]
        assert [number for wallet, number in post.pending if wallet == BOB] == [2, 9]

    run_virtually(main)


def test_first_failure_is_kept_and_stops_every_queue() -> None:
    async def main(clock: Clock) -> None:
        post = Post(fail={1: OSError("the disk is full"), 2: ValueError("later")})
        send_queues = queues(post.send, clock)
        send_queues.load([*levels(ALICE, 1, 3), *levels(BOB, 4, 5, 6), *levels(CAROL, 2)])
        await send_queues.idle(60)
        assert str(send_queues.failure) == "the disk is full"
        assert post.pending == [(BOB, 4)]

    run_virtually(main)


def test_idle_times_out() -> None:
    async def main(clock: Clock) -> None:
        send_queues = queues(Post(seconds=100).send, clock)
        assert await send_queues.idle(1)
        send_queues.load(levels(ALICE, 1))
        began = clock()
        assert not await send_queues.idle(5)
        assert 5 <= clock() - began < 6
        assert await send_queues.idle(200)

    run_virtually(main)


def test_abandon_ends_every_send_even_one_that_has_not_begun() -> None:
    async def main(clock: Clock) -> None:
        post = Post()
        send_queues = queues(post.send, clock)
        send_queues.load(levels(ALICE, 1, 2))
        await asyncio.sleep(0.5)
        send_queues.load([*levels(ALICE, 3), *levels(BOB, 1)])
        await send_queues.abandon()
        assert send_queues.is_idle
        await asyncio.sleep(10)
        assert post.pending == []
        send_queues.load(levels(BOB, 9))
        assert await send_queues.idle(60)
        assert post.pending == [(BOB, 9)]

    run_virtually(main)


def test_best_levels_of_all_wallets_go_first_when_the_venue_takes_one_at_a_time() -> None:
    async def main(clock: Clock) -> None:
        post = Post()
        send_queues = queues(post.send, clock, RateLimiter(start=1, lowest=1, highest=1, clock=clock))
        send_queues.load([*levels(ALICE, 1, 1, 2, 2), *levels(BOB, 1, 1, 2, 2), *levels(CAROL, 3)])
        await send_queues.idle(60)
        assert [level for _, level in post.pending] == [1, 1, 1, 1, 2, 2, 2, 2, 3]

    run_virtually(main)


def test_newest_plan_decides_what_a_freed_slot_is_used_for() -> None:
    """A level that became vacant while other orders waited goes before them."""

    async def main(clock: Clock) -> None:
        post = Post()
        send_queues = queues(post.send, clock, RateLimiter(start=1, lowest=1, highest=1, clock=clock))
        send_queues.load([*levels(ALICE, 4, 5), *levels(BOB, 4, 5)])
        await asyncio.sleep(0.5)
        send_queues.load([*levels(ALICE, 5), *levels(BOB, 1, 5)])
        await send_queues.idle(60)
        assert post.pending == [(ALICE, 4), (BOB, 1), (ALICE, 5), (BOB, 5)]

    run_virtually(main)


def test_orders_wait_for_a_long_read_and_cancels_do_not() -> None:
    async def main(clock: Clock) -> None:
        post, reads = Post(seconds=0.1), ReadShare(clock)
        send_queues = queues(post.send, clock, reads=reads)
        with reads.reading():
            send_queues.load(levels(ALICE, 1))
            await asyncio.sleep(READ_PATIENCE_S + 1)
            send_queues.load([*levels(ALICE, 2), cancel(BOB, 77)])
            await asyncio.sleep(60)
            assert post.pending == [(ALICE, 1), (BOB, 77)]
        assert await send_queues.idle(1)
        assert post.pending[-1] == (ALICE, 2)

    run_virtually(main)


PLANS = st.lists(
    st.tuples(
        st.floats(0, 4),
        st.lists(st.tuples(st.sampled_from([ALICE, BOB, CAROL]), st.integers(1, 9)), max_size=12),
    ),
    min_size=1,
    max_size=6,
)


@given(plans=PLANS, refuse=st.sets(st.integers(1, 9)))
def test_only_orders_of_the_newest_plan_are_sent(
    plans: list[tuple[float, list[tuple[str, int]]]], refuse: set[int]
) -> None:
    """Whatever is loaded, and whenever: a wallet's send begins only if the wallet's current plan has it."""

    async def main(clock: Clock) -> None:
        post = Post(refuse=refuse)
        allowed: set[tuple[str, int]] = set()

        async def send(intent: Intent, slot: Slot) -> bool:
            assert isinstance(intent, Place)
            assert (intent.wallet, intent.level) in allowed
            return await post.send(intent, slot)

        send_queues = queues(send, clock)
        for wait, plan in plans:
            await asyncio.sleep(wait)
            allowed = set(plan)
            send_queues.load([place(wallet, level=number) for wallet, number in plan])
        assert await send_queues.idle(1000)
        assert send_queues.failure is None

    run_virtually(main)


def test_orders_wait_until_the_last_placement_is_being_sent_and_cancels_do_not_count() -> None:
    async def main(clock: Clock) -> None:
        post = Post()
        send_queues = queues(post.send, clock)
        assert not send_queues.orders_wait
        send_queues.load([cancel(ALICE, order_id=7)])
        assert not send_queues.orders_wait
        send_queues.load([cancel(ALICE, order_id=7), *levels(ALICE, 1), *levels(BOB, 1, 2)])
        seen = []
        for _ in range(5):
            seen.append(send_queues.orders_wait)
            await asyncio.sleep(0.4)
        assert seen == [True, True, True, False, False]

    run_virtually(main)


def test_queues_of_several_markets_take_turns_at_one_limiter() -> None:
    async def main(clock: Clock) -> None:
        sent: list[str] = []
        limiter = RateLimiter(clock=clock, start=1, lowest=1, highest=1)

        def market(name: str) -> SendQueues:
            async def send(intent: Intent, _: Slot) -> bool:
                await asyncio.sleep(1.0)
                sent.append(name)
                return True

            return queues(send, clock, limiter)

        busy, quiet, other = (market(name) for name in ("busy", "quiet", "other"))
        busy.load([one for wallet in (ALICE, BOB, CAROL) for one in levels(wallet, 1, 2, 3, 4)])
        for one in (quiet, other):
            one.load([one_each for wallet in (ALICE, BOB, CAROL) for one_each in levels(wallet, 1)])
        for one in (busy, quiet, other):
            assert await one.idle(100)
        assert [sent[:10].count(name) for name in ("busy", "quiet", "other")] == [4, 3, 3]
        assert sent[10:] == ["busy"] * 8

    run_virtually(main)


def test_orders_of_every_market_wait_for_a_slow_read_of_one() -> None:
    async def main(clock: Clock) -> None:
        reads = ReadShare(clock)
        with reads.reading():
            await asyncio.sleep(READ_PATIENCE_S + 1)
            with reads.reading():
                waiting = asyncio.create_task(reads.turn())
                await asyncio.sleep(1)
            assert not waiting.done(), "a quick read in between is not the slow one"
        await asyncio.wait_for(waiting, 1)

    run_virtually(main)
