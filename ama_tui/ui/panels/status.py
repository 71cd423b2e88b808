"""The status lines of a run: what it is, how the market stands, how far the fleet is, and what is out of order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.domain.market import Market, short_address
from ama_tui.domain.money import format_price
from ama_tui.ui.format import age, bar, basis_points, clock, duration, pad, plain, short_usdc
from ama_tui.ui.states import banner, state_name
from ama_tui.ui.widgets.field_lines import MARGIN, Field, FieldLines, Line, field
from ama_tui.ui.widgets.styled_text import Ink, Span

WIDE = 120
STALE_SECONDS = 10.0
"""A read of the chain older than this is marked."""


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """What the status says of the venue, the same for a whole run."""

    label: str
    is_demo: bool

    @property
    def tag(self) -> Span:
        return (" DEMO ", "demo") if self.is_demo else (" REAL ", "real")


@dataclass(frozen=True, slots=True)
class LastTrade:
    """The last trade's price and which way it moved: 1 up, -1 down, 0 not yet."""

    price6: int | None = None
    direction: int = 0

    def next(self, price6: int | None) -> LastTrade:
        if price6 == self.price6 or price6 is None or self.price6 is None:
            return LastTrade(price6 if price6 is not None else self.price6, self.direction)
        return LastTrade(price6, 1 if price6 > self.price6 else -1)


def status_lines(
    snapshot: EngineSnapshot, venue: VenueFacts, market: Market, last: LastTrade, now: float, width: int
) -> list[Line]:
    """Three lines on a wide screen, two on a narrow one."""
    if width >= WIDE:
        return [
            _run_line(snapshot, venue, market, now),
            _market_line(snapshot, market, last, now),
            _fleet_line(snapshot),
        ]
    return [_narrow_run_line(snapshot, venue, market, now), _narrow_market_line(snapshot, market)]


def _run_line(snapshot: EngineSnapshot, venue: VenueFacts, market: Market, now: float) -> Line:
    uptime = duration(now - snapshot.started_at_ms / 1000) if snapshot.started_at_ms else ""
    state, ink = banner(snapshot.state)
    label = venue.label.removeprefix("DEMO ") if venue.is_demo else venue.label
    return (
        field(("ama-tui", "label"), rank=6),
        field(venue.tag, (f" {plain(label)}", "plain"), rank=0),
        field((plain(market.symbol), "strong"), (f"  {short_address(market.address)}", "label"), rank=0),
        field((f"{state:<11}", ink), (uptime, "plain"), rank=0),
        field((plain(snapshot.reason), ink), rank=1),
        field((f"block {snapshot.block:,}", "plain"), rank=2, right=True),
        field(_read_age(snapshot, now), rank=2, right=True),
        field((clock(now), "label"), rank=5, right=True),
    )


def _read_age(snapshot: EngineSnapshot, now: float) -> Span:
    if not snapshot.read_at_ms:
        return ("not read yet", "label")
    is_old = is_stale(snapshot, now)
    text = f"{age(now - snapshot.read_at_ms / 1000)} ago{' STALE' if is_old else ''}"
    return (text.rjust(8), "warn" if is_old else "label")


def _pair(label: str, value: str, ink: Ink = "plain", rank: int = 0, *, right: bool = False) -> Field:
    return field((f"{label} ", "label"), (value, ink), rank=rank, right=right)


def _spread(snapshot: EngineSnapshot, market: Market) -> tuple[str, str]:
    bid, ask = snapshot.best_bid6, snapshot.best_ask6
    if bid is None or ask is None:
        return "–", "–"
    points = basis_points(ask - bid, bid + ask)
    return f"{(ask - bid) / market.tick6:,.0f}", "–" if points is None else f"{points:.1f}"


def _market_line(snapshot: EngineSnapshot, market: Market, last: LastTrade, now: float) -> Line:
    tick = market.tick6

    def price(price6: int | None) -> str:
        return format_price(price6, tick)

    bid, ask = snapshot.best_bid6, snapshot.best_ask6
    mid = None if bid is None or ask is None else (bid + ask) // 2
    ticks, points = _spread(snapshot, market)
    arrow: Span = {1: ("▲", "bid"), -1: ("▼", "ask")}.get(last.direction, (" ", "plain"))  # type: ignore[assignment]
    wait = snapshot.next_cycle_at_ms / 1000 - now
    next_cycle = f"{max(0.0, wait):.1f} s" if snapshot.next_cycle_at_ms else "–"
    return (
        _pair("bid", price(bid), "bid"),
        _pair("ask", price(ask), "ask"),
        _pair("mid", price(mid), "strong", 2),
        _pair("spread", f"{ticks:>5} t {points:>5} bp", rank=1),
        _pair("mark", price(snapshot.mark6), rank=3),
        field(("last ", "label"), (price(last.price6), "plain"), (" ", "plain"), arrow, rank=3),
        _pair("cycle", f"{snapshot.cycle_ms:>4.0f} ms", rank=4, right=True),
        _pair("next", f"{next_cycle:>5}", rank=5, right=True),
        _pair("rpc", f"{snapshot.rpc_ms:>3.0f} ms", rank=6, right=True),
        _pair("api", f"{snapshot.api_ms:>3.0f} ms", rank=6, right=True),
    )


def _margin_totals(snapshot: EngineSnapshot) -> tuple[int, int]:
    return (
        sum(row.reserved6 or 0 for row in snapshot.wallets),
        sum(row.cap6 or 0 for row in snapshot.wallets),
    )


def _margin_bar(snapshot: EngineSnapshot, width: int) -> tuple[Span, ...]:
    reserved6, cap6 = _margin_totals(snapshot)
    return (("▕", "rule"), (bar(reserved6 / cap6 if cap6 else 0.0, width), "ours"), ("▏", "rule"))


def _is_packed(snapshot: EngineSnapshot) -> bool:
    """A run that has ended is not called packed, whatever was true when it was last read."""
    return snapshot.packed and not snapshot.state.is_final


def _resting(snapshot: EngineSnapshot) -> Span:
    target = str(snapshot.target_orders)
    return (f"{snapshot.resting:>{len(target)}}/{target}", "good" if _is_packed(snapshot) else "strong")


def _fleet_line(snapshot: EngineSnapshot) -> Line:
    totals = snapshot.totals
    reserved6, cap6 = _margin_totals(snapshot)
    packed: Span = (" packed", "good") if _is_packed(snapshot) else ("       ", "plain")
    return (
        field(("resting ", "label"), _resting(snapshot), packed),
        _pair("in flight", f"{snapshot.pending:>3}"),
        _pair("unknown", f"{snapshot.unknown:>3}", "warn" if snapshot.unknown else "plain"),
        field(
            ("margin ", "label"), *_margin_bar(snapshot, 14),
            (f"{short_usdc(reserved6):>8} / {short_usdc(cap6)} USDC", "plain"), rank=1,
        ),
        _pair("fills", f"{totals.fills:>4,}", "ours" if totals.fills else "plain", 2, right=True),
        _pair("sent", f"{totals.sent:>5,}", "plain", 3, right=True),
        _pair("refused", f"{totals.rejected:>3,}", "warn" if totals.rejected else "plain", 4, right=True),
        _pair("errors", f"{totals.errors:>3,}", "danger" if totals.errors else "plain", 1, right=True),
        _pair("err/min", f"{snapshot.errors_last_minute:>3,}", "danger" if snapshot.errors_last_minute else "plain", 4,
              right=True),
    )  # fmt: skip


def _narrow_run_line(snapshot: EngineSnapshot, venue: VenueFacts, market: Market, now: float) -> Line:
    ticks, points = _spread(snapshot, market)
    state, ink = banner(snapshot.state)
    seconds = now - snapshot.read_at_ms / 1000 if snapshot.read_at_ms else None
    return (
        field((f"{venue.tag[0]}{market.chain_id} ", venue.tag[1])),
        field((plain(market.symbol), "strong")),
        field((f"{state:<9}", ink)),
        field(_resting(snapshot)),
        _pair("spr", f"{ticks}t {points}bp", rank=2),
        field(
            (f"blk {snapshot.block:,} ", "label"),
            ("–" if seconds is None else age(seconds).rjust(4), "warn" if is_stale(snapshot, now) else "label"),
            rank=1, right=True,
        ),
    )  # fmt: skip


def _narrow_market_line(snapshot: EngineSnapshot, market: Market) -> Line:
    reserved6, cap6 = _margin_totals(snapshot)
    bid, ask = (format_price(one, market.tick6) for one in (snapshot.best_bid6, snapshot.best_ask6))
    share = f"{reserved6 / cap6:.0%}" if cap6 else "–"
    return (
        field((bid, "bid"), (" / ", "label"), (ask, "ask")),
        field(("margin ", "label"), *_margin_bar(snapshot, 8), (share.rjust(4), "plain"), rank=3),
        _pair("in flight", f"{snapshot.pending:>2}", rank=1),
        _pair("unknown", str(snapshot.unknown), "warn" if snapshot.unknown else "plain", 2),
        _pair("err", str(snapshot.totals.errors), "danger" if snapshot.totals.errors else "plain", 2, right=True),
    )


def is_stale(snapshot: EngineSnapshot, now: float) -> bool:
    """Is the latest read of the chain too old to go by?"""
    if not snapshot.read_at_ms or snapshot.state.is_final:
        return False
    return now - snapshot.read_at_ms / 1000 > STALE_SECONDS


def gates_line(snapshot: EngineSnapshot, now: float) -> Line:
    """'Gates all open · read 0.6/10 s · on the wire 2/32': what placements have to pass."""
    budget = snapshot.budget
    age_s = now - snapshot.read_at_ms / 1000 if snapshot.read_at_ms else None
    read = "–" if age_s is None else f"{max(0.0, age_s):.1f}" if age_s < 100 else f"{age_s:.0f}"
    limit = f"{budget.limit}" if budget.limit else "–"
    return (
        field(("gates ", "label"), _gate(snapshot, now)),
        _pair("read", f"{read:>4}/{STALE_SECONDS:.0f} s", "warn" if is_stale(snapshot, now) else "plain", 1),
        _pair("on the wire", f"{budget.busy:>3}/{limit}", rank=2),
        _pair("err/min", f"{snapshot.errors_last_minute}", "danger" if snapshot.errors_last_minute else "plain", 3),
    )


def _gate(snapshot: EngineSnapshot, now: float) -> Span:
    if not snapshot.read_at_ms:
        return ("closed: the chain was not read yet", "label")
    if snapshot.state is not EngineState.RUNNING:
        return (f"closed: {state_name(snapshot.state)}", "warn")
    if is_stale(snapshot, now):
        return ("closed: the last read is too old", "danger")
    if snapshot.budget.closed_s > 0:
        return (f"closed: the venue asks to wait {snapshot.budget.closed_s:.0f} s", "warn")
    return ("all open", "good")


NoticeKind = Literal["", "warn", "danger", "frozen", "over"]
"""What a notice is about; '' when nothing is out of order."""

_NOTICE: dict[EngineState, tuple[NoticeKind, str]] = {
    EngineState.PAUSED: ("warn", "␣ resumes · p parameters · no new orders, what rests stays, watching goes on"),
    EngineState.NO_NEW: ("warn", "␣ resumes · no new orders, what rests stays, watching goes on"),
    EngineState.STOPPING: ("warn", "nothing new is sent"),
    EngineState.KILLING: ("danger", "nothing new is sent, everything is being cancelled"),
    EngineState.STOPPED: ("over", "m markets · q quits · nothing more is sent"),
    EngineState.FAULTED: ("danger", "the run cannot go on, orders rest as they are · F10 cancels them · q quits"),
}


def notice(snapshot: EngineSnapshot, now: float, frozen_since: float | None) -> tuple[NoticeKind, str]:
    """What the operator must not miss: a frozen display, a chain that cannot be read, a run that does not run."""
    if frozen_since is not None:
        goes_on = f"the engine goes on: {banner(snapshot.state)[0]}"
        return "frozen", f"▣ FROZEN DISPLAY  {duration(now - frozen_since)} · {goes_on} · f follows again"
    state = snapshot.state
    known = _NOTICE.get(state)
    if known is not None:
        # What the word itself says is not said twice.
        is_plain = state in (EngineState.PAUSED, EngineState.KILLING)
        said = [plain(snapshot.reason)] if snapshot.reason and not is_plain else []
        # What a fault is comes first; after a stop the keys do, since a long reason may not fit.
        parts = [known[1], *said] if state is EngineState.STOPPED else [*said, known[1]]
        return known[0], f"{banner(state)[0]}  {' · '.join(parts)}"
    if is_stale(snapshot, now) or (snapshot.reason and state is EngineState.RUNNING):
        old = f"shown is {age(now - snapshot.read_at_ms / 1000)} old" if snapshot.read_at_ms else "no read yet"
        reason = plain(snapshot.reason) or "no answer"
        return "danger", f"✗ CHAIN NOT READ  {old} · trying again · {reason}"
    return "", ""


class Notice(FieldLines):
    """The line under the status: what must not be missed; else the gates, or a rule where they stand elsewhere."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._kind: NoticeKind = ""
        self._shown: tuple[EngineSnapshot, float, float | None] | None = None

    def tick(self, snapshot: EngineSnapshot, now: float, frozen_since: float | None = None) -> None:
        """Show what is out of order as of `now` (Unix seconds); the display stands still since `frozen_since`."""
        self._shown = snapshot, now, frozen_since
        kind, text = notice(snapshot, now, frozen_since)
        if kind != self._kind:
            self.remove_class(f"-{self._kind}")
            self._kind = kind
            if kind:
                self.add_class(f"-{kind}")
        width = self.size.width
        if kind:
            self.show([(field((pad(text, max(1, width - 2 * MARGIN)), "plain")),)])
        elif width >= WIDE:
            self.show([(field(("─" * max(1, width - 2 * MARGIN), "rule")),)])
        else:
            self.show([gates_line(snapshot, now)])

    def on_resize(self) -> None:
        if self._shown is not None:
            self.tick(*self._shown)


class StatusBar(FieldLines):
    """The status lines, kept up to date by its screen's ticks."""

    def __init__(self, venue: VenueFacts, market: Market, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._venue, self._market = venue, market
        self._last = LastTrade()
        self._shown: tuple[EngineSnapshot, float] | None = None

    def tick(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show this snapshot as of `now` (Unix seconds)."""
        self._last = self._last.next(snapshot.last_trade6)
        self._shown = snapshot, now
        self.show(status_lines(snapshot, self._venue, self._market, self._last, now, self.size.width))

    def on_resize(self) -> None:
        if self._shown is not None:
            self.tick(*self._shown)
