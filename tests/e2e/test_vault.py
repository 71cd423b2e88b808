"""A fleet with its keys in a vault, and one whose file others can read, from the wallets file to the order book."""

from __future__ import annotations

from ama_tui.keys.password import FILE_VARIABLE
from tests.e2e.operator import PACK, Operator
from tests.sizes import SLOW_MACHINE

MARKET = ("--market", "SOL-USD")
SMALL = ("--wallets", "2", "--orders-per-side", "2")


def test_fleet_in_a_vault_packs_and_is_cancelled_with_a_password_file(operator: Operator) -> None:
    operator.write("password", "correct horse battery\n")
    environ = {FILE_VARIABLE: "password"}
    sealed = operator.ama("wallets", "seal", environ=environ)
    assert (sealed.code, len(sealed.out.splitlines())) == (0, 10)

    vault = ("--vault", "wallets.vault")
    assert "there is no terminal to ask on" in operator.ama(*PACK, *MARKET, *vault).refusal(2)
    summary = operator.ama(*PACK, *MARKET, *SMALL, *vault, environ=environ).packed()
    assert (summary["wallets"], summary["resting_bids"], summary["resting_asks"]) == (2, 4, 4)
    assert (summary["rejected"], summary["unknown"]) == (0, 0)
    assert summary["errors_by_kind"].keys() <= SLOW_MACHINE

    cancelled = operator.ama("cancel-all", *MARKET, *vault, "--json", environ=environ)
    assert cancelled.code == 0
    assert cancelled.summary["proven"]
    assert cancelled.summary["cancelled"] == 8


def test_wallets_file_readable_by_others_needs_an_override_which_is_journalled(operator: Operator) -> None:
    operator.wallets_file.chmod(0o644)
    problem = "can be read by its group and others (mode 0644): chmod 600 wallets.csv"
    run = (*PACK, "--market", "HYPE-USD", "--wallets", "1", "--orders-per-side", "1")
    assert operator.ama(*run).refusal(2).endswith(problem)
    insecure = operator.ama(*run, "--insecure-permissions")
    assert insecure.packed()["resting_bids"] == 1
    assert f"WARNING: --insecure-permissions: wallets file wallets.csv {problem}" in insecure.err
    notes = [line.get("params", {}).get("text", "") for line in operator.journal()]
    assert any(problem in note for note in notes), notes
