"""The names of a run's settings, and the TOML file that may give them."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ama_tui.domain.errors import ConfigError
from ama_tui.domain.parameters import SPEC_BY_KEY, SPECS
from ama_tui.domain.plan import CollateralBasis, Rules
from ama_tui.domain.text import shortened
from ama_tui.keys.wallet_key import DEFAULT_LIMIT

DEFAULT_STRATEGY = "packer"
DEFAULT_SETTLE_AFTER_S = 60.0
DEFAULT_SESSION_HOURS = 24.0
SHORTEST_SESSION_HOURS, LONGEST_SESSION_HOURS = 0.1, 168.0
"""A session is renewed five minutes before it expires; a week is long for a permission that nobody looks at."""

DEFAULTS: Mapping[str, object] = {
    **{spec.key: spec.default for spec in SPECS},
    "strategy": DEFAULT_STRATEGY,
    "rules": Rules.EVEN.value,
    "collateral": CollateralBasis.NET.value,
    "wallets": DEFAULT_LIMIT,
    "market": None,
    "resume": None,
    "dryRun": False,
    "cancelOnStop": False,
    "settleAfter": DEFAULT_SETTLE_AFTER_S,
    "sessionHours": DEFAULT_SESSION_HOURS,
    "sessionCaps": True,
    "renewRevoked": False,
}
SPELLINGS: Mapping[str, str] = {
    **{spec.name: spec.key for spec in SPECS},
    **{key: key for key in DEFAULTS},
    "basis": "collateral",
    "dry_run": "dryRun",
    "cancel_on_stop": "cancelOnStop",
    "settle_after": "settleAfter",
    "settle_after_s": "settleAfter",
    "session_hours": "sessionHours",
    "session_caps": "sessionCaps",
    "renew_revoked": "renewRevoked",
}
IN_CONFIG_FILE = (
    *(*SPEC_BY_KEY, "strategy", "rules", "collateral", "wallets", "market"),
    *("sessionHours", "sessionCaps", "renewRevoked"),
)
IN_CHECKPOINT = (*SPEC_BY_KEY, "strategy", "rules", "collateral")

OPTION_KEYS = frozenset(SPELLINGS)
"""The keys that `resolve` takes as options: file keys, and attribute names of Parameters and RunConfig."""


def read_config_file(path: Path) -> dict[str, object]:
    """The settings of a TOML file by file key; parameters stand at the top or in a table `[parameters]`.

    Raises ConfigError: not found, not TOML (with line and column), unknown or repeated keys (all named).
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"config file {path} not found", "correct --config, or leave it out") from None
    except OSError as error:
        raise ConfigError(f"config file {path} cannot be read ({error.strerror})", "check its mode") from error
    except UnicodeDecodeError:
        raise ConfigError(f"config file {path} is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"config file {path} is not TOML: {error}", "correct that place") from None
    table = content.pop("parameters", {})
    if not isinstance(table, dict):
        raise ConfigError(f"config file {path}: parameters is not a table", "write [parameters] above them")
    return _known_keys(path, [*content.items(), *table.items()])


def _known_keys(path: Path, pairs: list[tuple[str, object]]) -> dict[str, object]:
    settings: dict[str, object] = {}
    problems: list[str] = []
    for name, value in pairs:
        key = SPELLINGS.get(name)
        if key is None or key not in IN_CONFIG_FILE:
            close = difflib.get_close_matches(name, IN_CONFIG_FILE, n=1)
            problems.append(f"unknown key {shortened(name, 20)}" + (f" (did you mean {close[0]}?)" if close else ""))
        elif key in settings:
            problems.append(f"{key} is given twice")
        else:
            settings[key] = value
    if problems:
        raise ConfigError(f"config file {path}: " + "; ".join(problems), "known are " + ", ".join(IN_CONFIG_FILE))
    return settings
