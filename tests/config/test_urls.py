"""URLs are shown without anything that may be a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.config.urls import is_unencrypted, masked_url, url_problem


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://rpc.hyperliquid.xyz/evm", "https://rpc.hyperliquid.xyz/evm"),
        ("https://api.example.com/ext/bc/C/rpc", "https://api.example.com/ext/bc/C/rpc"),
        ("https://mainnet.example.io/v3/0123456789abcdef0123456789abcdef", "https://mainnet.example.io/v3/…"),
        ("https://user:hunter2@node.example.com:8545/", "https://…@node.example.com:8545/"),
        ("https://node.example.com/rpc?apikey=abc", "https://node.example.com/rpc?…"),
        ("https://0123456789abcdef01.rpc.example.com/", "https://….rpc.example.com/"),
        ("http://[::1]:8545/", "http://[::1]:8545/"),
        ("ftp://example.com/secret", "…"),
        ("not a url", "…"),
        ("http://[broken", "…"),
        ("", ""),
    ],
)
def test_url_is_masked(url: str, shown: str) -> None:
    assert masked_url(url) == shown


@given(st.text(alphabet="0123456789abcdef", min_size=16, max_size=64), st.integers(0, 4))
def test_key_of_16_hexadecimal_digits_is_never_shown(key: str, place: int) -> None:
    url = [
        f"https://host.example/{key}",
        f"https://{key}@host.example/",
        f"https://host.example/a?key={key}",
        f"https://{key}.host.example/",
        f"https://host.example/a#{key}",
    ][place]
    assert key not in masked_url(url)


@pytest.mark.parametrize("url", ["https://a", "http://127.0.0.1:8545", "http://[::1]:1/x?y=z"])
def test_url_of_an_http_server_is_accepted(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    "url",
    ["localhost:3000", "ws://a", "http://", "https:///x", "http://a:0", "http://a:99999", "http://a b", "x"],
)
def test_other_url_is_refused_without_being_repeated(url: str) -> None:
    assert url_problem(url) == "is not a URL like https://host:port/path"


@pytest.mark.parametrize(
    "url",
    [
        "https://node.example.com",
        "https://10.0.0.7:8545",
        "http://localhost:3000/api",
        "http://LOCALHOST",
        "http://127.0.0.1:8545",
        "http://127.255.3.4/x",
        "http://[::1]:8545/",
        "http://user:secret@127.0.0.1/",
    ],
)
def test_https_and_loopback_urls_are_not_in_the_clear(url: str) -> None:
    assert not is_unencrypted(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://node.example.com",
        "http://10.0.0.7:8545",
        "http://192.168.1.2/",
        "http://0.0.0.0:3000",
        "http://[::]:3000",
        "http://[fe80::1]:3000",
        "http://[::ffff:8.8.8.8]/",
        "http://128.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://example.com#@127.0.0.1",
        "http://notlocalhost",
        "HTTP://example.com",
    ],
)
def test_plain_http_to_any_other_host_is_in_the_clear(url: str) -> None:
    assert is_unencrypted(url)
