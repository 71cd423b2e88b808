"""A whole run at a venue that takes only so many orders a minute: the best levels first, and no storm of errors."""

from __future__ import annotations

from pathlib import Path

from tests.engine.rig import log_lines, rig_of, run_of, until

PER_MINUTE = 12


async def test_run_under_a_limit_places_the_best_levels_first_and_tells_of_it_once(
    tmp_path: Path,
) -> None:
    async with rig_of(tmp_path, rate_limit=PER_MINUTE) as rig:
        engine = await rig.begin(orders_per_side=3)
        context = run_of(engine).context
        await until(lambda: engine.publisher.latest.rate_limits, "the limit to be met")
        await until(lambda: engine.publisher.latest.resting >= PER_MINUTE - 3, "what was accepted to rest")
        await until(lambda: context.counters.totals.cycles > 30, "many more plans")
        levels = sorted(order.level or 0 for book in context.fleet for order in book.orders)
        assert levels[:6] == [1] * 6, "level 1 of three wallets on both sides"
        assert max(levels) <= 2
        assert context.connections.api.stats.rate_limited <= 3
        assert sum("limit" in line for line in log_lines(engine)) == 1
        assert (context.counters.totals.errors, context.counters.totals.rejected) == (0, 0)
