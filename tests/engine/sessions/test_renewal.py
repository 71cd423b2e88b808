"""Sessions during a run: renewed in time and without a gap, replaced ones revoked, revoked ones never recreated.

Everything here is on a simulated clock, against a registry that refuses what the contract refuses.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from ama_tui.domain.errors import AmaError, ConfigError, VenueError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import SkipReason
from ama_tui.domain.session import RENEW_BEFORE_S, RelayerSet, SessionRecord
from ama_tui.engine.sessions.manager import SessionManager
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.strategies.registry import strategy
from tests.engine.process import MemoryJournal, engine_on
from tests.engine.sessions.registry import RegistryVenue, SessionProcess, refusal, relayers
from tests.engine.simulated import Answer
from tests.engine.virtual_time import run_virtually

WALLETS = tuple(f"0x{number:040x}" for number in range(1, 4))
ALICE = WALLETS[0]
PER_SIDE = 2
HOURS = 0.1
SECONDS = 360


@dataclass
class World:
    """A process of three wallets that cycles once a second, and what each cycle shows of it."""

    clock: Callable[[], float]
    hours: float = HOURS
    most_alive: int = 0
    idle: list[tuple[str, float]] = field(default_factory=list)
    """(wallet, time) of the cycles in which a wallet could not trade."""

    def __post_init__(self) -> None:
        self.dice = random.Random(7)
        self.venue = RegistryVenue(self.clock, self.dice, settle_after=20.0)
        self.journal = MemoryJournal()
        self.process = self.another()

    def another(self) -> SessionProcess:
        """A process on the same venue and the same journal."""
        parameters = Parameters.of(orders_per_side=PER_SIDE)
        return SessionProcess(self.venue, self.journal, WALLETS, parameters, self.clock, 20.0, hours=self.hours)

    async def go_on(self, seconds: float, *, takes: bool = False) -> None:
        """Cycle for some time; a trader takes one order a second if `takes`."""
        until = self.clock() + seconds
        while self.clock() < until:
            self.venue.mine()
            await self.process.look()
            for book in self.books:
                self.most_alive = max(self.most_alive, len(self.venue.alive(book.address)))
                if book.unusable is not None:
                    self.idle.append((book.address, self.clock()))
            if takes and self.venue.head.orders:
                order = self.dice.choice(list(self.venue.head.orders.values()))
                self.venue.take(order, order.amount18)
            await asyncio.sleep(1.0)

    @property
    def books(self) -> list[WalletBook]:
        return list(self.process.run.fleet)

    @property
    def alice(self) -> WalletBook:
        return self.process.run.fleet.books[ALICE]

    @property
    def renewed(self) -> int:
        return self.process.run.counters.totals.sessions_renewed

    def alive(self) -> list[int]:
        return [len(self.venue.alive(wallet)) for wallet in WALLETS]


def play(steps: Callable[[World], Awaitable[None]], *, hours: float = HOURS) -> None:
    async def main(clock: Callable[[], float]) -> None:
        with engine_on(clock):
            world = World(clock, hours)
            try:
                await steps(world)
            finally:
                await world.process.crash(world.dice)

    run_virtually(main)


def test_six_minute_sessions_are_renewed_without_losing_a_cycle_or_an_order() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20 * 60, takes=True)
        run = world.process.run
        # One minute after each was created, plus as long as the next one takes.
        expected = 20 * 60 // (SECONDS - RENEW_BEFORE_S + 10)
        assert world.renewed >= expected * len(WALLETS)
        assert (world.venue.refused, world.idle, run.counters.totals.rejected) == ([], [], 0)
        assert run.counters.totals.cycles >= 20 * 60 - 30
        assert world.most_alive <= 7  # sessions that expire by themselves within ten minutes are left alone
        assert world.venue.revokes == []

    play(steps)


def test_one_day_session_is_renewed_five_minutes_before_its_end_and_not_earlier() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        first = world.alice.session.id
        world.venue.mine()
        await asyncio.sleep(24 * 3600 - RENEW_BEFORE_S - 60)
        await world.go_on(20)
        assert (world.alice.session.id, world.renewed) == (first, 0)
        await world.go_on(60)
        assert world.alice.session.id != first
        assert (world.renewed, world.venue.refused, world.idle) == (3, [], [])
        assert world.alice.session.replaced.keys() == {first}
        await world.go_on(RENEW_BEFORE_S)
        assert (world.alice.session.replaced, world.alive()) == ({}, [1, 1, 1])

    play(steps, hours=24.0)


def test_session_whose_notional_is_nearly_used_up_is_renewed_and_the_old_one_revoked() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        before = {book.address: book.session.id for book in world.books}
        for book in world.books:
            assert book.session.id is not None
            old = world.venue.records[book.session.id]
            nearly = old.max_notional_per_session6 * 90 // 100 - 1
            world.venue.records[old.session_id] = replace(old, notional_used6=nearly)
        await world.go_on(200, takes=True)
        assert world.renewed == len(WALLETS)
        assert (world.venue.refused, world.idle) == ([], [])
        assert sorted(world.venue.revokes) == sorted(str(one) for one in before.values())
        assert world.alive() == [1, 1, 1]

    play(steps, hours=24.0)


def test_new_relayer_set_is_noticed_before_anything_is_refused() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        world.venue.in_charge = relayers(2)
        await world.go_on(90)
        assert (world.venue.refused, world.idle, world.renewed) == ([], [], 3)
        assert world.venue.relayers_asked < 12
        assert world.alive() == [1, 1, 1]
        assert all(
            book.session.record and book.session.record.relayer_set_root == relayers(2).root for book in world.books
        )

    play(steps, hours=24.0)


def test_wallet_refused_by_new_relayers_is_back_at_once() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        world.venue.in_charge = relayers(2)
        await world.go_on(30, takes=True)
        assert set(world.venue.refused) == {"session_bad_relayer"}
        assert len(world.venue.refused) <= len(WALLETS)
        assert max(moment for _, moment in world.idle) < world.clock() - 10
        assert world.renewed == len(WALLETS)

    play(steps, hours=24.0)


def test_relayers_that_do_not_match_their_root_are_ignored() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        wrong = relayers(2)
        world.venue.in_charge = type(wrong)(wrong.addresses, "0x" + "00" * 32)
        await world.go_on(200)
        assert (world.renewed, world.process.manager.relayers.root) == (0, relayers(1).root)

    play(steps, hours=24.0)


def test_revoked_session_is_never_recreated_until_the_operator_asks() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        revoked = world.alice.session.id
        assert revoked is not None
        world.venue.revoke(revoked)
        await world.go_on(2 * SECONDS, takes=True)
        assert (world.alice.unusable, world.alice.session.is_revoked) == (SkipReason.NO_SESSION, True)
        assert world.alice.session.id == revoked
        assert [permit.trader for permit in world.venue.permits].count(ALICE) == 1
        assert world.renewed >= 2 * 2  # the others' were renewed
        await world.process.renewals.ask(world.alice)
        assert (world.alice.unusable, world.alice.session.is_revoked) == (None, False)
        assert world.alice.session.id != revoked
        await world.go_on(20)
        assert len([one for one in world.venue.head.orders.values() if one.trader == ALICE]) == 2 * PER_SIDE

    play(steps)


def test_session_revoked_between_two_processes_stays_revoked_in_the_next() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        assert world.alice.session.id is not None
        world.venue.revoke(world.alice.session.id)
        await world.process.crash(world.dice)
        await world.go_on(60)
        assert world.alice.session.is_revoked
        assert world.alive() == [0, 1, 1]
        await world.process.crash(world.dice)
        world.process = world.another()
        world.process.renew_revoked = True
        await world.go_on(30)
        assert (world.alice.unusable, world.alive()) == (None, [1, 1, 1])

    play(steps, hours=24.0)


def test_larger_sizes_get_a_larger_session_first_and_no_order_is_refused() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        world.process.is_paused = True
        run = world.process.run
        run.parameters = Parameters.of(orders_per_side=PER_SIDE + 1, size_min=2.0, size_max=3.0)
        run.strategy = strategy("packer", run.parameters.as_keys())
        world.venue.mine()
        await world.process.look()
        held = [skip for skip in world.alice.skips if skip.reason is SkipReason.SESSION_TOO_SMALL]
        assert {skip.text for skip in held} == {"waiting for a new session: the session's cap per trade is too low"}
        world.process.is_paused = False
        await world.go_on(60)
        assert (world.venue.refused, world.idle, world.renewed) == ([], [], 3)
        assert len(world.venue.head.orders) == len(WALLETS) * 2 * (PER_SIDE + 1)
        assert world.alive() == [1, 1, 1]

    play(steps, hours=24.0)


def test_failed_renewal_is_retried_while_the_old_session_lasts() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        world.venue.init_answer = lambda: Answer.LOST
        await world.go_on(200, takes=True)
        assert (world.renewed, world.idle, world.venue.refused) == (0, [], [])
        assert "session not renewed" in world.alice.session.note or "renewing" in world.alice.session.note
        asked = [permit for permit in world.venue.permits if permit.trader == ALICE]
        assert {permit.nonce for permit in asked} == {0, 1}  # so at most one of the later ones can be accepted
        world.venue.init_answer = lambda: Answer.OK
        await world.go_on(120)
        assert (world.renewed >= 3, world.idle, world.alice.session.note) == (True, [], "")

    play(steps)


def test_wallet_with_an_expired_session_says_so_and_recovers_by_itself() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        world.venue.init_answer = lambda: Answer.BUSY
        await world.go_on(SECONDS + 60, takes=True)
        assert world.alice.unusable is SkipReason.NO_SESSION
        assert world.alice.idle_text.startswith("session expired; ")
        assert world.venue.refused == []
        world.venue.init_answer = lambda: Answer.OK
        await world.go_on(330, takes=True)
        assert [book.unusable for book in world.books] == [None] * 3
        assert world.venue.refused == []

    play(steps)


def test_venue_that_refuses_every_new_session_is_not_asked_for_more_without_end() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        world.venue._charge = _always_refused  # type: ignore[method-assign]
        await world.go_on(3600, takes=True)
        assert 1 < len([permit for permit in world.venue.permits if permit.trader == ALICE]) < 25

    play(steps, hours=24.0)


def _always_refused(session: str, trader: str, amount6: int) -> None:
    raise refusal("session_trade_cap")


def test_renewal_is_refused_while_one_is_in_progress_and_while_stopping() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        asking = asyncio.create_task(world.process.renewals.ask(world.alice))
        await asyncio.sleep(0.5)
        with pytest.raises(ConfigError, match="is already being renewed"):
            await world.process.renewals.ask(world.alice)
        await asking
        world.venue.init_answer = lambda: Answer.BUSY
        with pytest.raises(VenueError):
            await world.process.renewals.ask(world.alice)
        world.process.renewals.hold()
        with pytest.raises(ConfigError, match="the run is stopping"):
            await world.process.renewals.ask(world.alice)

    play(steps, hours=24.0)


def test_relayer_set_that_changes_with_every_read_is_ignored() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        turns = iter(range(2, 100))

        async def fickle() -> RelayerSet:
            return relayers(next(turns))

        world.venue.relayer_set = fickle  # type: ignore[method-assign]
        await world.go_on(300)
        assert (world.renewed, world.process.manager.relayers.root) == (0, relayers(1).root)

    play(steps, hours=24.0)


def test_stored_session_unreadable_at_the_start_is_used_once_it_is_read() -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)
        session = world.alice.session.id
        await world.process.crash(world.dice)
        read = world.venue.session_records

        async def blind(registry: str, ids: Sequence[str]) -> dict[str, SessionRecord | None]:
            return dict.fromkeys(ids)

        world.venue.session_records = blind  # type: ignore[method-assign]
        await world.go_on(20)
        assert world.alice.idle_text.startswith("no session: the stored session could not be read")
        world.venue.session_records = read  # type: ignore[method-assign]
        await world.go_on(30)
        assert (world.alice.session.id, world.alice.unusable) == (session, None)
        assert [permit.trader for permit in world.venue.permits].count(ALICE) == 1

    play(steps, hours=24.0)


def test_internal_error_in_a_renewal_is_reported_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        await world.go_on(20)

        async def fail(*_: object, **__: object) -> bool:
            raise RuntimeError("https://node.example/secret-key")

        monkeypatch.setattr(SessionManager, "renew", fail)
        with pytest.raises(AmaError, match="internal error"):
            await world.process.renewals.ask(world.alice)
        assert "internal error" in world.alice.session.note
        await world.go_on(5)
        assert (world.alice.unusable, world.alice.session.note) == (None, "")
        told = str(world.journal.entries)
        assert told.count("internal error (RuntimeError)") == 1
        assert "secret-key" not in told

    play(steps, hours=24.0)


def test_wallet_without_a_session_at_the_start_gets_one_once_the_venue_creates_it() -> None:
    async def steps(world: World) -> None:
        world.venue.init_answer = lambda: Answer.BUSY
        await world.go_on(90)
        assert world.alice.session.id is None
        assert world.alice.idle_text.startswith("no session: 503")
        world.venue.init_answer = lambda: Answer.OK
        await world.go_on(300)
        assert ([book.unusable for book in world.books], world.alive()) == ([None] * 3, [1, 1, 1])
        assert len({permit for permit in world.venue.permits if permit.trader == ALICE}) == 1
        assert (world.process.run.counters.totals.sessions_created, world.renewed) == (3, 0)

    play(steps, hours=24.0)
