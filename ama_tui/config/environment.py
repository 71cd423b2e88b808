"""The venue's addresses from environment variables and `.env` files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ama_tui.config.dotenv import DotenvFile, read_dotenv
from ama_tui.config.urls import is_unencrypted, masked_url, url_problem
from ama_tui.domain.errors import ConfigError
from ama_tui.domain.session import ZERO_ADDRESS
from ama_tui.domain.text import shortened

DEFAULT_APP_URL = "http://localhost:3000"
FROM_ENVIRONMENT = "the environment"
FROM_DEFAULT = "default"
HINT = "set it in the environment, or in .env.local or .env here or one directory up (see .env.example)"

_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "RPC_URL": ("RPC_URL", "RPC_URL_HYPEREVM"),
        "CHAIN_ID": ("CHAIN_ID", "NEXT_PUBLIC_CHAIN_ID"),
        "SESSION_REGISTRY_ADDRESS": ("SESSION_REGISTRY_ADDRESS",),
        "APP_URL": ("APP_URL",),
        "RPC_URL_CHECK": ("RPC_URL_CHECK",),
        "RPC_WS_URL": ("RPC_WS_URL",),
    }
)
_OPTIONAL = frozenset({"RPC_URL_CHECK", "RPC_WS_URL"})
_CHAIN_ID = re.compile(r"0*[1-9][0-9]{0,18}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the venue is. URLs have no trailing slash.

    With `need_venue=False` a missing or invalid value is '' (`chain_id`: 0).
    """

    rpc_url: str
    chain_id: int
    registry: str
    """The session registry's address in lower case."""
    app_url: str
    sources: Mapping[str, str]
    """Where the values come from, by the name of the variable.

    'the environment', a file relative to the working directory ('.env.local', '../.env'), or 'default'.
    """
    rpc_url_check: str = ""
    """A second node that proofs are checked against, '' without one."""
    rpc_ws_url: str = ""
    """The node's WebSocket, '' to ask it for new blocks instead."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about an insecure connection to the venue."""
        return tuple(
            f"{name} {masked_url(url)} is not encrypted: anyone on the network path can read and change the traffic"
            for name, url in self._urls
            if is_unencrypted(url)
        )

    @property
    def _urls(self) -> tuple[tuple[str, str], ...]:
        return (
            ("RPC_URL", self.rpc_url),
            ("RPC_URL_CHECK", self.rpc_url_check),
            ("RPC_WS_URL", self.rpc_ws_url),
            ("APP_URL", self.app_url),
        )

    def __repr__(self) -> str:
        return (
            f"Environment(rpc_url={masked_url(self.rpc_url)!r}, chain_id={self.chain_id}, "
            f"registry={self.registry!r}, app_url={masked_url(self.app_url)!r})"
        )


@dataclass(frozen=True, slots=True)
class _Value:
    """The value of one variable."""

    name: str
    """The name it has there; some variables have two."""
    text: str
    source: str
    hint: str = ""
    """Why it could not be read."""


def load_environment(
    cwd: Path, environ: Mapping[str, str], *, need_venue: bool = True, insecure_http: bool = False
) -> Environment:
    """Read the venue's addresses from `environ`, then `.env.local` and `.env` of `cwd`, then of its parent.

    The first place with a value wins, under either name; an empty value counts as missing. Plain http to another
    machine is refused unless `insecure_http`.
    Raises ConfigError that lists everything missing or invalid, unless `need_venue` is False.
    """
    values = _values(cwd, environ)
    problems = {key: _problem(value, insecure_http) for key, value in values.items()}
    if need_venue and any(problems.values()):
        raise ConfigError("; ".join(filter(None, problems.values())), HINT)

    def usable(key: str) -> str:
        return "" if problems[key] is not None else values[key].text

    return Environment(
        rpc_url=usable("RPC_URL").rstrip("/"),
        chain_id=int(usable("CHAIN_ID") or 0),
        registry=usable("SESSION_REGISTRY_ADDRESS").lower(),
        app_url=usable("APP_URL").rstrip("/"),
        rpc_url_check=usable("RPC_URL_CHECK").rstrip("/"),
        rpc_ws_url=usable("RPC_WS_URL"),
        sources=MappingProxyType({key: value.source for key, value in values.items() if value.text}),
    )


def environment_problems(cwd: Path, environ: Mapping[str, str], *, insecure_http: bool = False) -> list[str]:
    """Everything missing or invalid, one line each; empty when a venue is configured."""
    values = _values(cwd, environ).values()
    return [problem for value in values if (problem := _problem(value, insecure_http)) is not None]


def _values(cwd: Path, environ: Mapping[str, str]) -> dict[str, _Value]:
    places = [(FROM_ENVIRONMENT, DotenvFile(environ)), *_files(cwd, environ)]
    return {key: _first(key, names, places) for key, names in _NAMES.items()}


def _files(cwd: Path, environ: Mapping[str, str]) -> Iterator[tuple[str, DotenvFile]]:
    for prefix, directory in (("", cwd), ("../", cwd.absolute().parent)):
        for name in (".env.local", ".env"):
            file = read_dotenv(directory / name, environ)
            if file is not None:
                yield prefix + name, file


def _first(key: str, names: tuple[str, ...], places: list[tuple[str, DotenvFile]]) -> _Value:
    hints: list[str] = []
    for source, file in places:
        for name in names:
            text = file.values.get(name, "").strip()
            if text:
                return _Value(name, text, source)
            if name in file.unreadable_lines:
                hints.append(f"{source} line {file.unreadable_lines[name]}: its quotes do not close")
        if file.problem is not None:
            hints.append(f"{source}: {file.problem}")
    if key == "APP_URL" and not hints:
        return _Value(key, DEFAULT_APP_URL, FROM_DEFAULT)
    return _Value(key, "", "", "; ".join(hints))


def _problem(value: _Value, insecure_http: bool) -> str | None:
    """Why a value cannot be used, or None. A URL may hold a secret and is never repeated."""
    if not value.text and value.name in _OPTIONAL:
        return None
    if not value.text:
        return f"missing {value.name}" + (f" ({value.hint})" if value.hint else "")
    complaint: str | None = None
    if value.name in _NAMES["CHAIN_ID"]:
        if _CHAIN_ID.fullmatch(value.text) is None:
            complaint = f'is "{shortened(value.text)}", not a positive whole number'
    elif value.name == "SESSION_REGISTRY_ADDRESS":
        if _ADDRESS.fullmatch(value.text) is None:
            complaint = f'is "{shortened(value.text)}", not an address (0x and 40 hexadecimal digits)'
        elif value.text == ZERO_ADDRESS:
            complaint = "is the zero address"
    else:
        protocol: Literal["http", "ws"] = "ws" if value.name == "RPC_WS_URL" else "http"
        complaint = url_problem(value.text, protocol)
        if complaint is None and is_unencrypted(value.text) and not insecure_http:
            complaint = f"is plain {protocol} to another machine: use {protocol}s, or add --insecure-http"
    return None if complaint is None else f"{value.name} {complaint} ({value.source})"
