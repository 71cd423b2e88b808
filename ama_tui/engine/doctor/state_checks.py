"""Checks of the state directory: sessions of saved runs, locks, disk space."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import LockHeldError, StoreError, VenueError
from ama_tui.domain.session import SessionRecord, SessionStatus, session_status
from ama_tui.engine.doctor.context import DoctorContext
from ama_tui.engine.doctor.result import CheckResult, fail, ok, warn
from ama_tui.store.checkpoint import Checkpoint, load_checkpoint
from ama_tui.store.lock import StateLock

EXPIRES_SOON_S = 3600
LOW_BYTES = 1_000_000_000
MIN_BYTES = 100_000_000
"""A journal file grows to 64 MB."""

STATES = (
    "live", "expiring within an hour", "expired", "revoked", "other wallet", "another relayer set", "not on this chain",
)  # fmt: skip


async def sessions(context: DoctorContext) -> CheckResult:
    """The status of the sessions in the checkpoints of saved runs."""
    runs = await asyncio.to_thread(_stored_runs, context.request.state_root, context.chain_id)
    stored = [(entry, run.market.symbol) for run in runs for entry in run.wallets.values()]
    owners = {entry.session_id: f"{entry.nickname} on {symbol}" for entry, symbol in stored if entry.session_id}
    traders = {entry.session_id: entry.address for entry, _ in stored if entry.session_id}
    if not owners:
        return ok("none yet")
    read = await context.chain.sessions(context.environment.registry, sorted(owners))
    if None in read.records.values():
        return fail("some sessions could not be read", "try again; if it persists, use another node")
    root = await _relayer_root(context)
    states = {
        session: _state_of(record, traders[session], read.block_time, root) for session, record in read.records.items()
    }
    counts = Counter(states.values())
    text = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    revoked = [owners[session] for session, state in states.items() if state == "revoked"]
    if revoked:
        more = f" and {len(revoked) - 1} more" if len(revoked) > 1 else ""
        return warn(
            f"{text}: {revoked[0]}{more}", "use --renew-revoked or --fresh: a resumed run leaves these wallets out"
        )
    return ok(text)


async def _relayer_root(context: DoctorContext) -> str | None:
    """The venue's relayer root; None if it cannot be read, which `relayers` reports."""
    try:
        return (await context.api.relayer_set()).root
    except VenueError:
        return None


def _state_of(record: SessionRecord | None, trader: str, block_time: int, relayer_root: str | None) -> str:
    status = session_status(record, trader=trader, block_time=block_time, relayer_root=relayer_root)
    if status is SessionStatus.UNKNOWN:
        return "not on this chain"
    if status is not SessionStatus.LIVE:
        return str(status.value)
    in_an_hour = session_status(record, trader=trader, block_time=block_time + EXPIRES_SOON_S)
    return "expiring within an hour" if in_an_hour is SessionStatus.EXPIRED else "live"


def _stored_runs(root: Path, chain_id: int) -> list[Checkpoint]:
    """Load the checkpoints of all markets of a chain. Raises CheckpointError."""
    checkpoints: list[Checkpoint] = []
    for directory in sorted((root / str(chain_id)).glob("0x*")):
        paths = StatePaths(root, chain_id, directory.name)
        checkpoint = load_checkpoint(paths.checkpoint, chain_id=chain_id, order_book=paths.order_book)
        if checkpoint is not None:
            checkpoints.append(checkpoint)
    return checkpoints


async def state(context: DoctorContext) -> CheckResult:
    """The state directory and the market directories in it can be written and locked."""
    return await asyncio.to_thread(_state, context.request.state_root)


def _state(root: Path) -> CheckResult:
    """Take every lock briefly. Raises StoreError."""
    try:
        markets = [directory for directory in sorted(root.glob("*/0x*")) if directory.is_dir()]
    except OSError as error:
        raise StoreError(f"{root} cannot be read ({error.strerror})", "fix its owner and permissions") from error
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
        return warn(held[0].message + more, "stop that run before starting another on this market")
    count = len(markets)
    content = f", {count} market{'' if count == 1 else 's'}" if count else ", empty"
    return ok(f"{root} is writable and can be locked{content}")


def _try_new_market(root: Path) -> None:
    """Create and remove a directory with a lock, as for a new market. Raises StoreError."""
    try:
        with TemporaryDirectory(prefix=".doctor-", dir=_existing(root)) as scratch, StateLock(Path(scratch) / "lock"):
            pass
    except OSError as error:
        raise StoreError(
            f"{root} cannot be written to ({error.strerror})",
            "fix its owner and permissions, or choose another --state-dir",
        ) from error


async def disk(context: DoctorContext) -> CheckResult:
    """Enough disk space for the journal."""
    usage = await asyncio.to_thread(lambda: shutil.disk_usage(_existing(context.request.state_root)))
    return disk_result(usage.free, context.request.state_root)


def disk_result(free_bytes: int, root: Path) -> CheckResult:
    """Judge the free space of the state directory's disk."""
    text = f"{free_bytes / 1e9:,.1f} GB free for {root}"
    if free_bytes < MIN_BYTES:
        return fail(text, "free disk space or choose another --state-dir: a run places no orders it cannot journal")
    if free_bytes < LOW_BYTES:
        return warn(text, "free disk space: journals grow during a run")
    return ok(text)


def _existing(path: Path) -> Path:
    """Return the path, or its nearest existing parent."""
    return next((parent for parent in (path, *path.parents) if parent.exists()), path)
