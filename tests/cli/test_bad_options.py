"""Unusable options on the command line, in the environment or in a file: one line, exit code 2, nothing changed."""

from __future__ import annotations

import pytest

from tests.cli.conftest import RUN, Ama, StoredRun
from tests.e2e.operator import Operator

HEADLESS = ("run", "--headless", "--market", "LINK-USD")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--until", "soon"), ("--until is 'soon'", "'packed' or a time such as 30s")),
        (("run", "--until", "-5s"), ("--until is '-5s'", "'packed' or a time such as 30s")),
        (("run", "--until", ""), ("--until is ''", "'packed' or a time such as 30s")),
        ((*HEADLESS, "--wallets", "0"), ("--wallets is 0, but must be at least 1",)),
        ((*HEADLESS, "--wallets", "ten"), ("'--wallets'", "'ten' is not a valid integer", "see 'ama-tui run --help'")),
        (("demo", "--headless", "--wallets", "0"), ("--wallets is 0, but must be at least 1",)),
        (("venue", "--wallets", "0"), ("'--wallets'", "see 'ama-tui venue --help'")),
        (
            (*HEADLESS, "--strategy", "martingale"),
            ("--strategy is 'martingale'", "installed are packer"),
        ),
        ((*HEADLESS, "--session-hours", "0.05"), ("--session-hours is 0.05, but must be 0.1…168",)),
        ((*HEADLESS, "--rules", "odd"), ("'--rules'", "'even'", "'original'", "see 'ama-tui run --help'")),
        ((*HEADLESS, "--bogus"), ("--bogus", "see 'ama-tui run --help'")),
        (("run", "--wallets", "1", "--wallets", "2"), ("--wallets is given 2 times",)),
        ((*HEADLESS, "--resume", "--fresh"), ("--resume/--fresh is given 2 times",)),
        (("doctor", "--market", "A", "--market", "B"), ("--market is given 2 times", "see 'ama-tui doctor --help'")),
        (("venue", "--seed", "1", "--seed", "2"), ("--seed is given 2 times",)),
        (("journal", "verify", "--json", "--json", "x"), ("--json is given 2 times", "journal verify --help")),
        (("wallets", "new", "--count", "1", "--count", "2", "x.csv"), ("--count is given 2 times",)),
        (("--state-dir", "a", "--state-dir", "b"), ("--state-dir is given 2 times",)),
        (("--market", "X", "run"), ("--market must come after the command", "ama-tui run --market")),
        (
            (*HEADLESS, "--max-utilization", "7", "--size-min", "3", "--size-max", "1"),
            ("--max-utilization is 7", "0.02…0.9", "--size-min (3) must not be above --size-max (1)"),
        ),
        (
            (*HEADLESS, "--min-distance-ticks", "200"),
            ("--min-distance-ticks (200) must not be above --max-distance-ticks (120)",),
        ),
        ((*HEADLESS, "--config", "nowhere.toml"), ("nowhere.toml not found",)),
        ((*HEADLESS, "--state-dir", "wallets.csv"), ("--state-dir", "wallets.csv", "is a file")),
        ((*HEADLESS, "--state-dir", "wallets.csv/state"), ("wallets.csv/state", "--state-dir")),
        ((), ("the dashboard needs a terminal", "--headless")),
        (("run",), ("the dashboard needs a terminal", "--headless")),
        (("demo",), ("the dashboard needs a terminal", "--headless")),
    ],
    ids=lambda value: " ".join(value)[-50:] if isinstance(value, tuple) else None,
)
def test_bad_option_is_refused_in_one_line(ama_here: Ama, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    line = ama_here(*arguments).refusal(2)
    for word in words:
        assert word in line


def test_bad_option_is_refused_when_run_as_a_process_too(stored_run: StoredRun) -> None:
    operator = stored_run.operator
    for arguments in ((*HEADLESS, "--wallets", "0"), ("run", "--until", "soon"), ("run",)):
        assert operator.ama(*arguments).refusal(2)
    stored_run.assert_untouched()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("market = \n", ("not TOML", "line 1")),
        ('markt = "LINK-USD"\nsize = 3\n', ("unknown key markt (did you mean market?)", "unknown key size")),
        ("sizeMin = -1\n", ("sizeMin is -1", "above 0", "config file")),
        ("sessionHours = 1000\n", ("sessionHours is 1000, but must be 0.1…168 (config file)",)),
        ('wallets = "all"\n', ("wallets must be a number (config file)",)),
    ],
)
def test_bad_config_file_is_refused_in_one_line(
    stored_run: StoredRun, ama_here: Ama, text: str, words: tuple[str, ...]
) -> None:
    stored_run.operator.write("run.toml", text)
    line = ama_here(*HEADLESS, "--config", "run.toml").refusal(2)
    for word in words:
        assert word in line


def test_all_missing_settings_are_named_at_once(stored_run: StoredRun) -> None:
    operator = stored_run.operator
    (operator.directory / ".env").unlink()
    operator.wallets_file.unlink()
    line = operator.ama(*RUN).refusal(2)
    for word in ("missing RPC_URL", "missing CHAIN_ID", "missing SESSION_REGISTRY_ADDRESS", ".env.example"):
        assert word in line
    assert "wallets file wallets.csv not found" in line
    assert "missing RPC_URL" in operator.ama("markets").refusal(2)
    stored_run.assert_untouched()


def test_all_invalid_environment_settings_are_named_at_once(stored_run: StoredRun, ama_here: Ama) -> None:
    stored_run.operator.set_env(
        RPC_URL="localhost", CHAIN_ID="main", SESSION_REGISTRY_ADDRESS="0x12", APP_URL="ftp://a"
    )
    line = ama_here(*RUN).refusal(2)
    for name in ("RPC_URL", "CHAIN_ID", "SESSION_REGISTRY_ADDRESS", "APP_URL"):
        assert name in line


def test_environment_variables_override_the_env_file(stored_run: StoredRun) -> None:
    operator = stored_run.operator
    line = operator.ama(*RUN, environ={"SESSION_REGISTRY_ADDRESS": "nonsense"}).refusal(2)
    assert "SESSION_REGISTRY_ADDRESS" in line
    assert "(the environment)" in line
    stored_run.assert_untouched()


def test_missing_wallets_file_is_reported_with_its_columns(stored_run: StoredRun) -> None:
    operator = stored_run.operator
    operator.wallets_file.unlink()
    line = operator.ama(*RUN).refusal(2)
    assert line.startswith("wallets file wallets.csv not found")
    assert "nickname,address,privateKey" in line
    assert "--csv" in line
    assert "fleet.csv not found" in operator.ama(*RUN, "--csv", "fleet.csv").refusal(2)
    stored_run.assert_untouched()


def test_bad_rows_of_the_wallets_file_are_named_by_line_and_never_by_key(stored_run: StoredRun) -> None:
    operator = stored_run.operator
    header, first, second, *_ = operator.wallets_file.read_text().splitlines()
    key = second.split(",")[2]
    rows = [header, first, first, f"Short,{second.split(',')[1]},{key[:-4]}", f"Other,{first.split(',')[1]},{key}"]
    bad = operator.write("bad.csv", "\n".join(rows) + "\n")
    line = operator.ama(*RUN, "--csv", bad.name).refusal(2)
    assert "line 3: the same wallet as line 2" in line
    assert "line 4: the privateKey is not 64 hexadecimal digits" in line
    assert "line 5: the address does not belong to the privateKey" in line
    stored_run.assert_untouched()


def test_unwritable_directory_for_a_venue_is_named(operator: Operator) -> None:
    line = operator.ama("venue", "--write", "wallets.csv/venue").refusal(2)
    assert line == "wallets.csv/venue cannot be written to (Not a directory): choose another directory with --write"


def test_missing_node_program_is_named(operator: Operator) -> None:
    around = {"PATH": "/nonexistent"}
    for command in (("venue", "--node", "anvil"), ("demo", "--headless", "--until", "packed", "--node", "anvil")):
        assert "anvil" in operator.ama(*command, environ=around).refusal(3)
