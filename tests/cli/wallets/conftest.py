"""An operator with a fleet in a CSV, and fixtures that turn it into a vault or keystores."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import keyring
import pytest
from keyring.backends.null import Keyring as NoKeyring

from ama_tui.cli.main import main
from ama_tui.keys import keystore as keystore_files
from ama_tui.keys import wallet_files as wallets_writing
from ama_tui.keys.keystore import keystore_of
from ama_tui.keys.password import FILE_VARIABLE
from ama_tui.keys.vault import seal
from ama_tui.keys.wallet_csv import csv_of
from ama_tui.keys.wallet_files import write_vault
from tests.cli.wallets.fleet import FLEET, PASSWORD, QUICK, Ama
from tests.e2e.operator import VENUE_NAMES, Finished, Operator


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """An operator without venue or password, with FLEET in wallets.csv; the program runs in this process."""
    operator = Operator(tmp_path / "here")
    operator.write("wallets.csv", csv_of(FLEET).decode())
    monkeypatch.chdir(operator.directory)
    for name in (*VENUE_NAMES, FILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    yield operator
    operator.end()


@pytest.fixture
def ama(here: Operator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ama:
    """Runs the program; its output must contain no part of a key and no password. Encryption is cheap."""
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
    """A file with the password, set up as for a service."""
    path = here.write("password", PASSWORD + "\n")
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    return path


@pytest.fixture
def vault(here: Operator) -> Path:
    """FLEET in wallets.vault."""
    path = here.write("wallets.vault", "")
    path.write_bytes(seal(csv_of(FLEET), PASSWORD, QUICK))
    return path


@pytest.fixture
def keystores(here: Operator) -> list[str]:
    """FLEET as keystore files that are cheap to open."""
    for wallet in FLEET:
        here.write(f"{wallet.nickname}.json", keystore_of(wallet, PASSWORD, n=2).decode())
    return [f"{wallet.nickname}.json" for wallet in FLEET]
