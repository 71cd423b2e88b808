"""A fake engine that pauses single wallets and cancels single orders, and a stage for one wallet's screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from ama_tui.domain.event import Action, EngineSnapshot, LogEvent, SessionState, WalletRow
from ama_tui.ui.screens.wallet import WalletScreen
from tests.ui.books import packed
from tests.ui.fakes import NOW, FakeEngine, FakeHost, market
from tests.ui.stage import NARROW, Stage, dashboard


class WalletEngine(FakeEngine):
    """Does what it is asked at once; `calls` includes the wallet and the order."""

    async def pause_wallet(self, address: str, market: str | None = None) -> None:
        await self._arrive("park")
        self._change(address, is_paused=True, note="paused")

    async def resume_wallet(self, address: str, market: str | None = None) -> None:
        await self._arrive("unpark")
        self._change(address, is_paused=False, note="")

    async def renew(self, address: str, market: str | None = None) -> None:
        await self._arrive("renew")
        self._change(address, session=SessionState.VALID, session_id="0xnew", note="")

    async def cancel_order(self, address: str, order_id: int, market: str | None = None) -> None:
        self.calls.append(f"{address} {order_id}")
        await self._arrive("cancel_order")
        row = next(row for row in self.publisher.latest.wallets if row.address == address)
        self._change(address, orders=tuple(one for one in row.orders if one.order_id != order_id))
        self.publisher.log(LogEvent(int(NOW * 1000), Action.CANCEL_ORDER, f"cancel {order_id}", address, row.nickname))

    def _change(self, address: str, **changes: object) -> None:
        def changed(row: WalletRow) -> WalletRow:
            return replace(row, **changes) if row.address == address else row  # type: ignore[arg-type]

        latest = self.publisher.latest
        self.publisher.publish(replace(latest, wallets=tuple(changed(row) for row in latest.wallets)))


class WalletHost(FakeHost):
    """An engine thread with a `WalletEngine` on it."""

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)
        self.engine = WalletEngine(self.publisher, self._freeze, **fields)  # type: ignore[arg-type]


@asynccontextmanager
async def wallet_stage(
    size: tuple[int, int] = NARROW,
    state: EngineSnapshot | None = None,
    *,
    index: int = 0,
    has_markets: bool = False,
    **fields: object,
) -> AsyncIterator[Stage]:
    """The detail screen of one wallet of a running, packed fleet. The market list is below it if it `has_markets`."""
    state = state or packed()
    async with dashboard(size, host=WalletHost(**fields)) as stage:
        await (stage.to_markets() if has_markets else stage.opened())
        stage.app.market = market()
        await stage.publish(state)
        stage.app.push_screen(WalletScreen(market(), state.wallets[index].address))
        await stage.on(WalletScreen)
        await stage.publish(state)
        yield stage
