"""Where the password of a vault or keystore comes from, and what is reported when it is wrong or missing."""

from __future__ import annotations

import signal
from pathlib import Path

import keyring
import pytest

from ama_tui.keys.keystore import keystore_of
from ama_tui.keys.password import KEYRING_SERVICE
from ama_tui.keys.wallet_key import new_wallets
from tests.cli.terminal import Terminal
from tests.cli.wallets.fleet import FLEET, PASSWORD, Ama, MemoryKeyring, opened
from tests.e2e.operator import Operator

# ---- where the password comes from ----


def test_vault_is_the_default_without_a_csv(here: Operator, ama: Ama, vault: Path, password_file: Path) -> None:
    assert ama("wallets", "check").out.endswith("wallets.csv: CSV, 3 wallets, permissions OK\n")
    here.wallets_file.rename(here.directory / "old.csv")
    assert ama("wallets", "check").out.endswith("wallets.vault: vault, 3 wallets, permissions OK\n")


def test_missing_password_is_reported_in_one_line_when_there_is_no_terminal(
    here: Operator, ama: Ama, vault: Path
) -> None:
    problem = (
        "wallets.vault needs a password, but there is no terminal to ask on: save it in a file (chmod 600) and "
        "set AMA_VAULT_PASSWORD_FILE to its path, or use the OS keyring"
    )
    assert ama("wallets", "check", "--csv", "wallets.vault").refusal(2) == problem
    assert ama("run", "--headless", "--csv", "wallets.vault").refusal(2).endswith(problem)  # and there is no venue
    here.write(".env", "RPC_URL=http://127.0.0.1:9\nCHAIN_ID=1\nSESSION_REGISTRY_ADDRESS=0x" + "12" * 20 + "\n")
    assert ama("cancel-all", "--market", "X", "--csv", "wallets.vault").refusal(2) == problem


def test_wrong_password_from_a_file_names_the_file(ama: Ama, vault: Path, password_file: Path) -> None:
    password_file.write_text("not that one, no")
    line = ama("wallets", "check", "--vault", "wallets.vault").refusal(2)
    assert line == f"wrong password for wallets.vault: the password came from the file {password_file}"


def test_password_file_follows_the_rules_of_the_wallets_file(ama: Ama, vault: Path, password_file: Path) -> None:
    check = ("wallets", "check", "--vault", "wallets.vault")
    for content, words in ((b"\xff\xfe", "is not UTF-8 text"), (b"", "is empty")):
        password_file.write_bytes(content)
        assert words in ama(*check).refusal(2)
    password_file.chmod(0o640)
    for arguments in (check, (*check, "--insecure-permissions")):
        assert ama(*arguments).refusal(2).endswith(f"(mode 0640): chmod 600 {password_file}")
    password_file.unlink()
    assert ama(*check).refusal(2).startswith(f"password file {password_file} not found")


def test_keyring_entry_is_looked_up_by_the_vaults_full_path(here: Operator, ama: Ama, vault: Path) -> None:
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    backend.set_password(KEYRING_SERVICE, str(vault.resolve()), PASSWORD)
    assert ama("wallets", "check", "--vault", "wallets.vault").code == 0
    backend.set_password(KEYRING_SERVICE, str(vault.resolve()), "not that one, no")
    line = ama("wallets", "check", "--vault", "wallets.vault").refusal(2)
    assert line == "wrong password for wallets.vault: the password came from the OS keyring"
    backend.is_locked = True
    assert "there is no terminal to ask on" in ama("wallets", "check", "--vault", "wallets.vault").refusal(2)


def test_insecure_permissions_are_overridden_with_a_loud_warning(here: Operator, ama: Ama) -> None:
    here.wallets_file.chmod(0o644)
    problem = "wallets file wallets.csv can be read by its group and others (mode 0644): chmod 600 wallets.csv"
    refused, overridden = ama("run", "--headless"), ama("run", "--headless", "--insecure-permissions")
    assert problem in refused.refusal(2)
    warning, line = overridden.err.splitlines()
    assert warning == f"WARNING: --insecure-permissions: {problem}"
    assert line.startswith("ama-tui: missing RPC_URL")
    assert "wallets" not in line


# ---- on a terminal ----


def test_typed_password_is_hidden_and_may_be_wrong_twice(here: Operator, vault: Path) -> None:
    with Terminal(here.directory, "wallets", "check", "--vault", "wallets.vault") as terminal:
        terminal.answers("Password for wallets.vault: ", "not that one")
        terminal.until("wrong password for wallets.vault: 2 more tries")
        terminal.answers("Password for wallets.vault: ", "")
        terminal.until("wrong password for wallets.vault: 1 more try")
        terminal.answers("Password for wallets.vault: ", PASSWORD)
        terminal.until("wallets.vault: vault, 3 wallets, permissions OK")
        assert terminal.end() == 0
    here.assert_no_key_in(terminal.shown, "the terminal")
    assert PASSWORD not in terminal.shown
    assert "not that one" not in terminal.shown


@pytest.mark.parametrize("command", [("wallets", "check"), ("run",)])
def test_third_wrong_password_is_the_last(here: Operator, vault: Path, command: tuple[str, ...]) -> None:
    with Terminal(here.directory, *command, "--csv", "wallets.vault") as terminal:
        for _ in range(3):
            terminal.answers("Password for wallets.vault: ", "not that one")
        terminal.until("ama-tui: wrong password for wallets.vault: enter the password used to seal it")
        assert terminal.end() == 2
    assert "Traceback" not in terminal.shown


def test_dashboard_asks_for_the_password_before_it_takes_the_screen(here: Operator, vault: Path) -> None:
    with Terminal(here.directory, "--csv", "wallets.vault") as terminal:
        terminal.answers("Password for wallets.vault: ", PASSWORD)
        terminal.until("\x1b[?1049h")  # the alternate screen, which the dashboard paints on
        assert "\x1b[?1049h" not in terminal.shown.partition("Password for")[0]
        terminal.until("CHAIN_ID")  # the venue is missing, not the wallets
        assert terminal.end(signal.SIGTERM) == 2
    assert terminal.shown.count("Password for") == 1
    assert "needs a password" not in terminal.shown


def test_interrupt_at_the_password_prompt_exits_quietly(here: Operator, vault: Path) -> None:
    with Terminal(here.directory, "wallets", "check", "--vault", "wallets.vault") as terminal:
        terminal.until("Password for wallets.vault: ")
        terminal.interrupt()
        assert terminal.end() == 130
    assert "Traceback" not in terminal.shown


def test_new_password_is_asked_for_twice_and_must_be_long_and_match(here: Operator) -> None:
    with Terminal(here.directory, "wallets", "seal") as terminal:
        terminal.answers("New password for wallets.vault: ", "short")
        terminal.until("a new password needs at least 12 characters")
        terminal.answers("New password for wallets.vault: ", PASSWORD)
        terminal.answers("Repeat the password: ", PASSWORD + "!")
        terminal.until("the passwords do not match")
        terminal.answers("New password for wallets.vault: ", PASSWORD)
        terminal.answers("Repeat the password: ", PASSWORD)
        terminal.until("and verified it")
        assert terminal.end() == 0
    assert PASSWORD not in terminal.shown
    here.assert_no_key_in(terminal.shown, "the terminal")
    assert opened(here.directory / "wallets.vault") == FLEET


def test_missing_new_password_writes_nothing(here: Operator) -> None:
    with Terminal(here.directory, "wallets", "seal") as terminal:
        for _ in range(3):
            terminal.answers("New password for wallets.vault: ", "")
        terminal.until("ama-tui: no password for wallets.vault: nothing was written")
        assert terminal.end() == 2
    assert not (here.directory / "wallets.vault").exists()


def test_keystores_with_the_same_password_ask_once(here: Operator, keystores: list[str]) -> None:
    here.write("odd.json", keystore_of(new_wallets(1)[0], "another horse", n=2).decode())
    files = [keystores[0], keystores[1], "odd.json"]
    with Terminal(here.directory, "wallets", "import", *files, "--csv", "again.csv") as terminal:
        terminal.answers("Password for Wallet001.json: ", PASSWORD)
        terminal.answers("Password for odd.json: ", "another horse")
        terminal.until("wrote 3 wallets to again.csv")
        assert terminal.end() == 0
    assert terminal.shown.count("Password for") == 2
    assert len(opened(here.directory / "again.csv")) == 3
