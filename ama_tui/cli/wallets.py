"""`ama-tui wallets`: create, check, encrypt, decrypt, import and export the fleet's keys. Keys are never printed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ama_tui.cli.arguments import Arguments, arguments_of
from ama_tui.cli.hardening import refuse_debugging
from ama_tui.cli.options import allow_debug_option, wallets_options
from ama_tui.cli.strict import StrictGroup
from ama_tui.cli.wiring import DEFAULT_VAULT, DEFAULT_WALLETS_FILE
from ama_tui.domain.errors import WalletsError

if TYPE_CHECKING:
    from ama_tui.keys.wallet_key import WalletKey
    from ama_tui.keys.wallet_source import WalletsFileKind

F = TypeVar("F", bound=Callable[..., object])

FILE = click.Path(path_type=Path, readable=False)


def target_options(function: F) -> F:
    """Options for the output file: CSV or vault."""
    vault = click.option("--vault", type=FILE, default=None, metavar="OUT", help="Write a vault.")
    return click.option("--csv", type=FILE, default=None, metavar="OUT", help="Write a CSV [wallets.csv].")(
        vault(function)
    )


def keystore_password_option(function: F) -> F:
    """Option for the keystores' password."""
    return click.option(
        "--password-file",
        type=FILE,
        default=None,
        metavar="FILE",
        help="File with the keystores' password (chmod 600) [prompt].",
    )(function)


@click.group(cls=StrictGroup, name="wallets")
@allow_debug_option
def command(**options: object) -> None:
    """Create, check, encrypt and convert files with the fleet's keys.

    A vault's password is read from the file in AMA_VAULT_PASSWORD_FILE, else from the OS keyring, else prompted for.
    Files are created with mode 0600; existing files are never overwritten.
    """
    refuse_debugging(os.environ, is_allowed=bool(options["allow_debug"]))


@command.command("new")
@click.option("-n", "--count", type=click.IntRange(1, 10_000), required=True, help="Number of wallets.")
@target_options
def new(count: int, csv: Path | None, vault: Path | None) -> None:
    """Create wallets with new random keys."""
    from ama_tui.keys.wallet_files import refuse_existing
    from ama_tui.keys.wallet_key import new_wallets

    target = _target(csv, vault)
    refuse_existing(target)
    _write(new_wallets(count), target, is_vault=vault is not None)


@command.command("check")
@wallets_options
def check(**options: object) -> None:
    """Check the wallets and their file's permissions.

    Prints the addresses, and one line per problem with exit code 2.
    """
    from dataclasses import replace

    from ama_tui.cli.passwords import with_password
    from ama_tui.cli.wiring import find_wallets
    from ama_tui.keys.wallet_key import EVERY_WALLET
    from ama_tui.keys.wallet_source import kind_of, open_wallets, permissions_problem

    source = find_wallets(arguments_of(options))
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
    status = "permissions OK" if permissions is None else "readable or writable by others"
    click.echo(f"{source.path}: {kind_of(source).value}, {_counted(wallets)}, {status}")


@command.command("seal")
@click.option("--csv", type=FILE, default=DEFAULT_WALLETS_FILE, metavar="FILE", help="File to encrypt [wallets.csv].")
@click.option("--vault", type=FILE, default=DEFAULT_VAULT, metavar="OUT", help="Vault to write [wallets.vault].")
@click.option("--remove", is_flag=True, help="Delete the original afterwards (its data may remain on disk).")
@click.option("--insecure-permissions", is_flag=True, help="Accept a wallets file with unsafe permissions.")
def seal(csv: Path, vault: Path, remove: bool, insecure_permissions: bool) -> None:
    """Encrypt wallets into a vault.

    The vault is reopened to verify it. To change a vault's password, seal it into a new vault.
    """
    from ama_tui.keys.wallet_files import refuse_existing

    if remove and csv.is_symlink():
        raise WalletsError(f"{csv} is a link, and --remove deletes files only", "omit --remove or name the file itself")
    refuse_existing(vault)
    wallets = _opened(csv, insecure_permissions)
    _write(wallets, vault, is_vault=True)
    if remove:
        csv.unlink()
        click.echo(f"deleted {csv}", err=True)
    else:
        click.echo(f"{csv} still contains the keys: back up {vault}, then delete it", err=True)
    click.echo("deleted data may remain on disk and in backups and snapshots", err=True)


@command.command("unseal")
@click.option("--vault", type=FILE, default=DEFAULT_VAULT, metavar="FILE", help="Vault to decrypt [wallets.vault].")
@click.option("--csv", type=FILE, default=DEFAULT_WALLETS_FILE, metavar="OUT", help="CSV to write [wallets.csv].")
@click.option("--insecure-permissions", is_flag=True, help="Accept a vault with unsafe permissions.")
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
    """Import keystore files into one wallets file, in the given order.

    Supports version 3, as written by geth and most wallets.
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
            raise WalletsError(f"{path} is the same wallet as {first_files[wallet.address]}", "list it only once")
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
    help="Output directory (created if needed).",
)
@keystore_password_option
def export(directory: Path, password_file: Path | None, **options: object) -> None:
    """Export each wallet as a keystore file.

    Version 3 with scrypt, like geth. Takes about a second per wallet.
    """
    from ama_tui.cli.passwords import new_keystore_password
    from ama_tui.cli.wiring import wallets_source
    from ama_tui.config.paths import DIRECTORY_MODE
    from ama_tui.keys.keystore import keystore_of
    from ama_tui.keys.wallet_files import refuse_existing, write_private
    from ama_tui.keys.wallet_key import EVERY_WALLET
    from ama_tui.keys.wallet_source import open_wallets

    wallets = open_wallets(wallets_source(arguments_of(options)), EVERY_WALLET)
    paths = [directory / f"{wallet.index + 1:03d}-{wallet.address}.json" for wallet in wallets]
    for path in paths:
        refuse_existing(path)
    password = new_keystore_password(directory, password_file)
    try:
        directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise WalletsError(f"{directory} cannot be created ({error.strerror})", "choose another with --dir") from None
    for wallet, path in zip(wallets, paths, strict=True):
        write_private(path, keystore_of(wallet, password))
        click.echo(str(path))


def _opened(path: Path, insecure_permissions: bool, *, only: WalletsFileKind | None = None) -> tuple[WalletKey, ...]:
    from ama_tui.cli.wiring import find_wallets, wallets_source
    from ama_tui.keys.wallet_key import EVERY_WALLET
    from ama_tui.keys.wallet_source import kind_of, open_wallets

    arguments = Arguments(csv=path, insecure_permissions=insecure_permissions)
    if only is not None and kind_of(find_wallets(arguments)) is not only:
        raise WalletsError(f"{path} is not a {only.value}", "see `ama-tui wallets --help`")
    return open_wallets(wallets_source(arguments), EVERY_WALLET)


def _target(csv: Path | None, vault: Path | None) -> Path:
    if csv is not None and vault is not None:
        raise click.UsageError("--csv and --vault are mutually exclusive", click.get_current_context())
    return csv or vault or DEFAULT_WALLETS_FILE


def _write(wallets: Sequence[WalletKey], target: Path, *, is_vault: bool) -> None:
    """Write the wallets, then list them."""
    from ama_tui.cli.passwords import new_password
    from ama_tui.cli.wiring import password_file
    from ama_tui.keys.wallet_files import write_csv, write_vault

    if is_vault:
        write_vault(target, wallets, new_password(target, password_file()))
    else:
        write_csv(target, wallets)
    _list(wallets)
    note = " and verified it" if is_vault else " (unencrypted; encrypt with `ama-tui wallets seal`)"
    click.echo(f"wrote {_counted(wallets)} to {target}{note}", err=True)


def _list(wallets: Sequence[WalletKey]) -> None:
    for wallet in wallets:
        click.echo(f"{wallet.nickname}  {wallet.address}")


def _counted(wallets: Sequence[WalletKey]) -> str:
    return f"{len(wallets)} wallet{'' if len(wallets) == 1 else 's'}"
