"""Starts a run on its markets: what each of them needs, and their preparation, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ama_tui.config.paths import StatePaths, runtime_directory
from ama_tui.config.run import Resolved
from ama_tui.domain.market import Market
from ama_tui.domain.weights import share_text
from ama_tui.engine.connect import OpenVenue
from ama_tui.engine.connections import Connections
from ama_tui.engine.run.common import Common
from ama_tui.engine.run.lifecycle import CYCLING
from ama_tui.engine.run.market_run import MarketRun
from ama_tui.engine.run.run import Run
from ama_tui.engine.run.startup import RunRequest, Startup
from ama_tui.engine.sessions.sharing import SharedSessions


class MarketStart(NamedTuple):
    """One market of a run that is about to start."""

    market: Market
    resolved: Resolved
    resume: bool


def requests_of(
    starts: Sequence[MarketStart],
    shares: Sequence[Fraction],
    venue: OpenVenue,
    connections: Connections,
    state_root: Path,
) -> list[RunRequest]:
    """What each market needs, with its share of the collateral."""
    paths = [StatePaths(state_root, connections.chain_id, start.market.address) for start in starts]
    runtime = runtime_directory(connections.chain_name)
    requests = []
    for position, ((market, resolved, resume), share) in enumerate(zip(starts, shares, strict=True)):
        notes = list(venue.notes)
        if resolved.missing_in_checkpoint:
            names, origins = resolved.names, resolved.origins
            where = [f"{names[key]} from {origins[key].value}" for key in resolved.missing_in_checkpoint]
            notes.append(f"not in the saved run: {', '.join(where)}")
        if len(starts) > 1:
            notes.append(f"{len(starts)} markets in this run: {share_text(share)} of the collateral for this one")
        requests.append(
            RunRequest(
                market,
                resolved.run,
                venue.wallets[: resolved.run.wallets],
                paths[position],
                runtime,
                resume,
                resolved.differences,
                tuple(notes),
                resolved.called,
                share,
                tuple(other.directory for other in paths if other != paths[position]),
            )
        )
    return requests


async def prepare_all(
    markets: Sequence[MarketRun], requests: Sequence[RunRequest], connections: Connections
) -> list[Run]:
    """Lock and check every market, then prepare one after the other: a wallet's sessions are numbered.

    Raises AmaError; what is open then has to be closed.
    """
    is_shared = len(requests) > 1 and requests[0].config.shared_session
    common = Common(connections, sessions=SharedSessions() if is_shared else None)
    startups = []
    for one, request in zip(markets, requests, strict=True):
        store = await one.open(request.paths, fresh=not request.resume)
        startups.append(Startup(request, connections, one.publisher, one.freeze, store, common))
    for startup in startups:
        await startup.check()
    runs = [await startup.prepare() for startup in startups]
    if is_shared:
        for run in runs:
            run.context.may_revoke = partial(_no_other_cycles, run, runs)
    return runs


def _no_other_cycles(run: Run, runs: Sequence[Run]) -> bool:
    """Has every other market of a run ended?"""
    return all(other is run or other.state not in CYCLING for other in runs)
