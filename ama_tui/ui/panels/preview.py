"""The plan preview: what a run would place first, computed by the planner on the current book; nothing is signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer

from ama_tui.domain.errors import AmaError
from ama_tui.domain.market import Market
from ama_tui.domain.money import format_price
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Cancel, Place, Skip
from ama_tui.ui.format import basis_points, count, pad, plain, short_usdc
from ama_tui.ui.panels.fragments import gauge, percent
from ama_tui.ui.widgets.columns import Cell, Column
from ama_tui.ui.widgets.field_lines import FieldLines, Line
from ama_tui.ui.widgets.field_lines import field as line_field
from ama_tui.ui.widgets.frame_title import show_title
from ama_tui.ui.widgets.grid import Grid
from ama_tui.ui.widgets.plain_text import PlainText
from ama_tui.ui.widgets.styled_text import Ink, Span

if TYPE_CHECKING:
    from ama_tui.engine.engine_api import PlanPreview, StartRequest
    from ama_tui.ui.host import Host

DEBOUNCE = 0.4
"""Seconds without a change in the form before the plan is computed again."""

MARGIN_CELLS = 6
NAMED = 3
"""The most wallets that a warning lists by name."""

TITLE, OUT_OF_DATE = "Plan preview", "out of date"
UNSIGNED = "nothing is signed or sent yet"


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What one wallet would place."""

    nickname: str
    tick6: int
    bid6: int | None = None
    """The nearest planned bid."""
    ask6: int | None = None
    """The nearest planned ask."""
    orders: int = 0
    margin6: int | None = None
    """The margin of all its orders after placing; None when the wallet could not be read."""
    cap6: int | None = None
    scale: float = 1.0
    """The factor on its order sizes."""
    note: str = ""


@dataclass(slots=True)
class _WalletPlan:
    """One wallet's part of a plan."""

    places: list[Place] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)


def _wallet_plans(preview: PlanPreview) -> dict[str, _WalletPlan]:
    plans = {wallet.address: _WalletPlan() for wallet in preview.wallets}
    for intent in preview.plan.intents:
        if isinstance(intent, Place) and intent.wallet in plans:
            plans[intent.wallet].places.append(intent)
    for skip in preview.plan.skips:
        if skip.wallet in plans:
            plans[skip.wallet].skips.append(skip)
    return plans


def _nearest(places: Iterable[Place], side: Side) -> int | None:
    """The price of the lowest level on a side."""
    levels = [(place.level, place.price6) for place in places if place.side is side]
    return min(levels)[1] if levels else None


def plan_rows(preview: PlanPreview, market: Market) -> tuple[PlanRow, ...]:
    """A row for every wallet of the run, in file order."""
    rows = []
    plans = _wallet_plans(preview)
    for wallet in preview.wallets:
        wallet_plan, budget = plans[wallet.address], preview.plan.budgets.get(wallet.address)
        margin6 = None
        if budget is not None:
            margin6 = budget.reserved6 + budget.pending6 + sum(place.margin6 for place in wallet_plan.places)
        rows.append(
            PlanRow(
                nickname=wallet.nickname,
                tick6=market.tick6,
                bid6=_nearest(wallet_plan.places, Side.BUY),
                ask6=_nearest(wallet_plan.places, Side.SELL),
                orders=len(wallet_plan.places),
                margin6=margin6,
                cap6=None if budget is None else budget.cap6,
                scale=1.0 if budget is None else budget.scale,
                note=wallet_plan.skips[0].reason.value if wallet_plan.skips else "",
            )
        )
    return tuple(rows)


def summary_lines(preview: PlanPreview, market: Market) -> list[Line]:
    """The number of orders and prices, their distances, the margin, and how far sizes are scaled down."""
    plan = preview.plan
    places = [intent for intent in plan.intents if isinstance(intent, Place)]
    cancels = sum(isinstance(intent, Cancel) for intent in plan.intents)
    head: list[Span] = [(count(len(places), "order"), "strong"), (" to place", "label")]
    if preview.orders:
        head.append((f" · {preview.orders:,} already resting", "plain"))
    if cancels:
        head.append((f" · {cancels:,} to cancel", "warn"))
    lines: list[Line] = [(line_field(*head),)]
    if places:
        lines.append(_distances(places, market, plan.anchor_x2))
    lines.append((line_field(*_margin(plan_rows(preview, market))),))
    scales = [budget.scale for budget in plan.budgets.values() if budget.scale < 1.0]
    if scales:
        scaled = "–".join(dict.fromkeys(f"{100 * scale:.0f}" for scale in (min(scales), max(scales))))
        lines.append(
            (
                line_field(
                    (f"sizes scaled to {scaled}%", "warn"),
                    (f" on {count(len(scales), 'wallet')} (collateral limit)", "plain"),
                ),
            )
        )
    else:
        lines.append((line_field(("full sizes: no limit reached", "label")),))
    return lines


def _distances(places: Sequence[Place], market: Market, anchor_x2: int | None) -> Line:
    near, far = (pick(place.distance_ticks for place in places) for pick in (min, max))
    spans: list[Span] = [
        (count(len({place.price6 for place in places}), "price"), "strong"),
        (f" · {near:,}…{far:,} ticks", "plain"),
    ]
    if not anchor_x2:
        return (line_field(*spans),)
    low, high = (basis_points(ticks * market.tick6, anchor_x2) for ticks in (near, far))
    spans.append((f" · {low:.1f}…{high:.1f} bp", "plain"))
    return line_field(*spans), line_field((f"from {format_price(anchor_x2 // 2, market.tick6)}", "label"), rank=1)


def _margin(rows: Iterable[PlanRow]) -> list[Span]:
    amounts = [(row.margin6, row.cap6) for row in rows if row.margin6 is not None and row.cap6 is not None]
    margin6, cap6 = sum(margin for margin, _ in amounts), sum(cap for _, cap in amounts)
    return [
        ("margin ", "label"), *gauge(margin6 / cap6 if cap6 else None, 2 * MARGIN_CELLS),
        (f" {short_usdc(margin6)} of {short_usdc(cap6)} USDC", "plain"),
    ]  # fmt: skip


def warning_text(preview: PlanPreview) -> str:
    """What would be rejected or skipped, one line per reason."""
    lines = [f"✗ rejected: {preview.refusal}"] if preview.refusal else []
    names = {wallet.address: wallet.nickname for wallet in preview.wallets}
    whole: dict[str, list[Skip]] = {}
    levels: dict[str, list[Skip]] = {}
    for skip in preview.plan.skips:
        (whole if skip.level is None else levels).setdefault(skip.reason.value, []).append(skip)
    lines += [f"⚠ {_named(skips, names)} cannot quote: {skips[0].text}" for skips in whole.values()]
    for skips in levels.values():
        wallets = len({skip.wallet for skip in skips})
        lines.append(f"⚠ {count(len(skips), 'order')} of {count(wallets, 'wallet')} skipped: {skips[0].text}")
    return "\n".join(lines)


def _named(skips: Sequence[Skip], names: dict[str, str]) -> str:
    """'User007', 'User001, User002 and 8 more wallets'."""
    wallets = list(dict.fromkeys(names.get(skip.wallet, skip.wallet) for skip in skips))
    shown = ", ".join(wallets[:NAMED])
    return shown if len(wallets) <= NAMED else f"{shown} and {count(len(wallets) - NAMED, 'more wallet')}"


# the wallets as rows


def _name(row: PlanRow, width: int, now: float) -> Cell:
    return ((pad(plain(row.nickname), width), "plain"),)


def _price(price6: int | None, tick6: int, ink: Ink) -> Cell:
    return ((format_price(price6, tick6), ink if price6 is not None else "label"),)


def _bid(row: PlanRow, width: int, now: float) -> Cell:
    return _price(row.bid6, row.tick6, "bid")


def _ask(row: PlanRow, width: int, now: float) -> Cell:
    return _price(row.ask6, row.tick6, "ask")


def _orders(row: PlanRow, width: int, now: float) -> Cell:
    return ((str(row.orders), "plain" if row.orders else "label"),)


def _cap(row: PlanRow, width: int, now: float) -> Cell:
    share = row.margin6 / row.cap6 if row.margin6 is not None and row.cap6 else None
    return (*gauge(share, MARGIN_CELLS), (percent(share, 5), "plain"))


def _margin_cell(row: PlanRow, width: int, now: float) -> Cell:
    return ((short_usdc(row.margin6), "plain"),)


def _sizes(row: PlanRow, width: int, now: float) -> Cell:
    return ((percent(row.scale), "warn" if row.scale < 1.0 else "label"),)


def _note(row: PlanRow, width: int, now: float) -> Cell:
    return ((pad(row.note, width), "warn"),)


COLUMNS: tuple[Column[PlanRow], ...] = (
    Column("wallet", "wallet", 9, _name),
    Column("bid", "L1 bid", 9, _bid, right=True),
    Column("ask", "L1 ask", 9, _ask, right=True),
    Column("orders", "orders", 6, _orders, right=True, rank=3),
    Column("margin", "margin", 8, _margin_cell, right=True, rank=2),
    Column("cap", "of cap", MARGIN_CELLS + 7, _cap, rank=1),
    Column("sizes", "sizes", 6, _sizes, right=True, rank=4),
    Column("note", "note", 12, _note, rank=5, grows=True),
)


class PlanPanel(Vertical):
    """Shows the plan of the latest request. A result of an older request never replaces a newer one.

    Only one plan is computed at a time. Meanwhile, and after a failure, the last plan stays visible, dimmed and marked
    as out of date. While the form has errors there is none.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="frame")
        self.preview: PlanPreview | None = None
        self._wanted: StartRequest | None = None
        self._shown: StartRequest | None = None
        self._is_asking = False
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield PlainText("Computing the plan…", id="plan-state")
        yield FieldLines(id="plan-summary")
        yield PlainText(id="plan-warnings")
        yield Grid(COLUMNS, id="plan-wallets")
        yield PlainText(UNSIGNED, id="plan-promise", classes="label")

    def on_mount(self) -> None:
        show_title(self, TITLE)
        self._show_parts(has_plan=False)

    def refuse(self, problem: str) -> None:
        """Show no plan: the form has this error."""
        self._wanted = self.preview = None
        self._stop_timer()
        self._say(f"No plan: {problem}", stale=False)
        show_title(self, TITLE)
        self.border_subtitle = "fix the highlighted fields"
        self._show_parts(has_plan=False)

    def want(self, request: StartRequest) -> None:
        """Compute the plan of this request soon."""
        if request == self._wanted and (self._shown == request or self._is_waiting):
            return
        self._wanted = request
        self._stop_timer()
        self._say_computing()
        self._timer = self.set_timer(DEBOUNCE, self.compute)

    def again(self) -> None:
        """Read the book again and compute the plan now."""
        if self._wanted is not None:
            self._stop_timer()
            self._say_computing()
            self.compute()

    @property
    def _is_waiting(self) -> bool:
        return self._timer is not None or self._is_asking

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def compute(self) -> None:
        """Ask the engine; a request already under way is followed by the latest one."""
        self._timer = None
        self._shown = None
        if not self._is_asking:
            self._is_asking = True
            # The method itself: a coroutine would never be awaited if the screen closes first.
            self._ask()

    @work(group="plan")
    async def _ask(self) -> None:
        bridge = cast("Host", self.app).bridge
        try:
            while bridge is not None and (request := self._wanted) is not None and request != self._shown:
                self._shown = request
                try:
                    preview = await bridge.ask(lambda engine, request=request: engine.preview(request))  # type: ignore[misc]
                except AmaError as error:
                    if request == self._wanted and self._is_open:
                        self._failed(error)
                else:
                    if request == self._wanted and self._is_open:
                        self._show(preview, request.market)
                if self._timer is not None:
                    return  # the form is being edited: the timer asks again
        finally:
            self._is_asking = False

    # display

    @property
    def _is_open(self) -> bool:
        """False once the screen is being closed: its widgets go before its workers."""
        return bool(self.query("#plan-state"))

    def _say(self, text: str, *, stale: bool) -> None:
        state = self.query_one("#plan-state", PlainText)
        state.show(text)
        state.display = bool(text)
        self.set_class(stale, "-stale")

    def _say_computing(self) -> None:
        self._say("Computing the plan…" if self.preview is None else "", stale=True)
        self.border_subtitle = "computing…" if self.preview is None else f"{OUT_OF_DATE} · computing…"

    def _failed(self, error: AmaError) -> None:
        hint = f"\n→ {error.hint}" if error.hint else ""
        self._say(f"✗ no plan: {error.message}{hint}", stale=True)
        self.border_subtitle = "F5: retry" if self.preview is None else f"{OUT_OF_DATE} · F5: retry"

    def _show(self, preview: PlanPreview, market: Market) -> None:
        self.preview = preview
        self._say("", stale=False)
        show_title(self, f"{TITLE} · block {preview.block:,}")
        self.border_subtitle = ""
        self.query_one("#plan-summary", FieldLines).show(summary_lines(preview, market))
        warnings = self.query_one("#plan-warnings", PlainText)
        warnings.show(warning_text(preview))
        self.query_one("#plan-wallets", Grid).tick(plan_rows(preview, market), 0.0)
        self._show_parts(has_plan=True)

    def _show_parts(self, *, has_plan: bool) -> None:
        warnings = self.query_one("#plan-warnings", PlainText)
        warnings.display = has_plan and bool(warnings.text)
        for part in ("#plan-summary", "#plan-wallets"):
            self.query_one(part).display = has_plan
