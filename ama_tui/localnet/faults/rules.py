"""Fault rules and their seed, with conversion from and to JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from ama_tui.localnet.faults.kinds import ENDPOINTS, KINDS, RPC, Range

MOST_RULES = 100


class FaultsError(ValueError):
    """The faults are invalid. The message is one line."""


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A fault and the requests it strikes: those that meet every condition. Raises FaultsError."""

    fault: str
    """A name from `kinds`."""
    on: tuple[str, ...] = ()
    """The endpoints to affect; empty for the fault's default."""
    rate: float = 1.0
    """Probability per request."""
    nth: tuple[int, ...] = ()
    """Only these requests, counted from 1 since the faults were set; empty for all."""
    during: Range | None = None
    """Only between these seconds since the faults were set."""
    lasts: Range | None = None
    """After a strike, strike every request for a time drawn from this range of seconds."""
    seconds: Range | None = None
    """The range of its delay or Retry-After; None for the fault's default."""
    blocks: tuple[int, int] | None = None
    """The range of how many blocks it goes back; None for the fault's default."""

    def __post_init__(self) -> None:
        kind = KINDS.get(self.fault)
        if kind is None:
            raise FaultsError(f"no fault {self.fault!r}: use one of {', '.join(KINDS)}")
        for name in ("on", "seconds", "blocks"):
            if not getattr(self, name):
                object.__setattr__(self, name, getattr(kind, name))
        for endpoint in self.on:
            if endpoint not in kind.can:
                raise FaultsError(f"{self.fault} cannot affect {endpoint!r}, only {', '.join(kind.can)}")
        if not 0 <= self.rate <= 1:
            raise FaultsError(f"rate must be from 0 to 1, not {self.rate:g}")
        if any(number < 1 for number in self.nth):
            raise FaultsError("nth counts from 1")
        for name in ("seconds", "blocks"):
            if getattr(self, name) is not None and getattr(kind, name) is None:
                raise FaultsError(f"{self.fault} has no {name}")
        for name in ("during", "lasts", "seconds", "blocks"):
            low, high = getattr(self, name) or (0, 0)
            if not (0 <= low <= high and isfinite(high)):
                raise FaultsError(f"{name} must be two numbers in increasing order, 0 or more: not {low:g}, {high:g}")
        least, most = kind.block_limits
        if self.blocks is not None and not least <= self.blocks[0] <= self.blocks[1] <= most:
            raise FaultsError(f"blocks must be from {least} to {most}, not {self.blocks[0]}, {self.blocks[1]}")


@dataclass(frozen=True, slots=True)
class Faults:
    """A list of rules, of which the first that strikes a request wins, and the seed of all random choices.

    The same seed, rules and requests give the same faults. Raises FaultsError.
    """

    rules: tuple[FaultRule, ...] = ()
    seed: int = 1

    def __post_init__(self) -> None:
        if len(self.rules) > MOST_RULES:
            raise FaultsError(f"at most {MOST_RULES} rules, not {len(self.rules)}")

    @property
    def needs_old_states(self) -> bool:
        """Whether the chain must keep past states."""
        return any(rule.blocks is not None for rule in self.rules)

    @property
    def needs_own_node(self) -> bool:
        """Whether any rule needs the embedded node."""
        return any(endpoint in (*RPC, "block", "ws") for rule in self.rules for endpoint in rule.on)

    def as_json(self) -> dict[str, Any]:
        """The JSON form that `read_faults` parses, with all defaults filled in."""
        rules = [
            {name: value for name, value in asdict(rule).items() if value not in (None, ())} for rule in self.rules
        ]
        return {"seed": self.seed, "rules": rules}


NO_FAULTS = Faults()


def read_faults(value: object) -> Faults:
    """Parse decoded JSON: `{"seed": 1, "rules": [{"fault": "delay", "rate": 0.1}, …]}`. Raises FaultsError."""
    body = _object(value, {"seed", "rules"}, "faults")
    rules = body.get("rules", [])
    if not isinstance(rules, list):
        raise FaultsError("rules must be a list")
    seed = body.get("seed", 1)
    if type(seed) is not int:
        raise FaultsError("seed must be a whole number")
    return Faults(tuple(_rule(rule, f"rules[{index}]") for index, rule in enumerate(rules)), seed)


def _rule(value: object, where: str) -> FaultRule:
    body = _object(value, set(_READERS), where)
    if not isinstance(body.get("fault"), str):
        raise FaultsError(f"{where}: fault must be a name")
    try:
        given = {name: _READERS[name](each, name) for name, each in body.items() if each is not None}
        return FaultRule(**given)
    except FaultsError as error:
        raise FaultsError(f"{where}: {error}") from None


def _object(value: object, fields: set[str], where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FaultsError(f"{where} must be a JSON object")
    unknown = sorted(set(value) - fields)
    if unknown:
        raise FaultsError(f"{where}: no field {unknown[0]!r}: use {', '.join(sorted(fields))}")
    return value


def _name(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise FaultsError(f"{name} must be a name")
    return value


def _endpoints(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not set(map(str, value)) <= set(ENDPOINTS):
        raise FaultsError(f"{name} must be a list from {', '.join(ENDPOINTS)}")
    return tuple(map(str, value))


def _number(value: object, name: str) -> float:
    if type(value) not in (int, float):
        raise FaultsError(f"{name} must be a number")
    return float(str(value))


def _counts(value: object, name: str) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or any(type(each) is not int for each in value):
        raise FaultsError(f"{name} must be a list of whole numbers")
    return tuple(value)


def _range(value: object, name: str) -> Range:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise FaultsError(f"{name} must be a list of two numbers: minimum and maximum")
    return _number(value[0], name), _number(value[1], name)


def _blocks(value: object, name: str) -> tuple[int, int]:
    counts = _counts(value, name)
    if len(counts) != 2:
        raise FaultsError(f"{name} must be a list of two numbers: minimum and maximum")
    return counts[0], counts[1]


_READERS: dict[str, Callable[[object, str], Any]] = {
    "fault": _name,
    "on": _endpoints,
    "rate": _number,
    "nth": _counts,
    "during": _range,
    "lasts": _range,
    "seconds": _range,
    "blocks": _blocks,
}
