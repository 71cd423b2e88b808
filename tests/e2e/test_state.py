"""The state directory: who may read it, what is kept in it, and one left by the original tool."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from ama_tui.localnet.options import VenueOptions
from tests.e2e.book import assert_each_level_once
from tests.e2e.client import OtherClient
from tests.e2e.operator import PACK, Operator, hashes
from tests.e2e.venues import NewOperator, ServedVenue, ServeVenue

RUN_ID = "3f2c8a52-2d5b-4a87-9c43-1f0c6c4f9e11"


def test_state_directory_is_private(operator: Operator) -> None:
    operator.ama(*PACK, "--market", "ARB-USD", "--wallets", "2", "--orders-per-side", "1").packed()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (operator.state, *operator.state.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {"checkpoint.json", "actions.jsonl"} <= {path.name for path in modes}
    assert len(list((operator.market_state() / "wallets").iterdir())) == 2


def test_dry_run_shows_the_plan_and_changes_nothing_anywhere(serve: ServeVenue, operators: NewOperator) -> None:
    venue = serve(VenueOptions(wallets=2, block_time=0.2))
    client, operator = venue.client, operators(venue)
    dry = operator.ama("run", "--dry-run", "--json", "--market", "BNB-USD", "--orders-per-side", "2")
    assert (dry.code, dry.err) == (0, "")
    orders = dry.summary["orders"]
    assert sorted((order["wallet"], order["side"], order["level"]) for order in orders) == sorted(
        (address, side, level) for address in client.addresses() for side in ("buy", "sell") for level in (1, 2)
    )
    words = operator.ama("run", "--dry-run", "--market", "BNB-USD")
    assert "nothing was signed or sent" in words.out
    assert client.sessions_made(*client.addresses()) == [0, 0]
    assert client.orders("BNB-USD", *client.addresses()) == {address: [] for address in client.addresses()}
    assert not operator.state.exists()


def test_dry_run_leaves_a_stored_run_unchanged(operator: Operator) -> None:
    small = ("--market", "OP-USD", "--wallets", "1", "--orders-per-side", "1")
    operator.ama(*PACK, *small).packed()
    before = hashes(operator.state)
    assert operator.ama("run", "--dry-run", *small).code == 0
    assert hashes(operator.state) == before


def write_original_state(operator: Operator, client: OtherClient, symbol: str) -> Path:
    """What the original tool leaves: four of the eight parameters, a valid session, its own keys."""
    row = client.row(symbol)
    directory = operator.state / str(client.chain_id()) / client.book(symbol)
    (directory / "wallets").mkdir(parents=True)
    wallets: dict[str, dict[str, Any]] = {}
    for key in client.keys:
        session, expiry = client.open_session(symbol, key)
        wallets[key.address] = {
            "nickname": key.nickname,
            "role": "MAKER",
            "sessionId": session,
            "sessionExpiry": expiry,
            "lastActionAt": 1_700_000_000_000,
            "note": f"kept for {key.nickname}",
        }
        (directory / "wallets" / f"{key.address}.json").write_text(json.dumps(wallets[key.address], indent=2))
    named = ("symbol", "market_identifier", "market_address", "market_id_bytes32", "chain_id", "tick_size")
    checkpoint = {
        "version": 1,
        "chainId": client.chain_id(),
        "orderBook": client.book(symbol),
        "market": {**{name: row[name] for name in named}, "category": "crypto"},
        "run": {
            "runId": RUN_ID,
            "startedAt": "2024-03-01T09:00:00.000Z",
            "updatedAt": "2024-03-01T10:30:00.000Z",
            "host": "desk-7",
        },
        "config": {
            "mode": "MEAN",
            "makerRatio": 1,
            "minDelayMs": 30,
            "maxDelayMs": 90,
            "sizeMin": 0.02,
            "sizeMax": 0.08,
            "maxOpenOrdersPerMaker": 4,
            "colour": "green",
        },
        "wallets": wallets,
        "schema": "mm/1",
    }
    (directory / "checkpoint.json").write_text(json.dumps(checkpoint, indent=2))
    line = {
        "ts": 1_700_000_000_000,
        "runId": RUN_ID,
        "chainId": client.chain_id(),
        "orderBook": client.book(symbol),
        "marketIdBytes32": row["market_id_bytes32"],
        "trader": client.keys[0].address,
        "action": "SKIP",
        "params": {"reason": "warm-up"},
        "build": 41,
    }
    (directory / "actions.jsonl").write_text(json.dumps(line) + "\n")
    return directory


def assert_holds(later: Any, earlier: Any, *, but: frozenset[str]) -> None:
    """Every key of the earlier JSON is still there with its value; `but` names keys that a run updates."""
    for key, value in earlier.items():
        if isinstance(value, dict):
            assert_holds(later[key], value, but=but)
        elif key in but:
            assert key in later
        else:
            assert later[key] == value, key


def test_state_of_the_original_tool_is_resumed_and_keeps_its_keys(serve: ServeVenue, operators: NewOperator) -> None:
    venue = serve(VenueOptions(wallets=2, block_time=0.2))
    client, operator = venue.client, operators(venue)
    directory = write_original_state(operator, client, "BNB-USD")
    earlier = operator.checkpoint()
    journal = (directory / "actions.jsonl").read_bytes()

    resumed = operator.ama(
        *("run", "--headless", "--until", "packed", "--json", "--resume", "--market", "BNB-USD"),
        *("--orders-per-side", "2"),
    )
    summary = resumed.packed()
    assert (summary["runId"], summary["target_orders"]) == (RUN_ID, 8)
    assert client.sessions_made(*client.addresses()) == [1, 1]
    assert_each_level_once(client, "BNB-USD", client.keys, 2)
    assert "--orders-per-side from option" in resumed.err
    for name in ("--max-utilization", "--min-distance-ticks", "--max-distance-ticks"):
        assert f"{name} from default" in resumed.err
    assert "--size-min from" not in resumed.err

    assert (directory / "actions.jsonl").read_bytes().startswith(journal)
    moved = frozenset({"updatedAt", "lastActionAt", "maxOpenOrdersPerMaker"})
    assert_holds(operator.checkpoint(), earlier, but=moved)
    assert operator.checkpoint()["config"]["ordersPerSidePerWallet"] == 2
    for address, wallet in earlier["wallets"].items():
        assert_holds(json.loads((directory / "wallets" / f"{address}.json").read_text()), wallet, but=moved)
    sizes = [order.amount18 for orders in client.orders("BNB-USD", *client.addresses()).values() for order in orders]
    assert min(sizes) >= 0.02e18 * 0.99
    assert max(sizes) <= 0.08e18 * 1.01


def test_options_that_differ_from_the_stored_run_are_reported_and_journalled(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    small = ("--market", "TRX-USD", "--wallets", "1")
    operator.ama(*PACK, *small, "--orders-per-side", "1").packed()
    resumed = operator.ama(*PACK, *small, "--orders-per-side", "2", "--resume")
    assert resumed.packed()["target_orders"] == 4
    assert "--orders-per-side is 2 (saved run: 1)" in resumed.err
    notes = [line["params"] for line in operator.journal() if line["action"] == "NOTE"]
    (noted,) = [note for note in notes if "key" in note]
    assert (noted["key"], noted["stored"], noted["used"]) == ("ordersPerSidePerWallet", 1, 2)
