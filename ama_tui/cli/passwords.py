"""Password prompts on the terminal, without echo."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click

from ama_tui.domain.errors import PasswordError
from ama_tui.keys.keystore import wallet_of_keystore
from ama_tui.keys.password import FILE_VARIABLE, new_password_problem, read_password_file, stored_password
from ama_tui.keys.wallet_key import WalletKey
from ama_tui.keys.wallet_source import WalletsSource, check_password, needs_typed_password

T = TypeVar("T")

TRIES = 3


def with_password(source: WalletsSource) -> WalletsSource:
    """Prompt for the source's password now, if it has to be typed.

    Without a terminal there is no prompt, and opening the source reports that. Raises WalletsError.
    """
    if not needs_typed_password(source) or not is_terminal():
        return source
    password, _ = _prompt_until_correct(source.path, lambda typed: check_password(source, typed))
    return replace(source, ask_password=lambda: password)


def new_password(path: Path, password_file: Path | None) -> str:
    """Get the password for a new vault: from the password file, the OS keyring, or typed twice.

    Raises PasswordError if it is too short or there is no terminal.
    """
    stored = stored_password(path, password_file)
    if stored is not None:
        return _long_enough(stored.text, stored.origin)
    hint = f"set {FILE_VARIABLE} to a file with the password (chmod 600), or run this in a terminal"
    return _typed_twice(path, hint)


def new_keystore_password(directory: Path, password_file: Path | None) -> str:
    """Get the password for new keystores: from the file, or typed twice. Raises WalletsError."""
    if password_file is not None:
        return _long_enough(read_password_file(password_file), f"the file {password_file}")
    return _typed_twice(directory, "use --password-file, or run this in a terminal")


class KeystorePasswords:
    """Opens keystores. They often share a password, so the last correct one is tried before prompting."""

    def __init__(self, password_file: Path | None) -> None:
        self._is_from_file = password_file is not None
        self._last = None if password_file is None else read_password_file(password_file)

    def open(self, content: bytes, path: Path, index: int) -> WalletKey:
        """Decrypt a keystore. Raises WalletsError, and PasswordError after three wrong passwords."""
        if self._last is not None:
            try:
                return wallet_of_keystore(content, self._last, path, index)
            except PasswordError:
                if self._is_from_file:
                    raise
        if not is_terminal():
            raise PasswordError(f"{path} needs a password", "use --password-file")
        self._last, wallet = _prompt_until_correct(path, lambda typed: wallet_of_keystore(content, typed, path, index))
        return wallet


def is_terminal() -> bool:
    """Whether stdin is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def _prompt_until_correct(path: Path, use: Callable[[str], T]) -> tuple[str, T]:
    """Prompt until `use` accepts the password. Returns both the password and the result.

    Raises PasswordError after three wrong passwords.
    """
    left = TRIES
    while True:
        password = _prompt(f"Password for {path}: ")
        try:
            return password, use(password)
        except PasswordError as error:
            left -= 1
            if not left:
                raise
            click.echo(f"{error.message}: {left} more {'try' if left == 1 else 'tries'}", err=True)


def _typed_twice(path: Path, hint: str) -> str:
    """Prompt twice for a new password, up to three times. Raises PasswordError, also without a terminal."""
    if not is_terminal():
        raise PasswordError(f"{path} needs a password", hint)
    for _ in range(TRIES):
        password = _prompt(f"New password for {path}: ")
        problem = new_password_problem(password)
        if problem is None and _prompt("Repeat the password: ") != password:
            problem = "the passwords do not match"
        if problem is None:
            return password
        click.echo(problem, err=True)
    raise PasswordError(f"no password for {path}", "nothing was written")


def _long_enough(password: str, origin: str) -> str:
    problem = new_password_problem(password)
    if problem is not None:
        raise PasswordError(problem, f"this one is from {origin}")
    return password


def _prompt(prompt: str) -> str:
    """Read a password without echo. Raises PasswordError for invalid UTF-8. ^C and ^D exit."""
    try:
        return getpass.getpass(prompt)
    except UnicodeError:
        pass  # it contains the input, so do not chain it
    raise PasswordError("the input is not valid UTF-8", "check the terminal's encoding")
