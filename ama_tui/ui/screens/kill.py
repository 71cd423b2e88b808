"""The kill dialog: the consequences, then the progress, then what the chain confirms."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
from ama_tui.engine.engine_api import KillReport
from ama_tui.ui.actions import Scope
from ama_tui.ui.format import count, duration, plain
from ama_tui.ui.kills import Leaving
from ama_tui.ui.panels.kill_stages import stage_lines
from ama_tui.ui.panels.overview import symbol_of
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.states import why_not
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.field_lines import FieldLines, Line, field
from ama_tui.ui.widgets.plain_text import PlainText
from ama_tui.ui.widgets.problem import Problem
from ama_tui.ui.widgets.radio_list import RadioList

if TYPE_CHECKING:
    from ama_tui.domain.market import Market
    from ama_tui.ui.bridge import Bridge

SURVIVORS_SHOWN = 8
_PARTS = (
    "#which",
    "#progress",
    "#report",
    "#next",
    "#keep",
    "#cancel-all",
    "#revoke",
    "#again",
    "#copy",
    "#stay",
    "#quit",
)
"""What the dialog shows at one time and not at another."""


def consequence(snapshot: EngineSnapshot, symbol: str) -> str:
    """'Cancel all 118 orders from 10 wallets on ETH-USD? No new orders will be placed.'"""
    fleet = len(snapshot.wallets) + len(snapshot.missing_wallets)
    orders, wallets = _all_orders(snapshot.resting), count(fleet, "wallet")
    pending = snapshot.pending + snapshot.unknown
    also = f" {count(pending, 'pending order')} will be cancelled too." if pending else ""
    return f"Cancel {orders} from {wallets} on {symbol}? No new orders will be placed.{also}"


def consequence_of_all(snapshots: Sequence[EngineSnapshot]) -> str:
    """'Cancel all 360 orders on 3 markets? No new orders will be placed there.'"""
    resting = sum(snapshot.resting for snapshot in snapshots)
    pending = sum(snapshot.pending + snapshot.unknown for snapshot in snapshots)
    also = f" {count(pending, 'pending order')} will be cancelled too." if pending else ""
    return f"Cancel {_all_orders(resting)} on {len(snapshots)} markets? No new orders will be placed there.{also}"


def market_line(snapshot: EngineSnapshot) -> Line:
    """The progress of one market's kill among several."""
    progress = snapshot.kill
    total = progress.total if progress.block else snapshot.resting
    is_over = snapshot.state.is_final
    return (
        field((symbol_of(snapshot).ljust(12), "strong"), ("done" if is_over else progress.stage.value, "plain")),
        field((f"{progress.done:>{len(str(total))},}/{total:,} gone", "plain"), right=True),
    )


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
        Binding("up", "which(-1)", "Previous market", show=False),
        Binding("down", "which(1)", "Next market", show=False),
    ]
    AUTO_FOCUS = "#keep"

    def __init__(self, *, leaving: Leaving = Leaving.NO) -> None:
        """With `leaving` the operator has chosen already: it starts at once, and quits as that says."""
        super().__init__()
        self._leaving = leaving
        self._markets: tuple[Market, ...] = ()
        """Where there may be orders to cancel."""
        self._targets: tuple[Market, ...] = ()
        """Where everything is being cancelled, or was."""
        self._errors: dict[str, AmaError] = {}
        """Why a kill ended without a report, by order book."""
        self._at_start = 0
        self._began = 0.0
        self._revoke = False
        self._has_answer = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="red") as dialog:
            dialog.border_title = "KILL"
            yield PlainText(id="sentence")
            self._markets = self._killable()
            names = [plain(market.symbol) for market in self._markets]
            every = ["Both markets" if len(names) == 2 else f"All {len(names)} markets"] if len(names) > 1 else []
            yield RadioList([*every, *names], id="which")
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
        self._show("#keep", "#cancel-all", "#revoke", *(["#which"] if len(self._markets) > 1 else []))
        if self._leaving is not Leaving.NO:
            self._kill(self._markets, revoke=False)

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        if not self._markets:
            return
        if self.host.kills.is_running:
            self.query_one("#progress", FieldLines).show(self._progress(now))
        elif not self._has_answer:
            chosen = self._chosen()
            snapshots = self._snapshots(chosen)
            one = consequence(snapshots[0], chosen[0].symbol)
            self.query_one("#sentence", PlainText).show(one if len(chosen) == 1 else consequence_of_all(snapshots))

    def _progress(self, now: float) -> list[Line]:
        snapshots, seconds = self._snapshots(self._targets), now - self._began
        if len(snapshots) == 1:
            return stage_lines(snapshots[0].kill, self._at_start, seconds, now, revoke=self._revoke)
        return [*map(market_line, snapshots), (), (field((duration(seconds), "label")),)]

    def _killable(self) -> tuple[Market, ...]:
        """The markets of the run on which everything can be cancelled now."""
        bridge, market = self.host.bridge, self.host.market
        if bridge is None or not bridge.has_several:
            return () if market is None else (market,)
        snapshots = [one for one in bridge.snapshots if why_not("run", one) is None]
        return tuple(one.market for one in snapshots if one.market is not None)

    def _chosen(self) -> tuple[Market, ...]:
        """The markets that the operator chose: all of them, unless one is selected."""
        if len(self._markets) < 2:
            return self._markets
        index = self.query_one(RadioList).pressed_index
        return self._markets if index < 1 else (self._markets[index - 1],)

    def _snapshots(self, markets: Sequence[Market]) -> list[EngineSnapshot]:
        bridge = self.host.bridge
        return [] if bridge is None else [bridge.snapshot_of(market.address) for market in markets]

    def action_which(self, step: int) -> None:
        """Choose the next or previous market while the question is open."""
        which = self.query_one(RadioList)
        if which.display:
            which.action_choose(step)

    def on_radio_set_changed(self) -> None:
        if self.host.bridge is not None:
            self.bridge_tick(self.host.bridge.snapshot, self.host.clock())

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "cancel-all" | "revoke":
                self._kill(self._chosen(), revoke=event.button.id == "revoke")
            case "again":
                self._kill(self._not_proven(), revoke=self._revoke)
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
    async def _kill(self, markets: tuple[Market, ...], *, revoke: bool) -> None:
        bridge, kills = self.host.bridge, self.host.kills
        if bridge is None or not markets or kills.is_running:
            return
        self._targets, self._began, self._revoke = markets, self.host.clock(), revoke
        self._errors.clear()
        snapshots = self._snapshots(markets)
        self._at_start = sum(snapshot.resting for snapshot in snapshots)
        for market, snapshot in zip(markets, snapshots, strict=True):
            kills.begin(market, snapshot.resting + snapshot.pending + snapshot.unknown)
        kills.leaving = self._leaving
        self.host.show_kills()
        self.query_one("#sentence", PlainText).show(self._doing())
        self._show("#progress")
        self.query_one(Problem).clear()
        self.bridge_tick(bridge.snapshot, self.host.clock())
        await asyncio.gather(*(self._kill_on(bridge, market, revoke=revoke) for market in markets))
        self._has_answer = True
        self._show_result()
        self.host.show_kills()
        self._leave()

    async def _kill_on(self, bridge: Bridge, market: Market, *, revoke: bool) -> None:
        """Kill on one market, and note the result."""
        address = market.address if bridge.has_several else None
        try:
            report = await bridge.kill(revoke=revoke, market=address)
        except AmaError as error:
            self._errors[market.address] = error
            self.host.kills.failed(market, error)
        else:
            self.host.kills.ended(market, report)

    def _doing(self) -> str:
        quits = " Quits once that is confirmed · ^c: quit now" if self._leaving is not Leaving.NO else ""
        return f"Cancelling everything on {self._names(self._targets)}. No new orders.{quits}"

    @staticmethod
    def _names(markets: Sequence[Market]) -> str:
        return ", ".join(plain(market.symbol) for market in markets)

    def _report_on(self, market: Market) -> KillReport | None:
        """The report of this dialog's kill on a market, None if it ended without one."""
        found = self.host.kills.reports.get(market.address)
        return None if found is None or market.address in self._errors else found[1]

    def _not_proven(self) -> tuple[Market, ...]:
        """The markets on which the cancellation is not confirmed."""
        reports = ((market, self._report_on(market)) for market in self._targets)
        return tuple(market for market, report in reports if report is None or not report.is_proven)

    def _leave(self) -> None:
        """Quit if that was asked for, and the proof is there or a signal asked."""
        kills, leaving = self.host.kills, self.host.kills.leaving
        kills.leaving = self._leaving = Leaving.NO
        if leaving is Leaving.ALWAYS or (leaving is Leaving.IF_PROVEN and not self._not_proven()):
            self.host.stop_now()
        elif leaving is Leaving.IF_PROVEN:
            self.host.toast("Not quitting: the cancellation is not confirmed", is_error=True)

    def _show_result(self) -> None:
        """Show what the chain confirms on each market, or why a kill ended without a report."""
        reports = [(market, report) for market in self._targets if (report := self._report_on(market)) is not None]
        left = self._not_proven()
        if self._errors:
            self.query_one(Problem).show(next(iter(self._errors.values())))
        if reports:
            self.query_one("#report", PlainText).show(self._report_text(reports))
            self.query_one("#report").set_class(not left, "proven")
            total = KillReport.of_all([report for _, report in reports])
            sentence = "Cancellation not confirmed." if self._errors else ended_text(total, revoke=self._revoke)
        else:
            sentence = "Cancellation not confirmed."
        self.query_one("#sentence", PlainText).show(sentence)
        self.query_one("#next", PlainText).show(self._what_next(left))
        shown = ["#report"] if reports else []
        if left:
            self._show(*shown, "#next", "#again", "#copy", "#stay", "#quit")
            self.query_one("#again").focus()
        else:
            self._show(*shown, "#next", "#stay", "#quit")
            self.query_one("#stay").focus()

    def _report_text(self, reports: Sequence[tuple[Market, KillReport]]) -> str:
        if len(self._targets) == 1:
            return report_lines(reports[0][1])
        return "\n".join(f"{plain(market.symbol)}: {report_lines(report)}" for market, report in reports)

    def _what_next(self, left: Sequence[Market]) -> str:
        """What stays open after a proof; without one, the command that tries again from outside."""
        if left:
            return f"Or in another terminal: {self.host.cancel_command.anywhere(*left)}"
        lines = [(market, left_open(self._snapshots([market])[0])) for market in self._targets]
        return "\n".join(text if len(lines) == 1 else f"{plain(market.symbol)}: {text}" for market, text in lines)

    def _show(self, *shown: str) -> None:
        for part in _PARTS:
            self.query_one(part).display = part in shown
        self.query_one("#choices").display = shown != ("#progress",)
