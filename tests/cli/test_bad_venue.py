"""A venue that is not there, is not a venue, or is another than configured."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import RUN, SMALL, Ama, StoredRun
from tests.cli.impostor import HTML, NO_MARKETS, Answer
from tests.e2e.operator import PACK, Operator
from tests.e2e.venues import ServedVenue

DEAD = "http://127.0.0.1:1"
StartImpostor = Callable[[Answer], str]


def test_wrong_chain_id_is_a_warning_and_the_nodes_is_used(operator: Operator, shared_venue: ServedVenue) -> None:
    operator.set_env(CHAIN_ID="999")
    run = operator.ama(*PACK, "--market", "TIA-USD", *SMALL)
    assert run.packed()["chainId"] == 31_337
    warnings = [line for line in run.err.splitlines() if "CHAIN_ID" in line]
    assert warnings == ["CHAIN_ID is 999, but the node reports 31337: signing for chain 31337"]
    assert [path.name for path in operator.state.iterdir()] == ["31337"]
    assert operator.checkpoint()["chainId"] == 31_337
    address = shared_venue.client.keys[0].address
    assert len(shared_venue.client.orders("TIA-USD", address)[address]) == 2
    dry = operator.ama("run", "--dry-run", "--market", "TIA-USD", *SMALL)
    assert (dry.code, dry.err.splitlines()) == (0, warnings)


@pytest.mark.parametrize("command", [RUN, ("run", "--dry-run", "--market", "LINK-USD")])
def test_dead_rpc_is_named_in_one_line(stored_run: StoredRun, command: tuple[str, ...]) -> None:
    stored_run.operator.set_env(RPC_URL=f"{DEAD}/v2/0123456789abcdef0123456789abcdef")
    line = stored_run.operator.ama(*command).refusal(3)
    assert line.startswith(f"RPC_URL {DEAD}/v2/… failed")
    assert "RPC_URL is correct" in line
    stored_run.assert_untouched()


@pytest.mark.parametrize(
    "command", [RUN, ("run", "--dry-run", "--market", "LINK-USD"), ("cancel-all", "--market", "LINK-USD")]
)
def test_bad_row_of_the_wallets_file_is_named_although_the_node_is_dead(
    stored_run: StoredRun, command: tuple[str, ...]
) -> None:
    operator = stored_run.operator
    operator.set_env(RPC_URL=DEAD)
    with (operator.directory / "wallets.csv").open("a") as file:
        file.write("Broken,0x12,34\n")
    line = operator.ama(*command).refusal(2)
    assert line.startswith("wallets.csv: line ")
    assert "RPC_URL" not in line
    stored_run.assert_untouched()


@pytest.mark.parametrize("command", [RUN, ("run", "--dry-run", "--market", "LINK-USD"), ("markets",)])
def test_dead_api_is_named_in_one_line(stored_run: StoredRun, command: tuple[str, ...]) -> None:
    stored_run.operator.set_env(APP_URL=DEAD)
    line = stored_run.operator.ama(*command).refusal(3)
    assert line.startswith("GET /api/markets failed")
    assert "APP_URL is correct" in line
    stored_run.assert_untouched()


@pytest.mark.parametrize("command", [RUN, ("markets",)])
def test_html_from_the_api_is_quoted_on_one_line(
    stored_run: StoredRun, impostor: StartImpostor, command: tuple[str, ...]
) -> None:
    stored_run.operator.set_env(APP_URL=impostor(HTML))
    line = stored_run.operator.ama(*command).refusal(3)
    assert "/api/markets" in line
    assert "<!DOCTYPE html>" in line
    assert "502 Bad Gateway" in line
    stored_run.assert_untouched()


def test_html_from_the_node_is_quoted_on_one_line(stored_run: StoredRun, impostor: StartImpostor) -> None:
    stored_run.operator.set_env(RPC_URL=impostor(HTML))
    line = stored_run.operator.ama(*RUN).refusal(3)
    assert "RPC_URL" in line
    assert "<!DOCTYPE html>" in line
    stored_run.assert_untouched()


@pytest.mark.parametrize(
    "answer",
    [
        Answer('{"success": true}'),
        Answer("[1, 2, 3]"),
        Answer("null"),
        Answer('{"success": true, "markets": 7}'),
        Answer(""),
        Answer('{"error": "GEO_RESTRICTED"}', status=403),
    ],
    ids=["no-list", "list", "null", "number", "empty", "geo"],
)
def test_malformed_response_is_reported_with_its_endpoint(
    stored_run: StoredRun, ama_here: Ama, impostor: StartImpostor, answer: Answer
) -> None:
    stored_run.operator.set_env(APP_URL=impostor(answer))
    assert "/api/markets" in ama_here("markets").refusal(3)


@pytest.mark.parametrize("command", [RUN, ("markets",)])
def test_empty_market_list_is_reported(
    stored_run: StoredRun, impostor: StartImpostor, command: tuple[str, ...]
) -> None:
    stored_run.operator.set_env(APP_URL=impostor(NO_MARKETS))
    line = stored_run.operator.ama(*command).refusal(3)
    assert line == "the venue lists no markets: check APP_URL or ask the venue's operator"
    stored_run.assert_untouched()


def test_registry_without_a_contract_is_reported(stored_run: StoredRun) -> None:
    stored_run.operator.set_env(SESSION_REGISTRY_ADDRESS="0x" + "11" * 20)
    line = stored_run.operator.ama(*RUN).refusal(3)
    assert "no contract at SESSION_REGISTRY_ADDRESS 0x1111" in line
    assert "chain 31337" in line
    stored_run.assert_untouched()
