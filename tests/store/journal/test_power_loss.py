"""What a power cut leaves of a journal, and the effect of a single wrong bit."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ama_tui.store.journal import group_sync
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.sync_marker import marker_path
from ama_tui.store.journal.writer import Journal
from tests.sizes import size
from tests.store.samples import line

SECTOR = 512
FOREIGN = b'{"ts": 1, "action": "SKIP"}\n'
TAILS = size(400, 20_000)
FLIPPED_LINES = 200


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a journal goes, on a disk that syncs instantly: the tests decide what is durable."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(group_sync, "sync_data", lambda _: None)
    return tmp_path / "actions.jsonl"


@dataclass(frozen=True)
class PowerCut:
    """A disk after a power cut: the journal's bytes, how many were durable, and the sync marker it kept."""

    data: bytes
    durable: bytes
    mark: int


def power_cut(dice: random.Random) -> PowerCut:
    """A journal with a few syncs and some lines after them, of which the disk may have lost or torn any part."""
    lines = [FOREIGN for _ in range(dice.randrange(3))]
    foreign = len(lines)
    for seq in range(1, dice.randrange(2, 30)):
        pad = "x" * dice.choice((0, 10, 300, 1200))
        lines.append(line(seq, dice.choice(("INTENT", "PLACE_LIMIT")), params={"pad": pad}).as_line(seq))
    synced = dice.randrange(foreign, len(lines) + 1)
    durable = b"".join(lines[:synced])
    data = bytearray(b"".join(lines))
    del data[dice.randrange(len(durable), len(data) + 1) :]
    for start in range(len(durable) // SECTOR * SECTOR, len(data), SECTOR):
        begin, end = max(start, len(durable)), min(start + SECTOR, len(data))
        fate = dice.random()
        if fate < 0.25:
            data[begin:end] = bytes(end - begin)
        elif fate < 0.5:
            data[begin:end] = dice.randbytes(end - begin)
    return PowerCut(bytes(data), durable, dice.randrange(synced - foreign + 1))


def test_every_power_cut_is_recovered_without_losing_a_durable_line(path: Path) -> None:
    aside = path.with_name("actions.jsonl.torn")
    recovered = 0
    for seed in range(TAILS):
        cut = power_cut(random.Random(seed))
        path.write_bytes(cut.data)
        marker_path(path).write_bytes(b"%020d" % cut.mark)
        aside.unlink(missing_ok=True)
        journal = Journal.open(path)
        journal.append(line(10_000))
        journal.close()
        whole = path.read_bytes()
        kept = whole[: -len(line(10_000).as_line(Scan(path).finish().last_seq or 0))]
        assert kept.startswith(cut.durable), seed
        # Nothing is thrown away: what is no longer in the journal is in the file next to it.
        torn = aside.read_bytes() if aside.exists() else b""
        assert (kept + torn).removesuffix(b"\n") == cut.data.removesuffix(b"\n"), seed
        scan = Scan(path)
        assert [entry.ts for entry in scan][-1] == 10_000, seed
        assert (scan.faults, scan.truncated_at) == ([], None), seed
        recovered += 1
    print(f"\nrecovered {recovered:,} of {TAILS:,} power cuts")


def journal_of(lines: int) -> list[bytes]:
    """Lines as short as possible, so that every bit can be tried."""
    entry = JournalEntry(1, "r", 9, "0xb", "0x1d", "0xa", "INTENT", params={"side": "buy"}, intent_id="7f")
    return [entry.as_line(seq) for seq in range(1, lines + 1)]


def flips(data: bytes, step: int) -> Iterator[tuple[int, bytes]]:
    """The data with one bit flipped, for every `step`th bit."""
    for bit in range(0, 8 * len(data), step):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bit // 8, bytes(flipped)


def test_every_flipped_bit_of_a_closed_journal_is_detected(path: Path) -> None:
    lines = journal_of(FLIPPED_LINES)
    data = b"".join(lines)
    last_line = len(data) - len(lines[-1])
    noticed = 0
    for at, flipped in flips(data, size(997, 1)):
        path.write_bytes(flipped)
        scan = Scan(path, keep_going=True).finish()
        # It is durable to its end: only its last line could be taken for a truncated one.
        assert scan.faults or (scan.truncated_at is not None and at >= last_line), at
        noticed += 1
    print(f"\nnoticed {noticed:,} flipped bits of {8 * len(data):,}")


def test_flipped_bit_after_the_last_sync_is_a_torn_tail_and_before_it_damage(path: Path) -> None:
    lines = journal_of(FLIPPED_LINES)
    data = b"".join(lines)
    durable = len(b"".join(lines[:120]))
    marker_path(path).write_bytes(b"%020d" % 120)
    for at, flipped in flips(data, size(1999, 97)):
        path.write_bytes(flipped)
        scan = Scan(path, keep_going=True).finish()
        assert bool(scan.faults) == (at < durable), at
        assert (scan.truncated_at is not None) == (at >= durable), at
