"""The HTTP client on the wire: requests are counted, no redirects, no resending, every failure is our own error."""

from __future__ import annotations

import asyncio
import base64

import pytest
from aiohttp import web

from ama_tui.domain.errors import ConfigError, UnreachableError
from ama_tui.venue.http import HttpClient
from tests.venue.servers import answering, raw_server, serving

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


async def test_64_requests_run_concurrently() -> None:
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
    assert str(caught.value) == "RPC_URL failed: connection refused or unknown host: is it running?"


async def test_silent_server_times_out_as_unreachable() -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(hang) as url, HttpClient(url, name="API", timeout=0.2) as http:
        with pytest.raises(UnreachableError, match=r"GET /x failed: no response within 0\.2 s"):
            await http.get("/x")


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", b"what?\r\n\r\n"])
async def test_dropped_truncated_or_malformed_response_is_unreachable(answer: bytes | None) -> None:
    async with raw_server([answer]) as (url, _), HttpClient(url, name="API", timeout=20) as http:
        with pytest.raises(UnreachableError):
            await http.get("/x") if answer is not None else await http.post("/x", {})


async def test_post_on_a_reset_keep_alive_connection_is_not_resent() -> None:
    async with raw_server([OK, None, OK]) as (url, heard), HttpClient(url, name="API") as http:
        await http.post("/first", {})
        with pytest.raises(UnreachableError):
            await http.post("/second", {})
        assert [request.split(b" ")[1] for request in heard] == [b"/first", b"/second"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_redirect_is_returned_and_not_followed(method: str, status: int) -> None:
    elsewhere, followed = answering((200, "{}"))
    async with serving(elsewhere) as other:
        for target in ("/elsewhere", f"{other}/x"):
            handle, asked = answering(web.Response(status=status, headers={"location": target}))
            async with serving(handle) as url, HttpClient(url, name="API") as http:
                answer = await (http.get("/x") if method == "GET" else http.post("/x", {"a": 1}))
                assert answer.status == status
            assert [(request.method, request.path) for request in asked] == [(method, "/x")]
    assert followed == []


async def test_credentials_in_the_url_are_sent_as_a_header() -> None:
    handle, asked = answering((200, "{}"))
    async with serving(handle) as url:
        with_credentials = url.replace("http://", "http://user:p%40ss@")
        async with HttpClient(with_credentials, name="API") as http:
            await http.get("/x")
    expected = base64.b64encode(b"user:p@ss").decode()
    assert asked[0].headers["authorization"] == f"Basic {expected}"


async def test_path_and_query_of_the_base_url_are_kept_exactly() -> None:
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
    with pytest.raises(ConfigError, match="APP_URL is not a valid URL"):
        HttpClient(url, name="APP_URL")


async def test_closed_client_can_be_used_again() -> None:
    handle, _ = answering((200, "{}"))
    async with serving(handle) as url:
        http = HttpClient(url, name="API")
        await http.aclose()
        for _ in range(2):
            assert (await http.get("/x")).body == b"{}"
            await http.aclose()
