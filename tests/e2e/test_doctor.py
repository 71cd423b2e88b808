"""The doctor next to a real run: it sees the run and its sessions without disturbing it."""

from __future__ import annotations

import json
import signal

from tests.e2e.operator import Operator
from tests.e2e.venues import ServedVenue

SYMBOL = "XAG-USD"


def findings(operator: Operator, code: int) -> dict[str, dict[str, str]]:
    answer = operator.ama("doctor", "--json", "--market", SYMBOL)
    assert (answer.code, answer.err) == (code, "")
    return {row["check"]: row for row in json.loads(answer.out)}


def test_doctor_sees_an_active_run_without_disturbing_it_and_reports_later_damage(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    running = operator.start(
        *("run", "--headless", "--json", "--min-delay-ms", "20", "--max-delay-ms", "80"),
        *("--market", SYMBOL, "--wallets", "2", "--orders-per-side", "1"),
    )
    running.until("4 orders", lambda: "resting 4/4" in running.err)
    during = findings(operator, 0)
    assert [name for name, row in during.items() if row["status"] != "ok"] == ["state"]
    assert f"is in use by another run (pid {running.pid})" in during["state"]["text"]
    assert during["sessions"]["text"] == "2 live"
    running.signal(signal.SIGINT)
    assert running.wait().code == 0
    assert {row["status"] for row in findings(operator, 0).values()} == {"ok"}

    key = shared_venue.client.keys[0]
    shared_venue.client.revoke(SYMBOL, operator.checkpoint()["wallets"][key.address]["sessionId"])
    operator.set_env(CHAIN_ID="1")
    after = findings(operator, 3)
    assert {name: row["status"] for name, row in after.items() if row["status"] != "ok"} == {
        "chain id": "fail",
        "sessions": "warn",
    }
    assert f"1 live, 1 revoked: {key.nickname} on {SYMBOL}" in after["sessions"]["text"]
