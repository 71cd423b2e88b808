"""Checks of the chain's node: does it answer, which chain is it, how fresh, and what stands there."""

from __future__ import annotations

import time
from datetime import UTC
from email.utils import parsedate_to_datetime

from ama_tui.domain.errors import PreflightError
from ama_tui.domain.market import short_address
from ama_tui.domain.session import ZERO_ADDRESS
from ama_tui.engine.doctor.context import DoctorContext, Head
from ama_tui.engine.doctor.result import CheckResult, fail, ok, warn
from ama_tui.venue.batch_reads import block_of
from ama_tui.venue.multicall import MULTICALL3

SLOW_MS = 1000.0
AGEING_S = 30.0
STALE_S = 300.0
"""No block for so long, and it is taken to have lost its chain, or the chain stands still."""

CLOCK_WARN_S = 5.0
CLOCK_FAIL_S = 60.0


async def rpc(case: DoctorContext) -> CheckResult:
    """The node answers; the latency is that of a connection that stands."""
    case.chain_id = await case.chain.chain_id()
    number, block_time = block_of(await case.rpc.call("eth_getBlockByNumber", ("latest", False)))
    stats = case.rpc.stats
    case.head = Head(number, block_time, time.time(), _unix_time(stats.server_date))
    found = f"answers in {stats.last_ms:,.0f} ms, block {number:,}"
    if stats.last_ms > SLOW_MS:
        return warn(found, "every cycle takes a few such answers: use a node that is nearer or less busy")
    return ok(found)


async def chain_id(case: DoctorContext) -> CheckResult:
    """The node's chain is the one that the environment names."""
    if case.chain_id == case.environment.chain_id:
        return ok(str(case.chain_id))
    return fail(
        f"CHAIN_ID is {case.environment.chain_id}, but the node says {case.chain_id}",
        "a run would sign for the node's chain: correct CHAIN_ID, or RPC_URL if that is not the chain you meant",
    )


async def block_age(case: DoctorContext) -> CheckResult:
    """Blocks still come. Reckoned by the node's own clock where it tells it, so that ours is judged elsewhere."""
    head = case.head
    now = head.our_time if head.server_time is None else head.server_time
    age = max(0.0, now - head.block_time)
    found = f"the latest block is {age:,.0f} s old"
    if age > STALE_S:
        return fail(found, "the node has fallen behind, or the chain stands still: use another node")
    if age > AGEING_S:
        return warn(found, "look again in a minute; if it grows, use another node")
    return ok(found)


async def clock(case: DoctorContext) -> CheckResult:
    """Our clock agrees with the node's, and is not behind its latest block: sessions expire by it."""
    head = case.head
    ahead = 0.0 if head.server_time is None else head.our_time - head.server_time
    block_ahead = head.block_time - head.our_time
    off = abs(ahead)
    if block_ahead > max(CLOCK_WARN_S, off):
        off, found = block_ahead, f"the latest block is {block_ahead:,.0f} s ahead of this machine's clock"
    elif head.server_time is None:
        found = "not behind the latest block (the node names no time of its own)"
    elif off < 1:
        found = "agrees with the node's"
    else:
        found = f"{off:,.0f} s {'ahead of' if ahead > 0 else 'behind'} the node's"
    if off > CLOCK_FAIL_S:
        return fail(found, "set this machine's clock (NTP): sessions and time-outs go by it")
    if off > CLOCK_WARN_S:
        return warn(found, "set this machine's clock (NTP)")
    return ok(found)


async def multicall(case: DoctorContext) -> CheckResult:
    """Multicall3 is there and of this chain; without it reads are JSON-RPC batches."""
    if await case.chain.has_multicall():
        return ok(f"at {short_address(MULTICALL3)}")
    return warn(
        f"none usable at {MULTICALL3}: reads fall back to JSON-RPC batches",
        "it works, with more requests a cycle; a local node has it only if it is put there",
    )


async def registry(case: DoctorContext) -> CheckResult:
    """A contract that answers like a session registry stands at the configured address."""
    where = f"SESSION_REGISTRY_ADDRESS {case.environment.registry} on chain {case.chain_id}"
    if not await case.chain.has_code(case.environment.registry):
        raise PreflightError(f"no contract stands at {where}", "correct SESSION_REGISTRY_ADDRESS or RPC_URL")
    nonces = await case.chain.meta_nonces(case.environment.registry, [ZERO_ADDRESS])
    if nonces[ZERO_ADDRESS] is None:
        raise PreflightError(f"the contract at {where} is no session registry", "correct SESSION_REGISTRY_ADDRESS")
    return ok(f"{short_address(case.environment.registry)} answers")


def _unix_time(date: str | None) -> float | None:
    """The Unix time of an HTTP date, None where there is none that can be read."""
    try:
        moment = parsedate_to_datetime(date or "")
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
