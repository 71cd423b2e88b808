"""Checks of the state directory: the stored runs' sessions, the locks, the room on the disk."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import LockHeldError, StoreError
from ama_tui.domain.session import SessionRecord, SessionStatus, session_status
from ama_tui.engine.doctor.context import DoctorContext
from ama_tui.engine.doctor.result import CheckResult, fail, ok, warn
from ama_tui.store.checkpoint import Checkpoint, load_checkpoint
from ama_tui.store.lock import StateLock

SOON_S = 3600
LITTLE_BYTES = 1_000_000_000
TOO_LITTLE_BYTES = 100_000_000
"""A file of the journal grows to 64 MB."""

STATES = ("live", "expiring within the hour", "expired", "revoked", "other wallet", "not on this chain")


async def sessions(case: DoctorContext) -> CheckResult:
    """The status of the sessions in the checkpoints of saved runs."""
    runs = await asyncio.to_thread(_stored_runs, case.order.state_root, case.chain_id)
    stored = [(entry, run.market.symbol) for run in runs for entry in run.wallets.values()]
    owners = {entry.session_id: f"{entry.nickname} on {symbol}" for entry, symbol in stored if entry.session_id}
    traders = {entry.session_id: entry.address for entry, _ in stored if entry.session_id}
    if not owners:
        return ok("none yet")
    read = await case.chain.sessions(case.environment.registry, sorted(owners))
    if None in read.records.values():
        return fail("some sessions could not be read", "try again; if it persists, use another node")
    states = {session: _state_of(record, traders[session], read.block_time) for session, record in read.records.items()}
    counts = Counter(states.values())
    found = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    revoked = [owners[session] for session, state in states.items() if state == "revoked"]
    if revoked:
        more = f" and {len(revoked) - 1} more" if len(revoked) > 1 else ""
        return warn(
            f"{found}: {revoked[0]}{more}", "a resumed run leaves these wallets out; --fresh signs new sessions"
        )
    return ok(found)


def _state_of(record: SessionRecord | None, trader: str, block_time: int) -> str:
    status = session_status(record, trader=trader, block_time=block_time)
    if status is SessionStatus.UNKNOWN:
        return "not on this chain"
    if status is not SessionStatus.LIVE:
        return str(status.value)
    in_an_hour = session_status(record, trader=trader, block_time=block_time + SOON_S)
    return "expiring within the hour" if in_an_hour is SessionStatus.EXPIRED else "live"


def _stored_runs(root: Path, chain_id: int) -> list[Checkpoint]:
    """The checkpoints of all markets of a chain. Raises CheckpointError."""
    found: list[Checkpoint] = []
    for directory in sorted((root / str(chain_id)).glob("0x*")):
        paths = StatePaths(root, chain_id, directory.name)
        checkpoint = load_checkpoint(paths.checkpoint, chain_id=chain_id, order_book=paths.order_book)
        if checkpoint is not None:
            found.append(checkpoint)
    return found


async def state(case: DoctorContext) -> CheckResult:
    """The state directory can be written to and locked, as can every market's in it."""
    return await asyncio.to_thread(_state, case.order.state_root)


def _state(root: Path) -> CheckResult:
    """Really takes every lock, for an instant. Raises StoreError."""
    try:
        markets = [one for one in sorted(root.glob("*/0x*")) if one.is_dir()]
    except OSError as error:
        raise StoreError(f"{root} cannot be read ({error.strerror})", "correct its owner and mode") from error
    held: list[LockHeldError] = []
    for market in markets:
        try:
            with StateLock(market / "lock"):
                pass
        except LockHeldError as error:
            held.append(error)
    _try_new_market(root)
    if held:
        more = f" (and {len(held) - 1} more)" if len(held) > 1 else ""
        return warn(held[0].message + more, "stop that run before you start another one there")
    count = len(markets)
    kept = f", {count} market{'' if count == 1 else 's'}" if count else ", nothing in it yet"
    return ok(f"{root} can be written to and locked{kept}")


def _try_new_market(root: Path) -> None:
    """Make a directory with a lock, as a run on a new market does, and take it away again. Raises StoreError."""
    try:
        with TemporaryDirectory(prefix=".doctor-", dir=_existing(root)) as scratch, StateLock(Path(scratch) / "lock"):
            pass
    except OSError as error:
        raise StoreError(
            f"{root} cannot be written to ({error.strerror})", "correct its owner and mode, or name another --state-dir"
        ) from error


async def disk(case: DoctorContext) -> CheckResult:
    """There is room for the journal."""
    usage = await asyncio.to_thread(lambda: shutil.disk_usage(_existing(case.order.state_root)))
    return disk_finding(usage.free, case.order.state_root)


def disk_finding(free_bytes: int, root: Path) -> CheckResult:
    """The verdict on so much room where the state directory is."""
    found = f"{free_bytes / 1e9:,.1f} GB free for {root}"
    if free_bytes < TOO_LITTLE_BYTES:
        return fail(found, "make room, or name another --state-dir: a run places nothing that it cannot journal")
    if free_bytes < LITTLE_BYTES:
        return warn(found, "make room: journals grow for as long as a run goes on")
    return ok(found)


def _existing(path: Path) -> Path:
    """The path, or the nearest directory above it that is there."""
    return next((one for one in (path, *path.parents) if one.exists()), path)
