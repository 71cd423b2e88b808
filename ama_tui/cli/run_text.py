"""What a headless run prints: its plan or its summary, as text or JSON."""

from __future__ import annotations

from collections.abc import Mapping

from ama_tui.domain.market import Market, short_address
from ama_tui.domain.money import format_amount, format_price, format_usdc
from ama_tui.domain.plan import Place, Plan


def summary_text(summary: Mapping[str, object]) -> str:
    """The summary as text; of a run on several markets, one after the other."""
    markets, totals = summary.get("markets"), summary.get("totals")
    if isinstance(markets, list) and isinstance(totals, Mapping):
        return "\n".join([line for market in markets for line in _market_lines(market)] + _rate_limit_lines(totals))
    head, *short = _market_lines(summary)
    return "\n".join([head, *_rate_limit_lines(summary), *short])


def _market_lines(summary: Mapping[str, object]) -> list[str]:
    lines = [
        f"{summary['market']}: bids {summary['resting_bids']}, asks {summary['resting_asks']} "
        f"of {summary['target_orders']}, {'packed' if summary['packed'] else 'not packed'} at block {summary['block']}"
    ]
    if summary["state"] == "FAULTED":
        lines.append(f"  ended with an error: {summary.get('reason', '')}")
    short = summary["short"]
    if isinstance(short, Mapping):
        lines += [f"  {name}: {reason}" for name, reason in short.items()]
    return lines


def _rate_limit_lines(summary: Mapping[str, object]) -> list[str]:
    limits = summary["rate_limits"]
    if not isinstance(limits, Mapping):
        return []
    return [
        f"  waited {waited['seconds']:.0f} s for the {host}'s rate limit ({waited['refused']} requests refused)"
        for host, waited in limits.items()
    ]


def plan_row(market: Market, plan: Plan) -> dict[str, object]:
    """The orders that a run would place first, for `--json`."""
    rows = [
        {
            "wallet": place.wallet,
            "side": place.side.value,
            "level": place.level,
            "price6": str(place.price6),
            "amount18": str(place.amount18),
            "margin6": str(place.margin6),
        }
        for place in _places(plan)
    ]
    skips = [{"wallet": skip.wallet, "reason": skip.text} for skip in plan.skips]
    return {"market": market.symbol, "orders": rows, "skips": skips}


def plan_text(market: Market, plan: Plan) -> str:
    """The same as text."""
    lines = []
    for place in _places(plan):
        price, amount = format_price(place.price6, market.tick6), format_amount(place.amount18)
        margin = format_usdc(place.margin6)
        name = short_address(place.wallet)
        lines.append(f"{name}  {place.side.value:4} L{place.level:<2} {amount:>10} @ {price:>12}  margin {margin:>10}")
    lines += [f"{short_address(skip.wallet)}  skipped: {skip.text}" for skip in plan.skips]
    return "\n".join([*lines, f"{len(_places(plan))} orders on {market.symbol}; nothing was signed or sent"])


def _places(plan: Plan) -> list[Place]:
    return [intent for intent in plan.intents if isinstance(intent, Place)]
