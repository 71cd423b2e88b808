"""One wallet in detail: orders, session, budget and activity; cancel orders, pause it, renew its session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, HorizontalGroup
from textual.types import CSSPathType
from textual.widgets import Button

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot, WalletRow
from ama_tui.domain.market import Market, short_address
from ama_tui.ui.actions import Scope, bindings_for
from ama_tui.ui.format import plain
from ama_tui.ui.panels.log import ActivityLog
from ama_tui.ui.panels.status import Notice, StatusBar, VenueFacts
from ama_tui.ui.panels.wallet import OrderLine, OrdersGrid, fact_lines, order_lines, orders_title, short_id
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.states import is_overdue, why_not
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.field_lines import FieldLines, field
from ama_tui.ui.widgets.grid import Grid
from ama_tui.ui.widgets.keybar import KeyBar
from ama_tui.ui.widgets.problem import Problem

if TYPE_CHECKING:
    from ama_tui.engine.engine_api import EngineApi

SIDE_BY_SIDE = 140
"""The least width at which the log is next to the orders."""

BUTTON_ACTIONS = {
    "back": "screen.back",
    "cancel": "screen.cancel_order",
    "pause-wallet": "screen.pause_wallet",
    "renew": "screen.renew",
    "kill": "app.kill",
}


class WalletScreen(AmaScreen[None]):
    """Shows one wallet of the fleet, live."""

    SCOPE: ClassVar[Scope] = "wallet"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("run"), style("wallet")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("wallet")
    AUTO_FOCUS = "#orders"

    def __init__(self, market: Market, address: str) -> None:
        """`address` is the wallet's, in lower case."""
        super().__init__()
        self.market = market
        self.address = address
        self._row: WalletRow | None = None
        self._cancelling: set[int] = set()
        self._is_pausing = False
        self._is_renewing = False
        self._log_cursor = 0

    def compose(self) -> ComposeResult:
        facts = self.host.facts
        venue = VenueFacts(facts.environment_label, facts.is_demo) if facts is not None else VenueFacts("", False)
        yield StatusBar(venue, self.market, id="status")
        yield Notice(id="notice")
        yield FieldLines(id="facts")
        with Container(id="columns"):
            yield OrdersGrid(id="orders", classes="frame")
            log = ActivityLog(has_names=False, id="log", classes="frame")
            log.border_title = "Activity"
            yield log
        problem = Problem(id="problem")
        problem.border_subtitle = "y copy · esc dismiss"
        yield problem
        with HorizontalGroup(id="bottom"):
            yield Button("Back  esc", id="back", compact=True)
            yield Button("Cancel order  x", id="cancel", compact=True)
            yield Button("Pause wallet  p", id="pause-wallet", compact=True)
            yield Button("Renew  r", id="renew", compact=True)
            yield Button("KILL  F10", id="kill", compact=True, classes="danger")
            yield KeyBar(without=frozenset(BUTTON_ACTIONS.values()))

    # showing

    def on_resize(self) -> None:
        self.set_class(self.app.size.width >= SIDE_BY_SIDE, "-beside")
        self.call_after_refresh(self._show_again)

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        self.query_one(StatusBar).tick(snapshot, now)
        self.query_one(Notice).tick(snapshot, now)
        self._row = next((row for row in snapshot.wallets if row.address == self.address), None)
        facts, grid = self.query_one("#facts", FieldLines), self.query_one(OrdersGrid)
        if self._row is None:
            facts.show([(field((f"{short_address(self.address)} is not part of this run", "warn")),)])
            grid.tick((), now)
        else:
            self._cancelling &= {order.order_id for order in self._row.orders}
            facts.show(fact_lines(self._row, snapshot, now, self.size.width))
            lines = order_lines(self._row, snapshot.anchor_x2, self.market.tick6, self._cancelling)
            grid.tick(lines, now, stale=is_overdue(snapshot, now))
            self._set_title(grid, orders_title(lines, snapshot))
        self._follow_log()
        self._follow_state(snapshot)

    @staticmethod
    def _set_title(grid: OrdersGrid, title: str) -> None:
        if grid.border_title != title:
            grid.border_title = title

    def _follow_log(self) -> None:
        if self.host.bridge is None:
            return
        self._log_cursor, events = self.host.bridge.log_since(self._log_cursor)
        log = self.query_one(ActivityLog)
        log.add([event for event in events if event.wallet == self.address])
        subtitle = "" if log.is_following else "scrolled · home: newest"
        if log.border_subtitle != subtitle:
            log.border_subtitle = subtitle

    def _follow_state(self, snapshot: EngineSnapshot) -> None:
        pause_wallet = self.query_one("#pause-wallet", Button)
        is_paused = self._row is not None and self._row.is_paused
        label = "Resume wallet p" if is_paused else "Pause wallet  p"
        if str(pause_wallet.label) != label:
            pause_wallet.label = label
        refused = why_not("pausable", snapshot) is not None
        pause_wallet.set_class(refused, "-refused")
        self.query_one("#renew").set_class(refused or self._is_renewing, "-refused")
        self.query_one("#cancel").set_class(refused or self._under_cursor() is None, "-refused")
        self.query_one("#kill").set_class(why_not("run", snapshot) is not None, "-refused")

    def _under_cursor(self) -> OrderLine | None:
        return self.query_one(OrdersGrid).current

    # actions

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        action = BUTTON_ACTIONS.get(event.button.id or "")
        if action is not None:
            await self.run_action(action)

    def on_grid_picked(self, event: Grid.Picked) -> None:
        """Enter or a second click on an order copies its id."""
        event.stop()
        self._copy_order()

    def action_back(self) -> None:
        """Dismiss the error; without an error, leave."""
        problem = self.query_one(Problem)
        if problem.display:
            problem.clear()
        else:
            self.dismiss()

    def action_cancel_order(self) -> None:
        """Cancel the selected order."""
        line = self._under_cursor()
        if self._refused("cancel order"):
            return
        if line is None:
            self.host.toast("Nothing to cancel: this wallet has no orders")
        elif line.order_id is None:
            self.host.toast(
                f"Cannot cancel: the order is {'unknown' if line.is_unknown else 'pending'} and has no id yet"
            )
        elif line.order_id in self._cancelling:
            self.host.toast(f"Order {line.order_id} is already being cancelled")
        else:
            self._cancelling.add(line.order_id)
            self._cancel(line, line.order_id)

    @work(group="cancel")
    async def _cancel(self, line: OrderLine, order_id: int) -> None:
        self._show_again()
        if await self._ask(lambda engine: engine.cancel_order(self.address, order_id, self._of_run)):
            self.host.toast(f"Cancel sent for order {order_id}: {line.text}")
        else:
            self._cancelling.discard(order_id)
            self._show_again()

    def action_pause_wallet(self) -> None:
        """Pause or resume this wallet."""
        if self._refused("pause wallet") or self._is_pausing:
            return
        if self._row is None:
            self.host.toast("Cannot pause: this wallet is not part of this run")
            return
        self._is_pausing = True
        self._pause_or_resume(self._row)

    @work(group="pause-wallet")
    async def _pause_or_resume(self, row: WalletRow) -> None:
        if row.is_paused:
            done = await self._ask(lambda engine: engine.resume_wallet(self.address, self._of_run))
            result = "resumed"
        else:
            done, result = (
                await self._ask(lambda engine: engine.pause_wallet(self.address, self._of_run)),
                "paused: its orders stay",
            )
        self._is_pausing = False
        if done:
            self.host.toast(f"{row.nickname} {result}")
        self._show_again()

    @property
    def _of_run(self) -> str | None:
        """The market that commands are for; None in a run on one."""
        return None if self.host.bridge is None else self.host.bridge.market

    def action_renew(self) -> None:
        """Create a new session for the wallet."""
        if self._refused("renew session"):
            return
        if self._row is None:
            self.host.toast("Cannot renew: this wallet is not part of this run")
        elif self._is_renewing:
            self.host.toast("The session is already being renewed")
        else:
            self._is_renewing = True
            self._renew(self._row)

    @work(group="renew")
    async def _renew(self, row: WalletRow) -> None:
        self._show_again()
        if await self._ask(lambda engine: engine.renew(self.address, self._of_run)):
            self.host.toast(f"{row.nickname} has a new session")
        self._is_renewing = False
        self._show_again()

    def action_copy_order(self) -> None:
        """Copy the error shown; without an error, the selected order's id."""
        problem = self.query_one(Problem)
        if problem.display:
            self._copy(problem.text, "the error")
        else:
            self._copy_order()

    def _copy_order(self) -> None:
        line = self._under_cursor()
        if line is None or line.order_id is None:
            self.host.toast("Nothing to copy: no order with an id selected")
        else:
            self._copy(str(line.order_id), f"order id {line.order_id}")

    def action_copy_address(self) -> None:
        self._copy(self.address, f"address {short_address(self.address)}")

    def action_copy_session(self) -> None:
        if self._row is None or not self._row.session_id:
            self.host.toast("Nothing to copy: this wallet has no session")
        else:
            self._copy(self._row.session_id, f"session id {short_id(self._row.session_id)}")

    def action_copy_hash(self) -> None:
        """Copy the hash of the wallet's latest transaction."""
        _, events = self.host.bridge.log_since(0) if self.host.bridge is not None else (0, ())
        hashes = (event.tx_hash for event in reversed(events) if event.wallet == self.address and event.tx_hash)
        tx_hash = next(hashes, "")
        if tx_hash:
            self._copy(tx_hash, f"transaction {short_id(tx_hash)}")
        else:
            self.host.toast("Nothing to copy: this wallet has no transaction yet")

    def _copy(self, text: str, name: str) -> None:
        self.app.copy_to_clipboard(text)
        self.host.toast(f"Copied {plain(name)}")

    def _refused(self, label: str) -> bool:
        """Show why the run's state does not allow an action; False when it does."""
        bridge = self.host.bridge
        reason = "no run is active" if bridge is None else why_not("pausable", bridge.snapshot)
        if reason is not None:
            self.host.toast(f"{label}: {reason}")
        return reason is not None

    async def _ask(self, command: Callable[[EngineApi], Awaitable[None]]) -> bool:
        """Send a command to the engine; an error is shown until it is dismissed."""
        problem = self.query_one(Problem)
        if self.host.bridge is None:
            return False
        try:
            await self.host.bridge.ask(command)
        except AmaError as error:
            problem.show(error)
            return False
        problem.clear()
        return True

    def _show_again(self) -> None:
        if self.host.bridge is not None and self.is_current:
            self.bridge_tick(self.host.bridge.snapshot, self.host.clock())
