"""`ama-tui wallets`: private files, keys never shown, no file overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.disk import atomic
from ama_tui.keys import wallet_files as wallets_writing
from ama_tui.keys.keystore import keystore_of
from ama_tui.keys.wallet_csv import csv_of
from tests.cli.wallets.fleet import FLEET, PASSWORD, Ama, listed, mode, opened
from tests.e2e.operator import Operator

# ---- new ----


def test_new_creates_the_requested_wallets_and_prints_only_their_addresses(here: Operator, ama: Ama) -> None:
    made = ama("wallets", "new", "-n", "4", "--csv", "fresh.csv")
    assert made.code == 0
    wallets = opened(here.directory / "fresh.csv")
    assert made.out == listed(wallets)
    assert [wallet.nickname for wallet in wallets] == ["Wallet001", "Wallet002", "Wallet003", "Wallet004"]
    assert mode(here.directory / "fresh.csv") == 0o600
    for wallet in wallets:
        assert wallet.key.hex()[2:18] not in made.out + made.err
    assert made.err.startswith("wrote 4 wallets to fresh.csv (unencrypted")


def test_new_fleet_can_be_created_in_a_vault(here: Operator, ama: Ama, password_file: Path) -> None:
    made = ama("wallets", "new", "-n", "2", "--vault", "fresh.vault")
    assert made.err == "wrote 2 wallets to fresh.vault and verified it\n"
    assert made.out == listed(opened(here.directory / "fresh.vault"))
    assert sorted(path.name for path in here.directory.iterdir()) == ["fresh.vault", "password", "wallets.csv"]


def test_existing_files_are_never_overwritten(here: Operator, ama: Ama, vault: Path, password_file: Path) -> None:
    before = {path.name: path.read_bytes() for path in here.directory.iterdir()}
    hint = "choose another file or move it first"
    for arguments, name in (
        (("new", "-n", "1"), "wallets.csv"),
        (("new", "-n", "1", "--vault", "wallets.vault"), "wallets.vault"),
        (("seal",), "wallets.vault"),
        (("unseal",), "wallets.csv"),
    ):
        assert ama("wallets", *arguments).refusal(2) == f"{name} already exists: {hint}"
    assert {path.name: path.read_bytes() for path in here.directory.iterdir()} == before


def test_dangling_link_is_not_written_through(here: Operator, ama: Ama) -> None:
    (here.directory / "link.csv").symlink_to("elsewhere.csv")
    assert "already exists" in ama("wallets", "new", "-n", "1", "--csv", "link.csv").refusal(2)
    assert not (here.directory / "elsewhere.csv").exists()


def test_unwritable_location_is_named(ama: Ama) -> None:
    line = ama("wallets", "new", "-n", "1", "--csv", "none/fresh.csv").refusal(2)
    assert line == "none/fresh.csv cannot be written (No such file or directory): choose another location"


def test_two_output_files_are_refused(ama: Ama) -> None:
    line = ama("wallets", "new", "-n", "1", "--csv", "a.csv", "--vault", "a.vault").refusal(2)
    assert line.startswith("--csv and --vault are mutually exclusive")


# ---- check ----


def test_check_names_the_file_type_and_lists_the_addresses(ama: Ama) -> None:
    checked = ama("wallets", "check")
    assert checked.code == 0
    assert checked.out == listed(FLEET) + "wallets.csv: CSV, 3 wallets, permissions OK\n"


def test_check_also_opens_vaults_and_keystores(here: Operator, ama: Ama, vault: Path, password_file: Path) -> None:
    here.write("key.json", keystore_of(FLEET[0], PASSWORD, n=2).decode())
    assert ama("wallets", "check", "--vault", "wallets.vault").out == (
        listed(FLEET) + "wallets.vault: vault, 3 wallets, permissions OK\n"
    )
    assert ama("wallets", "check", "--csv", "key.json").out == (
        listed(FLEET[:1]) + "key.json: keystore, 1 wallet, permissions OK\n"
    )


def test_check_reports_the_permissions_and_every_bad_row(here: Operator, ama: Ama) -> None:
    here.wallets_file.write_bytes(csv_of(FLEET) + b"a,0x12,34\nb,,\n")
    here.wallets_file.chmod(0o644)
    checked = ama("wallets", "check")
    assert (checked.code, checked.out) == (2, "")
    permissions, rows = checked.err.splitlines()
    assert permissions.endswith("can be read by its group and others (mode 0644): chmod 600 wallets.csv")
    assert "line 5: the address is not" in rows
    assert "line 6: no address" in rows


def test_check_of_a_vault_with_unsafe_permissions_still_opens_it(ama: Ama, vault: Path, password_file: Path) -> None:
    vault.chmod(0o640)
    checked = ama("wallets", "check", "--vault", "wallets.vault")
    assert checked.code == 2
    assert checked.out == listed(FLEET)
    assert "chmod 600 wallets.vault" in checked.err
    assert len(checked.err.splitlines()) == 1


def test_check_of_a_missing_file_says_how_to_create_it(ama: Ama) -> None:
    line = ama("wallets", "check", "--csv", "none.csv").refusal(2)
    assert line.startswith("wallets file none.csv not found: create one with `ama-tui wallets new`")


# ---- seal and unseal ----


def test_seal_and_unseal_keep_the_fleet_and_its_order(here: Operator, ama: Ama, password_file: Path) -> None:
    sealed = ama("wallets", "seal")
    assert (sealed.code, sealed.out) == (0, listed(FLEET))
    assert mode(here.directory / "wallets.vault") == 0o600
    written, left, erasing = sealed.err.splitlines()
    assert written == "wrote 3 wallets to wallets.vault and verified it"
    assert left.startswith("wallets.csv still contains the keys")
    assert erasing.startswith("deleted data may remain")
    assert here.wallets_file.read_bytes() == csv_of(FLEET)
    assert ama("wallets", "unseal", "--csv", "again.csv").code == 0
    assert (here.directory / "again.csv").read_bytes() == csv_of(FLEET)
    assert mode(here.directory / "again.csv") == 0o600


def test_remove_deletes_the_csv_once_the_vault_is_verified(here: Operator, ama: Ama, password_file: Path) -> None:
    sealed = ama("wallets", "seal", "--remove")
    assert not here.wallets_file.exists()
    assert "deleted wallets.csv" in sealed.err
    assert "deleted data may remain" in sealed.err
    assert opened(here.directory / "wallets.vault") == FLEET


def test_vault_damaged_while_writing_is_reported_and_the_csv_kept(
    here: Operator, ama: Ama, password_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = atomic.write_new_file
    monkeypatch.setattr(wallets_writing, "write_new_file", lambda path, data: written(path, data[:-1] + b"\0"))
    assert "wallets.vault is damaged" in ama("wallets", "seal", "--remove").refusal(2)
    assert here.wallets_file.read_bytes() == csv_of(FLEET)


def test_remove_refuses_a_link(here: Operator, ama: Ama, password_file: Path) -> None:
    here.wallets_file.rename(here.directory / "real.csv")
    here.wallets_file.symlink_to("real.csv")
    assert "is a link" in ama("wallets", "seal", "--remove").refusal(2)
    assert not (here.directory / "wallets.vault").exists()


@pytest.mark.parametrize("password", ["short", ""])
def test_too_short_password_seals_nothing(here: Operator, ama: Ama, password_file: Path, password: str) -> None:
    password_file.write_text(password + "\n")
    line = ama("wallets", "seal").refusal(2)
    assert (
        "at least 12 characters" in line
        if password
        else line == f"password file {password_file} is empty: " + "write the password to it"
    )
    assert not (here.directory / "wallets.vault").exists()


def test_nothing_is_sealed_without_a_password_or_a_terminal(here: Operator, ama: Ama) -> None:
    line = ama("wallets", "seal").refusal(2)
    assert line.startswith(
        "wallets.vault needs a password: set AMA_VAULT_PASSWORD_FILE to a file with the password (chmod 600)"
    )
    assert not (here.directory / "wallets.vault").exists()


def test_file_that_is_not_a_vault_is_not_unsealed(ama: Ama, password_file: Path) -> None:
    line = ama("wallets", "unseal", "--vault", "wallets.csv", "--csv", "again.csv").refusal(2)
    assert line == "wallets.csv is not a vault: see `ama-tui wallets --help`"


# ---- keystores ----


def test_export_and_import_keep_the_fleet(here: Operator, ama: Ama, password_file: Path) -> None:
    here.wallets_file.write_bytes(csv_of(FLEET[:1]))
    exported = ama("wallets", "export", "--dir", "keys", "--password-file", "password")
    path = Path("keys") / f"001-{FLEET[0].address}.json"
    assert (exported.code, exported.out) == (0, f"{path}\n")
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert "already exists" in ama("wallets", "export", "--dir", "keys", "--password-file", "password").refusal(2)
    imported = ama("wallets", "import", str(path), "--vault", "again.vault", "--password-file", "password")
    assert imported.code == 0
    assert opened(here.directory / "again.vault") == FLEET[:1]


def test_import_keeps_the_order_of_the_files(
    here: Operator, ama: Ama, keystores: list[str], password_file: Path
) -> None:
    ama("wallets", "import", *reversed(keystores), "--csv", "again.csv", "--password-file", "password")
    wallets = opened(here.directory / "again.csv")
    assert [(wallet.nickname, wallet.key) for wallet in wallets] == [(one.nickname, one.key) for one in FLEET[::-1]]


def test_import_of_the_same_wallet_twice_is_refused(ama: Ama, keystores: list[str], password_file: Path) -> None:
    again = ("import", keystores[0], keystores[1], keystores[0], "--csv", "again.csv", "--password-file", "password")
    refused = ama("wallets", *again)
    assert refused.code == 2
    assert refused.err.endswith("ama-tui: Wallet001.json is the same wallet as Wallet001.json: list it only once\n")
    assert not Path("again.csv").exists()


def test_import_refuses_a_wrong_password_and_unsafe_permissions(here: Operator, ama: Ama, keystores: list[str]) -> None:
    here.write("other", "not that one, no")
    line = ama("wallets", "import", keystores[0], "--csv", "again.csv", "--password-file", "other").refusal(2)
    assert line.startswith("wrong password for Wallet001.json, or the file was changed")
    assert "--password-file" in ama("wallets", "import", keystores[0], "--csv", "again.csv").refusal(2)
    Path(keystores[0]).chmod(0o644)
    line = ama("wallets", "import", keystores[0], "--csv", "again.csv", "--password-file", "other").refusal(2)
    assert line.endswith("chmod 600 Wallet001.json")
