"""The kill dialog: one sentence of consequence, then progress, then what the chain shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalGroup, Vertical
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widgets import Button

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot
from ama_tui.ui.actions import Place
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
    """'Cancels 118 orders of 10 wallets on ETH-USD. Nothing new is sent from now.'"""
    fleet = len(snapshot.wallets) + len(snapshot.missing_wallets)
    orders, wallets = count(snapshot.resting, "order"), count(fleet, "wallet")
    pending = snapshot.pending + snapshot.unknown
    also = f" {count(pending, 'order')} in flight will be found and cancelled too." if pending else ""
    return f"Cancels {orders} of {wallets} on {symbol}. Nothing new is sent from then on.{also}"


def ended_text(report: KillReport, *, revoke: bool) -> str:
    """What was done, before what the chain shows."""
    ended = count(len(report.revoked), "session")
    if report.is_proven and revoke:
        return f"Everything is cancelled, {ended} revoked. The chain shows:"
    if report.is_proven and report.revoked:
        return f"Everything is cancelled; {ended} revoked, so that no late order can rest. The chain shows:"
    if report.is_proven:
        return "Everything is cancelled. The chain shows:"
    kept = " Sessions were not revoked: they are needed to cancel." if revoke and not report.revoked else ""
    return f"Not everything is cancelled.{kept} The chain shows:"


def report_lines(report: KillReport) -> str:
    """The proof, or what is left: the survivors by name, and what nobody can tell."""
    if report.is_proven:
        return f"✓ {report.text}"
    lines = [f"✗ {len(report.survivors)} still open at block {report.block:,}, {report.cancelled} cancelled"]
    lines += [f"  {one.nickname or one.wallet}  order {one.order_id}" for one in report.survivors[:SURVIVORS_SHOWN]]
    if len(report.survivors) > SURVIVORS_SHOWN:
        lines.append(f"  and {len(report.survivors) - SURVIVORS_SHOWN} more")
    if report.unread:
        lines.append(f"✗ could not be read: {', '.join(report.unread)}")
    if report.unsettled:
        lines.append(f"✗ {count(report.unsettled, 'order')} sent without an answer may still come to rest")
    if not report.read_twice and len(lines) == 1:
        lines.append("✗ the chain was read only once")
    return "\n".join(lines)


def progress_line(snapshot: EngineSnapshot, at_start: int, seconds: float, *, revoke: bool) -> Line:
    """'cancelling 7/120 ▕███  ▏ 12s', of the orders that were found; before that of those that rested."""
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
    """Asks, kills, and shows the proof. The focus rests on No."""

    PLACE: ClassVar[Place] = "kill"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("dialogs")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "no", "No", show=False),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
    ]
    AUTO_FOCUS = "#no"

    def __init__(self) -> None:
        super().__init__()
        self._at_start = 0
        self._began = 0.0
        self._revoke = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="red") as dialog:
            dialog.border_title = "KILL"
            yield PlainText(id="sentence")
            yield FieldLines(id="progress")
            yield PlainText(id="report")
            yield Problem(id="problem")
            with HorizontalGroup(id="choices"):
                yield Button("No, keep running", id="no", compact=True)
                yield Button("Cancel all", id="yes", compact=True, classes="danger")
                yield Button("Cancel all and revoke sessions", id="revoke", compact=True, classes="danger")
                yield Button("Look around", id="look", compact=True)
                yield Button("Quit", id="quit", compact=True)

    def on_mount(self) -> None:
        for later in ("#progress", "#report", "#look", "#quit"):
            self.query_one(later).display = False

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        if self.ama.market is None:
            return
        if self.ama.is_killing:
            line = progress_line(snapshot, self._at_start, now - self._began, revoke=self._revoke)
            self.query_one("#progress", FieldLines).show([line])
        elif self.ama.kill_report is None:
            self.query_one("#sentence", PlainText).show(consequence(snapshot, self.ama.market.symbol))

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id in {"yes", "revoke"}:
            self.run_worker(self._kill(revoke=event.button.id == "revoke"), group="kill")
        elif event.button.id == "quit":
            self.dismiss()
            self.ama.action_stop()
        else:
            self.action_no()

    def action_no(self) -> None:
        """Leave the dialog; while orders are being cancelled there is nothing to go back to."""
        if not self.ama.is_killing:
            self.dismiss()

    async def _kill(self, *, revoke: bool) -> None:
        bridge = self.ama.bridge
        if bridge is None or self.ama.is_killing:
            return
        self.ama.is_killing, self._revoke = True, revoke
        self._at_start, self._began = bridge.snapshot.resting, self.ama.clock()
        self._show("#progress")
        self.query_one(Problem).clear()
        self.bridge_tick(bridge.snapshot, self.ama.clock())
        try:
            report = await bridge.kill(revoke=revoke)
        except AmaError as error:
            self.ama.is_killing = self.ama.leave_after_kill = False
            self.query_one(Problem).show(error)
            self._show("#yes", "#revoke", "#look")
            self.query_one("#yes", Button).label = "Try again"
            self.query_one("#yes").focus()
            return
        self.ama.is_killing = False
        self.ama.kill_report = report
        self.query_one("#report", PlainText).show(report_lines(report))
        self.query_one("#report").set_class(report.is_proven, "proven")
        self.query_one("#sentence", PlainText).show(ended_text(report, revoke=revoke))
        self._show("#report", "#look", "#quit")
        self.query_one("#quit").focus()
        if self.ama.leave_after_kill:
            self.ama.action_stop()

    def _show(self, *shown: str) -> None:
        for part in ("#progress", "#report", "#no", "#yes", "#revoke", "#look", "#quit"):
            self.query_one(part).display = part in shown
