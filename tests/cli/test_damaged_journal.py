"""A damaged journal, and wallets in use by another run: nothing is traded, and the operator sees why."""

from __future__ import annotations

import signal

from tests.cli.conftest import RUN, SMALL, SYMBOL, StoredRun
from tests.e2e.operator import PACK, Operator, hashes


def test_damaged_journal_refuses_the_run_until_it_is_repaired(stored_run: StoredRun) -> None:
    operator = stored_run.operator
    path = operator.market_state() / "actions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = b"".join([*lines[:3], lines[3].replace(b'"seq":4', b'"seq":5'), *lines[4:]])
    path.write_bytes(damaged)
    before = hashes(operator.state)
    refusal = operator.ama(*RUN, "--resume").refusal(2)
    assert f"{path.name} line 4: its crc does not match" in refusal
    assert "ama-tui journal repair" in refusal
    assert hashes(operator.state) == before
    assert "line 4" in operator.ama("journal", "verify").out
    assert "1 dropped" in operator.ama("journal", "repair").out
    assert path.with_name("actions.jsonl.broken-1").read_bytes() == damaged
    operator.ama(*RUN, "--resume").packed()
    assert operator.ama("journal", "verify").code == 0


def test_wallet_in_use_by_another_run_is_refused_by_name(operator: Operator) -> None:
    first = operator.start("run", "--headless", "--market", "NEAR-USD", *SMALL)
    first.until("2 orders", lambda: "resting 2/2" in first.err)
    refusal = operator.ama(*PACK, "--market", SYMBOL, *SMALL).refusal(2)
    assert f"is in use by another run (pid {first.pid})" in refusal
    assert refusal.startswith("wallet ")
    assert not first.is_over
    first.signal(signal.SIGINT)
    assert first.wait().code == 0
    assert operator.ama("journal", "verify", "--json").summary["ok"]
