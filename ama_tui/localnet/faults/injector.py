"""Decides which requests are struck by a fault, and counts them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from ama_tui.localnet.faults.kinds import Endpoint
from ama_tui.localnet.faults.rules import NO_FAULTS, FaultRule, Faults


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that applies to a request."""

    fault: str
    seconds: float
    """Drawn from the rule's range; 0 if it has none."""
    blocks: int
    """Drawn from the rule's range; 0 if it has none."""
    rng: Random
    """For further random choices of the fault."""


@dataclass(frozen=True, slots=True)
class Draw:
    """The faults of one request."""

    delay: float = 0.0
    """Seconds to hold the request before anything else."""
    strike: Strike | None = None
    """The fault to apply then."""


@dataclass(slots=True)
class _ArmedRule:
    """An active rule."""

    rule: FaultRule
    name: str
    """Seeds its random numbers."""
    requests: int = 0
    """How many requests it has counted."""
    until: float = 0.0
    """It strikes every request until this time."""


class FaultInjector:
    """The active faults. Without faults a request costs only a check of `is_on`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = 0.0
        self._armed: list[_ArmedRule] = []
        self.faults = NO_FAULTS
        self.struck: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()

    @property
    def is_on(self) -> bool:
        """Whether any rule is active."""
        return bool(self._armed)

    def set(self, faults: Faults) -> None:
        """Replace the active faults. Request numbers and seconds restart; the counts remain."""
        self.faults = faults
        self._armed = [_ArmedRule(rule, f"{faults.seed}/{index}") for index, rule in enumerate(faults.rules)]
        self._began = self._clock()

    def draw(self, endpoint: Endpoint) -> Draw:
        """Draw the faults of the next request to an endpoint.

        A rule's random numbers depend on the seed, its index and the number of requests it has counted.
        """
        self.requests[endpoint] += 1
        now = self._clock() - self._began
        strikes = [self._try(armed, now) for armed in self._armed if endpoint in armed.rule.on]
        delays = [each for each in strikes if each is not None and each.fault == "delay"]
        others = [each for each in strikes if each is not None and each.fault != "delay"][:1]
        self.struck.update(each.fault for each in (*delays, *others))
        return Draw(sum(each.seconds for each in delays), others[0] if others else None)

    def _try(self, armed: _ArmedRule, now: float) -> Strike | None:
        rule = armed.rule
        armed.requests += 1
        rng = Random(f"{armed.name}/{armed.requests}")
        is_due = (
            rng.random() < rule.rate
            and (not rule.nth or armed.requests in rule.nth)
            and (rule.during is None or rule.during[0] <= now < rule.during[1])
        )
        if not is_due and now >= armed.until:
            return None
        if rule.lasts is not None and now >= armed.until:
            armed.until = now + rng.uniform(*rule.lasts)
        seconds = rng.uniform(*rule.seconds) if rule.seconds is not None else 0.0
        blocks = rng.randint(*rule.blocks) if rule.blocks is not None else 0
        return Strike(rule.fault, seconds, blocks, rng)
