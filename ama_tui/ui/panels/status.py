"""The status lines of a run (venue, state, market, fleet) and the notice under them when something needs attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.domain.market import Market, short_address
from ama_tui.domain.money import format_price
from ama_tui.ui.format import clock, duration, pad, plain, short_usdc, signed_usdc, whole_age
from ama_tui.ui.panels.fragments import gauge, margin_totals, pair, percent, spread_points
from ama_tui.ui.states import CYCLING, STALE_SECONDS, banner, banner_of, is_overdue, is_packed, is_stale, state_name
from ama_tui.ui.widgets.field_lines import MARGIN, Field, FieldLines, Line, field
from ama_tui.ui.widgets.styled_text import Span

WIDE = 120
LIMIT_WIDTH = 90
"""From this width on, the placing line shows how old chain data may get."""


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """The venue as the status lines show it; constant during a run."""

    label: str
    is_demo: bool

    @property
    def tag(self) -> Span:
        return (" DEMO ", "demo") if self.is_demo else (" REAL ", "real")


@dataclass(frozen=True, slots=True)
class LastTrade:
    """The price of the last trade and the direction of the last change."""

    price6: int | None = None
    direction: int = 0
    """1 up, -1 down, 0 when the price has not changed yet."""

    def next(self, price6: int | None) -> LastTrade:
        """The last trade after a snapshot with this price; a missing price changes nothing."""
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
            _fleet_line(snapshot, now),
        ]
    return [_narrow_run_line(snapshot, venue, market, now), _narrow_market_line(snapshot, market)]


def _run_line(snapshot: EngineSnapshot, venue: VenueFacts, market: Market, now: float) -> Line:
    uptime = duration(now - snapshot.started_at_ms / 1000) if snapshot.started_at_ms else ""
    state, ink = banner_of(snapshot, now)
    label = venue.label.removeprefix("DEMO ") if venue.is_demo else venue.label
    return (
        field(("ama-tui", "label"), rank=6),
        field(venue.tag, (f" {plain(label)}", "plain"), rank=0),
        field((plain(market.symbol), "strong"), (f"  {short_address(market.address)}", "label"), rank=0),
        field((f"{state:<12}", ink), (uptime, "plain"), rank=0),
        field((plain(snapshot.reason), ink), rank=7),
        field((f"block {snapshot.block:,}", "plain"), rank=2, right=True),
        field(_read_age(snapshot, now), rank=2, right=True),
        *_news(snapshot),
        field((clock(now), "label"), rank=5, right=True),
    )


def _news(snapshot: EngineSnapshot) -> Line:
    """How the engine hears of new blocks, while it does."""
    return (
        (field((snapshot.news, "label"), rank=5, right=True),) if snapshot.news and not snapshot.state.is_final else ()
    )


def _read_age(snapshot: EngineSnapshot, now: float) -> Span:
    if not snapshot.read_at_ms:
        return ("no data yet", "label")
    stale = " STALE" if is_stale(snapshot, now) else ""
    text = f"{whole_age(now - snapshot.read_at_ms / 1000)} ago{stale}"
    return (text.rjust(7), "warn" if is_overdue(snapshot, now) else "label")


def _spread(snapshot: EngineSnapshot, market: Market) -> tuple[str, str]:
    """The spread in ticks and in basis points, '–' unless the book has both sides."""
    bid, ask = snapshot.best_bid6, snapshot.best_ask6
    if bid is None or ask is None:
        return "–", "–"
    points = spread_points(bid, ask)
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
    cycles_on = snapshot.next_cycle_at_ms and snapshot.state in CYCLING
    next_cycle = (f"{int(wait)} s" if wait >= 1 else "<1 s") if cycles_on else "–"
    return (
        pair("bid", (price(bid), "bid")),
        pair("ask", (price(ask), "ask")),
        pair("mid", (price(mid), "strong"), rank=2),
        pair("spread", (f"{ticks:>5} t {points:>5} bp", "plain"), rank=1),
        pair("mark", (price(snapshot.mark6), "plain"), rank=3),
        pair("last", (price(last.price6), "plain"), (" ", "plain"), arrow, rank=3),
        pair("cycle", (f"{snapshot.cycle_ms:>4.0f} ms", "plain"), rank=4, right=True),
        pair("next", (f"{next_cycle:>5}", "plain"), rank=5, right=True),
        pair("rpc", (f"{snapshot.rpc_ms:>3.0f} ms", "plain"), rank=6, right=True),
        pair("api", (f"{snapshot.api_ms:>3.0f} ms", "plain"), rank=6, right=True),
    )


def _fills(snapshot: EngineSnapshot) -> Span:
    """The number of fills; one that may be too low is not shown as if it were the whole."""
    fills = snapshot.totals.fills
    if snapshot.fills_unknown_from:
        return f"{fills:,}+?".rjust(4), "warn"
    return f"{fills:>4,}", "ours" if fills else "plain"


def _result(snapshot: EngineSnapshot, width: int = 7) -> Span:
    """What the run's trades have earned, with a question mark if that may be off."""
    text = signed_usdc(snapshot.result6).rjust(width)
    if snapshot.pnl_problem:
        return f"{text}?", "warn"
    return text, "plain" if snapshot.result6 else "label"


def _resting(snapshot: EngineSnapshot, now: float) -> Span:
    target = str(snapshot.target_orders)
    return (f"{snapshot.resting:>{len(target)}}/{target}", "good" if is_packed(snapshot, now) else "strong")


def _fleet_line(snapshot: EngineSnapshot, now: float) -> Line:
    totals = snapshot.totals
    reserved6, cap6 = margin_totals(snapshot)
    packed: Span = (" packed", "good") if is_packed(snapshot, now) else ("       ", "plain")
    return (
        pair("resting", _resting(snapshot, now), packed),
        pair("pending", (f"{snapshot.pending:>3}", "plain")),
        pair("unknown", (f"{snapshot.unknown:>3}", "warn" if snapshot.unknown else "plain")),
        pair(
            "margin", *gauge(reserved6 / cap6 if cap6 else None, 5),
            (f"{short_usdc(reserved6):>7} / {short_usdc(cap6)} USDC", "plain"), rank=1,
        ),
        pair("P&L", _result(snapshot), rank=2, right=True),
        pair("fills", _fills(snapshot), rank=2, right=True),
        pair("sent", (f"{totals.sent:>5,}", "plain"), rank=3, right=True),
        pair("rejected", (f"{totals.rejected:>3,}", "warn" if totals.rejected else "plain"), rank=4, right=True),
        pair("errors", (f"{totals.errors:>3,}", "danger" if totals.errors else "plain"), rank=1, right=True),
        _errors_per_minute(snapshot, 4, width=3, right=True),
    )  # fmt: skip


def _errors_per_minute(snapshot: EngineSnapshot, rank: int, *, width: int = 0, right: bool = False) -> Field:
    errors = snapshot.errors_last_minute
    return pair("errors/min", (f"{errors:>{width},}", "danger" if errors else "plain"), rank=rank, right=right)


def _narrow_run_line(snapshot: EngineSnapshot, venue: VenueFacts, market: Market, now: float) -> Line:
    ticks, points = _spread(snapshot, market)
    state, ink = banner_of(snapshot, now)
    seconds = now - snapshot.read_at_ms / 1000 if snapshot.read_at_ms else None
    return (
        field((f"{venue.tag[0]}{market.chain_id} ", venue.tag[1])),
        field((plain(market.symbol), "strong")),
        field((f"{state:<9}", ink)),
        field(_resting(snapshot, now)),
        field((f"{ticks}t {points}bp", "plain"), rank=3),
        field(_result(snapshot, 4), rank=2),
        field(
            (f"blk {snapshot.block:,} ", "label"),
            ("–" if seconds is None else whole_age(seconds).rjust(3), "warn" if is_overdue(snapshot, now) else "label"),
            rank=1, right=True,
        ),
    )  # fmt: skip


def _narrow_market_line(snapshot: EngineSnapshot, market: Market) -> Line:
    reserved6, cap6 = margin_totals(snapshot)
    share = reserved6 / cap6 if cap6 else None
    bid, ask = (format_price(price6, market.tick6) for price6 in (snapshot.best_bid6, snapshot.best_ask6))
    errors = snapshot.totals.errors
    return (
        field((bid, "bid"), (" / ", "label"), (ask, "ask")),
        pair("margin", *gauge(share, 5), (percent(share, 4), "plain"), rank=3),
        pair("pending", (f"{snapshot.pending:>2}", "plain"), rank=1),
        pair("unknown", (str(snapshot.unknown), "warn" if snapshot.unknown else "plain"), rank=2),
        pair("errors", (f"{errors:,}", "danger" if errors else "plain"), rank=2, right=True),
    )


def placing_line(snapshot: EngineSnapshot, now: float, width: int) -> Line:
    """'placing: yes · chain read 0 s ago (limit 10 s) · requests 2/32': whether orders can be placed, or why not."""
    budget = snapshot.budget
    age_s = now - snapshot.read_at_ms / 1000 if snapshot.read_at_ms else None
    read = "–" if age_s is None else str(int(max(0.0, age_s)))
    max_age = f" (limit {STALE_SECONDS:.0f} s)" if width >= LIMIT_WIDTH else ""
    return (
        pair("placing:", _placing(snapshot, now)),
        pair(
            "chain read",
            (f"{read:>2} s ago", "warn" if is_overdue(snapshot, now) else "plain"),
            (max_age, "label"),
            rank=1,
        ),
        pair("requests", (f"{budget.busy:>3}/{budget.limit or '–'}", "plain"), rank=2),
        _errors_per_minute(snapshot, 3),
    )


def _placing(snapshot: EngineSnapshot, now: float) -> Span:
    if not snapshot.read_at_ms:
        return ("no (no chain data yet)", "label")
    if snapshot.state is not EngineState.RUNNING:
        return (f"no ({state_name(snapshot.state)})", "warn")
    if is_stale(snapshot, now):
        return ("no (chain data too old)", "danger")
    if snapshot.budget.closed_s > 0:
        return (f"no (venue rate limit: {snapshot.budget.closed_s:.0f} s)", "warn")
    return ("yes", "warn" if is_overdue(snapshot, now) else "good")


NoticeKind = Literal["", "warn", "danger", "frozen", "over"]
"""The severity of a notice; '' when there is none."""

_NOTICE: dict[EngineState, tuple[NoticeKind, str]] = {
    EngineState.PAUSED: ("warn", "␣ resumes · p edits parameters · no new orders, resting orders stay"),
    EngineState.NO_NEW: ("warn", "␣ resumes · no new orders, resting orders stay"),
    EngineState.STOPPING: ("warn", "no new orders, finishing pending requests"),
    EngineState.KILLING: ("danger", "cancelling everything, no new orders"),
    EngineState.STOPPED: ("over", "m: markets · q: quit"),
    EngineState.FAULTED: ("danger", "orders may still rest · F10 cancels them · q quits"),
}


def notice(snapshot: EngineSnapshot, now: float, frozen_since: float | None) -> tuple[NoticeKind, str]:
    """What the operator must not miss: a frozen display, no chain, a rate limit, a run that does not run."""
    if frozen_since is not None:
        engine = f"engine still {banner(snapshot.state)[0]}"
        return "frozen", f"▣ FROZEN DISPLAY  {duration(now - frozen_since)} · {engine} · f unfreezes"
    state = snapshot.state
    entry = _NOTICE.get(state)
    if entry is not None:
        kind, text = entry
        # The reason for a pause or a kill only repeats the state's name.
        has_reason = bool(snapshot.reason) and state not in (EngineState.PAUSED, EngineState.KILLING)
        reasons = [plain(snapshot.reason)] if has_reason else []
        # Once the run is over the keys come first, since a long reason may be cut off.
        parts = [text, *reasons] if state.is_final else [*reasons, text]
        return kind, f"{banner(state)[0]}  {' · '.join(parts)}"
    data = f"data is {whole_age(now - snapshot.read_at_ms / 1000)} old" if snapshot.read_at_ms else "no data yet"
    if snapshot.rate_limits and not snapshot.reason:
        waits = " · ".join(wait.text(wait.left_s) for wait in snapshot.rate_limits)
        return "warn", f"◔ {waits} · {data}" if is_stale(snapshot, now) else f"◔ {waits}"
    if is_stale(snapshot, now):
        return "danger", f"✗ CHAIN UNREACHABLE  {data} · retrying · {plain(snapshot.reason) or 'no response'}"
    if snapshot.reason and state is EngineState.RUNNING:
        return "warn", f"⚠ CHAIN READ FAILED  {data} · retrying · {plain(snapshot.reason)}"
    if is_overdue(snapshot, now):
        return "warn", f"⚠ CHAIN NOT ANSWERING  {data} · waiting"
    if snapshot.fills_unknown_from and not state.is_final:
        return "warn", f"⚠ FILLS UNKNOWN  from block {snapshot.fills_unknown_from:,} on · the node does not list trades"
    return "", ""


class Notice(FieldLines):
    """The line under the status lines: a notice, else the placing line, or a rule where that is shown elsewhere."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._kind: NoticeKind = ""
        self._shown: tuple[EngineSnapshot, float, float | None] | None = None

    def tick(self, snapshot: EngineSnapshot, now: float, frozen_since: float | None = None) -> None:
        """Show the notice as of `now` (Unix seconds); `frozen_since` is when the display was frozen."""
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
            self.show([placing_line(snapshot, now, width)])

    def on_resize(self) -> None:
        if self._shown is not None:
            self.tick(*self._shown)


class StatusBar(FieldLines):
    """The status lines; the screen updates them with `tick`."""

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
