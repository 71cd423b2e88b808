"""What the verdicts of `make soak` say of figures that stay and of figures that grow."""

from __future__ import annotations

from tests.soak.samples import Sample
from tests.soak.verdicts import Verdict, of_clock, of_engine, of_process

MEGABYTE = 1_000_000


def sample(number: int, **changes: object) -> Sample:
    steady = Sample(10.0 * number, 100 * MEGABYTE, 400_000, 20, 5, 10, 0.3, 15, 60.0, news="push", fills=number)
    for name, value in changes.items():
        setattr(steady, name, value)
    return steady


def failed(verdicts: list[Verdict]) -> list[str]:
    return [verdict.name for verdict in verdicts if not verdict.ok]


def test_steady_run_passes() -> None:
    steady = [sample(number) for number in range(40)]
    assert failed(of_process("run", steady) + of_engine("run", steady) + [of_clock("run", steady)]) == []


def test_what_grows_or_slows_down_is_named() -> None:
    growing = [
        sample(number, rss=(100 + number) * MEGABYTE, fds=20 + number, tasks=10 + number) for number in range(40)
    ]
    assert failed(of_process("run", growing)) == ["run: memory, MB", "run: descriptors", "run: tasks"]
    slower = [
        sample(number, cycle_ms=10.0 + number, cpu=0.1 + number / 100, crossed=1, fills=3) for number in range(40)
    ]
    assert failed([of_clock("run", slower), *of_engine("run", slower)]) == [
        "run: cycle, ms",
        "run: cycle, ms of processor",
        "run: fills",
        "run: crossed",
    ]
    more_errors = [sample(number, errors={"no reply": max(0, number - 20)}) for number in range(40)]
    assert failed(of_engine("run", more_errors)) == ["run: errors"]
