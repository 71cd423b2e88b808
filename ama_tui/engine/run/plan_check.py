"""What a plan of somebody else's strategy must be before any of it is carried out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ama_tui.domain.money import margin6
from ama_tui.domain.order import MAX_TAG_LEVEL, MAX_TAG_SEQUENCE, Side, Tag, decode_tag
from ama_tui.domain.plan import (
    Cancel,
    CancelReason,
    MarketSnapshot,
    Modify,
    Place,
    Plan,
    Skip,
    SkipReason,
    Take,
    WalletBudget,
    WalletSnapshot,
)
from ama_tui.domain.wallet import Role
from ama_tui.strategies.anchor import anchor_x2
from ama_tui.strategies.budget import budget_of, margin_bps


def plan_problem(plan: object, market: MarketSnapshot) -> str:
    """Why a plan is nonsense, in one line; '' if it is sound."""
    if not isinstance(plan, Plan) or not isinstance(plan.intents, tuple) or not isinstance(plan.skips, tuple):
        return "it returned no plan"
    wallets = {wallet.address: wallet for wallet in market.wallets}
    taken: set[tuple[str, Side, int]] = set()
    touched: set[int] = set()
    for intent in plan.intents:
        if not isinstance(intent, Place | Cancel | Modify | Take):
            return f"it decided a {type(intent).__name__}"
        name = f"a {type(intent).__name__.lower()}"
        wallet = wallets.get(intent.wallet) if isinstance(intent.wallet, str) else None
        if wallet is None:
            return f"{name} is for a wallet that is not in the fleet"
        if not isinstance(intent.side, Side):
            return f"{name} has no side"
        problem = next(_intent_problems(intent, wallet, market), "")
        if problem:
            return f"{name} {problem}"
        if isinstance(intent, Place | Modify):
            slot = (intent.wallet, intent.side, intent.level)
            if slot in taken:
                return f"{name} uses a wallet's {intent.side.value} level {intent.level} twice"
            taken.add(slot)
        if isinstance(intent, Cancel | Modify):
            if intent.order_id in touched:
                return f"{name} is of an order that the plan cancels or moves already"
            touched.add(intent.order_id)
    for skip in plan.skips:
        is_skip = isinstance(skip, Skip) and isinstance(skip.reason, SkipReason) and isinstance(skip.detail, str)
        if not is_skip or skip.wallet not in wallets or not (skip.side is None or isinstance(skip.side, Side)):
            return "a skip has no reason or is for a wallet that is not in the fleet"
    return ""


def _intent_problems(
    intent: Place | Cancel | Modify | Take, wallet: WalletSnapshot, market: MarketSnapshot
) -> Iterator[str]:
    """Why one intent is nonsense, to be read after its kind: `is not on a tick`."""
    if isinstance(intent, Take):
        numbers = {"amount": intent.amount18, "limit": intent.limit6}
    elif isinstance(intent, Cancel):
        numbers = {"amount": intent.amount18, "price": intent.price6, "order id": intent.order_id}
    else:
        numbers = {"amount": intent.amount18, "price": intent.price6, "margin": intent.margin6}
    yield from (f"has {value!r} as its {name}" for name, value in numbers.items() if not _is_count(value))
    if isinstance(intent, Cancel | Modify):
        order = next((order for order in wallet.orders if order.order_id == intent.order_id), None)
        if order is None or order.side is not intent.side:
            yield "is of an order that the wallet does not have"
    if isinstance(intent, Cancel):
        if not isinstance(intent.reason, CancelReason):
            yield "has no reason"
        return
    if isinstance(intent, Take):
        if wallet.role is not Role.TAKER:
            yield "is for a wallet that is not a taker"
        return
    if wallet.role is Role.TAKER:
        yield "is for a taker"
    yield from _slot_problems(intent)
    if intent.price6 % market.tick6:
        yield "is not on a tick"
    need6 = margin6(intent.amount18, intent.price6, margin_bps(intent.side, market.margin_req_bps, ()))
    if intent.margin6 < need6:
        yield f"reckons with a margin of {intent.margin6} instead of {need6}"


def _slot_problems(intent: Place | Modify) -> Iterator[str]:
    """Whether its level and sequence fit its tag, by which the chain's orders are recognised."""
    if not _is_count(intent.level) or intent.level > MAX_TAG_LEVEL:
        yield f"has {intent.level!r} as its level"
    if intent.sequence != 0 and (not _is_count(intent.sequence) or intent.sequence > MAX_TAG_SEQUENCE):
        yield f"has {intent.sequence!r} as its sequence"
    if decode_tag(intent.amount18) != Tag(intent.level, intent.sequence):
        yield "has an amount without the tag of its level and sequence"


def _is_count(value: object) -> bool:
    """Whether it is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**256


def trusted(plan: Plan, market: MarketSnapshot) -> Plan:
    """A sound plan with the anchor and the budgets as the run has them, whatever the strategy says they are."""
    return replace(plan, anchor_x2=anchor_x2(market), budgets=_budgets(market, plan.budgets))


def held_plan(market: MarketSnapshot, problem: str) -> Plan:
    """The plan while a strategy does not work: nothing, with that reason for every wallet."""
    skips = tuple(Skip(wallet.address, SkipReason.STRATEGY, problem) for wallet in market.wallets)
    return Plan((), skips, anchor_x2(market), _budgets(market, {}))


def _budgets(market: MarketSnapshot, planned: Mapping[str, WalletBudget]) -> dict[str, WalletBudget]:
    budgets = {}
    for wallet in market.wallets:
        if wallet.was_read:
            budget, theirs = budget_of(wallet, market.limits), planned.get(wallet.address)
            scale = theirs.scale if isinstance(theirs, WalletBudget) and isinstance(theirs.scale, float) else 1.0
            budgets[wallet.address] = replace(budget, scale=scale)
    return budgets
