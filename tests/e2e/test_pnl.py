"""P&L of real processes, which are killed, against the chain's events alone."""

from __future__ import annotations

import json
import signal

from ama_tui.localnet.options import VenueOptions
from tests.e2e.book import count_orders
from tests.e2e.chain_pnl import earned, stored
from tests.e2e.operator import PACK, Operator
from tests.e2e.venues import NewOperator, ServedVenue, ServeVenue

MARKET = "ETH-USD"
SMALL = ("--market", MARKET, "--wallets", "3", "--orders-per-side", "3", "--min-distance-ticks", "1")
GO_ON = ("run", "--headless", "--json", "--min-delay-ms", "20", "--max-delay-ms", "80", *SMALL)


def fills(operator: Operator) -> int:
    return sum(path.read_text().count('"action":"FILL"') for path in operator.state.rglob("actions.jsonl"))


class Others:
    """Traders outside the fleet, who each take once from its book."""

    def __init__(self, venue: ServedVenue) -> None:
        self._client, self._keys = venue.client, venue.client.keys[3:]

    def take(self) -> None:
        """One sells to the book, one buys from it: more than what others quote at the best prices."""
        for units, is_buy in ((2.6, False), (3, True)):
            key = self._keys.pop()
            session, _ = self._client.open_session(MARKET, key)
            amount = int(units * 10**18)
            answer = self._client.trade(MARKET, session, "sessionPlaceMarginMarket", key, amount=amount, isBuy=is_buy)
            assert answer.status_code == 200, answer.text


def test_results_of_a_run_that_is_killed_twice_are_what_the_events_say(
    serve: ServeVenue, operators: NewOperator
) -> None:
    venue = serve(VenueOptions(wallets=11, block_time=0, receipt_wait=0.0, traders=False))
    fleet = venue.client.addresses()[:3]
    operator, others = operators(venue), Others(venue)
    for _ in range(2):
        running = operator.start(*GO_ON, "--resume")
        running.until("a packed fleet", lambda: count_orders(venue.client, MARKET, venue.client.keys[:3]) == 18)
        before = fills(operator)
        others.take()
        running.until("fills", lambda: fills(operator) >= before + 3, 30)  # noqa: B023
        running.signal(signal.SIGKILL)
        assert running.wait().code == -signal.SIGKILL
        others.take()  # with the orders that rest
    summary = operator.ama(*PACK, *SMALL, "--resume").packed()
    (path,) = operator.state.rglob("checkpoint.json")
    checkpoint = json.loads(path.read_text())
    assert "pnlProblem" not in checkpoint["run"]
    expected = earned(venue.client, MARKET, fleet, checkpoint["run"]["tradesBlock"])
    assert stored(checkpoint) == expected
    assert sum(book.trades for book in expected.values()) > 12 > summary["fills"]
    assert len({book.held > 0 for book in expected.values()}) == 2 or any(book.realised for book in expected.values())
    realised6 = sum(book.realised for book in expected.values()) // 10**18
    assert (summary["pnl_realised"], summary["pnl_problem"]) == (realised6 / 10**6, None)
