"""A start with the journal's index knows exactly what a start without it knows, whatever happened to the index."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tui.domain.errors import JournalCorruptError
from ama_tui.domain.session import Methods, SessionPermit
from ama_tui.store.journal import replay as replay_module
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.files import segment_files
from ama_tui.store.journal.index import JournalIndex, index_path, read_journal
from ama_tui.store.journal.index_format import FileSum, IndexHeader, decoded, encoded
from ama_tui.store.journal.permit_line import permit_params
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.replay import NEVER_RESTS, RESTS, JournalReplay, replay
from ama_tui.store.journal.writer import Journal
from tests.store.samples import ALICE, BOB, line

STATUSES = (*sorted(NEVER_RESTS), *sorted(RESTS), "mined", "unknown")
WORD = "0x" + "0a" * 32


def history(seed: int, count: int) -> Iterator[JournalEntry]:
    """What a run may write, in any order: placements, moves, takes and their outcomes, cancels, sessions and notes."""
    dice = random.Random(seed)
    for ts in range(1, count + 1):
        wallet, order_id = dice.choice((ALICE, BOB)), dice.randint(1, 6)
        placement = {"side": dice.choice(("buy", "sell")), "level": 1, "amount": str(2**64 + dice.randint(1, 8))}
        kind = dice.randint(0, 9)
        if dice.random() < 0.2:
            keys = ("limit", "reach", "notional", "margin", "decidedIn")
            take = {"side": placement["side"], "amount": placement["amount"], **dict.fromkeys(keys, str(ts))}
            is_intent = dice.random() < 0.5
            stated = {"method": "sessionPlaceMarginMarket"} if is_intent else {"status": dice.choice(STATUSES)}
            action, intent_id = "INTENT" if is_intent else "PLACE_MARKET", f"take-{dice.randint(1, 5)}"
            yield line(ts * 400_000, action, wallet, params=take | stated, intent_id=intent_id)
        elif kind < 2:
            params = {"method": "sessionModifyOrder", "price": "5", "oldOrderId": str(order_id), **placement}
            yield line(ts, "INTENT", wallet, params=params, intent_id=f"{ts}")
        elif kind < 4:
            params = {"method": "sessionPlaceMarginLimit", "price": "5", "sequence": dice.randint(0, 9), **placement}
            yield line(ts, "INTENT", wallet, params=params, intent_id=f"{ts}")
        elif kind < 8:
            params = placement | {"status": dice.choice(STATUSES)}
            params |= {"orderId": str(order_id), "block": ts} if dice.random() < 0.7 else {"price": "6"}
            yield line(ts, "PLACE_LIMIT", wallet, params=params, tx_hash=dice.choice((None, f"0x{ts}")))
        elif kind == 8:
            params = {"method": "sessionCancelOrder", "orderId": str(order_id)}
            yield line(ts, "INTENT", wallet, params=params, intent_id=f"{ts}")
        else:
            permit = SessionPermit(wallet, WORD, ts, 5, 6, Methods.CANCEL, WORD, (WORD,), ts)
            known = dice.choice(({}, permit_params(f"0x{order_id}", permit)))
            yield line(ts, dice.choice(("SESSION_INIT", "NOTE")), wallet, params={"sessionId": f"0x{order_id}"} | known)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def write(path: Path, entries: list[JournalEntry], segment_bytes: int = 10**9) -> Journal:
    journal = Journal.open(path, segment_bytes=segment_bytes)
    for entry in entries:
        journal.append(entry)
    return journal


def index(path: Path) -> None:
    """Write the index as a store does when it is opened and closed."""
    reading = read_journal(path)
    Journal.open(path, reading.scan).close()
    found = reading.index()
    assert found is not None
    found.keep_up()
    found.save()


def assert_known_alike(path: Path, *, with_index: bool | None = None) -> None:
    """The replay and the scan are those of the files themselves."""
    if with_index is not None:
        assert (JournalIndex.load(path) is not None) == with_index
    found, plain = read_journal(path), Scan(path, newest=2)
    expected = replay(plain)
    assert found.replay == expected
    assert list(found.replay.placed) == list(expected.placed)
    for name in ("lines", "first_seq", "last_seq", "truncated_at", "lacks_newline", "faults"):
        assert getattr(found.scan, name) == getattr(plain, name), name


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 60),
    share=st.floats(0, 1),
    kept=st.sampled_from([1, 3, 10_000]),
    tail=st.sampled_from([b"", b'{"ts":3', b"garbage\n", b'{"ts":5,"action":"SKIP"}\n', b'\n{"ts":5,"action":"SKIP"}']),
)
@settings(max_examples=60, deadline=None)
def test_start_with_an_index_of_any_age_equals_a_start_without_one(
    seed: int, count: int, share: float, kept: int, tail: bytes
) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patched:
        patched.setattr(replay_module, "KEPT_ENDED", kept)
        patched.setattr(replay_module, "KEPT_SESSIONS", min(kept, 2))
        path, entries = Path(directory) / "actions.jsonl", list(history(seed, count))
        before = int(share * count)
        write(path, entries[:before]).close()
        index(path)
        write(path, entries[before:]).close()
        with path.open("ab") as journal:
            journal.write(tail)
        assert_known_alike(path, with_index=before > 0)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), segment_bytes=st.integers(500, 20_000))
@settings(max_examples=40, deadline=None)
def test_index_updated_along_with_a_writer_covers_every_line_of_every_file(
    seed: int, count: int, segment_bytes: int
) -> None:
    with TemporaryDirectory() as directory:
        path, dice = Path(directory) / "actions.jsonl", random.Random(seed)
        reading = read_journal(path)
        journal = Journal.open(path, reading.scan, segment_bytes=segment_bytes)
        kept_up = reading.index()
        assert kept_up is not None
        for entry in history(seed, count):
            journal.append(entry)
            if dice.random() < 0.2:
                kept_up.keep_up()
        kept_up.keep_up()
        kept_up.save()
        journal.close()
        assert kept_up.replay == replay(Scan(path))
        assert (kept_up.position.lines, kept_up.position.last_seq) == (count, count)
        stored = JournalIndex.load(path)
        assert stored is not None
        assert (stored.replay, stored.position) == (kept_up.replay, kept_up.position)


def test_replay_survives_a_round_trip_through_the_index() -> None:
    found = replay(history(5, 300))
    assert found.placed
    assert found.sessions
    assert found.ended
    header = IndexHeader((FileSum(1, 5, 7), FileSum(2)), 3, 4, None, 9)
    data = encoded(header, found)
    assert data is not None
    assert decoded(data) == (header, found)


def test_number_the_index_cannot_store_leaves_no_index(path: Path) -> None:
    params = {"method": "sessionCancelOrder", "orderId": str(2**70)}
    write(path, [line(1, "INTENT", params=params)]).close()
    index(path)
    assert not index_path(path).exists()


def test_truncated_index_is_ignored(path: Path) -> None:
    write(path, list(history(1, 30))).close()
    index(path)
    data = index_path(path).read_bytes()
    for size in (0, 1, 40, len(data) // 2, len(data) - 1):
        index_path(path).write_bytes(data[:size])
        assert_known_alike(path, with_index=False)


def test_index_with_any_flipped_bit_is_ignored(path: Path) -> None:
    write(path, list(history(1, 12))).close()
    index(path)
    data = index_path(path).read_bytes()
    dice = random.Random(3)
    for bit in dice.sample(range(8 * len(data)), 150):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        index_path(path).write_bytes(bytes(flipped))
        assert JournalIndex.load(path) is None


@pytest.mark.parametrize("seed", range(6))
def test_index_of_another_journal_is_ignored(path: Path, tmp_path: Path, seed: int) -> None:
    other = tmp_path / "other" / "actions.jsonl"
    other.parent.mkdir()
    segment_bytes = 2_000 if seed % 2 else 10**9
    write(path, list(history(seed, 30)), segment_bytes).close()
    write(other, list(history(seed + 100, 30)), segment_bytes).close()
    index(other)
    shutil.copy(index_path(other), index_path(path))
    assert_known_alike(path, with_index=False)


@pytest.mark.parametrize(
    "lie",
    [
        {"last_seq": 29},
        {"last_seq": 31},
        {"last_seq": None},
        {"sums": (FileSum(1),)},
        {"sums": (FileSum(2, 10, 5),)},
        {"sums": (FileSum(1, 10**9, 5),)},
        {"lines": 0},
    ],
)
def test_index_that_contradicts_its_journal_is_ignored(path: Path, lie: dict[str, object]) -> None:
    write(path, list(history(1, 30))).close()
    index(path)
    stored = decoded(index_path(path).read_bytes())
    assert stored is not None
    data = encoded(replace(stored[0], **lie), JournalReplay())  # type: ignore[arg-type]
    assert data is not None
    index_path(path).write_bytes(data)
    assert_known_alike(path, with_index=False)


@pytest.mark.parametrize("which", [-2, -1])
@pytest.mark.parametrize("how", ["flip", "cut", "line"])
def test_damage_covered_by_the_index_is_still_found_at_the_start(path: Path, which: int, how: str) -> None:
    """In both files that are read at a start."""
    write(path, list(history(1, 40)), 8_000).close()
    index(path)
    file = segment_files(path)[which]
    data = bytearray(file.read_bytes())
    if how == "flip":
        data[len(data) // 2] ^= 1
    elif how == "cut":
        del data[len(data) // 2 : len(data) // 2 + 9]
    else:
        lines = bytes(data).splitlines(keepends=True)
        data = bytearray(b"".join(lines[:2] + lines[3:]))
    file.write_bytes(bytes(data))
    assert_known_alike(path, with_index=False)
    with pytest.raises(JournalCorruptError):
        read_journal(path).scan.raise_fault()


def test_index_is_used_after_older_files_were_removed_and_new_ones_started(path: Path) -> None:
    entries = list(history(1, 60))
    write(path, entries[:40], 3_000).close()
    index(path)
    path.with_name("actions.000001.jsonl").unlink()
    write(path, entries[40:43], 3_000).close()
    stored = JournalIndex.load(path)
    assert stored is not None
    assert read_journal(path).replay == replay(entries[40 - stored.position.lines : 43])
    write(path, entries[43:], 1_000).close()
    assert_known_alike(path, with_index=False)
