"""Asking for passwords on the terminal, without showing them."""

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
    """The source, with the password that opens it where that has to be typed; it is asked for now.

    Without a terminal nothing is asked, and opening the source says so. Raises WalletsError.
    """
    if not needs_typed_password(source) or not is_terminal():
        return source
    password, _ = _asked_until_right(source.path, lambda typed: check_password(source, typed))
    return replace(source, ask_password=lambda: password)


def new_password(path: Path, password_file: Path | None) -> str:
    """The password that a new vault is sealed with: of the password file, the OS keyring, or typed twice.

    Raises PasswordError for one that is too short, or when nobody can be asked.
    """
    known = stored_password(path, password_file)
    if known is not None:
        return _long_enough(known.text, known.origin)
    hint = f"name a file that holds it (chmod 600) in {FILE_VARIABLE}, or start this on a terminal"
    return _typed_twice(path, hint)


def new_keystore_password(directory: Path, password_file: Path | None) -> str:
    """The password of new keystores: of the file, or typed twice. Raises WalletsError."""
    if password_file is not None:
        return _long_enough(read_password_file(password_file), f"the file {password_file}")
    return _typed_twice(directory, "name a file that holds it with --password-file, or start this on a terminal")


class KeystorePasswords:
    """Opens keystores, which often share a password: the one that opened the last is tried before asking."""

    def __init__(self, password_file: Path | None) -> None:
        self._is_of_file = password_file is not None
        self._last = None if password_file is None else read_password_file(password_file)

    def open(self, content: bytes, path: Path, index: int) -> WalletKey:
        """The wallet of a keystore. Raises WalletsError; PasswordError after a third wrong password."""
        if self._last is not None:
            try:
                return wallet_of_keystore(content, self._last, path, index)
            except PasswordError:
                if self._is_of_file:
                    raise
        if not is_terminal():
            raise PasswordError(f"{path} needs its password", "name a file that holds it with --password-file")
        self._last, wallet = _asked_until_right(path, lambda typed: wallet_of_keystore(content, typed, path, index))
        return wallet


def is_terminal() -> bool:
    """Is there somebody to ask?"""
    return sys.stdin is not None and sys.stdin.isatty()


def _asked_until_right(path: Path, use: Callable[[str], T]) -> tuple[str, T]:
    """The password that `use` takes, and what came of it. Raises PasswordError after the third wrong one."""
    left = TRIES
    while True:
        password = _asked(f"Password of {path}: ")
        try:
            return password, use(password)
        except PasswordError as error:
            left -= 1
            if not left:
                raise
            click.echo(f"{error.message}: {left} more {'try' if left == 1 else 'tries'}", err=True)


def _typed_twice(path: Path, hint: str) -> str:
    """A new password, typed twice alike; at most three tries. Raises PasswordError, without a terminal at once."""
    if not is_terminal():
        raise PasswordError(f"{path} needs a password", hint)
    for _ in range(TRIES):
        password = _asked(f"New password for {path}: ")
        problem = new_password_problem(password)
        if problem is None and _asked("The same again: ") != password:
            problem = "the two are not the same"
        if problem is None:
            return password
        click.echo(problem, err=True)
    raise PasswordError(f"no password for {path}", "nothing was written")


def _long_enough(password: str, origin: str) -> str:
    problem = new_password_problem(password)
    if problem is not None:
        raise PasswordError(problem, f"this one is that of {origin}")
    return password


def _asked(prompt: str) -> str:
    """What is typed, unseen. Raises PasswordError for what is not text; ^C and ^D end the program."""
    try:
        return getpass.getpass(prompt)
    except UnicodeError:
        pass  # it holds what was typed, so nothing is raised from it
    raise PasswordError("what was typed is not UTF-8 text", "check the terminal's encoding")
