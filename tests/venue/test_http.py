"""The HTTP client on the wire: bounded, counted, no redirects, no resending, every failure one of ours."""

from __future__ import annotations

import asyncio
import base64
import gzip

import pytest
from aiohttp import web

from ama_tui.domain.errors import ConfigError, MalformedError, UnreachableError
from ama_tui.venue.http import MAX_BODY, HttpClient
from tests.venue.servers import answering, raw_server, serving

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


async def test_64_requests_are_in_flight_together() -> None:
    everyone = asyncio.Barrier(64)

    async def meet(request: web.Request) -> web.Response:
        await everyone.wait()
        return web.json_response({})

    async with serving(meet) as url, HttpClient(url, name="API", timeout=20) as http:
        answers = await asyncio.gather(*(http.get(f"/{number}") for number in range(64)))
        assert [answer.status for answer in answers] == [200] * 64
        assert http.stats.requests == 64
        assert http.stats.last_ms > 0


async def test_refused_connection_is_unreachable_with_a_hint_and_without_the_url() -> None:
    async with serving(answering((200, "{}"))[0]) as url:
        pass
    async with HttpClient(url + "/v2/s3cret", name="RPC_URL", hint="is it running?") as http:
        with pytest.raises(UnreachableError) as caught:
            await http.post("", {})
    assert str(caught.value) == "RPC_URL failed (connection refused, or no such host): is it running?"


async def test_silent_server_times_out_as_unreachable() -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(hang) as url, HttpClient(url, name="API", timeout=0.2) as http:
        with pytest.raises(UnreachableError, match=r"GET /x failed \(no answer within 0.2 s\)"):
            await http.get("/x")


async def test_dripping_server_times_out_as_unreachable() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(300):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response

    async with serving(drip) as url, HttpClient(url, name="API", timeout=0.5) as http:
        with pytest.raises(UnreachableError):
            await http.get("/x")


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", b"what?\r\n\r\n"])
async def test_dropped_cut_or_senseless_answer_is_unreachable(answer: bytes | None) -> None:
    async with raw_server([answer]) as (url, _), HttpClient(url, name="API", timeout=2) as http:
        with pytest.raises(UnreachableError):
            await http.get("/x") if answer is not None else await http.post("/x", {})


async def test_post_on_a_reset_kept_alive_connection_is_not_sent_again() -> None:
    async with raw_server([OK, None, OK]) as (url, heard), HttpClient(url, name="API") as http:
        await http.post("/first", {})
        with pytest.raises(UnreachableError):
            await http.post("/second", {})
        assert [request.split(b" ")[1] for request in heard] == [b"/first", b"/second"]


async def test_body_over_the_bound_is_malformed() -> None:
    handle, _ = answering(web.Response(body=b" " * (MAX_BODY + 1)))
    async with serving(handle) as url, HttpClient(url, name="API") as http:
        with pytest.raises(MalformedError, match="more than 8388608 bytes"):
            await http.get("/x")


async def test_compressed_bomb_is_malformed() -> None:
    body = gzip.compress(b" " * (4 * MAX_BODY))
    handle, _ = answering(web.Response(body=body, headers={"content-encoding": "gzip"}))
    async with serving(handle) as url, HttpClient(url, name="API") as http:
        with pytest.raises(MalformedError, match="more than 8388608 bytes"):
            await http.get("/x")


async def test_false_compression_is_one_of_our_errors() -> None:
    handle, _ = answering(web.Response(body=b"not gzip", headers={"content-encoding": "gzip"}))
    async with serving(handle) as url, HttpClient(url, name="API") as http:
        with pytest.raises(UnreachableError, match="undecodable body"):
            await http.get("/x")


async def test_redirect_is_an_answer_and_is_not_followed() -> None:
    handle, asked = answering(web.Response(status=307, headers={"location": "/elsewhere"}))
    async with serving(handle) as url, HttpClient(url, name="API") as http:
        assert (await http.post("/x", {"a": 1})).status == 307
    assert [request.path for request in asked] == ["/x"]


async def test_credentials_in_the_url_go_as_a_header() -> None:
    handle, asked = answering((200, "{}"))
    async with serving(handle) as url:
        with_credentials = url.replace("http://", "http://user:p%40ss@")
        async with HttpClient(with_credentials, name="API") as http:
            await http.get("/x")
    expected = base64.b64encode(b"user:p@ss").decode()
    assert asked[0].headers["authorization"] == f"Basic {expected}"


async def test_base_path_and_query_of_an_rpc_url_are_kept_exactly() -> None:
    handle, asked = answering((200, "{}"))
    async with serving(handle) as url:
        for tail in ("/v2/key", "/v2/key/", "/?apikey=abc"):
            async with HttpClient(url + tail, name="RPC") as http:
                await http.post("", {})
        async with HttpClient(url + "/base/", name="API") as http:
            await http.get("/api/x", {"symbol": "A B&C"})
    assert [request.raw_path for request in asked] == [
        "/v2/key",
        "/v2/key/",
        "/?apikey=abc",
        "/base/api/x?symbol=A+B%26C",
    ]


@pytest.mark.parametrize("url", ["", "localhost:3000", "ftp://x", "http://", "http://[::bad", "http://a b"])
def test_unusable_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match="APP_URL is not a usable URL"):
        HttpClient(url, name="APP_URL")


async def test_client_opens_again_after_it_was_closed() -> None:
    handle, _ = answering((200, "{}"))
    async with serving(handle) as url:
        http = HttpClient(url, name="API")
        await http.aclose()
        for _ in range(2):
            assert (await http.get("/x")).body == b"{}"
            await http.aclose()
