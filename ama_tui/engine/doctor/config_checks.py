"""Checks of the environment and the wallets file."""

from __future__ import annotations

import asyncio

from ama_tui.config.environment import load_environment
from ama_tui.config.urls import masked_url
from ama_tui.engine.doctor.context import DoctorContext
from ama_tui.engine.doctor.result import CheckResult, ok, warn


async def environment(context: DoctorContext) -> CheckResult:
    """All environment settings are present and valid. Reports the source of each."""
    request = context.request
    env = await asyncio.to_thread(
        load_environment, request.directory, request.environ, insecure_http=request.insecure_http
    )
    context.connect(env)
    if env.warnings:
        return warn("; ".join(env.warnings), "use https or a tunnel")
    settings = {
        "RPC_URL": masked_url(env.rpc_url),
        "CHAIN_ID": str(env.chain_id),
        "SESSION_REGISTRY_ADDRESS": env.registry,
        "APP_URL": masked_url(env.app_url),
    }
    return ok(", ".join(f"{name} {value} ({env.sources[name]})" for name, value in settings.items()))


async def wallets(context: DoctorContext) -> CheckResult:
    """The wallets file can be opened. Unsafe permissions that the operator accepted are a warning."""
    path = context.request.wallets_file
    context.wallets = tuple(await asyncio.to_thread(context.request.open_wallets))
    mode = (await asyncio.to_thread(path.stat)).st_mode & 0o777
    count = len(context.wallets)
    limited = f", checking the first {context.request.wallets}" if count > context.request.wallets else ""
    text = f"{count} wallet{'' if count == 1 else 's'} in {path} (mode {mode:04o}){limited}"
    problem = context.request.permissions_problem()
    return ok(text) if problem is None else warn(f"{text}; {problem.message}", problem.hint)
