"""The checkpoint: the specified JSON, foreign keys preserved, corrupt files refused."""

from __future__ import annotations

import copy
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import CheckpointError
from ama_tui.domain.market import Market
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.pnl import Pnl
from ama_tui.domain.wallet import Role
from ama_tui.store.checkpoint import (
    Checkpoint,
    TradesCounted,
    WalletEntry,
    load_checkpoint,
    load_wallet,
    parse_checkpoint,
    save_checkpoint,
    save_wallet,
    stored_config,
    wallet_indexes,
)
from tests.store.samples import ALICE, BOB, BOOK, CHAIN_ID, MARKET_ID, NOW_MS, RUN_ID, checkpoint, market

DESIGNED: dict[str, Any] = {
    "version": 1,
    "chainId": CHAIN_ID,
    "orderBook": BOOK,
    "market": {
        "symbol": "ETH",
        "market_identifier": "ETH-USD",
        "market_address": BOOK,
        "market_id_bytes32": MARKET_ID,
        "chain_id": CHAIN_ID,
        "tick_size": 0.01,
    },
    "run": {"runId": RUN_ID, "startedAt": "2025-01-01T00:00:00.250Z", "updatedAt": "2025-01-01T00:00:00.250Z"},
    "config": {"minDelayMs": 250},
    "wallets": {
        ALICE: {
            "nickname": "alice",
            "role": "MAKER",
            "sessionId": "0x11",
            "sessionExpiry": 1_735_776_000,
            "lastActionAt": NOW_MS,
            "index": 4,
        },
        BOB: {"nickname": "bob", "role": "TAKER"},
    },
}

ENTRIES = (
    WalletEntry(ALICE, "alice", Role.MAKER, "0x11", 1_735_776_000, NOW_MS, 4),
    WalletEntry(BOB, "bob", Role.TAKER),
)


def load(path: Path) -> Checkpoint:
    found = load_checkpoint(path, chain_id=CHAIN_ID, order_book=BOOK)
    assert found is not None
    return found


def as_read(saved: Checkpoint) -> dict[str, Any]:
    """The JSON that a reader of the saved file gets."""
    found = json.loads(json.dumps(saved.as_json()))
    assert isinstance(found, dict)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.json"


def test_file_is_exactly_the_specified_json(path: Path) -> None:
    save_checkpoint(path, checkpoint(*ENTRIES))
    assert json.loads(path.read_text()) == DESIGNED
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_checkpoint_survives_a_round_trip(path: Path) -> None:
    save_checkpoint(path, checkpoint(*ENTRIES))
    assert load(path) == checkpoint(*ENTRIES)


def test_results_of_trades_survive_a_round_trip_to_the_last_digit_and_an_earlier_runs_are_dropped(path: Path) -> None:
    short = Pnl(-(10**27) - 1, -(10**40) - 1, -(10**41) + 7, 3, 10**27 + 4, 10**42 + 9, 12)
    counted = TradesCounted(1_204, "positions changed without a trade by block 1,200")
    saved = replace(checkpoint(replace(ENTRIES[0], pnl=short), replace(ENTRIES[1], pnl=Pnl())), counted=counted)
    save_checkpoint(path, saved)
    assert load(path) == saved
    save_checkpoint(path, replace(load(path), counted=TradesCounted()))
    assert not {"tradesBlock", "pnlProblem"} & set(json.loads(path.read_text())["run"])


def test_missing_file_is_no_checkpoint(path: Path) -> None:
    assert load_checkpoint(path, chain_id=CHAIN_ID, order_book=BOOK) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
UNKNOWN = st.dictionaries(st.text(min_size=1).map(lambda key: "x" + key), JSON, max_size=3)


@given(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
def test_unknown_keys_on_every_level_survive_a_rewrite(
    top: dict[str, object],
    in_market: dict[str, object],
    in_run: dict[str, object],
    in_config: dict[str, object],
    in_wallet: dict[str, object],
) -> None:
    raw = copy.deepcopy(DESIGNED)
    raw.update(top)
    for key, extra in (("market", in_market), ("run", in_run), ("config", in_config)):
        raw[key].update(extra)
    raw["wallets"][ALICE].update(in_wallet)
    found = parse_checkpoint(json.loads(json.dumps(raw)))
    assert as_read(found) == raw
    wallets = {**found.wallets, ALICE: replace(found.wallets[ALICE], last_action_at=7)}
    changed = replace(found, wallets=wallets, updated_at_ms=0)
    raw["wallets"][ALICE]["lastActionAt"] = 7
    raw["run"]["updatedAt"] = "1970-01-01T00:00:00.000Z"
    assert as_read(changed) == raw


@given(
    st.builds(
        WalletEntry,
        address=st.just(ALICE),
        nickname=st.text(),
        role=st.sampled_from(Role),
        session_id=st.none() | st.text(),
        session_expiry=st.none() | st.integers(0),
        last_action_at=st.none() | st.integers(0),
        index=st.none() | st.integers(0),
        extra=UNKNOWN,
    )
)
def test_wallet_file_survives_a_round_trip(tmp_path_factory: pytest.TempPathFactory, entry: WalletEntry) -> None:
    path = tmp_path_factory.getbasetemp() / "wallet.json"
    save_wallet(path, entry)
    assert load_wallet(path, ALICE) == entry
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_removed_session_leaves_the_file() -> None:
    raw = replace(ENTRIES[0], session_id=None, session_expiry=None).as_json()
    assert not {"sessionId", "sessionExpiry"} & set(raw)


def broken(**changed: object) -> bytes:
    return json.dumps({**DESIGNED, **changed}).encode()


CORRUPT = {
    "empty": b"",
    "cut": json.dumps(DESIGNED).encode()[:-20],
    "binary": b"\xff\x00\x01",
    "a list": b"[]",
    "no version": json.dumps({key: value for key, value in DESIGNED.items() if key != "version"}).encode(),
    "version 2": broken(version=2),
    "version true": broken(version=True),
    "other chain": broken(chainId=1),
    "other order book": broken(orderBook=ALICE),
    "market of another chain": broken(market=DESIGNED["market"] | {"chain_id": 1}),
    "no market": broken(market=None),
    "tick of text": broken(market=DESIGNED["market"] | {"tick_size": "0.01"}),
    "negative tick": broken(market=DESIGNED["market"] | {"tick_size": -1}),
    "no run id": broken(run={}),
    "odd time": broken(run=DESIGNED["run"] | {"startedAt": "then"}),
    "wallets as list": broken(wallets=[]),
    "wallet without role": broken(wallets={ALICE: {"nickname": "a"}}),
    "unknown role": broken(wallets={ALICE: {"nickname": "a", "role": "GOD"}}),
    "odd expiry": broken(wallets={ALICE: {"nickname": "a", "role": "MAKER", "sessionExpiry": "soon"}}),
}


@pytest.mark.parametrize("name", sorted(CORRUPT))
def test_corrupt_checkpoint_is_one_clear_line_and_left_in_place(path: Path, name: str) -> None:
    path.write_bytes(CORRUPT[name])
    with pytest.raises(CheckpointError, match="is corrupt") as raised:
        load(path)
    assert "\n" not in str(raised.value)
    assert "--fresh" in raised.value.hint
    assert "checkpoint.json.corrupt" in raised.value.hint
    assert path.read_bytes() == CORRUPT[name]


def test_checkpoint_of_another_market_is_refused(path: Path) -> None:
    save_checkpoint(path, checkpoint())
    with pytest.raises(CheckpointError, match="order book"):
        load_checkpoint(path, chain_id=CHAIN_ID, order_book=ALICE)
    with pytest.raises(CheckpointError, match="chain 999, not chain 1"):
        load_checkpoint(path, chain_id=1, order_book=BOOK)


def test_order_book_is_compared_case_insensitively(path: Path) -> None:
    path.write_bytes(broken(orderBook=BOOK.upper().replace("0X", "0x")))
    assert load_checkpoint(path, chain_id=CHAIN_ID, order_book=BOOK.upper()) is not None


@pytest.mark.parametrize(
    ("tick_size", "tick6", "is_default"),
    [(0.01, 10_000, False), (0.000001, 1, False), (5, 5_000_000, False), (None, 10_000, True), (1e-9, 0, False)],
)
def test_tick_is_read_as_in_the_api_and_kept(tick_size: object, tick6: int, is_default: bool) -> None:
    raw = copy.deepcopy(DESIGNED)
    raw["market"]["tick_size"] = tick_size
    found = parse_checkpoint(raw)
    assert (found.market.tick6, found.market.tick_is_default) == (tick6, is_default)
    assert as_read(found)["market"].get("tick_size") == tick_size


@given(st.integers(1, 10**15))
def test_any_tick_survives_the_float(tick6: int) -> None:
    saved = replace(checkpoint(), market=market(tick6))
    assert parse_checkpoint(as_read(saved)).market == market(tick6)


def test_market_without_identifier_leaves_the_key_out() -> None:
    plain = replace(checkpoint(), market=Market("ETH", BOOK, MARKET_ID, CHAIN_ID, 10_000))
    assert "market_identifier" not in as_read(plain)["market"]


def test_two_wallets_stored_with_the_same_index_get_different_ones() -> None:
    both = {address: WalletEntry(address, "w", index=1) for address in (ALICE, BOB)}
    assert wallet_indexes([ALICE, BOB], both) == {ALICE: 1, BOB: 2}


def test_disk_error_is_our_own_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(path, checkpoint())
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ama_tui.disk.atomic.os.fsync", fail)
    with pytest.raises(CheckpointError, match="No space left"):
        save_checkpoint(path, checkpoint(*ENTRIES))
    assert path.read_bytes() == before


def test_stored_config_has_all_parameters_and_what_the_original_tool_needs() -> None:
    config = stored_config(Parameters.of(orders_per_side=3), rules="even")
    assert config == {
        **Parameters.of(orders_per_side=3).as_keys(),
        "mode": "MEAN",
        "makerRatio": 1,
        "maxOpenOrdersPerMaker": 6,
        "rules": "even",
    }


def test_maker_ratio_is_what_the_takers_leave() -> None:
    assert stored_config(Parameters(), takers=0.3)["makerRatio"] == 0.7
    assert stored_config(Parameters(), {"makerRatio": 0.5, "takers": 0.5}, takers=0.0)["makerRatio"] == 1


def test_maker_ratio_of_the_original_tool_stays_while_nobody_was_named_a_taker() -> None:
    assert stored_config(Parameters(), {"makerRatio": 0.5}, takers=0.0)["makerRatio"] == 0.5


def test_stored_config_keeps_earlier_foreign_keys() -> None:
    earlier = {"mode": "UP", "makerRatio": 0.5, "maxOpenOrdersPerMaker": 9, "minDelayMs": 1, "other": [1]}
    config = stored_config(Parameters.of(min_delay_ms=7), earlier)
    assert config["minDelayMs"] == 7
    assert {key: config[key] for key in earlier if key != "minDelayMs"} == {
        key: value for key, value in earlier.items() if key != "minDelayMs"
    }


@pytest.mark.parametrize(
    ("mine", "other", "session", "last"),
    [
        ((None, None, 5), ("0xnew", 9, 7), ("0xnew", 9), 7),
        (("0xold", 4, 9), ("0xnew", 9, 7), ("0xnew", 9), 9),
        (("0xmine", 9, None), ("0xother", 4, None), ("0xmine", 9), None),
        (("0xmine", None, 1), (None, 9, None), ("0xmine", None), 1),
    ],
)
def test_merge_takes_the_later_action_and_the_longer_session(
    mine: tuple[str | None, int | None, int | None],
    other: tuple[str | None, int | None, int | None],
    session: tuple[str | None, int | None],
    last: int | None,
) -> None:
    merged = WalletEntry(ALICE, "a", Role.MAKER, *mine, None, {"x": 1}).merged(
        WalletEntry(ALICE, "b", Role.TAKER, *other, 3, {"x": 2, "y": 3})
    )
    assert (merged.session_id, merged.session_expiry) == session
    assert merged.last_action_at == last
    assert (merged.nickname, merged.role, merged.index, merged.extra) == ("a", Role.MAKER, 3, {"x": 1, "y": 3})


@given(
    st.lists(st.integers(0, 12).map(lambda number: f"0x{number:040x}"), unique=True),
    st.dictionaries(st.integers(0, 12).map(lambda number: f"0x{number:040x}"), st.integers(0, 15)),
)
def test_indexes_are_remembered_and_never_shared(addresses: list[str], remembered: dict[str, int]) -> None:
    taken: set[int] = set()
    known = {}
    for address, index in remembered.items():
        if index not in taken:
            taken.add(index)
            known[address] = WalletEntry(address, "w", index=index)
    indexes = wallet_indexes(addresses, known)
    assert list(indexes) == addresses
    assert len(set(indexes.values())) == len(addresses)
    for row, address in enumerate(addresses):
        if address in known:
            assert indexes[address] == known[address].index
        elif row not in taken and row not in {indexes[one] for one in addresses[:row]}:
            assert indexes[address] == row
    # A later run with the same stored indexes gets the same ones, whatever the order.
    again = {address: WalletEntry(address, "w", index=index) for address, index in indexes.items()}
    assert wallet_indexes(reversed(addresses), known | again) == indexes
