"""The search for keys finds planted keys in every notation, and nothing where there are none."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.leaks import traces, traces_below

KEY = bytes.fromhex("c0ffee15900db10cfeedfacecafed00d0123456789abcdef1badb002deadc0de")
OTHER = bytes.fromhex("00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f")

PLANTED: dict[str, Callable[[bytes], bytes]] = {
    "as raw bytes": lambda key: key[11:19],
    "as text": lambda key: key.decode("latin-1").encode(),
    "as a bytes literal": lambda key: repr(key).encode(),
    "as hexadecimal digits": lambda key: key.hex()[21:37].encode(),
    "as hexadecimal pairs": lambda key: key.hex(" ")[:23].encode(),
    "as numbers": lambda key: str(list(key)).encode(),
    "in base 64": lambda key: base64.b64encode(b"x" + key[3:30]),
    "as a decimal number": lambda key: str(int.from_bytes(key, "big")).encode(),
}


@pytest.mark.parametrize("notation", PLANTED)
def test_planted_key_is_found(notation: str) -> None:
    said = b"before " + PLANTED[notation](KEY) + b" after"
    assert f"key 1 {notation}" in traces(said, [OTHER, KEY])
    assert traces(said, [OTHER]) == []


def test_upper_case_digits_among_others_are_found() -> None:
    said = b"0xAB" + KEY.hex().upper()[10:26].encode() + b"CD"
    assert traces(said, [KEY]) == ["key 0 as hexadecimal digits"]


def test_fifteen_digits_are_not_enough() -> None:
    assert traces(KEY.hex()[:15].encode(), [KEY]) == []


@given(st.binary(max_size=2000))
def test_noise_contains_no_key(noise: bytes) -> None:
    assert traces(noise, [KEY]) == []


def test_names_and_contents_of_files_are_searched(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_bytes(b"\0\0" + KEY)
    (tmp_path / f"{KEY.hex()}.txt").touch()
    (tmp_path / "harmless").write_text("0x" + "12" * 32)
    found = traces_below(tmp_path, [KEY])
    assert len(found) == 2
    assert any("deep/log" in one for one in found)
