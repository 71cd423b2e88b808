"""A simulated day in seconds: everything that the 30 days of `make soak` exercise happens in it."""

from __future__ import annotations

from pathlib import Path

from tests.soak.samples import read_samples
from tests.soak.simulated import NAME, Scale, soak

HOUR_S = 3600.0
ON_THE_MACHINE = ("memory", "processor")
"""What a process with other tests in it cannot judge."""


def test_simulated_day_of_fills_renewals_and_faults_leaves_nothing_behind(tmp_path: Path) -> None:
    scale = Scale(
        days=1.0,
        wallets=3,
        per_side=2,
        session_hours=4.0,
        round_s=HOUR_S,
        fail_every_s=6 * HOUR_S,
        every_s=3 * HOUR_S,
        segment_bytes=64 * 1024,
    )
    verdicts = soak(scale, tmp_path)
    judged = [one for one in verdicts if not any(word in one.name for word in ON_THE_MACHINE)]
    assert [one.text for one in judged if not one.ok] == []
    samples = read_samples(tmp_path / f"{NAME}.jsonl")
    assert samples[-1].fills > 100
    assert samples[-1].errors.keys() >= {"push lost", "chain unreadable"}
