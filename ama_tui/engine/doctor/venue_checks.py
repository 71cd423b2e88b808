"""Checks of the venue: API, market, relayers, vault and the wallets' collateral."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tui.domain.errors import PreflightError
from ama_tui.domain.market import find_market, short_address
from ama_tui.domain.money import format_usdc
from ama_tui.domain.reading import WalletRead
from ama_tui.domain.session import ZERO_ADDRESS
from ama_tui.engine.doctor.context import DoctorContext
from ama_tui.engine.doctor.result import CheckResult, fail, ok, warn
from ama_tui.venue.permits import relayer_set_problem

MAX_NAMED = 4
"""Wallets to list by name. The rest are counted."""


async def api(context: DoctorContext) -> CheckResult:
    """The API responds and lists markets."""
    context.markets = await context.api.markets()
    if not context.markets:
        raise PreflightError("the venue lists no markets", "check APP_URL or ask the venue's operator")
    count = len(context.markets)
    return ok(f"responds in {context.api.stats.last_ms:,.0f} ms, {count} market{'' if count == 1 else 's'}")


async def market(context: DoctorContext) -> CheckResult:
    """The requested market is listed. Without a request, use the first."""
    selector = context.request.market
    selected = context.markets[0] if selector is None else find_market(context.markets, selector)
    if selected is None:
        return fail(f"no market named {selector!r}", "list them with `ama-tui markets`")
    context.market = selected
    return ok(selected.label + ("" if selector is not None else " (first in list; use --market to change)"))


async def relayers(context: DoctorContext) -> CheckResult:
    """The relayer root that sessions are signed for matches the relayers' addresses."""
    relayer_set = await context.api.relayer_set()
    problem = relayer_set_problem(relayer_set)
    if problem is not None:
        return fail(problem, "ask the venue's operator; sign no sessions until this is resolved")
    count = len(relayer_set.addresses)
    return ok(f"{count} relayer{'' if count == 1 else 's'}, root matches: {short_address(relayer_set.root)}")


async def vault(context: DoctorContext) -> CheckResult:
    """The order book's core vault exists and works."""
    context.terms = await context.chain.terms(context.market.address)
    where = f"the vault {context.terms.vault} of {context.market.symbol}"
    if not await context.chain.has_code(context.terms.vault):
        raise PreflightError(f"no contract at {where}", "choose another market or ask the venue's operator")
    nobody = (await _read(context, [ZERO_ADDRESS]))[ZERO_ADDRESS]
    if not nobody.was_read:
        raise PreflightError(f"{where} does not report collateral: {nobody.error}", "choose another market")
    bps = context.terms.margin_req_bps
    return ok(f"{short_address(context.terms.vault)} responds; a buy reserves {bps / 100:g} % of its value")


async def collateral(context: DoctorContext) -> CheckResult:
    """Every wallet has collateral, available or reserved by resting orders."""
    fleet = context.wallets[: context.request.wallets]
    read = await _read(context, [wallet.address for wallet in fleet])
    unread = [wallet.nickname for wallet in fleet if not read[wallet.address].was_read]
    if unread:
        return fail(f"could not read {_named(unread)}", "check again; if this persists, use another node")
    held = {wallet.nickname: _total6(read[wallet.address]) for wallet in fleet}
    empty = [nickname for nickname, total6 in held.items() if total6 == 0]
    if empty:
        return warn(
            f"no collateral: {_named(empty)}", "deposit collateral or remove these wallets: they cannot place orders"
        )
    least = min(held, key=lambda nickname: held[nickname])
    return ok(f"{format_usdc(sum(held.values()))} USDC, lowest {format_usdc(held[least])} ({least})")


def _total6(wallet: WalletRead) -> int:
    return wallet.available6 + sum(order.margin6 for order in wallet.orders)


async def _read(context: DoctorContext, addresses: Sequence[str]) -> dict[str, WalletRead]:
    read = await context.chain.read_fleet(
        order_book=context.market.address,
        vault=context.terms.vault,
        market_id=context.terms.market_id,
        registry=context.environment.registry,
        wallets=[(address, None) for address in addresses],
    )
    return dict(read.wallets)


def _named(nicknames: Sequence[str]) -> str:
    more = len(nicknames) - MAX_NAMED
    return ", ".join(nicknames[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
