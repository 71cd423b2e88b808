"""Checks of the venue: its API, the market, the relayers, the vault, and what the wallets have in it."""

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

NAMED = 4
"""So many wallets are named; the rest are counted."""


async def api(case: DoctorContext) -> CheckResult:
    """The API answers, and lists markets."""
    case.markets = await case.api.markets()
    if not case.markets:
        raise PreflightError("the venue lists no market", "ask its operator, or check APP_URL")
    count = len(case.markets)
    return ok(f"answers in {case.api.stats.last_ms:,.0f} ms, {count} market{'' if count == 1 else 's'}")


async def market(case: DoctorContext) -> CheckResult:
    """The market that was named is on the list; without a name it is the first."""
    asked = case.order.market
    found = case.markets[0] if asked is None else find_market(case.markets, asked)
    if found is None:
        return fail(f"no market is called {asked!r}", "`ama-tui markets` lists them")
    case.market = found
    return ok(found.label + ("" if asked is not None else ", the first of the list: --market names another"))


async def relayers(case: DoctorContext) -> CheckResult:
    """The relayer root that sessions are signed for is that of the relayers' addresses."""
    found = await case.api.relayer_set()
    problem = relayer_set_problem(found)
    if problem is not None:
        return fail(problem, "sign no session for it: ask the venue's operator")
    count = len(found.addresses)
    return ok(f"{count} relayer{'' if count == 1 else 's'}, and their root is as stated: {short_address(found.root)}")


async def vault(case: DoctorContext) -> CheckResult:
    """The market's order book names a core vault, and a contract that answers like one stands there."""
    case.terms = await case.chain.terms(case.market.address)
    where = f"the vault {case.terms.vault} of {case.market.symbol}"
    if not await case.chain.has_code(case.terms.vault):
        raise PreflightError(f"no contract stands at {where}", "choose another market, or ask the venue's operator")
    nobody = (await _read(case, [ZERO_ADDRESS]))[ZERO_ADDRESS]
    if not nobody.known:
        raise PreflightError(f"{where} does not tell a wallet's collateral: {nobody.error}", "choose another market")
    bps = case.terms.margin_req_bps
    return ok(f"{short_address(case.terms.vault)} answers; a buy reserves {bps / 100:g} % of its value")


async def collateral(case: DoctorContext) -> CheckResult:
    """Every wallet has something to quote with, free or in resting orders."""
    fleet = case.wallets[: case.order.wallets]
    read = await _read(case, [wallet.address for wallet in fleet])
    unread = [wallet.nickname for wallet in fleet if not read[wallet.address].known]
    if unread:
        return fail(f"could not be read of {_named(unread)}", "look again; if it stays so, use another node")
    held = {wallet.nickname: _total6(read[wallet.address]) for wallet in fleet}
    empty = [nickname for nickname, total6 in held.items() if total6 == 0]
    if empty:
        return warn(f"no collateral: {_named(empty)}", "deposit, or leave them out: they place nothing")
    least = min(held, key=lambda nickname: held[nickname])
    return ok(f"{format_usdc(sum(held.values()))} USDC, the least {format_usdc(held[least])} ({least})")


def _total6(wallet: WalletRead) -> int:
    return wallet.available6 + sum(order.margin6 for order in wallet.orders)


async def _read(case: DoctorContext, addresses: Sequence[str]) -> dict[str, WalletRead]:
    read = await case.chain.read_fleet(
        order_book=case.market.address,
        vault=case.terms.vault,
        market_id=case.terms.market_id,
        registry=case.environment.registry,
        wallets=[(address, None) for address in addresses],
    )
    return dict(read.wallets)


def _named(nicknames: Sequence[str]) -> str:
    more = len(nicknames) - NAMED
    return ", ".join(nicknames[:NAMED]) + (f" and {more} more" if more > 0 else "")
