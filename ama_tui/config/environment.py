"""Where the venue is: environment variables and `.env` files, checked all at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ama_tui.config.dotenv import DotenvFile, read_dotenv
from ama_tui.config.urls import goes_in_the_clear, masked_url, url_problem
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
    }
)
_CHAIN_ID = re.compile(r"0*[1-9][0-9]{0,18}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the venue is. `registry` is an address in lower case; URLs have no trailing slash.

    `sources` tells for RPC_URL, CHAIN_ID, SESSION_REGISTRY_ADDRESS and APP_URL where each was found:
    'the environment', a file as seen from the working directory ('.env.local', '../.env'), or 'default'.
    With `need_venue=False` what is missing or wrong is '' (`chain_id`: 0).
    """

    rpc_url: str
    chain_id: int
    registry: str
    app_url: str
    sources: Mapping[str, str]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the operator should know of how the venue is reached."""
        return tuple(
            f"{name} {masked_url(url)} is plain http: whoever is on the way can read and change all that is said"
            for name, url in (("RPC_URL", self.rpc_url), ("APP_URL", self.app_url))
            if goes_in_the_clear(url)
        )

    @property
    def is_complete(self) -> bool:
        return bool(self.rpc_url and self.chain_id and self.registry and self.app_url)

    def __repr__(self) -> str:
        return (
            f"Environment(rpc_url={masked_url(self.rpc_url)!r}, chain_id={self.chain_id}, "
            f"registry={self.registry!r}, app_url={masked_url(self.app_url)!r})"
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """One setting: the name it was found under, its text and where; `hint` where it could not be read."""

    name: str
    text: str
    source: str
    hint: str = ""


def load_environment(
    cwd: Path, environ: Mapping[str, str], *, need_venue: bool = True, insecure_http: bool = False
) -> Environment:
    """The venue's whereabouts; `environ` first, then `.env.local` and `.env` of `cwd`, then of its parent.

    A value in a nearer place wins under either of its names; an empty one counts as missing. A URL of plain http to
    another machine is refused unless `insecure_http`.
    Raises ConfigError that names everything missing or wrong at once, unless `need_venue` is False.
    """
    found = _find(cwd, environ)
    problems = {key: _problem(setting, insecure_http) for key, setting in found.items()}
    if need_venue and any(problems.values()):
        raise ConfigError("; ".join(filter(None, problems.values())), HINT)

    def usable(key: str) -> str:
        return "" if problems[key] is not None else found[key].text

    return Environment(
        rpc_url=usable("RPC_URL").rstrip("/"),
        chain_id=int(usable("CHAIN_ID") or 0),
        registry=usable("SESSION_REGISTRY_ADDRESS").lower(),
        app_url=usable("APP_URL").rstrip("/"),
        sources=MappingProxyType({key: setting.source for key, setting in found.items() if setting.text}),
    )


def environment_problems(cwd: Path, environ: Mapping[str, str], *, insecure_http: bool = False) -> list[str]:
    """Everything missing or wrong, one line each; empty when a venue is configured."""
    found = _find(cwd, environ).values()
    return [problem for setting in found if (problem := _problem(setting, insecure_http)) is not None]


def _find(cwd: Path, environ: Mapping[str, str]) -> dict[str, _Found]:
    places = [(FROM_ENVIRONMENT, DotenvFile(environ)), *_files(cwd, environ)]
    return {key: _first(key, names, places) for key, names in _NAMES.items()}


def _files(cwd: Path, environ: Mapping[str, str]) -> Iterator[tuple[str, DotenvFile]]:
    for prefix, directory in (("", cwd), ("../", cwd.absolute().parent)):
        for name in (".env.local", ".env"):
            file = read_dotenv(directory / name, environ)
            if file is not None:
                yield prefix + name, file


def _first(key: str, names: tuple[str, ...], places: list[tuple[str, DotenvFile]]) -> _Found:
    hints: list[str] = []
    for source, file in places:
        for name in names:
            text = file.values.get(name, "").strip()
            if text:
                return _Found(name, text, source)
            if name in file.unreadable_lines:
                hints.append(f"{source} line {file.unreadable_lines[name]}: its quotes do not close")
        if file.problem is not None:
            hints.append(f"{source}: {file.problem}")
    if key == "APP_URL" and not hints:
        return _Found(key, DEFAULT_APP_URL, FROM_DEFAULT)
    return _Found(key, "", "", "; ".join(hints))


def _problem(found: _Found, insecure_http: bool) -> str | None:
    """Why a setting cannot be used, None when it can. A URL may hold a secret and is never repeated."""
    if not found.text:
        return f"missing {found.name}" + (f" ({found.hint})" if found.hint else "")
    complaint: str | None = None
    if found.name in _NAMES["CHAIN_ID"]:
        if _CHAIN_ID.fullmatch(found.text) is None:
            complaint = f'is "{shortened(found.text)}", not a positive whole number'
    elif found.name == "SESSION_REGISTRY_ADDRESS":
        if _ADDRESS.fullmatch(found.text) is None:
            complaint = f'is "{shortened(found.text)}", not an address (0x and 40 hexadecimal digits)'
        elif found.text == ZERO_ADDRESS:
            complaint = "is the zero address"
    else:
        complaint = url_problem(found.text)
        if complaint is None and goes_in_the_clear(found.text) and not insecure_http:
            complaint = "is plain http to another machine: use https, or add --insecure-http"
    return None if complaint is None else f"{found.name} {complaint} ({found.source})"
