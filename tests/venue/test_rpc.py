"""JSON-RPC on the wire: batches, refused batches, retries, and malformed responses."""

from __future__ import annotations

import orjson
import pytest
from aiohttp import web

from ama_tui.domain.errors import MalformedError, RateLimitError, RpcError, UnreachableError, VenueError
from ama_tui.venue.learned_limit import FIRST_PATIENCE
from ama_tui.venue.rpc import JsonRpc
from tests.venue.fake_node import FakeNode
from tests.venue.servers import Handler, answering, serving

BLOCK_NUMBERS = [("eth_blockNumber", ())] * 5


async def test_call_returns_its_result() -> None:
    async with serving(FakeNode().handle) as url, JsonRpc(url) as rpc:
        assert await rpc.call("eth_chainId") == "0x3e7"


async def test_batch_is_one_request_and_keeps_the_order() -> None:
    node = FakeNode()
    async with serving(node.handle) as url, JsonRpc(url) as rpc:
        results = await rpc.batch([("eth_chainId", ()), ("eth_getCode", ("0x", "latest")), ("eth_blockNumber", ())])
        assert results == ["0x3e7", "0x", "0x3e8"]
        assert rpc.stats.requests == 1


async def test_failed_call_of_a_batch_is_an_error_in_its_place() -> None:
    node = FakeNode(log_error="range too wide")
    async with serving(node.handle) as url, JsonRpc(url) as rpc:
        query = {"address": "0x", "topics": [], "fromBlock": "0x1", "toBlock": "0x2"}
        first, second = await rpc.batch([("eth_getLogs", (query,)), ("eth_blockNumber", ())])
    assert isinstance(first, RpcError)
    assert str(first) == "RPC_URL returned an error: range too wide"
    assert second == "0x3e8"


async def test_more_than_500_calls_are_several_batches() -> None:
    node = FakeNode()
    async with serving(node.handle) as url, JsonRpc(url) as rpc:
        assert await rpc.batch([("eth_blockNumber", ())] * 1001) == ["0x3e8"] * 1001
    assert [len(request) for request in node.requests] == [500, 500, 1]


async def test_refused_batch_is_halved_and_the_size_remembered() -> None:
    node = FakeNode(max_batch=2)
    async with serving(node.handle) as url, JsonRpc(url) as rpc:
        assert await rpc.batch(BLOCK_NUMBERS) == ["0x3e8"] * 5
        assert [len(request) for request in node.requests] == [5, 2, 2, 1]
        await rpc.batch(BLOCK_NUMBERS)
        assert [len(request) for request in node.requests[4:]] == [2, 2, 1]


async def test_node_without_batch_support_gets_single_calls() -> None:
    async def no_batches(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if isinstance(body, list):
            return web.Response(status=400, text="batches are not served here")
        return web.json_response({"id": body["id"], "result": body["params"][0]})

    async with serving(no_batches) as url, JsonRpc(url) as rpc:
        assert await rpc.batch([("echo", (number,)) for number in range(40)]) == list(range(40))


async def test_missing_response_in_a_batch_is_an_error_in_its_place() -> None:
    async def forgetful(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        return web.json_response([{"id": body[1]["id"], "result": 1}, "noise", {"id": [], "result": 2}])

    async with serving(forgetful) as url, JsonRpc(url) as rpc:
        first, second = await rpc.batch(BLOCK_NUMBERS[:2])
    assert isinstance(first, RpcError)
    assert second == 1


async def test_error_has_its_code_and_revert_data() -> None:
    body = {"id": 1, "error": {"code": 3, "message": "execution\nreverted", "data": "0x08c3"}}
    handle, asked = answering((200, orjson.dumps(body).decode()))
    async with serving(handle) as url, JsonRpc(url) as rpc:
        with pytest.raises(RpcError, match=r"execution\\nreverted") as caught:
            await rpc.call("eth_call")
    assert (caught.value.code, caught.value.data, len(asked)) == (3, "0x08c3", 1)


@pytest.mark.parametrize(
    "busy",
    [
        (429, ""),
        (503, "<html>"),
        (500, "<html>"),
        (200, '{"id": 1, "error": {"code": -32005, "message": "limit"}}'),
        (429, '{"id": 1, "error": {"code": -1, "message": "wait"}}'),
        (200, '{"id": 1, "error": {"code": -1, "message": "Too Many Requests"}}'),
    ],
)
async def test_busy_node_is_asked_again(busy: tuple[int, str]) -> None:
    handle, asked = answering(busy, busy, (200, '{"id": 3, "result": "0x1"}'))
    async with serving(handle) as url, JsonRpc(url) as rpc:
        assert await rpc.call("eth_chainId") == "0x1"
        assert (len(asked), rpc.stats.requests) == (3, 3)


async def test_lasting_rate_limit_is_reported_with_its_status() -> None:
    handle, asked = answering((429, "slow down"))
    async with serving(handle) as url, JsonRpc(url, masked="https://rpc…") as rpc:
        with pytest.raises(RateLimitError, match="https://rpc… returned HTTP 429: slow down"):
            await rpc.call("eth_chainId")
        assert (len(asked), rpc.stats.rate_limited) == (4, 4)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_refusing_node_is_not_asked_again(status: int) -> None:
    handle, asked = answering((status, "no"))
    async with serving(handle) as url, JsonRpc(url) as rpc:
        with pytest.raises(RpcError):
            await rpc.call("eth_chainId")
        with pytest.raises(RpcError):
            await rpc.batch(BLOCK_NUMBERS)
    assert len(asked) == 2


@pytest.mark.parametrize("body", ["<html>hello</html>", "", "[1", "7", '"x"', "null", "{}", "[]", '{"id": 1}'])
async def test_response_that_is_not_json_rpc_is_malformed(body: str) -> None:
    async with serving(answering((200, body))[0]) as url, JsonRpc(url) as rpc:
        with pytest.raises(MalformedError, match="RPC_URL responded to eth_chainId with") as caught:
            await rpc.call("eth_chainId")
    assert body[:100] in caught.value.message
    assert caught.value.hint


async def test_html_instead_of_a_batch_is_malformed() -> None:
    async with serving(answering((200, "<html>"))[0]) as url, JsonRpc(url) as rpc:
        with pytest.raises(MalformedError, match="<html>"):
            await rpc.batch(BLOCK_NUMBERS)


async def test_dead_node_is_unreachable_without_its_url() -> None:
    handle: Handler = answering((200, ""))[0]
    async with serving(handle) as url:
        pass
    async with JsonRpc(url + "/v2/s3cret", masked="RPC_URL") as rpc:
        with pytest.raises(UnreachableError, match="check that the node is running") as caught:
            await rpc.call("eth_chainId")
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


async def test_rate_limit_holds_back_every_request_to_the_host() -> None:
    handle, asked = answering(web.Response(status=429, text="slow down", headers={"Retry-After": "60"}))
    async with serving(handle) as url, JsonRpc(url, masked="RPC_URL") as rpc:
        with pytest.raises(RateLimitError, match="429") as caught:
            await rpc.call("eth_chainId")
        assert caught.value.retry_after == 60
        for _ in range(5):
            with pytest.raises(VenueError, match="RPC_URL limits requests: asking again in"):
                await rpc.call("eth_blockNumber")
        with pytest.raises(VenueError, match="limits requests"):
            await rpc.batch([("eth_chainId", ())])
    assert len(asked) == 1


LIMITS: list[tuple[int, str]] = [
    *((code, "wait") for code in (429, -32005, -32007, -32029)),
    (-32005, "limit exceeded"),
    (-32000, "Too Many Requests"),
    (-32001, "call rate limit exhausted, retry in 10s"),
    (-1, "project ID request rate exceeded"),
    (-32005, "daily request count exceeded, request rate limited"),
    (-32007, "50/second request limit reached"),
    (0, "Your app has exceeded its compute units per second capacity"),
    (-32603, "request throttled"),
]


@pytest.mark.parametrize(("code", "message"), LIMITS)
async def test_rate_limit_in_a_json_rpc_body_is_waited_out(code: int, message: str) -> None:
    error = {"code": code, "message": message}

    async def limited_once(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        calls = body if isinstance(body, list) else [body]
        asked.append(len(calls))
        answers = [{"id": call["id"], "result": "0x1"} for call in calls]
        if len(asked) % 2:
            answers[-1] = {"id": calls[-1]["id"], "error": error}
        return web.json_response(answers if isinstance(body, list) else answers[0])

    asked: list[int] = []
    async with serving(limited_once) as url, JsonRpc(url, masked="RPC_URL") as rpc:
        assert await rpc.call("eth_chainId") == "0x1"
        assert await rpc.batch([("eth_chainId", ())] * 3) == ["0x1"] * 3
        assert rpc.stats.rate_limited == 2
    assert asked == [1, 1, 3, 3]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (3, "execution reverted: rate limit"),
        (-32005, "query returned more than 10000 results"),
        (-32602, "block range is too large"),
        (-32000, "header not found"),
    ],
)
async def test_other_error_is_not_a_rate_limit(code: int, message: str) -> None:
    handle, asked = answering((200, orjson.dumps({"id": 1, "error": {"code": code, "message": message}}).decode()))
    async with serving(handle) as url, JsonRpc(url, masked="RPC_URL") as rpc:
        with pytest.raises(RpcError):
            await rpc.call("eth_call")
        assert (len(asked), rpc.stats.rate_limited) == (1, 0)


async def test_node_that_limits_calls_per_batch_gets_smaller_batches() -> None:
    at_once = 4

    async def counting(request: web.Request) -> web.StreamResponse:
        calls = await request.json()
        limited = {"error": {"code": -32005, "message": "limit exceeded"}}
        return web.json_response(
            [
                {"id": call["id"], **({"result": "0x1"} if index < at_once else limited)}
                for index, call in enumerate(calls)
            ]
        )

    async with serving(counting) as url, JsonRpc(url) as rpc:
        assert await rpc.batch([("eth_chainId", ())] * 12) == ["0x1"] * 12


async def test_batch_with_every_call_limited_is_a_rate_limit_and_does_not_shrink_batches() -> None:
    sizes: list[int] = []

    async def refusing(request: web.Request) -> web.StreamResponse:
        calls = await request.json()
        sizes.append(len(calls))
        return web.json_response([{"id": call["id"], "error": {"code": 429, "message": "slow"}} for call in calls])

    async with serving(refusing) as url, JsonRpc(url) as rpc:
        with pytest.raises(RateLimitError):
            await rpc.batch([("eth_chainId", ())] * 12)
    assert sizes == [12] * 4


async def test_reduced_batch_size_grows_again_when_the_node_accepts_more() -> None:
    node = FakeNode(max_batch=0)
    async with serving(node.handle) as url, JsonRpc(url) as rpc:
        await rpc.batch(BLOCK_NUMBERS)
        node.max_batch = 500
        for _ in range(3 * FIRST_PATIENCE):
            await rpc.batch(BLOCK_NUMBERS)
        node.requests.clear()
        await rpc.batch(BLOCK_NUMBERS)
    assert [len(request) for request in node.requests] == [5]


async def test_node_that_keeps_refusing_batches_is_tried_less_and_less_often() -> None:
    node = FakeNode(max_batch=0)
    async with serving(node.handle) as url, JsonRpc(url) as rpc:
        for _ in range(40 * FIRST_PATIENCE):
            await rpc.batch(BLOCK_NUMBERS[:2])
    assert sum(len(request) > 1 for request in node.requests) == 6
