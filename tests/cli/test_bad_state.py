"""A damaged state directory: nothing in it is lost, and the operator learns of it in one line."""

from __future__ import annotations

import json
import resource
import signal
import sys

import pytest

from tests.cli.conftest import RUN, SMALL, SYMBOL, StoredRun
from tests.e2e.operator import PACK, Operator, hashes
from tests.e2e.venues import ServedVenue
from tests.e2e.warm import PROGRAM


@pytest.mark.parametrize(
    ("cut", "old", "new", "options"),
    [
        (0.5, "", "", ()),
        (0.0, "", "", ("--resume",)),
        (1.0, '"version": 1', '"version": 99', ("--resume",)),
        (1.0, '"wallets"', '"purses"', ("--dry-run",)),
    ],
    ids=["half", "empty", "version", "shape"],
)
def test_corrupt_checkpoint_stops_the_run_and_is_left_in_place(
    stored_run: StoredRun, cut: float, old: str, new: str, options: tuple[str, ...]
) -> None:
    operator = stored_run.operator
    checkpoint = operator.market_state() / "checkpoint.json"
    text = checkpoint.read_text()
    checkpoint.write_text(text[: int(len(text) * cut)].replace(old, new) if old else text[: int(len(text) * cut)])
    broken = hashes(operator.state)
    line = operator.ama(*RUN, *options).refusal(2)
    assert "checkpoint.json is corrupt" in line
    assert "--fresh" in line
    assert ".corrupt" in line
    assert hashes(operator.state) == broken


def test_fresh_moves_a_corrupt_checkpoint_aside_and_keeps_journal_and_sessions(
    stored_run: StoredRun, shared_venue: ServedVenue
) -> None:
    operator, client = stored_run.operator, shared_venue.client
    directory = operator.market_state()
    run_id = operator.checkpoint()["run"]["runId"]
    journal = (directory / "actions.jsonl").read_bytes()
    sessions = client.sessions_made(client.keys[0].address)
    for name in ("checkpoint.json.corrupt", "checkpoint.json.corrupt.1"):
        broken = f"not JSON, for {name}".encode()
        (directory / "checkpoint.json").write_bytes(broken)
        fresh = operator.ama(*RUN, "--fresh")
        assert fresh.packed()["runId"] != run_id
        assert "moved aside as .corrupt" in fresh.err
        assert (directory / name).read_bytes() == broken
    assert (directory / "actions.jsonl").read_bytes().startswith(journal)
    assert operator.checkpoint()["wallets"].keys() == {client.keys[0].address}
    assert client.sessions_made(client.keys[0].address) == sessions


def test_truncated_last_journal_line_is_moved_aside_and_the_run_continues(stored_run: StoredRun) -> None:
    operator = stored_run.operator
    directory = operator.market_state()
    journal = (directory / "actions.jsonl").read_bytes()
    torn = b'{"ts":1700000000000,"runId":"3f2c8a52","action":"PLACE_LIM'
    (directory / "actions.jsonl").write_bytes(journal + torn)
    run_id = operator.checkpoint()["run"]["runId"]
    resumed = operator.ama(*RUN, "--resume")
    assert resumed.packed()["runId"] == run_id
    (line,) = [line for line in resumed.err.splitlines() if "truncated" in line]
    assert line == "journal: the last line was truncated and moved aside"
    assert (directory / "actions.jsonl.torn").read_bytes() == torn + b"\n"
    assert (directory / "actions.jsonl").read_bytes().startswith(journal)
    assert all(json.loads(line) for line in (directory / "actions.jsonl").read_bytes().splitlines())


def test_corrupt_wallet_file_is_moved_aside_and_the_checkpoints_entry_used(
    stored_run: StoredRun, shared_venue: ServedVenue
) -> None:
    operator, address = stored_run.operator, shared_venue.client.keys[0].address
    path = operator.market_state() / "wallets" / f"{address}.json"
    path.write_text("{")
    sessions = shared_venue.client.sessions_made(address)
    operator.ama(*RUN, "--resume").packed()
    assert path.with_name(path.name + ".corrupt").read_text() == "{"
    assert json.loads(path.read_text())["sessionId"]
    assert shared_venue.client.sessions_made(address) == sessions


def test_second_run_on_the_same_state_or_wallet_names_the_first_ones_pid(operator: Operator) -> None:
    endless = ("run", "--headless", "--market", "DOT-USD", *SMALL)
    first = operator.start(*endless)
    first.until("2 orders", lambda: "resting 2/2" in first.err)
    line = operator.ama(*PACK, "--market", "DOT-USD", *SMALL).refusal(2)
    assert f"in use by another run (pid {first.pid})" in line
    assert "stop it first" in line
    elsewhere = ("--market", "DOT-USD", *SMALL, "--state-dir", "elsewhere")
    line = operator.ama(*PACK, *elsewhere).refusal(2)
    assert f"in use by another run (pid {first.pid}) in {operator.market_state()}" in line
    assert not first.is_over
    first.signal(signal.SIGINT)
    assert first.wait().code == 0
    operator.ama(*PACK, *elsewhere).packed()


def with_file_limit(size: int) -> tuple[str, ...]:
    """The program with its files limited to `size` bytes, as if the disk were full there."""
    limits = f"({size}, {resource.RLIM_INFINITY})"
    code = (
        f"import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, {limits}); "
        "runpy.run_module('ama_tui', run_name='__main__', alter_sys=True)"
    )
    return (sys.executable, "-P", "-c", code)


def test_disk_full_at_the_start_ends_the_run_in_one_line_without_losing_a_line(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    command = (*PACK, "--market", "BCH-USD", "--wallets", "3", "--orders-per-side", "3")
    full = operator.ama(*command, program=with_file_limit(400))
    assert full.code == 2, full.err
    (line,) = [line for line in full.err.splitlines() if line.startswith("ama-tui: ")]
    assert "cannot be written" in line
    assert "Traceback" not in full.err
    journal = (operator.market_state() / "actions.jsonl").read_bytes()
    assert journal == b"" or journal.endswith(b"\n")
    assert len(journal) <= 200
    resumed = operator.ama(*command, "--resume", "--settle-after", "1", program=PROGRAM).packed()
    assert resumed["resting_bids"] == resumed["resting_asks"] == 9
    assert (operator.market_state() / "actions.jsonl").read_bytes().startswith(journal)


def test_disk_that_fills_up_during_placement_stops_placing_until_there_is_space(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    command = (*PACK, "--market", "LTC-USD", "--wallets", "3", "--orders-per-side", "3")
    running = operator.start(*command, program=with_file_limit(9000))
    running.until("its word", lambda: "actions.jsonl cannot be written" in running.err)
    journal = (operator.market_state() / "actions.jsonl").read_bytes()
    assert not running.is_over
    assert b'"action":"INTENT"' in journal
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    summary = running.wait().packed()
    assert summary["resting_bids"] == summary["resting_asks"] == 9
    assert "journal writable again" in running.err
    whole = (operator.market_state() / "actions.jsonl").read_bytes()
    assert whole.startswith(journal[: journal.rfind(b"\n") + 1])
    assert operator.ama("journal", "verify").code == 0


def test_state_is_written_to_the_given_directory(operator: Operator) -> None:
    operator.ama(*PACK, "--market", SYMBOL, *SMALL, "--state-dir", "elsewhere/runs").packed()
    assert not operator.state.exists()
    assert len(list((operator.directory / "elsewhere" / "runs").glob("31337/0x*/checkpoint.json"))) == 1
