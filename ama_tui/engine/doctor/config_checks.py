"""Checks of what the operator provides: the environment and the wallets file."""

from __future__ import annotations

import asyncio

from ama_tui.config.environment import load_environment
from ama_tui.config.urls import masked_url
from ama_tui.engine.doctor.context import DoctorContext
from ama_tui.engine.doctor.result import CheckResult, ok, warn


async def environment(case: DoctorContext) -> CheckResult:
    """Every setting is there and well formed; told with where it was found."""
    order = case.order
    env = await asyncio.to_thread(load_environment, order.directory, order.environ, insecure_http=order.insecure_http)
    case.reach(env)
    if env.warnings:
        return warn("; ".join(env.warnings), "reach it by https, or through a tunnel")
    settings = {
        "RPC_URL": masked_url(env.rpc_url),
        "CHAIN_ID": str(env.chain_id),
        "SESSION_REGISTRY_ADDRESS": env.registry,
        "APP_URL": masked_url(env.app_url),
    }
    return ok(", ".join(f"{name} {value} ({env.sources[name]})" for name, value in settings.items()))


async def wallets(case: DoctorContext) -> CheckResult:
    """The wallets file opens: what that takes, its permissions too, is for who opens it to judge."""
    path = case.order.wallets_file
    case.wallets = tuple(await asyncio.to_thread(case.order.open_wallets))
    mode = (await asyncio.to_thread(path.stat)).st_mode & 0o777
    count = len(case.wallets)
    used = f", the first {case.order.wallets} are looked at" if count > case.order.wallets else ""
    found = f"{count} wallet{'' if count == 1 else 's'} in {path} (mode {mode:04o}){used}"
    problem = case.order.permissions_problem()
    return ok(found) if problem is None else warn(f"{found}; {problem.message}", problem.hint)
