"""The settings of a run, each declared once. Options, files, the set-up form and the documentation follow from it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, TypeGuard, TypeVar, cast

from ama_tui.domain.plan import CollateralBasis, Rules

T = TypeVar("T")
INFINITY: Final = float("inf")


class Kind(Enum):
    """The type of a setting's value."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    FLAG = "true or false"
    CHOICE = "one of some words"
    TEXT = "a text"


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One setting of a run."""

    key: str
    """Its name in configuration files and in the checkpoint, `sizeMin`."""
    name: str
    """Its attribute in `Parameters`, `RunConfig` and `RunOptions`; configuration files accept it too."""
    kind: Kind
    default: T
    """None where a run may start without a value."""
    help: str
    """Its meaning, without a capital and a full stop."""
    spelling: str = ""
    """The command-line option where it is not made from `name`: `--resume/--fresh` for a flag with an opposite."""
    placeholder: str | None = None
    """What stands for the value in `--help`."""
    unit: str = ""
    low: float = -INFINITY
    high: float = INFINITY
    low_is_exclusive: bool = False
    enumeration: type[Enum] | None = None
    """The values of a CHOICE. None where they depend on what is installed."""
    in_config_file: bool = True
    in_checkpoint: bool = False
    """Whether a resumed run uses the value it was saved with."""
    form_label: str = ""
    """The label of its line in the set-up form, empty where the form does not ask. A range shares its line."""
    form_end: str = ""
    """Which end of its range it is, as messages about the form say: `smallest`."""
    form_line: int = 0
    """The position of that line."""

    @property
    def option(self) -> str:
        """The command-line option, `--min-delay-ms`; of two opposites both, `--resume/--fresh`."""
        return self.spelling or "--" + self.name.replace("_", "-")

    @property
    def short_option(self) -> str:
        """The command-line option without its opposite, as messages name it."""
        return self.option.partition("/")[0]

    @property
    def form_name(self) -> str:
        """Its name in messages about the set-up form: `smallest order size`, `collateral share`."""
        return " ".join(filter(None, (self.form_end, self.form_label.partition(",")[0])))

    @property
    def choices(self) -> tuple[str, ...]:
        """The words of a CHOICE."""
        return () if self.enumeration is None else tuple(str(member.value) for member in self.enumeration)

    @property
    def plain_default(self) -> object:
        """The default as files have it."""
        return plain(self.default)

    @property
    def range_text(self) -> str:
        """The values it accepts: `1…50`, `above 0`, `even or original`; empty where that goes without saying."""
        if self.kind is Kind.CHOICE:
            return " or ".join(self.choices)
        if self.high != INFINITY:
            return f"{self.low:g}…{self.high:g}"
        if self.low != -INFINITY:
            return f"{'above' if self.low_is_exclusive else 'at least'} {self.low:g}"
        return ""

    @property
    def default_text(self) -> str:
        """The default in words; empty where there is none."""
        default = self.plain_default
        if default is None:
            return ""
        if isinstance(default, bool):
            return "on" if default else "off"
        return f"{default:g}" if isinstance(default, int | float) else str(default)

    def problem(self, value: object, label: str = "", choices: Collection[str] = ()) -> str | None:
        """Why a value is not allowed, in one line that begins with `label` (default: the key), or None.

        `choices` are the words of a CHOICE that declares none.
        """
        label = label or self.key
        if value is None and self.default is None:
            return None
        if self.kind is Kind.FLAG:
            return None if isinstance(value, bool) else f"{label} must be true or false"
        if self.kind is Kind.TEXT:
            return None if isinstance(value, str) and value.strip() else f"{label} must be a text"
        if self.kind is Kind.CHOICE:
            words = self.choices or choices
            is_choice = isinstance(value, str) and value in words
            return None if is_choice else f"{label} must be {' or '.join(words)}"
        return self._number_problem(value, label)

    def _number_problem(self, value: object, label: str) -> str | None:
        if not is_number(value):
            return f"{label} must be a number"
        if self.kind is Kind.INTEGER and value != int(value):
            return f"{label} must be a whole number"
        is_too_low = value <= self.low if self.low_is_exclusive else value < self.low
        if is_too_low or value > self.high:
            return f"{label} is {value:.12g}, but must be {self.range_text}"
        return None

    def read(self, values: Mapping[str, object]) -> T:
        """Its value among values by key that `problem` accepts; the default where it is missing."""
        value = values.get(self.key, self.default)
        if is_number(value):
            value = int(value) if self.kind is Kind.INTEGER else float(value)
        elif self.enumeration is not None:
            value = self.enumeration(value)
        return cast(T, value)


def plain(value: object) -> object:
    """A value as files have it: the word of an enumeration's member."""
    return value.value if isinstance(value, Enum) else value


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number that a float can hold: no bool, no NaN, no infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max


MIN_DELAY_MS = Setting(
    "minDelayMs",
    "min_delay_ms",
    Kind.INTEGER,
    250,
    "shortest pause between two cycles",
    unit="ms",
    low=0,
    high=600_000,
    in_checkpoint=True,
    form_label="delay, ms",
    form_end="shortest",
    form_line=5,
)
MAX_DELAY_MS = Setting(
    "maxDelayMs",
    "max_delay_ms",
    Kind.INTEGER,
    1200,
    "longest pause between two cycles",
    unit="ms",
    low=0,
    high=600_000,
    in_checkpoint=True,
    form_label="delay, ms",
    form_end="longest",
    form_line=5,
)
SIZE_MIN = Setting(
    "sizeMin",
    "size_min",
    Kind.NUMBER,
    0.05,
    "smallest order",
    unit="base",
    low=0,
    low_is_exclusive=True,
    in_checkpoint=True,
    form_label="order size, base",
    form_end="smallest",
    form_line=4,
)
SIZE_MAX = Setting(
    "sizeMax",
    "size_max",
    Kind.NUMBER,
    0.25,
    "largest order",
    unit="base",
    low=0,
    low_is_exclusive=True,
    in_checkpoint=True,
    form_label="order size, base",
    form_end="largest",
    form_line=4,
)
ORDERS_PER_SIDE = Setting(
    "ordersPerSidePerWallet",
    "orders_per_side",
    Kind.INTEGER,
    6,
    "orders a wallet keeps on each side",
    unit="orders",
    low=1,
    high=50,
    in_checkpoint=True,
    form_label="orders per side",
    form_line=1,
)
MAX_UTILIZATION = Setting(
    "maxWalletUtilization",
    "max_utilization",
    Kind.NUMBER,
    0.20,
    "largest share of a wallet's collateral that its orders may tie up",
    unit="share",
    low=0.02,
    high=0.90,
    in_checkpoint=True,
    form_label="collateral share",
    form_line=2,
)
MIN_DISTANCE_TICKS = Setting(
    "minDistanceTicks",
    "min_distance_ticks",
    Kind.INTEGER,
    10,
    "nearest distance to the anchor",
    unit="ticks",
    low=1,
    high=100_000,
    in_checkpoint=True,
    form_label="distance, ticks",
    form_end="nearest",
    form_line=3,
)
MAX_DISTANCE_TICKS = Setting(
    "maxDistanceTicks",
    "max_distance_ticks",
    Kind.INTEGER,
    120,
    "farthest distance to the anchor",
    unit="ticks",
    low=1,
    high=100_000,
    in_checkpoint=True,
    form_label="distance, ticks",
    form_end="farthest",
    form_line=3,
)

WALLETS = Setting(
    "wallets",
    "wallets",
    Kind.INTEGER,
    10,
    "number of wallets to use, in file order",
    low=1,
    placeholder="N",
    form_label="wallets",
    form_line=6,
)
MARKET: Setting[str | None] = Setting(
    "market", "market", Kind.TEXT, None, "market to quote", placeholder="SYMBOL|ADDRESS"
)
RESUME: Setting[bool | None] = Setting(
    "resume",
    "resume",
    Kind.FLAG,
    None,
    "resume the saved run for this market, or start fresh",
    spelling="--resume/--fresh",
    in_config_file=False,
)
STRATEGY = Setting(
    "strategy", "strategy", Kind.CHOICE, "packer", "name of the strategy", placeholder="NAME", in_checkpoint=True
)
RULES = Setting(
    "rules",
    "rules",
    Kind.CHOICE,
    Rules.EVEN,
    "how the packer spreads its prices",
    enumeration=Rules,
    in_checkpoint=True,
)
COLLATERAL = Setting(
    "collateral",
    "basis",
    Kind.CHOICE,
    CollateralBasis.NET,
    "whether available collateral already excludes order margin (net) or not (gross)",
    spelling="--collateral",
    enumeration=CollateralBasis,
    in_checkpoint=True,
)
CANCEL_ON_STOP = Setting(
    "cancelOnStop", "cancel_on_stop", Kind.FLAG, False, "cancel all orders when stopping", in_config_file=False
)
SETTLE_AFTER = Setting(
    "settleAfter",
    "settle_after_s",
    Kind.NUMBER,
    60.0,
    "seconds before an unacknowledged order is written off",
    spelling="--settle-after",
    placeholder="S",
    unit="s",
    low=1,
    in_config_file=False,
)
CYCLE_GAP = Setting(
    "cycleGapMs",
    "cycle_gap_ms",
    Kind.INTEGER,
    20,
    "least time between two cycles that new blocks start",
    unit="ms",
    low=0,
    high=60_000,
)
PRICE_BAND = Setting(
    "priceBandPercent",
    "price_band_percent",
    Kind.NUMBER,
    5.0,
    "how far the anchor may be from the vault's mark price before nothing is placed",
    spelling="--price-band",
    placeholder="P",
    unit="%",
    low=0.1,
    high=10_000,
    in_checkpoint=True,
)
SESSION_HOURS = Setting(
    "sessionHours",
    "session_hours",
    Kind.NUMBER,
    24.0,
    "hours that a new session lasts",
    placeholder="H",
    unit="hours",
    low=0.1,
    high=168,
)
SESSION_CAPS = Setting(
    "sessionCaps",
    "session_caps",
    Kind.FLAG,
    True,
    "limit what a session may trade to what the run needs, with room to spare",
    spelling="--session-caps/--no-session-caps",
)
RENEW_REVOKED = Setting("renewRevoked", "renew_revoked", Kind.FLAG, False, "recreate revoked sessions")
CONFIRM_QUIT = Setting(
    "confirmQuit",
    "confirm_quit",
    Kind.FLAG,
    True,
    "ask before the dashboard quits while orders rest",
    spelling="--confirm-quit/--no-confirm-quit",
)
DRY_RUN = Setting(
    "dryRun",
    "dry_run",
    Kind.FLAG,
    False,
    "plan once and show the plan; sign and send nothing",
    in_config_file=False,
)

PARAMETERS: Final[tuple[Setting[Any], ...]] = (
    MIN_DELAY_MS,
    MAX_DELAY_MS,
    SIZE_MIN,
    SIZE_MAX,
    ORDERS_PER_SIDE,
    MAX_UTILIZATION,
    MIN_DISTANCE_TICKS,
    MAX_DISTANCE_TICKS,
)
"""The settings of `Parameters`, in the order of the checkpoint."""
SETTINGS: Final[tuple[Setting[Any], ...]] = (
    *PARAMETERS,
    WALLETS,
    MARKET,
    RESUME,
    STRATEGY,
    RULES,
    COLLATERAL,
    CANCEL_ON_STOP,
    SETTLE_AFTER,
    CYCLE_GAP,
    PRICE_BAND,
    SESSION_HOURS,
    SESSION_CAPS,
    RENEW_REVOKED,
    CONFIRM_QUIT,
    DRY_RUN,
)
PARAMETER_BY_KEY: Final[Mapping[str, Setting[Any]]] = {setting.key: setting for setting in PARAMETERS}
