"""TLS connections: which certificates are trusted, and that no environment variable turns the check off."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from ama_tui.domain.errors import ConfigError, UnreachableError
from ama_tui.venue.http import HttpClient
from tests.venue.servers import answering, serving

CERTIFICATES = Path(__file__).parent / "tls"
REFUSED = "GET /x failed: the TLS certificate was rejected"


def served_by(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return context


@pytest.fixture(autouse=True)
def nobody_else_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


async def test_certificate_of_an_unknown_authority_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    handle, asked = answering((200, "{}"))
    for name in ("PYTHONHTTPSVERIFY", "NODE_TLS_REJECT_UNAUTHORIZED", "SSL_VERIFY"):
        monkeypatch.setenv(name, "0")
    for name in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, "")
    async with serving(handle, served_by("here")) as url, HttpClient(url, name="API") as http:
        with pytest.raises(UnreachableError, match=REFUSED):
            await http.get("/x")
    assert asked == []


async def test_authority_in_ssl_cert_file_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "here.pem"))
    async with serving(answering((200, "{}"))[0], served_by("here")) as url, HttpClient(url, name="API") as http:
        assert (await http.get("/x")).status == 200


@pytest.mark.parametrize("name", ["elsewhere", "expired"])
async def test_certificate_for_another_name_or_time_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / f"{name}.pem"))
    async with serving(answering((200, "{}"))[0], served_by(name)) as url, HttpClient(url, name="API") as http:
        with pytest.raises(UnreachableError, match=REFUSED):
            await http.get("/x")


async def test_missing_ssl_cert_file_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at/all.pem")
    async with HttpClient("https://127.0.0.1:1", name="API") as http:
        with pytest.raises(ConfigError, match="cannot read the certificates in SSL_CERT_FILE or SSL_CERT_DIR"):
            await http.get("/x")


async def test_proxy_from_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    listening, overheard = answering((200, '{"from": "the proxy"}'))
    answer, asked = answering((200, "{}"))
    async with serving(listening) as proxy, serving(answer) as url:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        async with HttpClient(url, name="API") as http:
            assert (await http.post("/x", {})).body == b"{}"
    assert (len(asked), overheard) == (1, [])
