"""The session contract refuses what it does not allow, and the engine names the rule that was broken.

The sessions are made as any client would, with narrower permits than a run's; orders go through the engine's sender.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from ama_tui.config.environment import load_environment
from ama_tui.config.paths import StatePaths
from ama_tui.domain.event import Action
from ama_tui.domain.order import Side
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Place, SkipReason, WalletBudget
from ama_tui.domain.reading import Receipt
from ama_tui.domain.session import Methods, SessionPermit, SessionRecord
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.connections import connect
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.cycle import Cycle
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.signer import Signer
from ama_tui.store.state_store import StateStore
from ama_tui.strategies.registry import strategy
from tests.engine.fakes import placed
from tests.engine.rig import Rig, rig_of

PACKER = Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL
AMOUNT18 = 10**17
NOTIONAL6 = 250_000_000
"""About the notional of such an order at 2,500. A cap of half of it allows none, of one and a half just one."""


@dataclass
class Bench:
    """The first wallet of a venue with a session of the test's making, and the engine's way to send its orders."""

    rig: Rig
    run: RunContext
    book: WalletBook
    journal: Path

    async def has_session(
        self,
        *,
        methods: Methods = PACKER,
        per_trade6: int = 0,
        per_session6: int = 0,
        market_id: str | None = None,
        seconds: int = 3600,
    ) -> None:
        """Sign and send a permit as any client would."""
        connections, market = self.run.connections, self.run.market
        records = await connections.chain.sessions(connections.registry, [])
        permit = SessionPermit(
            trader=self.book.address,
            relayer_set_root=(await connections.api.relayer_set()).root,
            expiry=records.block_time + seconds,
            max_notional_per_trade6=per_trade6,
            max_notional_per_session6=per_session6,
            methods=methods,
            salt="0x" + secrets.token_hex(32),
            allowed_markets=(market_id or market.market_id,),
            nonce=await connections.api.session_nonce(self.book.address),
        )
        signature = connections.sign_permit(permit)
        created = await connections.api.session_init(market.address, permit, signature)
        self.book.session.use(created.session_id)

    async def place(self, level: int = 1) -> bool:
        """Send a buy far below the market, as the send queues do; True when the venue accepted it."""
        run, book = self.run, self.book
        read = await run.connections.chain.read_fleet(
            order_book=run.market.address,
            vault=run.terms.vault,
            market_id=run.terms.market_id,
            registry=run.connections.registry,
            wallets=[(book.address, book.session.id)],
        )
        run.read, run.read_at, book.read = read, monotonic(), read.wallets[book.address]
        assert read.view.best_bid6 is not None
        price6 = read.view.best_bid6 - 100 * level * run.market.tick6
        place = Place(book.address, Side.BUY, level, price6, AMOUNT18 + level, NOTIONAL6, sequence=level)
        return await placed(run, place)

    async def record(self) -> SessionRecord:
        connections = self.run.connections
        assert self.book.session.id is not None
        found = (await connections.chain.session_records(connections.registry, [self.book.session.id]))[
            self.book.session.id
        ]
        assert found is not None
        return found

    async def receipt(self) -> Receipt:
        """The receipt of the one pending order."""
        (pending,) = self.book.pending
        assert pending.tx_hash is not None
        while True:
            found = (await self.run.connections.chain.receipts(self.run.market.address, [pending.tx_hash]))[
                pending.tx_hash
            ]
            if found is not None:
                return found
            await asyncio.sleep(0.05)

    async def resting(self) -> int:
        return len(await self.rig.orders(self.book.address))


@asynccontextmanager
async def bench_of(directory: Path, *, fast: bool) -> AsyncIterator[Bench]:
    async with rig_of(directory, wallets=1, fast=fast) as rig:
        (wallet,) = rig.venue.wallets
        key = SecretKey(bytes.fromhex(wallet.private_key.removeprefix("0x")))
        connections, _ = await connect(load_environment(directory, {}), Signer({wallet.address: key}))
        market = next(one for one in await connections.api.markets() if one.symbol == rig.symbol)
        paths = StatePaths(directory / "state", connections.chain_id, market.address)
        store = StateStore.open(paths)
        parameters = Parameters()
        run = RunContext(
            market=market,
            terms=await connections.chain.terms(market.address),
            parameters=parameters,
            strategy=strategy("packer", parameters.as_keys()),
            connections=connections,
            action_log=ActionLog(store.journal, Publisher(), market, "run"),
            settle_after=1.0,
        )
        book = WalletBook(FleetWallet(0, "User001", wallet.account), budget=WalletBudget(10**12, 10**12, 0, 0))
        run.fleet = Fleet([book])
        try:
            yield Bench(rig, run, book, paths.journal)
        finally:
            store.close()
            await connections.close()


async def revoked(bench: Bench) -> None:
    await bench.has_session()
    assert bench.book.session.id is not None
    await bench.run.connections.api.session_revoke(bench.run.market.address, bench.book.session.id)


async def expired(bench: Bench) -> None:
    await bench.has_session(seconds=2)
    while (await bench.record()).expiry > await bench.rig.venue.node.timestamp():
        await asyncio.sleep(0.2)
        await bench.rig.venue.mine()


async def over_the_trade_cap(bench: Bench) -> None:
    await bench.has_session(per_trade6=NOTIONAL6 // 2, per_session6=NOTIONAL6 * 100)


async def over_the_session_cap(bench: Bench) -> None:
    """One order fits, a second does not."""
    await bench.has_session(per_trade6=NOTIONAL6 * 100, per_session6=NOTIONAL6 * 3 // 2)
    assert await bench.place()
    if bench.book.pending:
        assert (await bench.receipt()).ok
    bench.book.pending.placements.clear()


async def without_the_method(bench: Bench) -> None:
    await bench.has_session(methods=Methods.MODIFY | Methods.CANCEL | Methods.PLACE_LIMIT)


async def of_former_relayers(bench: Bench) -> None:
    await bench.has_session()
    await bench.rig.venue.rotate_relayers()


async def for_another_market(bench: Bench) -> None:
    other = next(one for one in await bench.run.connections.api.markets() if one.symbol != bench.rig.symbol)
    await bench.has_session(market_id=other.market_id)


Ruin = Callable[[Bench], Awaitable[None]]
CASES: tuple[tuple[Ruin, str, str], ...] = (
    (revoked, "session_revoked", "session revoked"),
    (expired, "session_expired", "session expired"),
    (over_the_trade_cap, "session_trade_cap", "the session's cap per trade is too low"),
    (over_the_session_cap, "session_session_cap", "the session's notional budget is used up"),
    (without_the_method, "session_method_denied", "session does not allow the methods that the strategy uses"),
    (of_former_relayers, "session_bad_relayer", "the relayer set changed since the session was signed"),
    (for_another_market, "session_orderbook_not_allowed", "session does not allow this market"),
)
NAMES = [ruin.__name__ for ruin, _, _ in CASES]


@pytest.mark.parametrize(("ruin", "code", "reason"), CASES, ids=NAMES)
async def test_order_the_session_does_not_allow_is_refused_with_its_reason(
    ruin: Ruin, code: str, reason: str, tmp_path: Path
) -> None:
    async with bench_of(tmp_path, fast=False) as bench:
        await ruin(bench)
        resting, used6 = await bench.resting(), (await bench.record()).notional_used6
        assert not await bench.place(level=2)
        assert (await bench.resting(), (await bench.record()).notional_used6) == (resting, used6)

        assert bench.book.unusable is SkipReason.NO_SESSION
        assert bench.book.unusable_detail.startswith(reason)
        assert not bench.book.pending
        line = bench.rig.journal("PLACE_LIMIT")[-1]
        assert line["params"]["status"] == "rejected"
        assert f"refused (400): {code}: " in line["error"]
        assert line["error"].split(f"{code}: ")[1], "and what to do about it"
        shown = bench.run.action_log.publisher.log_since(0)[1][-1]
        assert (shown.action, shown.is_error, shown.wallet) == (Action.PLACE_LIMIT, True, bench.book.address)
        assert code in shown.text
        assert not await bench.place(level=3), "the wallet waits for another session"
        assert bench.rig.journal("PLACE_LIMIT")[-1] == line


NOT_IN_THE_RECORD = ("session_bad_relayer", "session_orderbook_not_allowed")
"""The relayer set is only known from the venue, and a session's allowed markets cannot be read at all."""


@pytest.mark.parametrize(("ruin", "code", "reason"), CASES, ids=NAMES)
async def test_contract_refuses_even_when_the_venue_does_not_check_first(
    ruin: Ruin, code: str, reason: str, tmp_path: Path
) -> None:
    """A receipt gives no reason: the journal takes it from the registry record that every cycle reads."""
    async with bench_of(tmp_path, fast=True) as bench:
        await ruin(bench)
        resting, used6 = await bench.resting(), (await bench.record()).notional_used6
        assert await bench.place(level=2), "in fast mode any order is answered with a hash"
        assert not (await bench.receipt()).ok
        assert (await bench.resting(), (await bench.record()).notional_used6) == (resting, used6)
        cycle = Cycle(bench.run)
        while bench.book.pending:
            await cycle.watch()
            await bench.rig.venue.mine()
        line = bench.rig.journal("PLACE_LIMIT")[-1]
        known = "" if code in NOT_IN_THE_RECORD else f": {reason}"
        assert (line["params"]["status"], line["error"]) == ("reverted", f"reverted on chain{known}")


async def test_cancel_under_a_revoked_session_gets_a_hash_and_removes_nothing(tmp_path: Path) -> None:
    async with bench_of(tmp_path, fast=False) as bench:
        await bench.has_session()
        assert await bench.place()
        (order,) = await bench.rig.orders(bench.book.address)
        connections, session = bench.run.connections, bench.book.session.id
        assert session is not None
        await connections.api.session_revoke(bench.run.market.address, session)
        answer = await connections.api.cancel_order(
            bench.run.market.address, session, bench.book.address, order_id=order.order_id
        )
        receipt = None
        while receipt is None:
            receipt = (await connections.chain.receipts(bench.run.market.address, [answer.tx_hash]))[answer.tx_hash]
        assert not receipt.ok
        assert await bench.resting() == 1
