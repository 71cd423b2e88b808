"""`ama-tui wallets`: files that only their owner reads, keys that nobody sees, nothing written over."""

from __future__ import annotations

import signal
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.null import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from ama_tui.cli.main import main
from ama_tui.config import keystore as keystore_files
from ama_tui.config import wallets_writing
from ama_tui.config.keystore import keystore_of
from ama_tui.config.password import FILE_VARIABLE, KEYRING_SERVICE
from ama_tui.config.scrypt import ScryptCost
from ama_tui.config.vault import seal
from ama_tui.config.wallets import WalletKey, csv_of, new_wallets
from ama_tui.config.wallets_source import WalletsSource, open_wallets
from ama_tui.config.wallets_writing import write_vault
from tests.cli.terminal import Terminal
from tests.e2e.operator import VENUE_NAMES, Finished, Operator

PASSWORD = "correct horse battery"
QUICK = ScryptCost(n=2)
FLEET = new_wallets(3)


class MemoryKeyring(KeyringBackend):
    """A keyring for one test. `is_locked` refuses every question."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.passwords: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise KeyringLocked("locked")
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.passwords[service, username]


Ama = Callable[..., Finished]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """An operator without venue and password, with FLEET in wallets.csv; the program runs in this process."""
    operator = Operator(tmp_path / "here")
    operator.write("wallets.csv", csv_of(FLEET).decode())
    monkeypatch.chdir(operator.directory)
    for name in (*VENUE_NAMES, FILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    keyring.set_keyring(NoKeyring())
    yield operator
    operator.end()


@pytest.fixture
def ama(here: Operator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ama:
    """Runs the program; nothing that it says may hold any part of a key, nor the password. It encrypts cheaply."""
    monkeypatch.setattr(wallets_writing, "write_vault", partial(write_vault, cost=QUICK))
    monkeypatch.setattr(keystore_files, "keystore_of", partial(keystore_of, n=2))

    def ama(*arguments: str) -> Finished:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert isinstance(ended.value.code, int)
        said = capsys.readouterr()
        here.assert_no_key_in(said.out + said.err, "what it said")
        assert PASSWORD not in said.out + said.err
        return Finished(ended.value.code, said.out, said.err, 0.0)

    return ama


@pytest.fixture
def password_file(here: Operator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the password, named as a service does it."""
    path = here.write("password", PASSWORD + "\n")
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    return path


@pytest.fixture
def vault(here: Operator) -> Path:
    """FLEET in wallets.vault."""
    path = here.write("wallets.vault", "")
    path.write_bytes(seal(csv_of(FLEET), PASSWORD, QUICK))
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def opened(path: Path) -> tuple[WalletKey, ...]:
    return open_wallets(WalletsSource(path, ask_password=lambda: PASSWORD), 100)


def listed(wallets: tuple[WalletKey, ...]) -> str:
    return "".join(f"{wallet.nickname}  {wallet.address}\n" for wallet in wallets)


# ---- new ----


def test_new_makes_as_many_wallets_as_asked_and_prints_their_addresses_only(here: Operator, ama: Ama) -> None:
    made = ama("wallets", "new", "-n", "4", "--csv", "fresh.csv")
    assert made.code == 0
    wallets = opened(here.directory / "fresh.csv")
    assert made.out == listed(wallets)
    assert [wallet.nickname for wallet in wallets] == ["Wallet001", "Wallet002", "Wallet003", "Wallet004"]
    assert mode(here.directory / "fresh.csv") == 0o600
    for wallet in wallets:
        assert wallet.key.hex()[2:18] not in made.out + made.err
    assert made.err.startswith("wrote 4 wallets to fresh.csv, unencrypted")


def test_new_fleet_may_be_born_in_a_vault(here: Operator, ama: Ama, password_file: Path) -> None:
    made = ama("wallets", "new", "-n", "2", "--vault", "fresh.vault")
    assert made.err == "wrote 2 wallets to fresh.vault, opened again to be sure\n"
    assert made.out == listed(opened(here.directory / "fresh.vault"))
    assert sorted(path.name for path in here.directory.iterdir()) == ["fresh.vault", "password", "wallets.csv"]


def test_nothing_is_ever_written_over(here: Operator, ama: Ama, vault: Path, password_file: Path) -> None:
    before = {path.name: path.read_bytes() for path in here.directory.iterdir()}
    hint = "name another file, or move it away: nothing is written over"
    for arguments, name in (
        (("new", "-n", "1"), "wallets.csv"),
        (("new", "-n", "1", "--vault", "wallets.vault"), "wallets.vault"),
        (("seal",), "wallets.vault"),
        (("unseal",), "wallets.csv"),
    ):
        assert ama("wallets", *arguments).refusal(2) == f"{name} exists already: {hint}"
    assert {path.name: path.read_bytes() for path in here.directory.iterdir()} == before


def test_link_to_nowhere_is_not_written_through(here: Operator, ama: Ama) -> None:
    (here.directory / "link.csv").symlink_to("elsewhere.csv")
    assert "exists already" in ama("wallets", "new", "-n", "1", "--csv", "link.csv").refusal(2)
    assert not (here.directory / "elsewhere.csv").exists()


def test_place_that_cannot_be_written_is_named(ama: Ama) -> None:
    line = ama("wallets", "new", "-n", "1", "--csv", "none/fresh.csv").refusal(2)
    assert line == "none/fresh.csv cannot be written (No such file or directory): name another place"


def test_two_places_to_write_to_are_refused(ama: Ama) -> None:
    line = ama("wallets", "new", "-n", "1", "--csv", "a.csv", "--vault", "a.vault").refusal(2)
    assert line.startswith("--csv and --vault both say where to: name one")


# ---- check ----


def test_check_says_what_the_file_is_and_lists_the_addresses(ama: Ama) -> None:
    checked = ama("wallets", "check")
    assert checked.code == 0
    assert checked.out == listed(FLEET) + "wallets.csv: CSV, 3 wallets, permissions right\n"


def test_check_opens_a_vault_and_a_keystore_too(here: Operator, ama: Ama, vault: Path, password_file: Path) -> None:
    here.write("key.json", keystore_of(FLEET[0], PASSWORD, n=2).decode())
    assert ama("wallets", "check", "--vault", "wallets.vault").out == (
        listed(FLEET) + "wallets.vault: vault, 3 wallets, permissions right\n"
    )
    assert ama("wallets", "check", "--csv", "key.json").out == (
        listed(FLEET[:1]) + "key.json: keystore, 1 wallet, permissions right\n"
    )


def test_check_names_the_permissions_and_every_bad_row(here: Operator, ama: Ama) -> None:
    here.wallets_file.write_bytes(csv_of(FLEET) + b"a,0x12,34\nb,,\n")
    here.wallets_file.chmod(0o644)
    checked = ama("wallets", "check")
    assert (checked.code, checked.out) == (2, "")
    permissions, rows = checked.err.splitlines()
    assert permissions.endswith("can be read by its group and others (mode 0644): chmod 600 wallets.csv")
    assert "line 5: the address is not" in rows
    assert "line 6: no address" in rows


def test_check_of_a_vault_that_others_can_read_still_looks_into_it(ama: Ama, vault: Path, password_file: Path) -> None:
    vault.chmod(0o640)
    checked = ama("wallets", "check", "--vault", "wallets.vault")
    assert checked.code == 2
    assert checked.out == listed(FLEET)
    assert "chmod 600 wallets.vault" in checked.err
    assert len(checked.err.splitlines()) == 1


def test_check_of_what_is_not_there_says_how_to_make_it(ama: Ama) -> None:
    line = ama("wallets", "check", "--csv", "none.csv").refusal(2)
    assert line.startswith("wallets file none.csv not found: make one with `ama-tui wallets new`")


# ---- seal and unseal ----


def test_sealed_and_unsealed_is_the_same_fleet_in_the_same_order(here: Operator, ama: Ama, password_file: Path) -> None:
    sealed = ama("wallets", "seal")
    assert (sealed.code, sealed.out) == (0, listed(FLEET))
    assert mode(here.directory / "wallets.vault") == 0o600
    written, left, erasing = sealed.err.splitlines()
    assert written == "wrote 3 wallets to wallets.vault, opened again to be sure"
    assert left.startswith("wallets.csv still holds the keys")
    assert erasing.startswith("deleting is not erasing")
    assert here.wallets_file.read_bytes() == csv_of(FLEET)
    assert ama("wallets", "unseal", "--csv", "again.csv").code == 0
    assert (here.directory / "again.csv").read_bytes() == csv_of(FLEET)
    assert mode(here.directory / "again.csv") == 0o600


def test_remove_deletes_the_csv_once_the_vault_is_proven(here: Operator, ama: Ama, password_file: Path) -> None:
    sealed = ama("wallets", "seal", "--remove")
    assert not here.wallets_file.exists()
    assert "deleted wallets.csv" in sealed.err
    assert "deleting is not erasing" in sealed.err
    assert opened(here.directory / "wallets.vault") == FLEET


def test_vault_that_the_disk_spoils_is_told_and_the_csv_stays(
    here: Operator, ama: Ama, password_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = wallets_writing.write_new_file
    monkeypatch.setattr(wallets_writing, "write_new_file", lambda path, data: written(path, data[:-1] + b"\0"))
    assert "wallets.vault is damaged" in ama("wallets", "seal", "--remove").refusal(2)
    assert here.wallets_file.read_bytes() == csv_of(FLEET)


def test_remove_does_not_take_a_link_for_the_file(here: Operator, ama: Ama, password_file: Path) -> None:
    here.wallets_file.rename(here.directory / "real.csv")
    here.wallets_file.symlink_to("real.csv")
    assert "is a link" in ama("wallets", "seal", "--remove").refusal(2)
    assert not (here.directory / "wallets.vault").exists()


@pytest.mark.parametrize("password", ["short", ""])
def test_password_that_is_too_short_seals_nothing(here: Operator, ama: Ama, password_file: Path, password: str) -> None:
    password_file.write_text(password + "\n")
    line = ama("wallets", "seal").refusal(2)
    assert (
        "at least 12 characters" in line
        if password
        else line == f"password file {password_file} is empty: " + ("write the password into it")
    )
    assert not (here.directory / "wallets.vault").exists()


def test_without_a_password_and_a_terminal_nothing_is_sealed(here: Operator, ama: Ama) -> None:
    line = ama("wallets", "seal").refusal(2)
    assert line.startswith("wallets.vault needs a password: name a file that holds it (chmod 600) in AMA_VAULT")
    assert not (here.directory / "wallets.vault").exists()


def test_what_is_no_vault_is_not_unsealed(ama: Ama, password_file: Path) -> None:
    line = ama("wallets", "unseal", "--vault", "wallets.csv", "--csv", "again.csv").refusal(2)
    assert line == "wallets.csv is not a vault: see `ama-tui wallets --help`"


# ---- keystores ----


def test_exported_and_imported_is_the_same_fleet(here: Operator, ama: Ama, password_file: Path) -> None:
    here.wallets_file.write_bytes(csv_of(FLEET[:1]))
    exported = ama("wallets", "export", "--dir", "keys", "--password-file", "password")
    path = Path("keys") / f"001-{FLEET[0].address}.json"
    assert (exported.code, exported.out) == (0, f"{path}\n")
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert "exists already" in ama("wallets", "export", "--dir", "keys", "--password-file", "password").refusal(2)
    imported = ama("wallets", "import", str(path), "--vault", "again.vault", "--password-file", "password")
    assert imported.code == 0
    assert opened(here.directory / "again.vault") == FLEET[:1]


@pytest.fixture
def keystores(here: Operator) -> list[str]:
    """FLEET as keystore files, cheap to open."""
    for wallet in FLEET:
        here.write(f"{wallet.nickname}.json", keystore_of(wallet, PASSWORD, n=2).decode())
    return [f"{wallet.nickname}.json" for wallet in FLEET]


def test_import_keeps_the_order_in_which_files_are_named(
    here: Operator, ama: Ama, keystores: list[str], password_file: Path
) -> None:
    ama("wallets", "import", *reversed(keystores), "--csv", "again.csv", "--password-file", "password")
    wallets = opened(here.directory / "again.csv")
    assert [(wallet.nickname, wallet.key) for wallet in wallets] == [(one.nickname, one.key) for one in FLEET[::-1]]


def test_import_of_one_wallet_twice_is_refused(ama: Ama, keystores: list[str], password_file: Path) -> None:
    again = ("import", keystores[0], keystores[1], keystores[0], "--csv", "again.csv", "--password-file", "password")
    refused = ama("wallets", *again)
    assert refused.code == 2
    assert refused.err.endswith("ama-tui: Wallet001.json is the same wallet as Wallet001.json: name it once\n")
    assert not Path("again.csv").exists()


def test_import_refuses_a_wrong_password_and_a_keystore_that_others_can_read(
    here: Operator, ama: Ama, keystores: list[str]
) -> None:
    here.write("other", "not that one, no")
    line = ama("wallets", "import", keystores[0], "--csv", "again.csv", "--password-file", "other").refusal(2)
    assert line.startswith("wrong password for Wallet001.json, or its content was changed")
    assert "--password-file" in ama("wallets", "import", keystores[0], "--csv", "again.csv").refusal(2)
    Path(keystores[0]).chmod(0o644)
    line = ama("wallets", "import", keystores[0], "--csv", "again.csv", "--password-file", "other").refusal(2)
    assert line.endswith("chmod 600 Wallet001.json")


# ---- where the password comes from ----


def test_vault_is_the_default_where_there_is_no_csv(here: Operator, ama: Ama, vault: Path, password_file: Path) -> None:
    assert ama("wallets", "check").out.endswith("wallets.csv: CSV, 3 wallets, permissions right\n")
    here.wallets_file.rename(here.directory / "old.csv")
    assert ama("wallets", "check").out.endswith("wallets.vault: vault, 3 wallets, permissions right\n")


def test_vault_without_a_password_is_one_line_wherever_nobody_can_be_asked(
    here: Operator, ama: Ama, vault: Path
) -> None:
    problem = (
        "wallets.vault needs its password, and there is no terminal to ask on: put it into a file (chmod 600) and "
        "name that in AMA_VAULT_PASSWORD_FILE, or into the OS keyring"
    )
    assert ama("wallets", "check", "--csv", "wallets.vault").refusal(2) == problem
    assert ama("run", "--headless", "--csv", "wallets.vault").refusal(2).endswith(problem)  # and there is no venue
    here.write(".env", "RPC_URL=http://127.0.0.1:9\nCHAIN_ID=1\nSESSION_REGISTRY_ADDRESS=0x" + "12" * 20 + "\n")
    assert ama("cancel-all", "--market", "X", "--csv", "wallets.vault").refusal(2) == problem


def test_wrong_password_of_the_file_names_the_file(ama: Ama, vault: Path, password_file: Path) -> None:
    password_file.write_text("not that one, no")
    line = ama("wallets", "check", "--vault", "wallets.vault").refusal(2)
    assert line == f"wrong password for wallets.vault: it was that of the file {password_file}"


def test_password_file_is_under_the_rules_of_the_wallets_file(ama: Ama, vault: Path, password_file: Path) -> None:
    check = ("wallets", "check", "--vault", "wallets.vault")
    for content, words in ((b"\xff\xfe", "is not UTF-8 text"), (b"", "is empty")):
        password_file.write_bytes(content)
        assert words in ama(*check).refusal(2)
    password_file.chmod(0o640)
    for arguments in (check, (*check, "--insecure-permissions")):
        assert ama(*arguments).refusal(2).endswith(f"(mode 0640): chmod 600 {password_file}")
    password_file.unlink()
    assert ama(*check).refusal(2).startswith(f"password file {password_file} not found")


def test_keyring_is_asked_for_the_vault_by_its_full_path(here: Operator, ama: Ama, vault: Path) -> None:
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    backend.set_password(KEYRING_SERVICE, str(vault.resolve()), PASSWORD)
    assert ama("wallets", "check", "--vault", "wallets.vault").code == 0
    backend.set_password(KEYRING_SERVICE, str(vault.resolve()), "not that one, no")
    line = ama("wallets", "check", "--vault", "wallets.vault").refusal(2)
    assert line == "wrong password for wallets.vault: it was that of the OS keyring"
    backend.is_locked = True
    assert "there is no terminal to ask on" in ama("wallets", "check", "--vault", "wallets.vault").refusal(2)


def test_insecure_permissions_are_overridden_loudly(here: Operator, ama: Ama) -> None:
    here.wallets_file.chmod(0o644)
    problem = "wallets file wallets.csv can be read by its group and others (mode 0644): chmod 600 wallets.csv"
    refused, overridden = ama("run", "--headless"), ama("run", "--headless", "--insecure-permissions")
    assert problem in refused.refusal(2)
    warning, line = overridden.err.splitlines()
    assert warning == f"WARNING: --insecure-permissions: {problem}"
    assert line.startswith("ama-tui: missing RPC_URL")
    assert "wallets" not in line


# ---- on a terminal ----


def test_password_is_typed_unseen_and_may_be_wrong_twice(here: Operator, vault: Path) -> None:
    with Terminal(here.directory, "wallets", "check", "--vault", "wallets.vault") as terminal:
        terminal.answers("Password of wallets.vault: ", "not that one")
        terminal.until("wrong password for wallets.vault: 2 more tries")
        terminal.answers("Password of wallets.vault: ", "")
        terminal.until("wrong password for wallets.vault: 1 more try")
        terminal.answers("Password of wallets.vault: ", PASSWORD)
        terminal.until("wallets.vault: vault, 3 wallets, permissions right")
        assert terminal.end() == 0
    here.assert_no_key_in(terminal.shown, "the terminal")
    assert PASSWORD not in terminal.shown
    assert "not that one" not in terminal.shown


@pytest.mark.parametrize("command", [("wallets", "check"), ("run",)])
def test_third_wrong_password_is_the_last(here: Operator, vault: Path, command: tuple[str, ...]) -> None:
    with Terminal(here.directory, *command, "--csv", "wallets.vault") as terminal:
        for _ in range(3):
            terminal.answers("Password of wallets.vault: ", "not that one")
        terminal.until("ama-tui: wrong password for wallets.vault: type the one that it was sealed with")
        assert terminal.end() == 2
    assert "Traceback" not in terminal.shown


def test_dashboard_asks_before_it_takes_the_screen(here: Operator, vault: Path) -> None:
    with Terminal(here.directory, "--csv", "wallets.vault") as terminal:
        terminal.answers("Password of wallets.vault: ", PASSWORD)
        terminal.until("\x1b[?1049h")  # the other screen, which the dashboard paints on
        assert "\x1b[?1049h" not in terminal.shown.partition("Password of")[0]
        terminal.until("CHAIN_ID")  # what is missing: the venue, and not the wallets
        assert terminal.end(signal.SIGTERM) == 2
    assert terminal.shown.count("Password of") == 1
    assert "needs its password" not in terminal.shown


def test_interrupt_at_the_question_ends_quietly(here: Operator, vault: Path) -> None:
    with Terminal(here.directory, "wallets", "check", "--vault", "wallets.vault") as terminal:
        terminal.until("Password of wallets.vault: ")
        terminal.interrupt()
        assert terminal.end() == 130
    assert "Traceback" not in terminal.shown


def test_new_password_is_asked_twice_and_must_be_long_and_the_same(here: Operator) -> None:
    with Terminal(here.directory, "wallets", "seal") as terminal:
        terminal.answers("New password for wallets.vault: ", "short")
        terminal.until("a new password has at least 12 characters")
        terminal.answers("New password for wallets.vault: ", PASSWORD)
        terminal.answers("The same again: ", PASSWORD + "!")
        terminal.until("the two are not the same")
        terminal.answers("New password for wallets.vault: ", PASSWORD)
        terminal.answers("The same again: ", PASSWORD)
        terminal.until("opened again to be sure")
        assert terminal.end() == 0
    assert PASSWORD not in terminal.shown
    here.assert_no_key_in(terminal.shown, "the terminal")
    assert opened(here.directory / "wallets.vault") == FLEET


def test_new_password_that_is_never_given_writes_nothing(here: Operator) -> None:
    with Terminal(here.directory, "wallets", "seal") as terminal:
        for _ in range(3):
            terminal.answers("New password for wallets.vault: ", "")
        terminal.until("ama-tui: no password for wallets.vault: nothing was written")
        assert terminal.end() == 2
    assert not (here.directory / "wallets.vault").exists()


def test_keystores_that_share_a_password_are_asked_for_once(here: Operator, keystores: list[str]) -> None:
    here.write("odd.json", keystore_of(new_wallets(1)[0], "another horse", n=2).decode())
    files = [keystores[0], keystores[1], "odd.json"]
    with Terminal(here.directory, "wallets", "import", *files, "--csv", "again.csv") as terminal:
        terminal.answers("Password of Wallet001.json: ", PASSWORD)
        terminal.answers("Password of odd.json: ", "another horse")
        terminal.until("wrote 3 wallets to again.csv")
        assert terminal.end() == 0
    assert terminal.shown.count("Password of") == 2
    assert len(opened(here.directory / "again.csv")) == 3
