"""URLs are shown without what may be a key in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.config.urls import masked_url, url_problem


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
def test_anything_else_is_refused_without_repeating_it(url: str) -> None:
    assert url_problem(url) == "is not a URL like https://host:port/path"
