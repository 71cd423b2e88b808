"""The kill dialog: the consequences, then the progress, then what the chain confirms."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalGroup, Vertical
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widgets import Button

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot, SessionState
from ama_tui.domain.money import format_amount, format_usdc
from ama_tui.ui.actions import Scope
from ama_tui.ui.format import bar, count, duration
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.field_lines import FieldLines, Line, field
from ama_tui.ui.widgets.plain_text import PlainText
from ama_tui.ui.widgets.problem import Problem
from ama_tui.ui.widgets.styled_text import Span

if TYPE_CHECKING:
    from ama_tui.engine.engine_api import KillReport

SURVIVORS_SHOWN = 8
PROGRESS_CELLS = 30


def consequence(snapshot: EngineSnapshot, symbol: str) -> str:
    """'Cancel all 118 orders from 10 wallets on ETH-USD? No new orders will be placed.'"""
    fleet = len(snapshot.wallets) + len(snapshot.missing_wallets)
    orders, wallets = _all_orders(snapshot.resting), count(fleet, "wallet")
    pending = snapshot.pending + snapshot.unknown
    also = f" {count(pending, 'pending order')} will be cancelled too." if pending else ""
    return f"Cancel {orders} from {wallets} on {symbol}? No new orders will be placed.{also}"


def _all_orders(number: int) -> str:
    """'all 118 orders', '1 order'."""
    return count(number, "order") if number == 1 else f"all {count(number, 'order')}"


def ended_text(report: KillReport, *, revoke: bool) -> str:
    """The result in a sentence, shown above the details from the chain."""
    revoked = count(len(report.revoked), "session")
    if report.is_proven and revoke:
        return f"All orders cancelled, {revoked} revoked. Confirmed on chain:"
    if report.is_proven and report.revoked:
        return f"All orders cancelled; {revoked} revoked to block late orders. Confirmed on chain:"
    if report.is_proven:
        return "All orders cancelled. Confirmed on chain:"
    kept = " Sessions were not revoked: they are needed to cancel." if revoke and not report.revoked else ""
    return f"Cancellation not confirmed.{kept}"


def report_lines(report: KillReport) -> str:
    """The confirmation; or the remaining orders, and what could not be checked."""
    if report.is_proven:
        return f"✓ {report.text}"
    if not report.block:
        lines = ["✗ the chain could not be read: any order may still be open"]
    else:
        lines = [f"✗ {len(report.survivors)} still open at block {report.block:,}, {report.cancelled} cancelled"]
    lines += [f"✗ {objection}" for objection in report.objections]
    lines += [
        f"  {order.nickname or order.wallet}  order {order.order_id}" for order in report.survivors[:SURVIVORS_SHOWN]
    ]
    if len(report.survivors) > SURVIVORS_SHOWN:
        lines.append(f"  and {len(report.survivors) - SURVIVORS_SHOWN} more")
    if report.unread:
        lines.append(f"✗ could not read {count(len(report.unread), 'wallet')}: {', '.join(report.unread)}")
    if report.unsettled:
        lines.append(f"✗ {count(report.unsettled, 'unacknowledged order')} may still reach the book")
    if not report.read_twice and len(lines) == 1:
        lines.append("✗ only one chain read: a second one must confirm")
    return "\n".join(lines)


def left_open(snapshot: EngineSnapshot) -> str:
    """What a kill leaves: the net position and its value, and the sessions that are still valid."""
    position18 = sum(row.position18 for row in snapshot.wallets)
    sessions = sum(row.session is SessionState.VALID for row in snapshot.wallets)
    price6 = snapshot.mark6 or snapshot.last_trade6
    value = "" if price6 is None else f" ({format_usdc(abs(position18) * price6 // 10**18)} USDC)"
    position = f"net position {format_amount(position18)}{value}" if position18 else "no net position"
    return f"Left open: {position}, {count(sessions, 'session')} still valid"


def progress_line(snapshot: EngineSnapshot, at_start: int, seconds: float, *, revoke: bool) -> Line:
    """'cancelling 7/120 ▕███  ▏ 12s', of the orders to cancel; until they are counted, of the resting ones."""
    kill = snapshot.kill
    done, total = (kill.done, kill.total) if kill.total else (max(0, at_start - snapshot.resting), at_start)
    share = done / total if total else 1.0
    doing = "revoking sessions" if revoke and total and done >= total else "cancelling"
    counts: Span = (f"{done:>{len(str(total))}}/{total}", "strong")
    return (
        field((f"{doing} ", "danger"), counts),
        field(("▕", "rule"), (bar(share, PROGRESS_CELLS), "danger"), ("▏", "rule")),
        field((duration(seconds), "label")),
    )


class KillScreen(ModalScreen[None], AmaScreen[None]):
    """Asks, kills, and shows the result. The focus starts on the harmless button."""

    SCOPE: ClassVar[Scope] = "kill"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("dialogs")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "keep", "Keep running", show=False),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
    ]
    AUTO_FOCUS = "#keep"

    def __init__(self) -> None:
        super().__init__()
        self._at_start = 0
        self._began = 0.0
        self._revoke = False
        self._has_report = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="red") as dialog:
            dialog.border_title = "KILL"
            yield PlainText(id="sentence")
            yield FieldLines(id="progress")
            yield PlainText(id="report")
            yield PlainText(id="next", classes="label")
            yield Problem(id="problem")
            with HorizontalGroup(id="choices"):
                yield Button("Keep running", id="keep", compact=True)
                yield Button("Cancel all", id="cancel-all", compact=True, classes="danger")
                yield Button("Cancel all and revoke sessions", id="revoke", compact=True, classes="danger")
                yield Button("Stay here", id="stay", compact=True)
                yield Button("Quit", id="quit", compact=True)

    def on_mount(self) -> None:
        for hidden in ("#progress", "#report", "#next", "#stay", "#quit"):
            self.query_one(hidden).display = False

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        if self.host.market is None:
            return
        if self.host.is_killing:
            line = progress_line(snapshot, self._at_start, now - self._began, revoke=self._revoke)
            self.query_one("#progress", FieldLines).show([line])
        elif not self._has_report:
            self.query_one("#sentence", PlainText).show(consequence(snapshot, self.host.market.symbol))

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id in {"cancel-all", "revoke"}:
            self._kill(revoke=event.button.id == "revoke")
        elif event.button.id == "quit":
            self.dismiss()
            self.host.action_stop()
        else:
            self.action_keep()

    def action_keep(self) -> None:
        """Close the dialog, unless orders are being cancelled."""
        if not self.host.is_killing:
            self.dismiss()

    @work(group="kill")
    async def _kill(self, *, revoke: bool) -> None:
        bridge = self.host.bridge
        if bridge is None or self.host.is_killing:
            return
        self.host.is_killing, self._revoke = True, revoke
        self._at_start, self._began = bridge.snapshot.resting, self.host.clock()
        self._show("#progress")
        self.query_one(Problem).clear()
        self.bridge_tick(bridge.snapshot, self.host.clock())
        try:
            report = await bridge.kill(revoke=revoke)
        except AmaError as error:
            self.host.is_killing = self.host.leave_after_kill = False
            self.query_one(Problem).show(error)
            self._show("#cancel-all", "#revoke", "#stay")
            self.query_one("#cancel-all", Button).label = "Try again"
            self.query_one("#cancel-all").focus()
            return
        self.host.is_killing = False
        self.host.kill_report, self._has_report = report, True
        self.query_one("#report", PlainText).show(report_lines(report))
        self.query_one("#next", PlainText).show(self._what_next(report))
        self.query_one("#report").set_class(report.is_proven, "proven")
        self.query_one("#sentence", PlainText).show(ended_text(report, revoke=revoke))
        if report.is_proven:
            self._show("#report", "#next", "#stay", "#quit")
            self.query_one("#stay").focus()
        else:
            self._show("#report", "#next", "#cancel-all", "#revoke", "#stay", "#quit")
            self.query_one("#cancel-all", Button).label = "Try again"
            self.query_one("#cancel-all").focus()
        if self.host.leave_after_kill:
            self.host.action_stop()

    def _what_next(self, report: KillReport) -> str:
        """What stays open after a proof; without one, the command that tries again from outside."""
        if self.host.bridge is None or self.host.market is None:
            return ""
        if report.is_proven:
            return left_open(self.host.bridge.snapshot)
        return f"Or in a shell: ama-tui cancel-all --market {self.host.market.address}"

    def _show(self, *shown: str) -> None:
        for part in ("#progress", "#report", "#next", "#keep", "#cancel-all", "#revoke", "#stay", "#quit"):
            self.query_one(part).display = part in shown
