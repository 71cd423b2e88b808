"""Server text is shown on one line, and never reveals the secrets of the URL it came from."""

from __future__ import annotations

import pytest

from ama_tui.domain.errors import AmaError
from ama_tui.venue.api import VenueApi
from ama_tui.venue.rpc import JsonRpc
from ama_tui.venue.sanitize import EXCERPT_CHARS, excerpt, one_line
from tests.venue.servers import answering, serving

KEY = "5ec7e75ec7e7abcd"
ECHOES = ["Cannot POST /v2/{}", '{{"error": "unknown project {}"}}', '{{"error": {{"code": 1, "message": "key {}"}}}}']
TAILS = [f"/v2/{KEY}", f"/?apikey={KEY}", f"/#{KEY}"]


def test_control_characters_are_escaped_and_long_text_is_cut() -> None:
    assert one_line("a\nb\x1b[0m") == "a\\nb\\x1b[0m"
    assert one_line("x" * 500) == "x" * EXCERPT_CHARS + "…"
    assert excerpt(b"\xff" * 3) == "\\xff\\xff\\xff"


@pytest.mark.parametrize("status", [200, 401, 404, 500])
@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("tail", TAILS)
async def test_server_that_echoes_the_url_reveals_no_key(
    tail: str, echo: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ama_tui.venue.retry.ATTEMPTS", 1)
    handle, _ = answering((status, echo.format(KEY)))
    async with serving(handle) as url:
        shown = []
        async with JsonRpc(url + tail) as rpc:
            with pytest.raises(AmaError) as caught:
                await rpc.call("eth_chainId")
            shown.append(str(caught.value))
            try:
                shown += [str(answer) for answer in await rpc.batch([("eth_chainId", ())] * 2)]
            except AmaError as error:
                shown.append(str(error))
        async with VenueApi(url + tail) as api:
            with pytest.raises(AmaError) as caught:
                await api.markets()
            shown.append(str(caught.value))
    assert len(shown) >= 3
    assert not [text for text in shown if KEY in text]


async def test_password_in_the_url_is_hidden_as_written_and_as_sent() -> None:
    handle, _ = answering((403, "user ada:open%40sesame, open@sesame, YWRhOm9wZW5Ac2VzYW1l"))
    async with serving(handle) as url, JsonRpc(url.replace("//", "//ada:open%40sesame@")) as rpc:
        with pytest.raises(AmaError) as caught:
            await rpc.call("eth_chainId")
    assert "user ada:…, …, …" in str(caught.value)


def test_truncation_leaves_no_half_of_a_secret() -> None:
    body = (KEY * 200).encode()
    assert KEY[:6] not in excerpt(body)
