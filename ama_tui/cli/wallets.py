"""`ama-tui wallets`: make, check, seal, unseal, import and export the fleet's keys. No command prints a key."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ama_tui.cli.hardening import refuse_debugging
from ama_tui.cli.options import allow_debug_option, wallets_options
from ama_tui.cli.wiring import DEFAULT_VAULT, DEFAULT_WALLETS_FILE
from ama_tui.domain.errors import WalletsError

if TYPE_CHECKING:
    from ama_tui.keys.wallet_key import WalletKey
    from ama_tui.keys.wallet_source import WalletsFileKind

F = TypeVar("F", bound=Callable[..., object])

FILE = click.Path(path_type=Path, readable=False)


def target_options(function: F) -> F:
    """Where wallets are written to: one of the two."""
    vault = click.option("--vault", type=FILE, default=None, metavar="OUT", help="Write a vault.")
    return click.option("--csv", type=FILE, default=None, metavar="OUT", help="Write a CSV [wallets.csv].")(
        vault(function)
    )


def keystore_password_option(function: F) -> F:
    """Where the keystores' password is; a vault's own is found as everywhere."""
    return click.option(
        "--password-file",
        type=FILE,
        default=None,
        metavar="FILE",
        help="Holds the keystores' password (chmod 600) [it is asked for].",
    )(function)


@click.group("wallets")
@allow_debug_option
def command(**options: object) -> None:
    """Make, check, seal and convert the files that hold the fleet's keys.

    A vault's password is that of the file which AMA_VAULT_PASSWORD_FILE names, else of the OS keyring, else typed.
    What is written is yours alone (0600), and nothing is ever written over.
    """
    refuse_debugging(options, os.environ)


@command.command("new")
@click.option("-n", "--count", type=click.IntRange(1, 10_000), required=True, help="How many wallets.")
@target_options
def new(count: int, csv: Path | None, vault: Path | None) -> None:
    """Make wallets with fresh keys."""
    from ama_tui.keys.wallet_files import refuse_existing
    from ama_tui.keys.wallet_key import new_wallets

    target = _target(csv, vault)
    refuse_existing(target)
    _write(new_wallets(count), target, is_vault=vault is not None)


@command.command("check")
@wallets_options
def check(**options: object) -> None:
    """Validate wallets and their file's permissions.

    Prints the addresses. Exit code 2 comes with every problem, a line each.
    """
    from dataclasses import replace

    from ama_tui.cli.passwords import with_password
    from ama_tui.cli.wiring import find_wallets
    from ama_tui.keys.wallet_key import EVERY_WALLET
    from ama_tui.keys.wallet_source import kind_of, open_wallets, permissions_problem

    source = find_wallets(options)
    problems: list[WalletsError] = []
    wallets: tuple[WalletKey, ...] = ()
    permissions = permissions_problem(source)
    if permissions is not None and not source.insecure_permissions:
        problems.append(permissions)
    try:
        wallets = open_wallets(with_password(replace(source, insecure_permissions=True)), EVERY_WALLET)
    except WalletsError as error:
        problems.append(error)
    _list(wallets)
    if problems:
        for problem in problems:
            click.echo(f"ama-tui: {problem}", err=True)
        click.get_current_context().exit(WalletsError.exit_code)
    verdict = "permissions right" if permissions is None else "open to others"
    click.echo(f"{source.path}: {kind_of(source).value}, {_counted(wallets)}, {verdict}")


@command.command("seal")
@click.option("--csv", type=FILE, default=DEFAULT_WALLETS_FILE, metavar="FILE", help="What to seal [wallets.csv].")
@click.option("--vault", type=FILE, default=DEFAULT_VAULT, metavar="OUT", help="The vault to write [wallets.vault].")
@click.option("--remove", is_flag=True, help="Delete the sealed file afterwards. Deleting is not erasing.")
@click.option("--insecure-permissions", is_flag=True, help="Read the wallets although others can read the file.")
def seal(csv: Path, vault: Path, remove: bool, insecure_permissions: bool) -> None:
    """Encrypt wallets into a vault.

    It is opened again before anything is said of it.
    A vault can be sealed too: that is how its password is changed.
    """
    from ama_tui.keys.wallet_files import refuse_existing

    if remove and csv.is_symlink():
        raise WalletsError(f"{csv} is a link, and --remove deletes files", "leave --remove out, or name the file")
    refuse_existing(vault)
    wallets = _opened(csv, insecure_permissions)
    _write(wallets, vault, is_vault=True)
    if remove:
        csv.unlink()
        click.echo(f"deleted {csv}", err=True)
    else:
        click.echo(f"{csv} still holds the keys: once a copy of {vault} is safe elsewhere, delete it", err=True)
    click.echo("deleting is not erasing: the disk, backups and snapshots may keep what stood there", err=True)


@command.command("unseal")
@click.option("--vault", type=FILE, default=DEFAULT_VAULT, metavar="FILE", help="The vault [wallets.vault].")
@click.option("--csv", type=FILE, default=DEFAULT_WALLETS_FILE, metavar="OUT", help="The CSV to write [wallets.csv].")
@click.option("--insecure-permissions", is_flag=True, help="Read the vault although others can read the file.")
def unseal(vault: Path, csv: Path, insecure_permissions: bool) -> None:
    """Decrypt a vault into a CSV."""
    from ama_tui.keys.wallet_files import refuse_existing
    from ama_tui.keys.wallet_source import WalletsFileKind

    refuse_existing(csv)
    _write(_opened(vault, insecure_permissions, only=WalletsFileKind.VAULT), csv, is_vault=False)


@command.command("import")
@click.argument("keystores", nargs=-1, required=True, type=FILE, metavar="KEYSTORE.json...")
@target_options
@keystore_password_option
def import_keystores(
    keystores: tuple[Path, ...], csv: Path | None, vault: Path | None, password_file: Path | None
) -> None:
    """Collect keystore files into one file.

    They are of version 3, as geth and most wallets write them; their order is kept.
    """
    from ama_tui.cli.passwords import KeystorePasswords
    from ama_tui.keys.keystore import read_keystore
    from ama_tui.keys.wallet_files import refuse_existing

    target = _target(csv, vault)
    refuse_existing(target)
    passwords = KeystorePasswords(password_file)
    wallets: list[WalletKey] = []
    first_files: dict[str, Path] = {}
    for index, path in enumerate(keystores):
        wallet = passwords.open(read_keystore(path), path, index)
        if wallet.address in first_files:
            raise WalletsError(f"{path} is the same wallet as {first_files[wallet.address]}", "name it once")
        first_files[wallet.address] = path
        wallets.append(wallet)
        click.echo(f"opened {path}", err=True)
    _write(wallets, target, is_vault=vault is not None)


@command.command("export")
@wallets_options
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="Where to; made where it is missing.",
)
@keystore_password_option
def export(directory: Path, password_file: Path | None, **options: object) -> None:
    """Write each wallet as a keystore file.

    Version 3, scrypt, as geth has them; it takes a second for each.
    """
    from ama_tui.cli.passwords import new_keystore_password
    from ama_tui.cli.wiring import wallets_source
    from ama_tui.config.paths import DIRECTORY_MODE
    from ama_tui.keys.keystore import keystore_of
    from ama_tui.keys.wallet_files import refuse_existing, write_private
    from ama_tui.keys.wallet_key import EVERY_WALLET
    from ama_tui.keys.wallet_source import open_wallets

    wallets = open_wallets(wallets_source(options), EVERY_WALLET)
    paths = [directory / f"{wallet.index + 1:03d}-{wallet.address}.json" for wallet in wallets]
    for path in paths:
        refuse_existing(path)
    password = new_keystore_password(directory, password_file)
    try:
        directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise WalletsError(f"{directory} cannot be made ({error.strerror})", "name another with --dir") from None
    for wallet, path in zip(wallets, paths, strict=True):
        write_private(path, keystore_of(wallet, password))
        click.echo(str(path))


def _opened(path: Path, insecure_permissions: bool, *, only: WalletsFileKind | None = None) -> tuple[WalletKey, ...]:
    from ama_tui.cli.wiring import find_wallets, wallets_source
    from ama_tui.keys.wallet_key import EVERY_WALLET
    from ama_tui.keys.wallet_source import kind_of, open_wallets

    options = {"csv": path, "insecure_permissions": insecure_permissions}
    if only is not None and kind_of(find_wallets(options)) is not only:
        raise WalletsError(f"{path} is not a {only.value}", "see `ama-tui wallets --help`")
    return open_wallets(wallets_source(options), EVERY_WALLET)


def _target(csv: Path | None, vault: Path | None) -> Path:
    if csv is not None and vault is not None:
        raise click.UsageError("--csv and --vault both say where to: name one", click.get_current_context())
    return csv or vault or DEFAULT_WALLETS_FILE


def _write(wallets: Sequence[WalletKey], target: Path, *, is_vault: bool) -> None:
    """Write the wallets, and list them once that is done."""
    from ama_tui.cli.passwords import new_password
    from ama_tui.cli.wiring import password_file
    from ama_tui.keys.wallet_files import write_csv, write_vault

    if is_vault:
        write_vault(target, wallets, new_password(target, password_file()))
    else:
        write_csv(target, wallets)
    _list(wallets)
    proof = ", opened again to be sure" if is_vault else ", unencrypted: see `ama-tui wallets seal`"
    click.echo(f"wrote {_counted(wallets)} to {target}{proof}", err=True)


def _list(wallets: Sequence[WalletKey]) -> None:
    for wallet in wallets:
        click.echo(f"{wallet.nickname}  {wallet.address}")


def _counted(wallets: Sequence[WalletKey]) -> str:
    return f"{len(wallets)} wallet{'' if len(wallets) == 1 else 's'}"
