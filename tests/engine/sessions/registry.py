"""The simulated venue with a session registry that refuses what the contract refuses, and a process that renews."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ama_tui.domain.errors import RefusedError
from ama_tui.domain.money import notional6
from ama_tui.domain.reading import FleetRead, SessionCreated, SessionsRead, SessionStatusResponse, TradeResponse
from ama_tui.domain.session import RelayerSet, SessionPermit, SessionRecord
from ama_tui.engine.sessions.adoption import SessionAdoption
from ama_tui.engine.sessions.manager import SessionManager
from ama_tui.engine.sessions.relayers import Relayers
from ama_tui.engine.sessions.renewal import Renewals
from ama_tui.store.journal.replay import JournalReplay, session_ids
from ama_tui.venue.permits import relayer_root, session_id
from tests.engine.fakes import no_record
from tests.engine.process import Process
from tests.engine.simulated import Answer, SimulatedVenue, failure_of

MINED_AFTER_S = 3.0
"""How long the venue takes to create a session."""


def relayers(number: int) -> RelayerSet:
    """A set of three relayers; another number gives three others."""
    addresses = tuple(f"0x{number * 100 + index:040x}" for index in range(1, 4))
    return RelayerSet(addresses, relayer_root(addresses))


@dataclass
class RegistryVenue(SimulatedVenue):
    """`init_answer` decides each session request. `refused` collects the codes of actions refused under a session."""

    in_charge: RelayerSet = field(default_factory=lambda: relayers(1))
    records: dict[str, SessionRecord] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    init_answer: Callable[[], Answer] = lambda: Answer.OK
    permits: list[SessionPermit] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    revokes: list[str] = field(default_factory=list)
    relayers_asked: int = 0
    _coming: list[tuple[float, SessionPermit]] = field(default_factory=list)

    # ---- the registry ----

    def alive(self, trader: str) -> list[str]:
        """The trader's sessions that are neither revoked nor expired."""
        self._mine_permits()
        now = self.clock()
        return [
            one.session_id
            for one in self.records.values()
            if one.trader == trader and not one.revoked and one.expiry > now
        ]

    def revoke(self, session: str) -> None:
        self.records[session] = replace(self.records[session], revoked=True)

    def _create(self, permit: SessionPermit) -> None:
        """What the contract does; raises what the venue responds when it reverts."""
        if permit.expiry <= self.clock():
            raise refusal("expired")
        if permit.nonce != self.nonces.get(permit.trader, 0):
            raise refusal("bad_nonce")
        self.nonces[permit.trader] = permit.nonce + 1
        self.records[session_id(permit)] = permit.as_record(session_id(permit))

    def _mine_permits(self) -> None:
        """Execute the unanswered requests that are due."""
        due = [one for one in self._coming if one[0] <= self.clock()]
        self._coming = [one for one in self._coming if one not in due]
        for _, permit in sorted(due, key=lambda one: one[0]):
            with suppress(RefusedError):
                self._create(permit)

    def _charge(self, session: str, trader: str, amount6: int) -> None:
        record = self.records.get(session)
        code = ""
        if record is None:
            code = "session_unknown"
        elif record.revoked:
            code = "session_revoked"
        elif record.expiry <= self.clock():
            code = "session_expired"
        elif 0 < record.max_notional_per_trade6 < amount6:
            code = "session_trade_cap"
        elif 0 < record.max_notional_per_session6 < record.notional_used6 + amount6:
            code = "session_session_cap"
        elif record.relayer_set_root != self.in_charge.root:
            code = "session_bad_relayer"
        if code or record is None:
            self.refused.append(code)
            raise refusal(code)
        self.records[session] = replace(record, notional_used6=record.notional_used6 + amount6)

    # ---- reads ----

    def _session(self, address: str, session: str | None) -> SessionRecord | None:
        self._mine_permits()
        return None if session is None else self.records.get(session, no_record(session))

    async def session_records(self, registry: str, ids: Sequence[str]) -> dict[str, SessionRecord | None]:
        self._mine_permits()
        return {one: self.records.get(one, no_record(one)) for one in ids}

    async def sessions(self, registry: str, ids: Sequence[str]) -> SessionsRead:
        return SessionsRead(self.height, int(self.clock()), await self.session_records(registry, ids))

    async def meta_nonces(self, registry: str, traders: Sequence[str]) -> dict[str, int | None]:
        self._mine_permits()
        return {one: self.nonces.get(one, 0) for one in traders}

    async def relayer_set(self) -> RelayerSet:
        self.relayers_asked += 1
        return self.in_charge

    async def session_nonce(self, trader: str) -> int:
        self._mine_permits()
        return self.nonces.get(trader, 0)

    async def session_status(self, session: str) -> SessionStatusResponse:
        self._mine_permits()
        one = self.records.get(session)
        is_alive = one is not None and not one.revoked and one.expiry > self.clock()
        return SessionStatusResponse(
            exists=one is not None,
            active=is_alive,
            trader="" if one is None else one.trader,
            relayer_set_root="" if one is None else one.relayer_set_root,
            expiry=0 if one is None else one.expiry,
            revoked=one is not None and one.revoked,
        )

    # ---- POSTs ----

    async def session_init(self, book: str, permit: SessionPermit, signature: str) -> SessionCreated:
        self.permits.append(permit)
        answer = self.init_answer()
        now = self.clock()
        if answer is Answer.LIMITED:
            raise failure_of(answer)
        if answer in (Answer.LOST_EXECUTED, Answer.ERROR_EXECUTED, Answer.HTML):
            self._coming.append((now + MINED_AFTER_S, permit))
        elif answer in (Answer.LATE, Answer.TOO_LATE):
            self._coming.append((now + self.dice.uniform(3.0, 90.0), permit))
        if answer not in (Answer.OK, Answer.SLOW):
            await asyncio.sleep(self.dice.uniform(0.0, 1.0))
            raise failure_of(answer)
        self._coming.append((now + MINED_AFTER_S, permit))
        await asyncio.sleep(MINED_AFTER_S)
        self._mine_permits()
        if session_id(permit) not in self.records:
            raise refusal("bad_nonce")
        return SessionCreated(session_id(permit), self._hash())

    async def session_revoke(self, book: str, session: str) -> TradeResponse:
        self._mine_permits()
        if session not in self.records:
            raise refusal("session_unknown")
        self.revokes.append(session)
        self.revoke(session)
        return TradeResponse(self._hash(), mined=True)

    async def place_margin_limit(
        self, book: str, session: str, trader: str, *, price6: int, amount18: int, is_buy: bool
    ) -> TradeResponse:
        self._charge(session, trader, notional6(amount18, price6))
        return await super().place_margin_limit(book, session, trader, price6=price6, amount18=amount18, is_buy=is_buy)

    async def cancel_order(self, book: str, session: str, trader: str, *, order_id: int) -> TradeResponse:
        self._charge(session, trader, 0)
        return await super().cancel_order(book, session, trader, order_id=order_id)

    # ---- signer ----

    def __contains__(self, address: object) -> bool:
        return True

    def sign(self, address: str, digest: bytes) -> str:
        return "0x" + "00" * 65


def refusal(code: str) -> RefusedError:
    return RefusedError(f"refused: {code}", status=400, code=code, proves_not_sent=True)


@dataclass
class SessionProcess(Process):
    """A process that creates its sessions and renews them."""

    first_session: str | None = None
    hours: float = 0.1
    renew_revoked: bool = False
    manager: SessionManager = field(init=False)
    renewals: Renewals = field(init=False)
    watching: asyncio.Task[None] = field(init=False)

    async def prepare(self, found: JournalReplay) -> None:
        run = self.run
        run.session_hours = self.hours
        run.unix_now = lambda: int(self.clock())
        assert run.read is not None
        run.plan = run.strategy.plan(self.cycle.snapshot(run.read))
        candidates = {address: session_ids(found, address, None) for address in self.addresses}
        self.manager = SessionManager(
            run,
            Relayers(run, await run.connections.api.relayer_set()),
            SessionAdoption(run, candidates, found.sessions, self.renew_revoked),
        )
        await self.manager.prepare(list(run.fleet), chain_time=run.read.block_time)
        self.renewals = Renewals(run, self.manager)
        self.watching = asyncio.create_task(self.manager.relayers.watch())

    def after(self, read: FleetRead) -> None:
        self.renewals.look(read)

    async def crash(self, dice: object) -> None:
        if self.is_up:
            await self.renewals.close()
            self.watching.cancel()
            await asyncio.gather(self.watching, return_exceptions=True)
        await super().crash(dice)  # type: ignore[arg-type]
