"""Finds how fast a venue that limits its clients accepts requests, and keeps to that pace.

Nothing here waits or sends. All times are seconds on one clock.
"""

from __future__ import annotations

from bisect import bisect_left

WINDOWS_S = (1.0, 10.0, 60.0, 600.0, 3600.0)
"""Limits are set per second, minute or hour. A `Retry-After` is at most one such window."""
UNTOLD_WINDOWS_S = (1.0, 60.0)
"""The windows to assume, one after another, when a refusal does not say how long to wait."""
SHARE = 0.94
"""How much of the limit is used: requests bunch up on their way."""
SLACK = 0.05
"""How much of a window's requests may start at once, to make up for a timer that came late."""
FEWEST = 3
"""The fewest requests in a window to judge a limit by. A refusal after fewer is a closed door, not a limit."""
ALIKE = 0.25
"""Two counts are alike if they differ by at most this share of the larger one."""
FINDINGS = 3
"""After this many refusals the limit is known, and further ones correct it only a little."""
LONGEST_SPAN = 10.0
"""Refusals further apart than this many windows say nothing about each other: few requests were wanted meanwhile."""
SLOWER = 0.95
CLOSED_S = (1.0, 1.0, 2.0, 4.0, 8.0)
"""The shortest waits after refusals in a row."""
KNOCK_S = 0.25
"""The time between two requests after a refusal, until one is accepted."""
CREDIT = 0.01
"""Earned by each accepted request. Trying a faster pace costs 1, and twice as much after each refusal of it."""
HIGHEST_PRICE = 16.0
HELD_FOR, HELD_WINDOWS = 50, 3
"""How many requests and windows a faster pace must hold for before it is believed."""
FIRST_STEP, LONGEST_STEP = 0.05, 1.0
"""How much faster is tried. The step doubles each time until a refusal."""
KEPT_STARTS = 20_000
NEVER = float("-inf")
UNLIMITED = float("inf")


class SendPace:
    """When the next request may start.

    A limit is modelled as a number of requests in any window. Even spacing then suits fixed windows, sliding windows
    and token buckets alike. Of requests that were in flight together and refused, only the first counts.
    """

    def __init__(self) -> None:
        self.rate = UNLIMITED
        """Requests per second."""
        self.closed_until = NEVER
        self._window = 0.0
        """The window of the limit, as far as it is known."""
        self._starts: list[float] = []
        """When the requests that were not refused started, in order."""
        self._due = NEVER
        """When the next request is due at an even pace."""
        self._found_at = NEVER
        """When the latest refusal that counts was noticed."""
        self._findings = 0
        self._row = 0
        """Refusals that count since the last accepted request."""
        self._lowest = 0.0
        """Small corrections do not go below this rate."""
        self._doors = 0
        """Refusals after too few accepted requests to judge by."""
        self._refused_start = NEVER
        """When the latest refused request that counts started."""
        self._since: int | None = None
        """How many were accepted before the latest refusal that counts, since the one before."""
        self._in_vain = 0
        """How often the rate was lowered without an effect."""
        self._credit = 0.0
        self._price = 1.0
        """The credit that the next faster pace takes."""
        self._step = FIRST_STEP
        self._held = 0
        self._raised_at = NEVER
        self._rate_before = 0.0
        """The rate before a faster one was tried, 0 if none is being tried."""

    @property
    def is_limited(self) -> bool:
        """Is a limit known?"""
        return self.rate < UNLIMITED

    @property
    def is_free(self) -> bool:
        """Is no limit known, and is the door open?"""
        return not self.is_limited and not self._row

    def next_start(self) -> float:
        """The earliest time for the next request."""
        at = self.closed_until
        last = self._starts[-1] if self._starts else NEVER
        if self._row:
            at = max(at, last + KNOCK_S)
        if self.is_limited:
            most = self._most()
            at = max(at, self._due - int(SLACK * most) / self.rate)
            if len(self._starts) >= most:
                at = max(at, self._starts[-most] + self._window)
        return at

    def started(self, now: float) -> None:
        """Note that a request starts."""
        self._starts.append(now)
        if len(self._starts) > 2 * KEPT_STARTS:
            del self._starts[:KEPT_STARTS]
        if self.is_limited:
            self._due = max(now, self._due) + 1 / self.rate

    def started_until(self, moment: float) -> int:
        """How many requests that were not refused started until a time."""
        return bisect_left(self._starts, moment)

    def not_sent(self, started_at: float) -> None:
        """Note that a request that started was not sent after all."""
        self._forget(started_at)
        if self.is_limited:
            self._due -= 1 / self.rate

    def succeeded(self, started_at: float, now: float, *, others_wait: bool) -> None:
        """Note an accepted request. `others_wait`: the pace holds others back, so it is being put to the test."""
        self._credit = min(HIGHEST_PRICE, self._credit + CREDIT)
        if started_at <= self._found_at:
            return
        self._row = 0
        if self.is_limited and others_wait:
            self._held += 1
            self._try_faster(now)

    def refused(self, started_at: float, now: float, retry_after: float | None) -> None:
        """Note a refused request. `retry_after` is how long the venue asks to wait, None if it does not say."""
        self._forget(started_at)
        if retry_after is not None:
            self.closed_until = max(self.closed_until, now + retry_after)
        if started_at <= self._found_at:
            if self._row == 1 and not self.is_limited and self._was_busiest(self._refused_start):
                self._find(self._refused_start)  # two refused together are no coincidence
            return
        self._row += 1
        self._refused_start = started_at
        self.closed_until = max(self.closed_until, now + CLOSED_S[min(self._row, len(CLOSED_S)) - 1])
        self._widen_window(retry_after)
        if self._rate_before:
            self.rate, self._rate_before, self._step = self._rate_before, 0.0, FIRST_STEP
            self._price = min(HIGHEST_PRICE, 2 * self._price)
        else:
            self._judge(started_at)
        self._credit, self._found_at, self._held, self._due = 0.0, now, 0, now

    def _most(self) -> int:
        """The most requests that may start within one window."""
        return max(1, round(self.rate * self._window))

    def _forget(self, started_at: float) -> None:
        """A refused request does not count against the limit."""
        at = bisect_left(self._starts, started_at)
        if at < len(self._starts) and self._starts[at] == started_at:
            del self._starts[at]

    def _widen_window(self, retry_after: float | None) -> None:
        """Suppose a longer window if the venue asks for a longer wait, or if the present one was waited for in vain."""
        wanted = UNTOLD_WINDOWS_S[0] if retry_after is None else retry_after
        supposed = UNTOLD_WINDOWS_S if retry_after is None else WINDOWS_S
        if self._row > (1 if retry_after is None else 2):
            wanted = max(wanted, next((window for window in supposed if window > self._window), supposed[-1]))
        fitting = next((window for window in WINDOWS_S if window >= wanted), WINDOWS_S[-1])
        self._window = max(self._window, fitting)

    def _judge(self, refused: float) -> None:
        """Tell a rate limit from a venue that refuses some requests at random.

        A limit refuses again at once, or after about as many accepted requests as last time. Slowing down helps
        against a limit, but not against chance.
        """
        before, since = self._since, self._count(self._found_at, refused)
        self._since = since
        if not self.is_limited:
            if self._row > 1 or (before is not None and abs(since - before) <= ALIKE * max(since, before)):
                self._find(refused)
            return
        self._in_vain = 1 if since >= HELD_FOR * 2 else self._in_vain + 1
        if self._in_vain >= FINDINGS and self._row == 1:
            self.rate, self._findings, self._doors, self._in_vain = UNLIMITED, 0, 0, 0
            return
        self._find(refused)

    def _find(self, refused: float) -> None:
        """Judge the limit by what was accepted before a request that started at this time was refused."""
        count = self._count(refused - self._window, refused)
        since = self._count(self._found_at, refused)
        span = refused - self._found_at
        mean = SHARE * since / span
        if span > LONGEST_SPAN * self._window:
            mean, self._doors = UNLIMITED, 0
        if self._findings >= FINDINGS:
            if self.is_limited and count >= SLOWER * self._most():
                slower = min(SLOWER * self.rate, mean if since >= 2 * self._most() else UNLIMITED)
                self.rate = max(self._lowest, slower)
            self._findings = FINDINGS if self._row < FINDINGS else 0
            return
        found = [SHARE * count / self._window] if count >= FEWEST else []
        if since and (self._findings or self._doors >= FINDINGS - 1):
            found.append(mean)
        if self.is_limited:
            found.append(SLOWER * self.rate)
        self.rate = min(found, default=UNLIMITED)
        if self.is_limited:
            self._findings += 1
            self._lowest = self.rate / 2
        elif since:
            self._doors += 1

    def _was_busiest(self, end: float) -> bool:
        """Were about as many requests accepted in the window before `end` as in any earlier one?"""
        first = most = 0
        last = bisect_left(self._starts, end)
        for at in range(last):
            while self._starts[at] - self._starts[first] > self._window:
                first += 1
            most = max(most, at + 1 - first)
        return self._count(end - self._window, end) >= (1 - ALIKE) * most

    def _count(self, first: float, end: float) -> int:
        """How many requests that were not refused started from one time on, until before another."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, first)

    def _try_faster(self, now: float) -> None:
        if self._held < HELD_FOR or now - self._raised_at < HELD_WINDOWS * self._window:
            return
        if self._rate_before:
            self._rate_before, self._price = 0.0, 1.0
        if self._credit < self._price:
            return
        self._credit = 0.0
        self._rate_before, self._raised_at, self._held = self.rate, now, 0
        self.rate *= 1 + self._step
        self._step = min(LONGEST_STEP, 2 * self._step)
