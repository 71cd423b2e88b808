"""Who is struck: every request is held against the rules, and what struck is counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from ama_tui.localnet.faults.kinds import Endpoint
from ama_tui.localnet.faults.rules import NO_FAULTS, FaultRule, Faults


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that struck: what it drew from its ranges, and `rng` for whatever else it leaves to chance."""

    fault: str
    seconds: float
    blocks: int
    rng: Random


@dataclass(frozen=True, slots=True)
class Draw:
    """What a request is in for: seconds to be held first, then at most one other fault."""

    delay: float = 0.0
    strike: Strike | None = None


@dataclass(slots=True)
class _ArmedRule:
    """A rule at work: how many requests it has seen, and until when it strikes every one of them."""

    rule: FaultRule
    name: str
    seen: int = 0
    until: float = field(default=0.0)


class FaultInjector:
    """The faults in force. It is off until it is given some, and then costs nothing but a look at `is_on`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = 0.0
        self._armed: list[_ArmedRule] = []
        self.faults = NO_FAULTS
        self.struck: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()

    @property
    def is_on(self) -> bool:
        """Whether anything could strike."""
        return bool(self._armed)

    def set(self, faults: Faults) -> None:
        """Put these in force: numbers and seconds begin anew, what was counted stays."""
        self.faults = faults
        self._armed = [_ArmedRule(rule, f"{faults.seed}/{place}") for place, rule in enumerate(faults.rules)]
        self._began = self._clock()

    def draw(self, endpoint: Endpoint) -> Draw:
        """What strikes the next request of an endpoint.

        A rule's chance depends on the seed, on its place and on the number that the request has for it.
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
        armed.seen += 1
        rng = Random(f"{armed.name}/{armed.seen}")
        is_due = (
            rng.random() < rule.rate
            and (not rule.nth or armed.seen in rule.nth)
            and (rule.during is None or rule.during[0] <= now < rule.during[1])
        )
        if not is_due and now >= armed.until:
            return None
        if rule.lasts is not None and now >= armed.until:
            armed.until = now + rng.uniform(*rule.lasts)
        seconds = rng.uniform(*rule.seconds) if rule.seconds is not None else 0.0
        blocks = rng.randint(*rule.blocks) if rule.blocks is not None else 0
        return Strike(rule.fault, seconds, blocks, rng)
