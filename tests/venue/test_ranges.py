"""Every number of every response at its extremes: only our own errors, and only plausible values get in.

The API's fields are taken from the models themselves, so a new field is covered as soon as a sample has it, and a field
that no sample has fails a test.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import orjson
import pytest
from eth_abi.abi import encode
from pydantic import AliasChoices, BaseModel

from ama_tui.domain.errors import MalformedError, VenueError
from ama_tui.domain.market import Market
from ama_tui.venue import api_models, batch_reads, json_scalars, logs
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import contract_decode as decode
from ama_tui.venue.api_errors import refusal, retry_after
from ama_tui.venue.http import HttpResponse, HttpStats
from ama_tui.venue.ranges import MAX_AMOUNT18, MAX_PRICE6, MAX_UINT256
from tests.venue.aggregates import decode_aggregate

ADDRESS, HASH = "0x" + "ab" * 20, "0x" + "cd" * 32
DEEP = "[" * 1000 + "]" * 1000
EXTREMES = (
    *(
        "0",
        "1",
        "-1",
        "1e-30",
        "-1e-30",
        "1e-400",
        "0.5",
        "1e15",
        "1e22",
        "1e300",
        "1e400",
        "NaN",
        "Infinity",
        "-Infinity",
    ),
    *(str(2**53), str(2**53 + 1), str(2**64), str(2**255), str(2**256 - 1), str(2**256), "1" + "0" * 400),
    *("true", "false", "null", "[]", "[[]]", "[[[1]]]", "{}", '{"a": [1]}', DEEP),
    *(
        f'"{text}"'
        for text in ("", "x", "0", "-1", "0x", "0x0", "0x1", "1e999999999", "1e-999999999", "NaN", "Infinity")
    ),
    *(f'"{number}"' for number in (2**53, 2**255, 2**256 - 1, 2**256, 10**400, -(2**256))),
    *(f'"{number:#x}"' for number in (2**53, 2**64, 2**255, 2**256 - 1, 2**256, 10**400)),
)
"""Values as JSON, valid or not."""

ROW = {
    "symbol": "ETH-USD",
    "name": "ETH-USD",
    "market_identifier": "ETH",
    "market_address": ADDRESS,
    "market_id_bytes32": HASH,
    "chain_id": 999,
    "tick_size": 0.01,
}
DEPTH = {"bidPrices": [9.5], "bidAmounts": [1], "askPrices": [10.5], "askAmounts": ["2"]}
LIVE = {
    "cacheAgeMs": 40,
    "data": {
        "orderBookAddress": ADDRESS,
        "bestBid": 9.5,
        "bestAsk": 10.5,
        "lastTradePrice": 10,
        "markPrice": 10,
        "depth": DEPTH,
    },
}
SENT = {"txHash": HASH, "blockNumber": 7}
STATUS = {"exists": True, "active": True, "revoked": False, "expiry": "9", "trader": ADDRESS, "relayerSetRoot": HASH}
Parser = Callable[[str, bytes], object]
SAMPLES: Mapping[str, tuple[Parser, dict[str, Any]]] = {
    "markets": (api_models.markets_page, {"markets": [ROW], "pagination": {"total": 1}}),
    "live": (api_models.live_quote, LIVE),
    "relayers": (api_models.relayer_set, {"relayerAddresses": [ADDRESS], "relayerSetRoot": HASH}),
    "nonce": (api_models.nonce, {"nonce": "3"}),
    "created": (api_models.session_created, {**SENT, "sessionId": HASH}),
    "traded": (api_models.trade_response, {**SENT, "mined": True, "pending": False}),
    "status": (api_models.session_status, STATUS),
}

LOG = {
    "address": ADDRESS,
    "topics": [abi.TRADE_EXECUTED, "0x" + "00" * 12 + "ab" * 20, "0x" + "00" * 12 + "ab" * 20],
    "data": "0x" + encode(["uint256", "uint256"], [100, 200]).hex(),
    "blockNumber": "0x7",
    "logIndex": "0x1",
    "transactionHash": HASH,
    "removed": False,
}
RECEIPT = {"transactionHash": HASH, "status": "0x1", "blockNumber": "0x7", "logs": [LOG]}
NODE: Mapping[str, tuple[Callable[[Any], object], Any]] = {
    "eth_blockNumber": (batch_reads.number_of, "0x7"),
    "eth_chainId": (batch_reads.chain_id_of, "0x3e7"),
    "eth_getBlockByNumber": (batch_reads.block_of, {"number": "0x7", "timestamp": "0x6553f100"}),
    "eth_getTransactionReceipt": (lambda said: logs.receipt(said, ADDRESS), RECEIPT),
    "eth_getLogs (trades)": (lambda said: logs.trades(said, ADDRESS), [LOG]),
    "eth_getLogs (cancels)": (lambda said: logs.ends(said, ADDRESS), [LOG]),
}

Path = tuple[str | int, ...]


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """The path to every value in a JSON document, nested ones included."""
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from paths(each, (*at, key))


def replaced(document: Any, at: Path, text: str) -> bytes:
    """The document as JSON, with one value replaced by this text."""
    if not at:
        return text.encode()
    document = copy.deepcopy(document)
    inner = document
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = "PLACE"
    return orjson.dumps(document).replace(b'"PLACE"', text.encode())


def assert_plausible(value: object) -> None:
    """No value is out of range, and no float is NaN or infinite."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            number = getattr(value, field.name)
            if isinstance(number, int) and field.name.endswith("price6"):
                assert 0 <= number < MAX_PRICE6
            if isinstance(number, int) and field.name.endswith("amount18"):
                assert 0 <= number <= MAX_AMOUNT18
            assert_plausible(number)
    elif isinstance(value, list | tuple):
        for each in value:
            assert_plausible(each)
    elif isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, int):
        assert 0 <= value <= MAX_UINT256


def assert_read_or_refused(read: Callable[[], object], *ours: type[Exception]) -> None:
    """The result is plausible, or the error is our own and one short line."""
    try:
        value = read()
    except ours as error:
        text = str(error)
    else:
        assert_plausible(value)
        return
    assert text.isprintable()
    assert len(text) < 600


def field_names(model: type[BaseModel]) -> Iterator[set[str]]:
    """For each field of a model, the names it may have in a body."""
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        yield set(map(str, alias.choices)) if isinstance(alias, AliasChoices) else {str(alias or name)}


def models_of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in model.__subclasses__():
        yield each
        yield from models_of(each)


def test_every_field_of_every_model_is_in_a_sample() -> None:
    sampled = {key for _, sample in SAMPLES.values() for at in paths(sample) for key in at}
    models = list(models_of(api_models._Body))
    assert len(models) >= 10
    missing = [(model.__name__, names) for model in models for names in field_names(model) if not names & sampled]
    assert missing == []


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_accepted(name: str) -> None:
    parse, sample = SAMPLES[name]
    assert_plausible(parse("GET /x", orjson.dumps(sample)))


@pytest.mark.parametrize("name", SAMPLES)
def test_api_field_at_its_extremes_is_in_range_or_malformed(name: str) -> None:
    parse, sample = SAMPLES[name]
    for at in paths(sample):
        for text in EXTREMES:
            assert_read_or_refused(partial(parse, "GET /x", replaced(sample, at, text)), MalformedError)


@pytest.mark.parametrize("name", NODE)
def test_node_field_at_its_extremes_is_in_range_or_refused(name: str) -> None:
    parse, sample = NODE[name]
    assert_plausible(parse(sample))
    for at in paths(sample):
        for text in EXTREMES:
            with contextlib.suppress(orjson.JSONDecodeError):
                said = orjson.loads(replaced(sample, at, text))
                assert_read_or_refused(partial(parse, said), VenueError, ValueError)


WORDS: Mapping[str, tuple[Callable[[bytes], object], bytes]] = {
    "order": (
        lambda said: decode.order(said, 7, ADDRESS, bytes.fromhex(ADDRESS[2:])),
        encode(
            ["uint256", "address", "uint256", "uint256", "bool", "uint256", "uint256", "uint256", "bool"],
            [7, ADDRESS, 100, 5, True, 1_700_000_000, 0, 42, True],
        ),
    ),
    "order ids": (decode.order_ids, encode(["uint256[]"], [[1, 2]])),
    "depth": (decode.depth, encode(["uint256[]"] * 4, [[1], [2], [3], [4]])),
    "collateral": (decode.usdc6, encode(["uint256"], [5])),
    "block": (decode.block, encode(["uint256"], [5])),
    "time": (decode.unix_time, encode(["uint256"], [5])),
    "nonce": (decode.nonce, encode(["uint256"], [5])),
    "price": (decode.price6, encode(["uint256"], [5])),
    "session": (lambda said: decode.session(said, HASH), encode(["uint256"] * 8, [1] * 8)),
    "position": (
        lambda said: tuple(map(abs, decode.position(said))),
        encode(["int256", "uint256", "uint256"], [-5, 7, 9]),
    ),
    "multicall": (
        lambda said: [result.data for result in decode_aggregate(said, 2)],
        encode(["(bool,bytes)[]"], [[(True, b"x" * 32), (False, b"")]]),
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_word_of_a_contract_result_at_its_extremes_is_in_range_or_refused(name: str) -> None:
    read, sample = WORDS[name]
    read(sample)
    for at in range(0, len(sample), 32):
        for number in (0, 1, 2, 31, 32, 33, 64, 2**31, 2**63, 2**64 - 1, 2**127, 2**128, 2**255, 2**256 - 1):
            changed = sample[:at] + number.to_bytes(32, "big") + sample[at + 32 :]
            assert_read_or_refused(partial(read, changed), decode.DecodeError)


def test_multicall_results_that_share_the_same_bytes_are_refused() -> None:
    big = encode(["(bool,bytes)[]"], [[(True, b"x" * 3200)]])
    start = 64 * 32
    heads = start.to_bytes(32, "big") * 64
    said = (32).to_bytes(32, "big") + (64).to_bytes(32, "big") + heads + big[96:]
    with pytest.raises(decode.DecodeError):
        decode_aggregate(said, 64)


@pytest.mark.parametrize("text", EXTREMES)
@pytest.mark.parametrize("status", [200, 400, 429, 500])
def test_error_body_at_its_extremes_is_one_line(status: int, text: str) -> None:
    for field in ("error", "message", "available6", "required6", "txHash", "code"):
        body = b'{"error": "insufficient_collateral", "%s": %s}' % (field.encode(), text.encode())
        error = refusal("POST /x", HttpResponse(status, body, text))
        assert str(error).isprintable()
        assert len(str(error)) < 600
        assert error.retry_after is None or 0 <= error.retry_after <= 3600


def test_retry_after_and_date_are_bounded_numbers_or_nothing() -> None:
    dates = (
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "1 Jan 2000 99:99:99",
        "Jan 2000",
        ", ,",
    )
    for text in (*(text.strip('"') for text in EXTREMES), *dates, "1_0", " 5 ", "٣", "\0"):
        seconds = retry_after(text)
        assert seconds is None or 0 <= seconds <= 3600
        moment = HttpStats(server_date=text).server_time
        assert moment is None or math.isfinite(moment)


@pytest.mark.parametrize("count", [0, 1, MAX_UINT256])
def test_zero_price_counts_as_no_price(count: int) -> None:
    quote = api_models.live_quote("GET /x", orjson.dumps({"data": {"orderBookAddress": ADDRESS, "markPrice": 1e-30}}))
    assert quote.quote.mark6 is None
    with pytest.raises(ValueError, match="quantity"):
        json_scalars.quantity(count)


def test_malformed_tick_makes_the_market_unusable_without_an_error() -> None:
    for text in EXTREMES:
        try:
            markets, _, _ = api_models.markets_page(
                "GET /x", replaced(SAMPLES["markets"][1], ("markets", 0, "tick_size"), text)
            )
        except MalformedError:
            continue
        assert isinstance(markets[0], Market)
        assert 0 <= markets[0].tick6 <= 10**15
