"""Checks of the node: reachable, right chain, fresh blocks, clock, and the contracts a run needs."""

from __future__ import annotations

import asyncio
import time

from ama_tui.domain.errors import PreflightError, VenueError
from ama_tui.domain.market import short_address
from ama_tui.domain.session import ZERO_ADDRESS
from ama_tui.engine.connections import NODES_FAR_APART, push_stream
from ama_tui.engine.doctor.context import DoctorContext, Head
from ama_tui.engine.doctor.result import CheckResult, fail, ok, warn
from ama_tui.venue.batch_reads import block_of
from ama_tui.venue.multicall import MULTICALL3
from ama_tui.venue.push import PushHandlers

SLOW_MS = 1000.0
"""Responses slower than this are a warning."""

OLD_BLOCK_S = 30.0
"""A latest block older than this is a warning."""

STALE_BLOCK_S = 300.0
"""A latest block older than this means the node is out of sync or the chain has halted."""

CLOCK_WARN_S = 5.0
CLOCK_FAIL_S = 60.0


async def rpc(context: DoctorContext) -> CheckResult:
    """The node responds. Measures latency on an open connection."""
    context.chain_id = await context.chain.chain_id()
    number, block_time = block_of(await context.rpc.call("eth_getBlockByNumber", ("latest", False)))
    stats = context.rpc.stats
    context.head = Head(number, block_time, time.time(), stats.server_time)
    text = f"responds in {stats.last_ms:,.0f} ms, block {number:,}"
    if stats.last_ms > SLOW_MS:
        return warn(text, "use a closer or less busy node: every cycle makes several such requests")
    return ok(text)


async def chain_id(context: DoctorContext) -> CheckResult:
    """The node's chain matches CHAIN_ID."""
    if context.chain_id == context.environment.chain_id:
        return ok(str(context.chain_id))
    return fail(
        f"CHAIN_ID is {context.environment.chain_id}, but the node reports {context.chain_id}",
        "fix CHAIN_ID, or RPC_URL if this is the wrong chain: a run would sign for the node's chain",
    )


async def block_age(context: DoctorContext) -> CheckResult:
    """New blocks keep arriving. Uses the node's clock if it reports one; our clock has its own check."""
    head = context.head
    now = head.our_time if head.server_time is None else head.server_time
    age = max(0.0, now - head.block_time)
    text = f"latest block is {age:,.0f} s old"
    if age > STALE_BLOCK_S:
        return fail(text, "use another node: this one is out of sync, or the chain has halted")
    if age > OLD_BLOCK_S:
        return warn(text, "check again in a minute; if it grows, use another node")
    return ok(text)


async def clock(context: DoctorContext) -> CheckResult:
    """Our clock matches the node's and is not behind its latest block. Session expiry depends on it."""
    head = context.head
    ahead = 0.0 if head.server_time is None else head.our_time - head.server_time
    block_ahead = head.block_time - head.our_time
    off = abs(ahead)
    if block_ahead > max(CLOCK_WARN_S, off):
        off, text = block_ahead, f"the latest block is {block_ahead:,.0f} s ahead of this machine's clock"
    elif head.server_time is None:
        text = "not behind the latest block (the node reports no time)"
    elif off < 1:
        text = "matches the node's"
    else:
        text = f"{off:,.0f} s {'ahead of' if ahead > 0 else 'behind'} the node's"
    if off > CLOCK_FAIL_S:
        return fail(text, "set this machine's clock (NTP): sessions and timeouts depend on it")
    if off > CLOCK_WARN_S:
        return warn(text, "set this machine's clock (NTP)")
    return ok(text)


async def second_node(context: DoctorContext) -> CheckResult:
    """The node that proofs are checked against responds, is on the same chain and at about the same block."""
    second = context.second_node
    if second is None:
        return ok("none: set RPC_URL_CHECK to have a second node confirm what the first shows")
    fix = "fix RPC_URL_CHECK, or remove it to do without a second node"
    try:
        other = await second.chain_id()
        if other != context.chain_id:
            return fail(f"RPC_URL is on chain {context.chain_id}, RPC_URL_CHECK on chain {other}", fix)
        ours, theirs = await asyncio.gather(context.chain.block_number(), second.block_number())
    except VenueError as error:
        return fail(f"no kill can be proven: {error.message}", fix)
    if abs(ours - theirs) > NODES_FAR_APART:
        return warn(
            f"RPC_URL is at block {ours:,}, RPC_URL_CHECK at block {theirs:,}", "replace the one that is behind"
        )
    return ok(f"responds, block {theirs:,}")


async def push(context: DoctorContext) -> CheckResult:
    """The node's WebSocket accepts both subscriptions of a run."""
    stream = push_stream(context.environment)
    if stream is None:
        return ok("none: a run asks the node for new blocks; set RPC_WS_URL to hear of them at once")
    outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def settle(problem: str = "") -> None:
        if not outcome.done():
            outcome.set_result(problem)

    handlers = PushHandlers(settle, settle, lambda head: None, lambda log: None)
    listening = asyncio.create_task(stream.listen([context.environment.registry], handlers), name="doctor push")
    try:
        problem = await outcome
    finally:
        listening.cancel()
    return fail(problem, "fix RPC_WS_URL, or remove it to do without") if problem else ok("accepts subscriptions")


async def multicall(context: DoctorContext) -> CheckResult:
    """Multicall3 is deployed and usable. Without it reads use JSON-RPC batches."""
    if await context.chain.has_multicall():
        return ok(f"at {short_address(MULTICALL3)}")
    return warn(
        f"not usable at {MULTICALL3}: reads use JSON-RPC batches",
        "works with more requests per cycle; on a local node, deploy it",
    )


async def registry(context: DoctorContext) -> CheckResult:
    """The configured address is a session registry."""
    where = f"SESSION_REGISTRY_ADDRESS {context.environment.registry} on chain {context.chain_id}"
    if not await context.chain.has_code(context.environment.registry):
        raise PreflightError(f"no contract at {where}", "fix SESSION_REGISTRY_ADDRESS or RPC_URL")
    nonces = await context.chain.meta_nonces(context.environment.registry, [ZERO_ADDRESS])
    if nonces[ZERO_ADDRESS] is None:
        raise PreflightError(f"the contract at {where} is not a session registry", "fix SESSION_REGISTRY_ADDRESS")
    return ok(f"{short_address(context.environment.registry)} responds")
