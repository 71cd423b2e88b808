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
from ama_tui.ui.format import count
from ama_tui.ui.kills import Leaving
from ama_tui.ui.panels.kill_stages import stage_lines
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.field_lines import FieldLines
from ama_tui.ui.widgets.plain_text import PlainText
from ama_tui.ui.widgets.problem import Problem

if TYPE_CHECKING:
    from ama_tui.engine.engine_api import KillReport

SURVIVORS_SHOWN = 8
_PARTS = ("#progress", "#report", "#next", "#keep", "#cancel-all", "#revoke", "#again", "#copy", "#stay", "#quit")
"""What the dialog shows at one time and not at another."""


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

    def __init__(self, *, leaving: Leaving = Leaving.NO) -> None:
        """With `leaving` the operator has chosen already: it starts at once, and quits as that says."""
        super().__init__()
        self._leaving = leaving
        self._at_start = 0
        self._began = 0.0
        self._revoke = False
        self._has_answer = False

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
                yield Button("Try again", id="again", compact=True, classes="danger")
                yield Button("Copy command F8", id="copy", compact=True)
                yield Button("Stay here", id="stay", compact=True)
                yield Button("Quit", id="quit", compact=True)

    def on_mount(self) -> None:
        self._show("#keep", "#cancel-all", "#revoke")
        if self._leaving is not Leaving.NO:
            self._kill(revoke=False)

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        if self.host.market is None:
            return
        if self.host.kills.is_running:
            seconds = now - self._began
            lines = stage_lines(snapshot.kill, self._at_start, seconds, now, revoke=self._revoke)
            self.query_one("#progress", FieldLines).show(lines)
        elif not self._has_answer:
            self.query_one("#sentence", PlainText).show(consequence(snapshot, self.host.market.symbol))

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "cancel-all" | "revoke":
                self._kill(revoke=event.button.id == "revoke")
            case "again":
                self._kill(revoke=self._revoke)
            case "copy":
                self.host.action_copy_cancel()
            case "quit":
                self.dismiss()
                self.host.stop_now()
            case _:
                self.action_keep()

    def action_keep(self) -> None:
        """Close the dialog, unless orders are being cancelled."""
        if not self.host.kills.is_running:
            self.dismiss()

    @work(group="kill")
    async def _kill(self, *, revoke: bool) -> None:
        bridge, market, kills = self.host.bridge, self.host.market, self.host.kills
        if bridge is None or market is None or kills.is_running:
            return
        self._at_start, self._began, self._revoke = bridge.snapshot.resting, self.host.clock(), revoke
        kills.begin(self._at_start + bridge.snapshot.pending + bridge.snapshot.unknown)
        kills.leaving = self._leaving
        self.host.show_kills()
        self.query_one("#sentence", PlainText).show(self._doing(market.symbol))
        self._show("#progress")
        self.query_one(Problem).clear()
        self.bridge_tick(bridge.snapshot, self.host.clock())
        try:
            report = await bridge.kill(revoke=revoke)
        except AmaError as error:
            kills.failed(market, error)
            self._show_failure(error)
        else:
            kills.ended(market, report)
            self._show_report(report)
        self._has_answer = True
        self.host.show_kills()
        self._leave()

    def _doing(self, symbol: str) -> str:
        quits = " Quits once that is confirmed · ^c: quit now" if self._leaving is not Leaving.NO else ""
        return f"Cancelling everything on {symbol}. No new orders.{quits}"

    def _leave(self) -> None:
        """Quit if that was asked for, and the proof is there or a signal asked."""
        kills, leaving = self.host.kills, self.host.kills.leaving
        kills.leaving = self._leaving = Leaving.NO
        is_proven = kills.report is not None and kills.report.is_proven
        if leaving is Leaving.ALWAYS or (leaving is Leaving.IF_PROVEN and is_proven):
            self.host.stop_now()
        elif leaving is Leaving.IF_PROVEN:
            self.host.toast("Not quitting: the cancellation is not confirmed", is_error=True)

    def _show_failure(self, error: AmaError) -> None:
        """Show why the kill ended without a report."""
        self.query_one("#sentence", PlainText).show("Cancellation not confirmed.")
        self.query_one(Problem).show(error)
        self._show("#next", "#again", "#copy", "#stay", "#quit")
        self.query_one("#next", PlainText).show(self._what_next(None))
        self.query_one("#again").focus()

    def _show_report(self, report: KillReport) -> None:
        self.query_one("#report", PlainText).show(report_lines(report))
        self.query_one("#report").set_class(report.is_proven, "proven")
        self.query_one("#sentence", PlainText).show(ended_text(report, revoke=self._revoke))
        self.query_one("#next", PlainText).show(self._what_next(report))
        if report.is_proven:
            self._show("#report", "#next", "#stay", "#quit")
            self.query_one("#stay").focus()
        else:
            self._show("#report", "#next", "#again", "#copy", "#stay", "#quit")
            self.query_one("#again").focus()

    def _what_next(self, report: KillReport | None) -> str:
        """What stays open after a proof; without one, the command that tries again from outside."""
        if self.host.bridge is None or self.host.market is None:
            return ""
        if report is not None and report.is_proven:
            return left_open(self.host.bridge.snapshot)
        return f"Or in another terminal: {self.host.cancel_command.anywhere(self.host.market)}"

    def _show(self, *shown: str) -> None:
        for part in _PARTS:
            self.query_one(part).display = part in shown
        self.query_one("#choices").display = shown != ("#progress",)
