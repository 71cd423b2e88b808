"""A market's files for read-only use: takes no lock and writes nothing, so a run may continue meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from ama_tui.domain.errors import CheckpointError, JournalError
from ama_tui.domain.market import Market
from ama_tui.store.checkpoint import WalletEntry, load_checkpoint, load_wallet
from ama_tui.store.journal.files import CANCEL_JOURNAL
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.replay import JournalReplay, replay
from ama_tui.store.journal.writer import NEWEST_READ
from ama_tui.store.state_store import StateFiles


@dataclass(frozen=True, slots=True)
class StoredMarket:
    """A market's files as far as they could be read: `wallets` by lower-case address, `problems` one line per fault."""

    wallets: Mapping[str, WalletEntry]
    replay: JournalReplay
    problems: tuple[str, ...] = ()


def market_at(paths: StateFiles) -> Market | None:
    """The market of a checkpoint, None when there is no readable one."""
    with suppress(CheckpointError):
        stored = load_checkpoint(paths.checkpoint, chain_id=paths.chain_id, order_book=paths.order_book)
        return None if stored is None else stored.market
    return None


def read_stored_market(paths: StateFiles) -> StoredMarket:
    """Read the checkpoint, the wallet files and the newest journal files. Faults are returned, not raised."""
    wallets: dict[str, WalletEntry] = {}
    problems = []
    try:
        stored = load_checkpoint(paths.checkpoint, chain_id=paths.chain_id, order_book=paths.order_book)
        wallets = dict(stored.wallets) if stored is not None else {}
    except CheckpointError as error:
        problems.append(error.message)
    for path in sorted(paths.wallets.glob("0x*.json")):
        try:
            entry = load_wallet(path, path.stem)
        except CheckpointError as error:
            problems.append(error.message)
            continue
        if entry is not None:
            known = wallets.get(entry.address)
            wallets[entry.address] = entry if known is None else known.merged(entry)
    replayed, faults = _journal(paths)
    return StoredMarket(wallets, replayed, (*problems, *faults))


def _journal(paths: StateFiles) -> tuple[JournalReplay, list[str]]:
    """The readable lines of the journal, then those of a cancel-all, and the first fault of each."""
    try:
        scans = [
            Scan(path, newest=NEWEST_READ, keep_going=True)
            for path in (paths.journal, paths.journal.with_name(CANCEL_JOURNAL))
        ]
    except JournalError as error:
        return JournalReplay(), [error.message]
    found = replay(chain.from_iterable(scans))
    return found, [f"{scan.faults[0].file} {scan.faults[0].text}" for scan in scans if scan.faults]
