"""Which requests are struck: by rate, number and time, and repeatably by seed."""

from __future__ import annotations

from ama_tui.localnet.faults.injector import FaultInjector
from ama_tui.localnet.faults.kinds import Endpoint
from ama_tui.localnet.faults.rules import NO_FAULTS, FaultRule, Faults


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def armed(*rules: FaultRule, seed: int = 1, clock: Clock | None = None) -> FaultInjector:
    injector = FaultInjector(clock or Clock())
    injector.set(Faults(rules, seed))
    return injector


def run(injector: FaultInjector, times: int, endpoint: Endpoint = "place") -> list[str | None]:
    """The faults of `count` requests."""
    strikes = [injector.draw(endpoint).strike for _ in range(times)]
    return [None if strike is None else strike.fault for strike in strikes]


def numbers(struck: list[str | None]) -> list[int]:
    return [number for number, fault in enumerate(struck, start=1) if fault is not None]


def test_rates_hold_within_statistical_bounds() -> None:
    injector = armed(*(FaultRule(fault, rate=0.05) for fault in ("lose_request", "lose_reply", "html")))
    run(injector, 10_000)
    # The first rule that strikes wins, so later ones lose a twentieth of theirs; five deviations of 22.
    for fault, expected in (("lose_request", 500), ("lose_reply", 475), ("html", 451)):
        assert abs(injector.struck[fault] - expected) < 110
    assert injector.requests == {"place": 10_000}


def test_rate_of_0_never_strikes_and_of_1_always_does() -> None:
    assert numbers(run(armed(FaultRule("html", rate=0)), 200)) == []
    assert len(numbers(run(armed(FaultRule("html")), 200))) == 200


def test_same_seed_has_the_same_faults_and_another_seed_others() -> None:
    rules = (FaultRule("html", rate=0.2), FaultRule("late", rate=0.2))

    def play(seed: int) -> list[tuple[str, float, float]]:
        injector = armed(*rules, seed=seed)
        strikes = [injector.draw("place").strike for _ in range(200)]
        return [(each.fault, each.seconds, each.rng.random()) for each in strikes if each is not None]

    assert play(1) == play(1)
    assert play(1) != play(2)


def test_requests_to_other_endpoints_change_nothing() -> None:
    alone = run(armed(FaultRule("html", rate=0.3, on=("place",))), 100)
    injector = armed(FaultRule("html", rate=0.3, on=("place",)))
    among_others = []
    for _ in range(100):
        assert run(injector, 3, "cancel") == [None] * 3
        among_others += run(injector, 1)
    assert among_others == alone


def test_numbered_requests_are_struck_and_counted_over_all_endpoints_of_the_rule() -> None:
    injector = armed(FaultRule("html", on=("place", "cancel"), nth=(2, 3, 7)))
    struck: list[str | None] = []
    for endpoint in ("place", "cancel", "place", "get", "place", "cancel", "cancel", "place", "place"):
        if endpoint == "get":
            assert run(injector, 1, "get") == [None]
        else:
            struck += run(injector, 1, endpoint)
    assert numbers(struck) == [2, 3, 7]


def test_time_window_includes_its_first_second_and_excludes_its_last() -> None:
    clock = Clock()
    injector = armed(FaultRule("html", during=(5, 9)), clock=clock)
    struck = []
    for second in range(12):
        clock.now = 1_000.0 + second
        struck += run(injector, 1)
    assert numbers(struck) == [6, 7, 8, 9]  # those of the seconds 5, 6, 7 and 8


def test_lasting_fault_strikes_every_request_for_its_time() -> None:
    clock = Clock()
    injector = armed(FaultRule("out_of_funds", nth=(2, 9), lasts=(3, 3)), clock=clock)
    struck = []
    for _ in range(10):
        struck += run(injector, 1)
        clock.now += 1
    assert numbers(struck) == [2, 3, 4, 9, 10]


def test_setting_faults_restarts_the_numbers_and_keeps_the_counts() -> None:
    injector = armed(FaultRule("html", nth=(1,)))
    run(injector, 5)
    injector.set(Faults((FaultRule("html", nth=(1,)),)))
    assert numbers(run(injector, 5)) == [1]
    assert injector.struck == {"html": 2}
    injector.set(NO_FAULTS)
    assert not injector.is_on
    assert run(injector, 5) == [None] * 5


def test_delays_add_up_and_combine_with_the_first_other_fault() -> None:
    delay = FaultRule("delay", seconds=(1, 1))
    draw = armed(delay, FaultRule("html"), delay, FaultRule("lose_reply")).draw("place")
    assert draw.delay == 2
    assert draw.strike is not None
    assert draw.strike.fault == "html"


def test_ranges_are_drawn_from_minimum_to_maximum() -> None:
    injector = armed(FaultRule("reorg", seconds=(2, 4), blocks=(1, 3)))
    strikes = [injector.draw("block").strike for _ in range(300)]
    assert {each.blocks for each in strikes if each is not None} == {1, 2, 3}
    seconds = [each.seconds for each in strikes if each is not None]
    assert 2 <= min(seconds) < 2.2
    assert 3.8 < max(seconds) <= 4
