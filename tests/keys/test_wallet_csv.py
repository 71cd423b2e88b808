"""The wallets file: every format that a spreadsheet or a person writes is read, and every bad row is named."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import WalletsError
from ama_tui.domain.settings import WALLETS
from ama_tui.domain.wallet import FleetWallet, Role
from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.wallet_key import WalletKey, address_of
from ama_tui.keys.wallet_source import WalletsSource, open_wallets
from tests.keys.silence import assert_silent

KEYS = [f"{number:02x}" * 32 for number in range(1, 16)]
ADDRESSES = [Account.from_key("0x" + key).address for key in KEYS]


def row(number: int, **changed: str) -> str:
    cells = {"nickname": f"w{number}", "address": ADDRESSES[number], "key": "0x" + KEYS[number]} | changed
    return ",".join(cells.values())


@pytest.fixture
def csv_path(tmp_path: Path) -> Path:
    path = tmp_path / "wallets.csv"
    path.touch(0o600)
    return path


def load(path: Path, limit: int = WALLETS.default) -> tuple[WalletKey, ...]:
    return open_wallets(WalletsSource(path), limit)


def problem_of(path: Path) -> str:
    with pytest.raises(WalletsError) as raised:
        load(path)
    text = str(raised.value)
    assert "\n" not in text
    assert raised.value.exit_code == 2
    assert_silent(raised.value, *(key[:16] for key in KEYS), *(key[:16].upper() for key in KEYS))
    return text


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("header", ["", "nickname,address,privateKey", "NickName, ADDRESS ,PRIVATE_KEY"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("last_newline", [True, False])
def test_every_common_format_is_read_alike(
    csv_path: Path, newline: str, mark: bytes, header: str, quote: str, last_newline: bool
) -> None:
    lines = [",".join(f"{quote}{cell}{quote}" for cell in line.split(",")) for line in (row(0), row(1))]
    text = newline.join(([header] if header else []) + lines) + (newline if last_newline else "")
    csv_path.write_bytes(mark + text.encode())
    wallets = load(csv_path)
    assert [(w.index, w.nickname, w.address) for w in wallets] == [
        (0, "w0", ADDRESSES[0].lower()),
        (1, "w1", ADDRESSES[1].lower()),
    ]
    assert [w.key.hex() for w in wallets] == ["0x" + KEYS[0], "0x" + KEYS[1]]


@pytest.mark.parametrize("order", itertools.permutations(["nickname", "address", "privateKey"]))
def test_header_determines_the_column_order(csv_path: Path, order: tuple[str, ...]) -> None:
    cells = {"nickname": "me", "address": ADDRESSES[0], "privateKey": KEYS[0]}
    csv_path.write_text(f"{','.join(order)},note\n{','.join(cells[name] for name in order)},kept\n")
    assert load(csv_path)[0].nickname == "me"


def test_blank_lines_and_comments_are_skipped(csv_path: Path) -> None:
    csv_path.write_text(f"# fleet\n\n  \nnickname,address,privateKey\n  # a comment\n{row(3)}\n\n")
    assert [wallet.nickname for wallet in load(csv_path)] == ["w3"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("first", ["", "sep={}\n", "nickname{}address{}privateKey\n"])
def test_spreadsheet_delimiters_are_read(csv_path: Path, delimiter: str, first: str) -> None:
    rows = [row(number).replace(",", delimiter) for number in (1, 2)]
    csv_path.write_text(first.replace("{}", delimiter) + "\n".join(rows) + "\n")
    assert [wallet.nickname for wallet in load(csv_path)] == ["w1", "w2"]


def test_nickname_that_starts_with_a_hash_needs_quotes(csv_path: Path) -> None:
    csv_path.write_text(f"{row(1)}\n{row(2, nickname='#2')}\n# {row(3)}\n")
    assert "line 2: a nickname that starts with # needs quotes" in problem_of(csv_path)
    csv_path.write_text(f"{row(1)}\n{row(2, nickname=chr(34) + '#2' + chr(34))}\n# {row(3)}\n")
    assert [wallet.nickname for wallet in load(csv_path)] == ["w1", "#2"]


def test_quoted_nickname_may_contain_a_comma(csv_path: Path) -> None:
    csv_path.write_text(row(0, nickname='"Zoë, ""the"" maker"') + "\n")
    assert load(csv_path)[0].nickname == 'Zoë, "the" maker'


def test_key_and_address_may_have_0x_and_any_case(csv_path: Path) -> None:
    csv_path.write_text(
        "\n".join(
            [
                row(0, key=KEYS[0]),
                row(1, key="0X" + KEYS[1].upper()),
                row(2, address=ADDRESSES[2][2:].lower()),
            ]
        )
    )
    assert [wallet.address for wallet in load(csv_path)] == [a.lower() for a in ADDRESSES[:3]]


def test_empty_nickname_is_numbered(csv_path: Path) -> None:
    csv_path.write_text(f"{row(0)}\n{row(1, nickname='')}\n")
    assert load(csv_path)[1].nickname == "Wallet002"


@pytest.mark.parametrize(("limit", "taken"), [(1, 1), (10, 10), (12, 12), (99, 15)])
def test_limit_takes_the_first_rows_and_fewer_rows_are_fine(csv_path: Path, limit: int, taken: int) -> None:
    csv_path.write_text("\n".join(row(number) for number in range(15)))
    wallets = load(csv_path, limit)
    assert [wallet.nickname for wallet in wallets] == [f"w{number}" for number in range(taken)]


@pytest.mark.parametrize("limit", [0, -1])
def test_limit_below_one_is_refused(csv_path: Path, limit: int) -> None:
    csv_path.write_text(row(0))
    with pytest.raises(WalletsError, match="--wallets must be at least 1"):
        load(csv_path, limit)


BAD_ROWS = {
    "address of another key": (row(0, address=ADDRESSES[1]), "the address does not belong to the privateKey"),
    "short address": (row(0, address="0x1234"), "the address is not 0x plus 40 hexadecimal digits"),
    "no address": (row(0, address=""), "no address"),
    "short key": (row(0, key="0x" + KEYS[0][:-2]), "the privateKey is not 64 hexadecimal digits"),
    "long key": (row(0, key=KEYS[0] + "01"), "the privateKey is not 64 hexadecimal digits"),
    "key of letters": (row(0, key="z" * 64), "the privateKey is not 64 hexadecimal digits"),
    "no key": (row(0, key=""), "no privateKey"),
    "zero key": (row(0, key="00" * 32), "the privateKey is outside the curve's range"),
    "key above the curve": (row(0, key="ff" * 32), "the privateKey is outside the curve's range"),
    "two columns": (f"{ADDRESSES[0]},{KEYS[0]}", "2 column(s), expected 3"),
    "four columns": (row(0) + ",more", "4 column(s), expected 3"),
    "semicolons": (row(0).replace(",", ";"), "1 column(s), expected 3"),
    "open quote": ('"' + row(0), "unbalanced quotes"),
    "key as nickname": (row(0, nickname=KEYS[0]), "the nickname looks like a private key"),
    "escape in nickname": (row(0, nickname="a\x1b[31m"), "the nickname contains control characters"),
}


@pytest.mark.parametrize("name", sorted(BAD_ROWS))
def test_bad_row_is_named_with_line_and_reason(csv_path: Path, name: str) -> None:
    line, reason = BAD_ROWS[name]
    csv_path.write_text(f"{row(5)}\n# comment\n{line}\n{row(6)}\n")
    assert problem_of(csv_path).startswith(f"wallets.csv: line 3: {reason}")


def test_all_bad_rows_are_named_at_once_even_beyond_the_limit(csv_path: Path) -> None:
    bad = [line for line, _ in BAD_ROWS.values()]
    csv_path.write_text("\n".join([row(number) for number in range(1, 13)] + bad))
    text = problem_of(csv_path)
    assert [f"line {number}:" in text for number in range(1, 13)] == [False] * 12
    assert all(f"line {number}: {reason}" in text for number, (_, reason) in enumerate(BAD_ROWS.values(), start=13))


@pytest.mark.parametrize("again", [row(0), row(0, nickname="other", address=ADDRESSES[0].lower(), key=KEYS[0])])
def test_duplicate_wallet_is_refused(csv_path: Path, again: str) -> None:
    csv_path.write_text(f"{row(0)}\n{row(1)}\n{again}\n")
    assert "line 3: the same wallet as line 1" in problem_of(csv_path)


def test_same_address_with_another_key_is_refused(csv_path: Path) -> None:
    csv_path.write_text(f"{row(0)}\n{row(0, key=KEYS[1])}\n")
    assert "line 2: the address does not belong to the privateKey" in problem_of(csv_path)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("nickname,address", "the header lacks privateKey"),
        ("nickname,privateKey", "the header lacks address"),
        ("address,privateKey,Address", "the header contains address twice"),
    ],
)
def test_bad_header_is_named(csv_path: Path, header: str, reason: str) -> None:
    csv_path.write_text(f"{header}\n{row(0)}\n")
    assert f"line 1: {reason}" in problem_of(csv_path)


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    text = problem_of(tmp_path / "none.csv")
    assert "none.csv not found" in text
    assert "nickname,address,privateKey" in text
    assert "--csv" in text


def test_directory_in_place_of_the_file_is_one_clear_line(tmp_path: Path) -> None:
    assert "is not a regular file (a directory)" in problem_of(tmp_path)


@pytest.mark.parametrize("content", ["", "\n\n", "# only this\n", "nickname,address,privateKey\n"])
def test_file_without_wallets_is_refused(csv_path: Path, content: str) -> None:
    csv_path.write_text(content)
    assert "contains no wallets" in problem_of(csv_path)


def test_non_utf8_text_is_reported_by_its_line_and_kept_out_of_the_error(csv_path: Path) -> None:
    csv_path.write_bytes(f"{row(0)}\n".encode() + "café,".encode("latin-1") + row(1).encode())
    assert "line 2: not UTF-8 text" in problem_of(csv_path)
    with pytest.raises(WalletsError) as raised:
        load(csv_path)
    assert raised.value.__context__ is None


def test_utf16_from_a_spreadsheet_is_refused_in_one_line(csv_path: Path) -> None:
    csv_path.write_bytes(row(0).encode("utf-16"))
    assert "line 1: not UTF-8 text" in problem_of(csv_path)


@given(st.binary(max_size=300))
def test_any_bytes_raise_our_own_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(WalletsError):
        load(path)


@given(st.binary(min_size=32, max_size=32).filter(lambda raw: 0 < int.from_bytes(raw, "big") < 2**255))
def test_address_matches_eth_account(raw: bytes) -> None:
    assert address_of(SecretKey(raw)) == Account.from_key(raw).address.lower()


def test_public_wallet_has_no_key(csv_path: Path) -> None:
    csv_path.write_text(row(0))
    assert load(csv_path)[0].public(Role.TAKER) == FleetWallet(0, "w0", ADDRESSES[0].lower(), Role.TAKER)
