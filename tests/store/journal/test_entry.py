"""One journal line: written as specified, and read whoever wrote it."""

from __future__ import annotations

import json
from dataclasses import replace
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.store.journal.entry import (
    JournalEntry,
    check_own,
    entry_of,
    parse_line,
    parse_own,
    parse_raw,
)
from ama_tui.store.json_fields import ShapeError
from tests.store.samples import ALICE, BOOK, MARKET_ID, NOW_MS, RUN_ID, line
from tests.store.test_checkpoint import JSON, UNKNOWN


def test_line_is_exactly_the_specified_json() -> None:
    entry = line(action="INTENT", params={"level": 2, "amount": "184000000000000000"}, tx_hash="0x12", error="no")
    assert entry.as_line() == (
        b'{"ts":%d,"runId":"%s","chainId":999,"orderBook":"%s","marketIdBytes32":"%s","trader":"%s",'
        b'"nickname":"alice","role":"MAKER","action":"INTENT",'
        b'"params":{"level":2,"amount":"184000000000000000"},"txHash":"0x12","error":"no"}\n'
    ) % (NOW_MS, RUN_ID.encode(), BOOK.encode(), MARKET_ID.encode(), ALICE.encode())


def test_line_ends_in_the_crc_of_everything_before_it() -> None:
    whole = line(action="INTENT", params={"level": 2}, intent_id="ab").as_line(7)
    covered = line(action="INTENT", params={"level": 2}).as_line()[:-2] + b',"seq":7,"intentId":"ab"'
    assert whole == covered + b',"crc":%d}\n' % crc32(covered)


LINE = line(action="INTENT", params={"level": 2}, intent_id="ab").as_line(7)


@pytest.mark.parametrize(
    "data",
    [
        LINE.replace(b'"level":2', b'"level":3'),
        LINE.replace(b'"seq":7', b'"seq":8'),
        LINE.replace(b'"seq":7,', b""),
        LINE[: LINE.index(b',"crc"')] + b"}\n",
        LINE.replace(b',"crc":', b', "crc":'),
        LINE.replace(b',"crc":', b',"crc":0'),
        LINE[:-2] + b',"later":1}\n',
        LINE[:-2] + b"}}\n",
        line().as_line()[:-2] + b',"seq":1}\n',
        line().as_line()[:-2] + b',"intentId":"x"}\n',
        line().as_line()[:-2] + b',"crc":1}\n',
    ],
)
def test_line_that_was_altered_is_refused(data: bytes) -> None:
    with pytest.raises(ShapeError):
        parse_line(data)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (b'"seq":0', "its seq is not a number from 1"),
        (b'"seq":"7"', "its seq is not a number from 1"),
        (b'"seq":true', "its seq is not a number from 1"),
        (b'"seq":1.5', "its seq is not a number from 1"),
        (b'"intentId":7', "its intentId is not a string"),
    ],
)
def test_line_with_a_seq_or_intent_id_of_the_wrong_type_is_refused(keys: bytes, problem: str) -> None:
    covered = line().as_line()[:-2] + b"," + keys
    with pytest.raises(ShapeError) as raised:
        parse_line(covered + b',"crc":%d}\n' % crc32(covered))
    assert str(raised.value) == problem


@pytest.mark.parametrize(
    ("end", "problem"), [(b"}\n", "it does not end with a crc"), (b',"crc":1}\n', "its crc does not match")]
)
def test_line_without_its_crc_is_refused(end: bytes, problem: str) -> None:
    with pytest.raises(ShapeError) as raised:
        parse_line(line().as_line()[:-2] + b',"seq":7' + end)
    assert str(raised.value) == problem


def test_every_single_bit_flip_of_a_line_is_detected() -> None:
    for bit in range(8 * (len(LINE) - 1)):
        flipped = bytearray(LINE)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ShapeError):
            parse_line(bytes(flipped))


def test_our_keys_inside_the_params_of_another_tool_are_left_alone() -> None:
    found = parse_line(b'{"ts":1,"action":"SKIP","params":{"seq":1,"intentId":"x","crc":5}}\n')
    assert (found.seq, found.intent_id) == (None, None)
    assert found.params == {"seq": 1, "intentId": "x", "crc": 5}


def test_number_that_json_cannot_represent_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        line(params={"size": float("nan")}).as_line()


def test_missing_optional_keys_are_left_out() -> None:
    raw = json.loads(JournalEntry(1, "r", 1, BOOK, MARKET_ID, ALICE, "SKIP").as_line())
    assert list(raw) == ["ts", "runId", "chainId", "orderBook", "marketIdBytes32", "trader", "action"]


HEX = st.text("0123456789abcdef", min_size=1).map(lambda digits: "0x" + digits)


ENTRIES = st.builds(
    JournalEntry,
    ts=st.integers(0),
    run_id=st.text(),
    chain_id=st.integers(0),
    order_book=HEX,
    market_id=HEX,
    trader=HEX,
    action=st.text(),
    nickname=st.none() | st.text(),
    role=st.none() | st.text(),
    params=st.none() | st.dictionaries(st.text(), JSON, max_size=4),
    tx_hash=st.none() | st.text(),
    error=st.none() | st.text(),
    extra=UNKNOWN,
    seq=st.none() | st.integers(1),
    intent_id=st.none() | st.text(),
)


@given(ENTRIES)
def test_entry_survives_a_round_trip(entry: JournalEntry) -> None:
    written = entry.as_line()
    assert written.count(b"\n") == 1
    assert parse_line(written) == entry


@given(st.dictionaries(st.sampled_from(["runId", "trader", "params", "error", "txHash", "chainId", "new"]), JSON))
def test_line_of_another_tool_keeps_all_its_keys(raw: dict[str, object]) -> None:
    raw = {"ts": 5, "action": "WHATEVER"} | raw
    found = json.loads(parse_line(json.dumps(raw).encode()).as_line())
    for key, value in raw.items():
        kept = found.get(key)
        is_address = key == "trader" and isinstance(value, str)
        assert kept == (value.lower() if is_address and isinstance(value, str) else value)


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"ts":1}', '{"action":"SKIP"}', '{"ts":"x","action":"SKIP"}', '{"ts":1,"action":2}']
)
def test_malformed_line_is_refused(text: str) -> None:
    with pytest.raises(ShapeError):
        parse_line(text.encode())


def test_values_of_unexpected_types_are_kept_as_extra() -> None:
    odd = {"runId": 7, "chainId": True, "trader": ["0x1"], "params": "level 2", "txHash": {}}
    entry = parse_line(json.dumps({"ts": 1, "action": "SKIP"} | odd).encode())
    assert (entry.run_id, entry.chain_id, entry.trader, entry.params, entry.tx_hash) == ("", 0, "", None, None)
    assert entry.extra == odd


@given(entry=ENTRIES, seq=st.integers(1, 9))
def test_fast_parser_agrees_with_the_full_parser(entry: JournalEntry, seq: int) -> None:
    written = entry.as_line(seq)
    raw = parse_own(written, seq)
    assert raw is None or entry_of(raw) == parse_line(written) == replace(entry, seq=seq)
    assert parse_own(written, seq + 1) is parse_own(written[:-1], seq) is parse_own(b" " + written, seq) is None
    assert parse_own(written) == raw


def test_usual_line_is_read_by_the_fast_parser() -> None:
    assert parse_own(LINE, 7) == parse_raw(LINE)
    assert check_own(LINE, 7) == check_own(LINE) == parse_raw(LINE)
    large = line(params={"amount": 2**70}).as_line(7)
    assert check_own(large, 7) is not None
    assert parse_own(large, 7) is None, "an integer of more than 64 bits takes a closer look"


def test_flipped_bit_is_detected_by_the_fast_parser_too() -> None:
    for bit in range(8 * len(LINE)):
        flipped = bytearray(LINE)
        flipped[bit // 8] ^= 1 << bit % 8
        assert parse_own(bytes(flipped), 7) is None


def test_addresses_are_read_in_lower_case() -> None:
    entry = parse_line(
        json.dumps({"ts": 1, "action": "SKIP", "trader": "0x" + ALICE[2:].upper(), "orderBook": "0xAB"}).encode()
    )
    assert (entry.trader, entry.order_book) == (ALICE, "0xab")
