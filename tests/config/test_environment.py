"""The environment: nearest place first, all problems reported at once, malformed files still read."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.config.dotenv import parse_dotenv
from ama_tui.config.environment import Environment, environment_problems, load_environment
from ama_tui.domain.errors import ConfigError

REGISTRY = "0x" + "Ab" * 20
WHOLE = {
    "RPC_URL": "http://127.0.0.1:8545",
    "CHAIN_ID": "999",
    "SESSION_REGISTRY_ADDRESS": REGISTRY,
    "APP_URL": "http://127.0.0.1:3000",
}


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    directory = tmp_path / "work"
    directory.mkdir()
    return directory


def write_env(path: Path, **values: str) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def test_environment_variables_alone_are_enough(cwd: Path) -> None:
    found = load_environment(cwd, WHOLE)
    assert (found.rpc_url, found.chain_id, found.registry) == (WHOLE["RPC_URL"], 999, REGISTRY.lower())
    assert found.app_url == WHOLE["APP_URL"]
    assert set(found.sources.values()) == {"the environment"}


PLACES = ["the environment", ".env.local", ".env", "../.env.local", "../.env"]


@pytest.mark.parametrize("nearest", range(len(PLACES)))
@pytest.mark.parametrize("key", sorted(WHOLE))
def test_nearest_source_wins_for_each_name(cwd: Path, nearest: int, key: str) -> None:
    values = {
        "RPC_URL": "https://host{}/",
        "CHAIN_ID": "10{}",
        "SESSION_REGISTRY_ADDRESS": "0x" + "a{}" * 20,
        "APP_URL": "https://app{}",
    }
    environ = {name: value for name, value in WHOLE.items() if name != key}
    for number in range(nearest, len(PLACES)):
        value = values[key].replace("{}", str(number))
        if number == 0:
            environ[key] = value
        else:
            write_env(cwd / PLACES[number], **{key: value})
    found = load_environment(cwd, environ)
    assert found.sources[key] == PLACES[nearest]
    used = {
        "RPC_URL": found.rpc_url,
        "CHAIN_ID": str(found.chain_id),
        "SESSION_REGISTRY_ADDRESS": found.registry,
        "APP_URL": found.app_url,
    }
    assert used[key] == values[key].replace("{}", str(nearest)).rstrip("/")


@pytest.mark.parametrize(
    ("second_name", "first_name", "value"),
    [("RPC_URL_HYPEREVM", "RPC_URL", "https://other:1"), ("NEXT_PUBLIC_CHAIN_ID", "CHAIN_ID", "77")],
)
def test_second_name_replaces_a_missing_first(cwd: Path, second_name: str, first_name: str, value: str) -> None:
    environ = {name: text for name, text in WHOLE.items() if name != first_name} | {second_name: value}
    found = load_environment(cwd, environ)
    assert value in (found.rpc_url, str(found.chain_id))


def test_first_name_wins_over_the_second_in_the_same_source(cwd: Path) -> None:
    found = load_environment(cwd, WHOLE | {"RPC_URL_HYPEREVM": "https://other:1", "NEXT_PUBLIC_CHAIN_ID": "77"})
    assert (found.rpc_url, found.chain_id) == (WHOLE["RPC_URL"], 999)


def test_variable_under_its_second_name_wins_over_a_file(cwd: Path) -> None:
    write_env(cwd / ".env", CHAIN_ID="5")
    environ = {name: text for name, text in WHOLE.items() if name != "CHAIN_ID"} | {"NEXT_PUBLIC_CHAIN_ID": "77"}
    assert load_environment(cwd, environ).chain_id == 77


def test_app_url_has_a_default(cwd: Path) -> None:
    found = load_environment(cwd, {name: text for name, text in WHOLE.items() if name != "APP_URL"})
    assert (found.app_url, found.sources["APP_URL"]) == ("http://localhost:3000", "default")


def test_empty_value_counts_as_missing(cwd: Path) -> None:
    write_env(cwd / ".env", CHAIN_ID="5")
    assert load_environment(cwd, WHOLE | {"CHAIN_ID": " "}).chain_id == 5


def test_everything_missing_and_invalid_is_reported_at_once(cwd: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_environment(cwd, {"CHAIN_ID": "abc", "APP_URL": "localhost:3000"})
    assert raised.value.message == (
        'missing RPC_URL; CHAIN_ID is "abc", not a positive whole number (the environment); '
        "missing SESSION_REGISTRY_ADDRESS; APP_URL is not a URL like https://host:port/path (the environment)"
    )
    assert ".env.local" in raised.value.hint
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)


def test_problems_are_listed_one_by_one(cwd: Path) -> None:
    assert environment_problems(cwd, {}) == [
        "missing RPC_URL",
        "missing CHAIN_ID",
        "missing SESSION_REGISTRY_ADDRESS",
    ]
    assert environment_problems(cwd, WHOLE) == []


def test_nothing_is_raised_when_no_venue_is_needed(cwd: Path) -> None:
    found = load_environment(cwd, {"CHAIN_ID": "abc", "RPC_URL": "https://a"}, need_venue=False)
    assert (found.rpc_url, found.chain_id, found.registry) == ("https://a", 0, "")


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1e3", "0x3e7", "٣", "9" * 30, "1 2"])
def test_chain_id_that_is_not_a_positive_integer_is_refused(cwd: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"CHAIN_ID is .*not a positive whole number"):
        load_environment(cwd, WHOLE | {"CHAIN_ID": text})


@pytest.mark.parametrize("text", ["0x12", "0x" + "g" * 40, "11" * 20, "0x" + "00" * 20])
def test_registry_that_is_not_a_contract_address_is_refused(cwd: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="SESSION_REGISTRY_ADDRESS is"):
        load_environment(cwd, WHOLE | {"SESSION_REGISTRY_ADDRESS": text})


def test_private_key_under_a_wrong_name_is_not_repeated(cwd: Path) -> None:
    key = "0123456789abcdef" * 4
    with pytest.raises(ConfigError) as raised:
        load_environment(cwd, WHOLE | {"CHAIN_ID": key, "SESSION_REGISTRY_ADDRESS": key, "RPC_URL": key})
    assert not any(key[at : at + 16] in str(raised.value) for at in range(48))


def test_repr_masks_the_urls(cwd: Path) -> None:
    found = load_environment(cwd, WHOLE | {"RPC_URL": "https://user:hunter2@node.example/v2/0123456789abcdef"})
    assert "hunter2" not in repr(found)
    assert "0123456789abcdef" not in repr(found)
    assert isinstance(found, Environment)


@pytest.mark.parametrize(
    "odd",
    [
        'QUOTE="it never closes',
        "QUOTE='it's odd'",
        'QUOTE="a"b"',
        'NOTE="line\nA=1\nB="x"',
        "'QUOTE=1",
        'Q="\\"',
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_lines_around_malformed_quoting_are_read(
    cwd: Path, odd: str, first: bool, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    plain = "".join(f"{name}={value}\n" for name, value in WHOLE.items())
    (cwd / ".env").write_text(f"{odd}\n{plain}" if first else f"{plain}{odd}\n")
    found = load_environment(cwd, {})
    assert (found.rpc_url, found.chain_id) == (WHOLE["RPC_URL"], 999)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_unclosed_quote_is_reported_with_its_line(cwd: Path) -> None:
    (cwd / ".env").write_text('CHAIN_ID=999\nRPC_URL="http://a\n')
    assert environment_problems(cwd, {})[0] == "missing RPC_URL (.env line 2: its quotes do not close)"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=plain", "plain"),
        ("export NAME=plain", "plain"),
        ("NAME = spaced ", "spaced"),
        ('NAME="quoted # not a comment"', "quoted # not a comment"),
        ("NAME='single'", "single"),
        ("NAME=value # comment", "value"),
        ("NAME=a#b", "a#b"),
        ("NAME=", ""),
        ("NAME=it's", "it's"),
    ],
)
@pytest.mark.parametrize("odd", ["", 'ODD="\n'])
def test_lines_mean_the_same_in_valid_and_malformed_files(line: str, value: str, odd: str) -> None:
    assert parse_dotenv(f"{odd}{line}\n", {}).values["NAME"] == value


def test_references_to_other_variables_are_resolved() -> None:
    text = "KEY=k1\nRPC_URL=http://node/${KEY}\nAPP_URL=http://${HOST:-here}/\nODD='\nPLAIN=${KEY}\n"
    values = parse_dotenv(text, {"KEY": "real"}).values
    assert (values["RPC_URL"], values["APP_URL"], values["PLAIN"]) == (
        "http://node/real",
        "http://here/",
        "real",
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_file_with_byte_order_mark_or_other_newlines_is_read(cwd: Path, newline: str, mark: bytes) -> None:
    text = newline.join(f"{name}={value}" for name, value in WHOLE.items())
    (cwd / ".env").write_bytes(mark + text.encode())
    assert load_environment(cwd, {}).chain_id == 999


def test_file_that_is_not_utf8_still_yields_its_names(cwd: Path) -> None:
    (cwd / ".env").write_bytes(b"NOTE=caf\xe9\nCHAIN_ID=5\n")
    assert load_environment(cwd, {}, need_venue=False).chain_id == 5


def test_directory_named_like_the_file_is_skipped(cwd: Path) -> None:
    (cwd / ".env").mkdir()
    assert load_environment(cwd, WHOLE).chain_id == 999


def test_unreadable_file_is_named_with_what_is_missing(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_env(cwd / ".env", **WHOLE)

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "read_text", refuse)
    assert environment_problems(cwd, {})[0] == "missing RPC_URL (.env: Permission denied)"
    assert environment_problems(cwd, WHOLE) == []


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    values = parse_dotenv(text, {}).values
    assert all(isinstance(value, str) for value in values.values())


@given(st.text().filter(lambda odd: "CHAIN_ID" not in odd))
def test_valid_first_line_is_found_whatever_follows(odd: str) -> None:
    assert parse_dotenv(f"CHAIN_ID=999\n{odd}", {}).values["CHAIN_ID"] == "999"


@pytest.mark.parametrize("name", ["RPC_URL", "APP_URL"])
def test_plain_http_to_another_machine_is_refused_without_repeating_the_url(cwd: Path, name: str) -> None:
    environ = WHOLE | {name: "http://node.example.com/v2/s3cretkey0123456789"}
    with pytest.raises(ConfigError) as refused:
        load_environment(cwd, environ)
    expected = f"{name} is plain http to another machine: use https, or add --insecure-http (the environment)"
    assert str(refused.value).startswith(expected)
    assert "s3cret" not in str(refused.value)
    assert environment_problems(cwd, environ) == [expected]


@pytest.mark.parametrize("name", ["RPC_URL", "APP_URL"])
def test_allowed_plain_http_to_another_machine_is_a_warning(cwd: Path, name: str) -> None:
    environ = WHOLE | {name: "http://node.example.com/v2/s3cretkey0123456789"}
    found = load_environment(cwd, environ, insecure_http=True)
    assert environment_problems(cwd, environ, insecure_http=True) == []
    (warning,) = found.warnings
    assert warning.startswith(f"{name} http://node.example.com/v2/… is not encrypted: ")


def test_plain_http_to_this_machine_is_neither_refused_nor_warned_about(cwd: Path) -> None:
    assert load_environment(cwd, WHOLE).warnings == ()


def test_text_of_an_unparsable_line_is_not_kept() -> None:
    file = parse_dotenv('A="x\nhunter two secret phrase\nB=1', {})
    assert "phrase" not in repr(file)
    assert file.values == {"B": "1"}
