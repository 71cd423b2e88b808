"""The state directory as the engine uses it, whatever process left it behind."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ama_tui.config.paths import StatePaths
from ama_tui.config.run import Origin, resolve
from ama_tui.config.run_options import RunOptions
from ama_tui.domain.errors import CheckpointError, JournalCorruptError, JournalError, LockHeldError, StoreError
from ama_tui.domain.wallet import Role
from ama_tui.store.checkpoint import WalletEntry, save_wallet, stored_config
from ama_tui.store.journal.reader import Scan
from ama_tui.store.state_store import StateStore
from tests.store.samples import ALICE, BOB, BOOK, CHAIN_ID, MARKET_ID, NOW_MS, RUN_ID, checkpoint, line


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return StatePaths(tmp_path / "state", CHAIN_ID, BOOK)


@pytest.fixture
def begun(paths: StatePaths) -> Iterator[StateStore]:
    """A new market with a run begun on it."""
    store = StateStore.open(paths)
    assert store.checkpoint is None
    store.begin(checkpoint(WalletEntry(ALICE, "alice", index=0), WalletEntry(BOB, "bob", index=1)))
    yield store
    store.close()


def modes_under(directory: Path) -> set[tuple[bool, int]]:
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in directory.rglob("*")}


def test_new_run_writes_private_checkpoint_and_wallet_files(begun: StateStore, paths: StatePaths) -> None:
    assert json.loads(paths.checkpoint.read_text())["run"]["runId"] == RUN_ID
    assert json.loads(paths.wallet(ALICE).read_text()) == {"nickname": "alice", "role": "MAKER", "index": 0}
    assert modes_under(paths.root) == {(True, 0o700), (False, 0o600)}


def test_resumed_run_finds_what_was_saved(begun: StateStore, paths: StatePaths) -> None:
    begun.update_wallets([WalletEntry(ALICE, "alice", session_id="0x1", session_expiry=9, index=0)])
    begun.save()
    saved = begun.checkpoint
    begun.close()
    store = StateStore.open(paths)
    assert store.checkpoint == saved
    assert store.report.truncated is None
    assert store.report.bad_wallet_files == ()
    store.close()


def test_save_updates_the_timestamp(begun: StateStore) -> None:
    assert begun.checkpoint is not None
    assert begun.checkpoint.updated_at_ms > NOW_MS
    assert begun.checkpoint.started_at_ms == NOW_MS


def test_second_run_is_refused_while_the_first_is_open(begun: StateStore, paths: StatePaths) -> None:
    with pytest.raises(LockHeldError):
        StateStore.open(paths)


def test_wallet_file_ahead_of_the_checkpoint_completes_it(begun: StateStore, paths: StatePaths) -> None:
    ahead = WalletEntry(ALICE, "alice", session_id="0x1", session_expiry=9, last_action_at=5, index=0)
    save_wallet(paths.wallet(ALICE), ahead)
    begun.close()
    assert "sessionId" not in json.loads(paths.checkpoint.read_text())["wallets"][ALICE]
    store = StateStore.open(paths)
    assert store.checkpoint is not None
    entry = store.checkpoint.wallets[ALICE]
    assert (entry.session_id, entry.session_expiry, entry.last_action_at) == ("0x1", 9, 5)
    store.close()


def test_last_action_is_rebuilt_from_the_journal(begun: StateStore, paths: StatePaths) -> None:
    begun.journal.append(line(NOW_MS + 5, "PLACE_LIMIT"))
    begun.journal.append(line(NOW_MS + 3, "PLACE_LIMIT", BOB))
    begun.journal.append(line(NOW_MS + 9, "PLACE_LIMIT", "0x" + "99" * 20))
    begun.update_wallets([WalletEntry(BOB, "bob", last_action_at=NOW_MS + 4, index=1)])
    begun.save()
    begun.close()
    store = StateStore.open(paths)
    found = store.replay_journal()
    assert store.checkpoint is not None
    assert found.entries == 3
    assert {address: entry.last_action_at for address, entry in store.checkpoint.wallets.items()} == {
        ALICE: NOW_MS + 5,
        BOB: NOW_MS + 4,
    }
    store.close()


def test_torn_journal_tail_is_moved_aside_and_reported(begun: StateStore, paths: StatePaths) -> None:
    begun.journal.append(line(1))
    begun.close()
    with paths.journal.open("ab") as journal:
        journal.write(b'{"ts":3')
    store = StateStore.open(paths)
    assert store.report.truncated is not None
    assert store.report.truncated.size == 7
    assert store.replay_journal().entries == 1
    store.close()
    assert paths.journal.read_bytes() == line(1).as_line(1)


@pytest.fixture
def damaged(begun: StateStore, paths: StatePaths) -> StatePaths:
    """A state directory whose journal has an unreadable line between two complete ones, Alice's and Bob's."""
    begun.close()
    paths.journal.write_bytes(line(1).as_line(1) + b"garbage\n" + line(NOW_MS, trader=BOB).as_line(3))
    return paths


def contents(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file() and path.name != "lock"}


def test_damaged_journal_refuses_a_run_and_stays_unchanged(damaged: StatePaths) -> None:
    before = contents(damaged.root)
    with pytest.raises(JournalCorruptError, match="line 2"):
        StateStore.open(damaged)
    assert contents(damaged.root) == before


def test_cancel_all_reads_what_it_can_of_a_damaged_journal_and_writes_another(damaged: StatePaths) -> None:
    before = damaged.journal.read_bytes()
    for run in (1, 2):
        store = StateStore.open(damaged, tolerate_journal=True)
        assert "line 2" in store.report.journal_problem
        assert store.replay_journal().entries == 1 + run
        store.journal.append(line(NOW_MS + run))
        assert store.journal.path == damaged.directory / "cancel-all.jsonl"
        store.close()
    assert damaged.journal.read_bytes() == before
    assert [entry.seq for entry in Scan(store.journal.path)] == [1, 2]


def test_cancel_all_with_a_damaged_journal_of_its_own_starts_a_new_one(damaged: StatePaths) -> None:
    own = damaged.directory / "cancel-all.jsonl"
    own.write_bytes(b"garbage\n")
    store = StateStore.open(damaged, tolerate_journal=True)
    store.journal.append(line(1))
    store.close()
    assert own.read_bytes() == line(1).as_line(1)
    assert own.with_name("cancel-all.jsonl.corrupt").read_bytes() == b"garbage\n"


def test_cancel_all_opens_a_state_with_an_unreadable_journal(begun: StateStore, paths: StatePaths) -> None:
    begun.close()
    paths.journal.unlink()
    paths.journal.mkdir()
    store = StateStore.open(paths, tolerate_journal=True)
    assert "cannot be read" in store.report.journal_problem
    assert store.replay_journal().entries == 0
    store.close()


def test_cancel_all_appends_to_an_intact_journal(begun: StateStore, paths: StatePaths) -> None:
    begun.journal.append(line(1))
    begun.close()
    store = StateStore.open(paths, tolerate_journal=True)
    assert store.report.journal_problem == ""
    store.journal.append(line(2))
    store.close()
    assert [entry.ts for entry in Scan(paths.journal)] == [1, 2]


def test_cancel_all_next_to_a_run_reads_everything_and_changes_nothing(begun: StateStore, paths: StatePaths) -> None:
    begun.journal.append(line(NOW_MS + 7))
    before = contents(paths.root)
    beside = StateStore.open_beside(paths)
    assert beside.replay_journal().last_action_at == {ALICE: NOW_MS + 7}
    assert beside.checkpoint is not None
    beside.update_wallets([replace(beside.checkpoint.wallets[ALICE], session_id="0x1")])
    assert beside.checkpoint.wallets[ALICE].session_id == "0x1"
    beside.save()
    beside.journal.append(line(1))
    with pytest.raises(LockHeldError):
        StateStore.open_beside(paths)
    begun.journal.append(line(NOW_MS + 8))
    beside.close()
    after = contents(paths.root)
    assert after.pop(paths.directory / "cancel-all.jsonl") == line(1).as_line(1)
    grown = before[paths.journal] + line(NOW_MS + 8).as_line(2)
    ours = {one: data for one, data in after.items() if one.name not in ("cancel-all.lock", "actions.synced")}
    assert ours == {one: data for one, data in before.items() if one.name != "actions.synced"} | {paths.journal: grown}


def test_wallets_are_claimed_until_the_store_is_closed(begun: StateStore, paths: StatePaths, tmp_path: Path) -> None:
    other = StatePaths(paths.root, CHAIN_ID, "0x" + "cd" * 20)
    begun.claim({ALICE: "alice"}, tmp_path / "runtime")
    second = StateStore.open(other)
    with pytest.raises(LockHeldError, match="alice"):
        second.claim({ALICE: "alice"}, tmp_path / "runtime")
    begun.close()
    second.claim({ALICE: "alice"}, tmp_path / "runtime")
    second.close()


def test_wallet_claim_also_holds_against_other_state_roots(
    begun: StateStore, paths: StatePaths, tmp_path: Path
) -> None:
    runtime = tmp_path / "runtime" / str(CHAIN_ID)
    begun.claim({ALICE: "alice"}, runtime)
    with closing(StateStore.open(StatePaths(tmp_path / "elsewhere", CHAIN_ID, BOOK))) as second:
        with pytest.raises(LockHeldError, match=f"wallet alice .* in use by another run .* in {paths.directory}"):
            second.claim({ALICE: "alice"}, runtime)
        second.claim({BOB: "bob"}, runtime)
        second.claim({ALICE: "alice"}, tmp_path / "runtime" / "another chain")
        begun.close()
        second.claim({ALICE: "alice"}, runtime)
    assert not runtime.exists()


def test_corrupt_checkpoint_stops_a_resume_and_changes_nothing(begun: StateStore, paths: StatePaths) -> None:
    begun.close()
    paths.checkpoint.write_bytes(b'{"version": 1, ')
    before = {path: path.read_bytes() for path in paths.root.rglob("*") if path.is_file()}
    with pytest.raises(CheckpointError, match="is corrupt"):
        StateStore.open(paths)
    assert {path: path.read_bytes() for path in paths.root.rglob("*") if path.is_file()} == before
    # The failed attempt holds no lock.
    StateStore.open(paths, fresh=True).close()


def test_corrupt_checkpoint_is_moved_aside_only_when_a_new_one_is_written(paths: StatePaths) -> None:
    for number, name in enumerate(["checkpoint.json.corrupt", "checkpoint.json.corrupt.1"]):
        paths.create()
        content = b"broken %d" % number
        paths.checkpoint.write_bytes(content)
        store = StateStore.open(paths, fresh=True)
        assert store.checkpoint is None
        assert store.report.corrupt_checkpoint is not None
        assert paths.checkpoint.read_bytes() == content
        store.begin(checkpoint())
        store.save()
        store.close()
        assert (paths.directory / name).read_bytes() == content
        reopened = StateStore.open(paths)
        assert reopened.checkpoint is not None
        reopened.close()


def test_corrupt_wallet_file_is_reported_and_moved_aside_when_rewritten(begun: StateStore, paths: StatePaths) -> None:
    begun.close()
    paths.wallet(ALICE).write_bytes(b"broken")
    store = StateStore.open(paths)
    assert store.report.bad_wallet_files == (paths.wallet(ALICE),)
    store.save()
    assert paths.wallet(ALICE).read_bytes() == b"broken"
    store.update_wallets([WalletEntry(ALICE, "alice", index=0)])
    store.save()
    store.close()
    assert paths.wallet(ALICE).with_name(f"{ALICE}.json.corrupt").read_bytes() == b"broken"
    assert json.loads(paths.wallet(ALICE).read_text())["nickname"] == "alice"


def test_corrupt_file_of_a_wallet_missing_from_the_checkpoint_is_moved_aside_too(
    begun: StateStore, paths: StatePaths
) -> None:
    carol = "0x" + "c0" * 20
    paths.wallet(carol).write_bytes(b"broken")
    begun.update_wallets([WalletEntry(carol, "carol")])
    begun.save()
    assert paths.wallet(carol).with_name(f"{carol}.json.corrupt").read_bytes() == b"broken"


def test_wallet_update_before_a_run_has_begun_is_refused(paths: StatePaths) -> None:
    store = StateStore.open(paths)
    with pytest.raises(StoreError, match="no run has begun"):
        store.update_wallets([WalletEntry(ALICE, "alice")])
    store.save()
    assert not paths.checkpoint.exists()
    store.close()


def test_journal_that_cannot_be_opened_leaves_the_lock_free(paths: StatePaths) -> None:
    paths.create()
    paths.journal.mkdir()
    with pytest.raises(JournalError):
        StateStore.open(paths)
    paths.journal.rmdir()
    StateStore.open(paths).close()


def test_temporary_files_of_a_crash_are_removed(begun: StateStore, paths: StatePaths) -> None:
    begun.close()
    leftovers = [paths.directory / ".checkpoint.json.12.ama-tmp", paths.wallets / ".x.json.12.ama-tmp"]
    for leftover in leftovers:
        leftover.write_bytes(b"half")
    StateStore.open(paths).close()
    assert [leftover.exists() for leftover in leftovers] == [False, False]


@pytest.fixture
def original(paths: StatePaths) -> StatePaths:
    """A state directory as the original tool leaves it: four of the eight parameters, and its own keys."""
    paths.wallets.mkdir(parents=True)
    wallet = {"nickname": "Maker One", "role": "MAKER", "sessionId": "0x" + "5e" * 32, "sessionExpiry": 1_735_776_000}
    raw = {
        "version": 1,
        "chainId": CHAIN_ID,
        "orderBook": BOOK,
        "market": {
            "symbol": "ETH-USD",
            "market_identifier": None,
            "market_address": "0x" + "Ab" * 20,
            "market_id_bytes32": MARKET_ID,
            "chain_id": CHAIN_ID,
            "tick_size": None,
            "market_status": "ACTIVE",
        },
        "run": {"runId": RUN_ID, "startedAt": "2025-01-01T00:00:00.000Z", "updatedAt": "2025-01-01T00:05:00.123Z"},
        "config": {
            "minDelayMs": 500,
            "maxDelayMs": 2500,
            "sizeMin": 0.1,
            "sizeMax": 0.4,
            "mode": "UP",
            "makerRatio": 0.7,
            "maxOpenOrdersPerMaker": 8,
            "anchorHistory": [1, 2],
        },
        "wallets": {ALICE: wallet | {"lastActionAt": NOW_MS, "fills": 3}, BOB: {"nickname": "T", "role": "TAKER"}},
        "toolVersion": "0.9.1",
    }
    paths.checkpoint.write_text(json.dumps(raw))
    paths.wallet(ALICE).write_text(json.dumps(wallet | {"lastActionAt": NOW_MS, "pid": 7}))
    common = {"runId": RUN_ID, "chainId": CHAIN_ID, "orderBook": BOOK, "marketIdBytes32": MARKET_ID}
    lines: list[dict[str, object]] = [
        {"action": "SESSION_INIT", "trader": ALICE, "params": {"sessionId": "0x" + "5e" * 32}, "txHash": "0x01"},
        {"action": "PLACE_LIMIT", "trader": ALICE, "params": {"price": "1", "amount": "2", "isBuy": True}},
        {"action": "SKIP", "trader": BOB, "params": {"reason": "no anchor"}},
        {"action": "MODIFY_ORDER", "trader": BOB, "params": ["odd"], "error": {"code": 1}},
    ]
    text = "".join(json.dumps({"ts": NOW_MS + 1000 * at, **common, **raw}) + "\n" for at, raw in enumerate(lines))
    paths.journal.write_text(text)
    return paths


def test_state_directory_of_the_original_tool_can_be_resumed(original: StatePaths) -> None:
    journal_before = original.journal.read_bytes()
    store = StateStore.open(original)
    found = store.replay_journal()
    assert store.checkpoint is not None
    assert store.checkpoint.run_id == RUN_ID
    assert store.checkpoint.market.tick_is_default
    assert store.checkpoint.wallets[ALICE].session_id == "0x" + "5e" * 32
    assert store.checkpoint.wallets[ALICE].last_action_at == NOW_MS + 1000
    assert store.checkpoint.wallets[BOB].role is Role.TAKER
    assert [session.session_id for session in found.sessions[ALICE]] == ["0x" + "5e" * 32]
    resolved = resolve(RunOptions(), None, store.checkpoint.config)
    assert resolved.parameters.max_delay_ms == 2500
    assert resolved.origins["sizeMax"] is Origin.CHECKPOINT
    assert len(resolved.missing_in_checkpoint) == 4
    store.close()
    assert original.journal.read_bytes() == journal_before


def test_state_directory_of_the_original_tool_stays_readable_to_it(original: StatePaths) -> None:
    before = json.loads(original.checkpoint.read_text())
    journal_before = original.journal.read_bytes()
    store = StateStore.open(original)
    store.replay_journal()
    assert store.checkpoint is not None
    resolved = resolve(RunOptions(size_max=0.5), None, store.checkpoint.config)
    config = stored_config(resolved.parameters, store.checkpoint.config, **resolved.run.stored_settings())
    store.begin(replace(store.checkpoint, config=config))
    store.journal.append(line(NOW_MS + 9000, "INTENT"))
    store.close()
    after = json.loads(original.checkpoint.read_text())
    assert after["toolVersion"] == "0.9.1"
    assert after["market"]["market_status"] == "ACTIVE"
    assert after["wallets"][ALICE]["fills"] == 3
    assert after["wallets"][ALICE]["pid"] == 7
    assert after["config"] | {"sizeMax": 0.4} == after["config"] | before["config"] | {"sizeMax": 0.4}
    assert after["config"]["sizeMax"] == 0.5
    assert after["run"]["runId"] == RUN_ID
    assert after["run"]["startedAt"] == before["run"]["startedAt"]
    assert json.loads(original.wallet(ALICE).read_text())["fills"] == 3
    assert original.journal.read_bytes() == journal_before + line(NOW_MS + 9000, "INTENT").as_line(1)
    assert modes_under(original.directory) == {(True, 0o700), (False, 0o600)}


@pytest.mark.parametrize("name", ["lock", "lock.pid", "actions.jsonl", "actions.synced", "checkpoint.json"])
def test_link_in_the_state_directory_is_not_followed(name: str, paths: StatePaths, tmp_path: Path) -> None:
    paths.create()
    precious = tmp_path / "precious"
    precious.write_text("mine\n")
    (paths.directory / name).symlink_to(precious)
    with suppress(StoreError), closing(StateStore.open(paths)):
        pass
    assert precious.read_text() == "mine\n"


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o707])
def test_state_directory_writable_by_others_is_refused(mode: int, paths: StatePaths) -> None:
    paths.root.mkdir(parents=True)
    paths.root.chmod(mode)
    with pytest.raises(StoreError, match="other users can write") as caught:
        StateStore.open(paths)
    assert f"chmod go-w {paths.root}" in str(caught.value)
