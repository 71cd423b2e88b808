"""Sessions: stored ones are used, missing ones created once, revoked ones stay revoked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import JournalError, MalformedError
from ama_tui.domain.plan import Plan, SkipReason, WalletBudget
from ama_tui.domain.session import HOW_TO_RENEW, Caps, Methods, SessionPermit, SessionRecord
from ama_tui.engine.sessions.adoption import UNREAD
from ama_tui.engine.sessions.creation import CHAIN_PATIENCE_S, INIT_ATTEMPTS
from ama_tui.venue.permits import session_id
from tests.engine.fakes import METHODS, RELAYERS, FakeActionLog, FakeVenue, record
from tests.engine.samples import ALICE, BOB, CAROL, MARKET
from tests.engine.sessions.preparing import LOST, NOW, Preparation, refused, unprepared

# ---- stored sessions ----


def test_stored_session_is_used_and_nothing_is_signed() -> None:
    done = Preparation(FakeVenue({"0x01": record(ALICE, "0x01", expiry=NOW + 9_000)}), {ALICE: ["0x01"]})
    alice = done.go()
    assert (alice.session.id, alice.session.expiry, alice.unusable) == ("0x01", NOW + 9_000, None)
    assert done.venue.permits == []


def test_latest_of_several_valid_sessions_is_used_and_the_others_await_revocation() -> None:
    venue = FakeVenue({one: record(ALICE, one) for one in ("0x01", "0x02", "0x03")})
    alice = Preparation(venue, {ALICE: ["0x01", "0x02", "0x03"]}).go()
    assert (alice.session.id, list(alice.session.replaced)) == ("0x03", ["0x01", "0x02"])


def test_cancel_only_session_does_not_displace_the_one_before_it() -> None:
    """A kill created it for a wallet whose session was valid again afterwards."""
    venue = FakeVenue({"0x01": record(ALICE, "0x01"), "0x02": record(ALICE, "0x02", methods=Methods.CANCEL)})
    alice = Preparation(venue, {ALICE: ["0x01", "0x02"]}).go()
    assert (alice.session.id, list(alice.session.replaced), venue.permits) == ("0x01", ["0x02"], [])


@pytest.mark.parametrize(
    "bad",
    [
        record(ALICE, "0x01", expiry=NOW - 1),
        record(ALICE, "0x01", expiry=NOW + 200),
        record(ALICE, "0x01", root="0x" + "00" * 32),
        record(ALICE, "0x01", methods=Methods.PLACE_MARGIN_LIMIT),
        record(ALICE, "0x01", per_session6=1_000, used6=900),
        record(BOB, "0x01"),
        None,
    ],
)
def test_unusable_session_is_replaced_unless_it_could_not_be_read(bad: SessionRecord | None) -> None:
    venue = FakeVenue({"0x01": bad})
    alice = Preparation(venue, {ALICE: ["0x01"]}).go()
    if bad is None:
        assert alice.session.id is None
        assert alice.unusable_detail == UNREAD
        assert venue.permits == []
    else:
        assert alice.session.id == session_id(venue.permits[0])
        assert len(venue.permits) == 1


def test_every_created_session_widens_the_request_limit() -> None:
    """Where the venue responds only with the block, a wave of requests would otherwise stay as small as the first."""
    done = Preparation(books=[unprepared(wallet) for wallet in (ALICE, BOB, CAROL)])
    done.go()
    assert done.run is not None
    assert done.run.rate_limiter.limit == 32 + 3


def test_session_unknown_to_the_registry_is_created() -> None:
    venue = FakeVenue()
    assert Preparation(venue, {ALICE: ["0x01"]}).go().session.id == session_id(venue.permits[0])


@pytest.mark.parametrize(
    ("bad", "is_kept"),
    [
        (record(ALICE, "0x01", expiry=NOW + 200), True),
        (record(ALICE, "0x01", per_session6=1_000, used6=900), True),
        (record(ALICE, "0x01", expiry=NOW - 1), False),
    ],
)
def test_wallet_whose_renewal_fails_starts_with_the_old_session_if_it_still_works(
    bad: SessionRecord, is_kept: bool
) -> None:
    alice = Preparation(FakeVenue({"0x01": bad}, on_init=lambda permit: refused("bad_sig")), {ALICE: ["0x01"]}).go()
    assert (alice.session.id == "0x01") == is_kept
    assert (alice.unusable is None) == is_kept
    assert alice.note == ("session not renewed" if is_kept else "no session") + ": refused: bad_sig"


def test_revoked_session_is_not_recreated_and_the_text_says_how_to() -> None:
    venue = FakeVenue({"0x01": record(ALICE, "0x01", revoked=True)})
    alice = Preparation(venue, {ALICE: ["0x01"]}).go()
    assert (alice.unusable, alice.unusable_detail) == (SkipReason.NO_SESSION, f"session revoked: {HOW_TO_RENEW}")
    assert (venue.permits, alice.session.is_revoked) == ([], True)


def test_revoked_session_is_not_replaced_by_an_earlier_one_either() -> None:
    venue = FakeVenue({"0x01": record(ALICE, "0x01"), "0x02": record(ALICE, "0x02", revoked=True)})
    alice = Preparation(venue, {ALICE: ["0x01", "0x02"]}).go()
    assert (alice.session.id, alice.session.is_revoked, list(alice.session.replaced)) == (None, True, ["0x01"])


def test_revoked_session_is_recreated_on_request() -> None:
    venue = FakeVenue({"0x01": record(ALICE, "0x01", revoked=True)})
    alice = Preparation(venue, {ALICE: ["0x01"]}, renew_revoked=True).go()
    assert (alice.session.id, alice.unusable) == (session_id(venue.permits[0]), None)


def test_old_revocation_no_longer_counts_after_a_later_session() -> None:
    """The later one has merely expired: nobody means to keep this wallet out."""
    venue = FakeVenue({"0x01": record(ALICE, "0x01", revoked=True), "0x02": record(ALICE, "0x02", expiry=NOW - 1)})
    alice = Preparation(venue, {ALICE: ["0x01", "0x02"]}).go()
    assert (alice.unusable, len(venue.permits)) == (None, 1)


# ---- new sessions ----


def test_new_session_is_signed_for_this_market_its_methods_and_the_runs_needs() -> None:
    venue = FakeVenue(nonces={ALICE: 4})
    budget = WalletBudget(basis6=10**10, cap6=2 * 10**9, reserved6=0, pending6=0)
    Preparation(venue, hours=2.0, plan=Plan(anchor_x2=2 * 2_500_000_000, budgets={ALICE: budget})).go()
    (permit,) = venue.permits
    assert (permit.trader, permit.nonce, permit.expiry) == (ALICE, 4, NOW + 7_200)
    assert (permit.methods, permit.allowed_markets) == (METHODS, (MARKET.market_id,))
    assert permit.relayer_set_root == RELAYERS.root
    assert permit.caps == Caps(2 * 625_300_000, 2 * (4 + 24) * 2 * 10**9)


def test_session_has_no_caps_only_on_request() -> None:
    venue = FakeVenue()
    Preparation(venue, has_caps=False).go()
    Preparation(venue).go()
    assert [permit.caps for permit in venue.permits] == [Caps(0, 0), Caps(1, 1)]


def test_wallets_get_sessions_concurrently_each_journalled_before_its_request() -> None:
    done = Preparation(books=[unprepared(ALICE), unprepared(BOB), unprepared(CAROL)])
    done.go()
    assert len({permit.salt for permit in done.venue.permits}) == 3
    for name in ("alice", "bob", "carol"):
        assert [(kind, text) for one, kind, text in done.action_log.lines if one == name] == [
            ("INTENT", "sessionInit"),
            ("SESSION_INIT", "session created"),
        ]


def test_session_with_a_lost_reply_is_found_on_chain_and_not_requested_again() -> None:
    venue = FakeVenue()

    def lose_reply(permit: SessionPermit) -> Exception:
        venue.created(permit)
        return LOST

    venue.on_init = lose_reply
    done = Preparation(venue)
    assert done.go().session.id == session_id(venue.permits[0])
    assert len(venue.permits) == 1
    assert done.action_log.of("SESSION_INIT") == ["session created: the response was lost, but the chain has it"]


def test_session_mined_late_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = FakeVenue()
    venue.on_init = lambda permit: LOST
    asked = 0
    read = venue.session_records

    async def read_late(registry: str, ids: list[str]) -> object:
        nonlocal asked
        asked += 1
        if asked == 6:
            venue.created(venue.permits[0])
        return await read(registry, ids)

    monkeypatch.setattr(venue, "session_records", read_late)
    done = Preparation(venue)
    assert done.go().unusable is None
    assert 4 <= done.seconds <= CHAIN_PATIENCE_S


@pytest.mark.parametrize("error", [LOST, MalformedError("HTML"), refused("busy", status=503, proves=False)])
def test_session_that_never_appears_leaves_only_its_wallet_out(error: Exception) -> None:
    venue = FakeVenue(on_init=lambda permit: error if permit.trader == ALICE else None)
    done = Preparation(venue, books=[unprepared(ALICE), unprepared(BOB)])
    alice = done.go()
    assert alice.unusable is SkipReason.NO_SESSION
    assert alice.unusable_detail.startswith("no session: ")
    assert done.books[1].session.id is not None
    asked = [permit for permit in venue.permits if permit.trader == ALICE]
    assert asked == asked[:1] * INIT_ATTEMPTS  # the same permit each time, so it can create no second session
    assert done.seconds >= CHAIN_PATIENCE_S


def test_permit_whose_request_was_lost_is_sent_again() -> None:
    answers = iter([LOST, None])
    venue = FakeVenue(on_init=lambda permit: next(answers))
    alice = Preparation(venue).go()
    first, second = venue.permits
    assert first == second
    assert (alice.session.id, alice.unusable) == (session_id(first), None)


def test_lost_permit_stays_the_same_through_a_rate_limit() -> None:
    answers = iter([LOST, refused("rate_limit_exceeded", status=429, limited=True), None])
    venue = FakeVenue(on_init=lambda permit: next(answers))
    alice = Preparation(venue).go()
    assert venue.permits == [venue.permits[0]] * 3
    assert alice.session.id == session_id(venue.permits[0])


def test_permit_mined_before_its_resend_is_found_without_a_second_session() -> None:
    def answer(permit: SessionPermit) -> Exception:
        if len(venue.permits) == 1:
            return LOST
        venue.records[session_id(permit)] = record(permit.trader, session_id(permit))
        return refused("bad_nonce")

    venue = FakeVenue(on_init=answer)
    alice = Preparation(venue).go()
    assert len(set(venue.permits)) == 1
    assert (alice.session.id, alice.unusable) == (session_id(venue.permits[0]), None)


def test_nothing_is_signed_while_chain_and_api_disagree_on_the_nonce() -> None:
    venue = FakeVenue(nonces={ALICE: 1}, fresh_nonces={ALICE: 2})
    alice = Preparation(venue).go()
    assert venue.permits == []
    assert "nonce 1 on chain, 2 by the API" in str(alice.unusable_detail)


def test_lagging_node_is_awaited_until_it_agrees_on_the_nonce() -> None:
    class Lagging(FakeVenue):
        async def session_nonce(self, trader: str) -> int:
            self.nonces[trader] = 2
            return 2

    venue = Lagging(nonces={ALICE: 1})
    alice = Preparation(venue).go()
    assert [permit.nonce for permit in venue.permits] == [2]
    assert alice.session.id == session_id(venue.permits[0])


def test_nothing_is_signed_for_a_nonce_that_only_the_api_reports() -> None:
    venue = FakeVenue(nonces={ALICE: None}, fresh_nonces={ALICE: 9})
    alice = Preparation(venue).go()
    assert venue.permits == []
    assert "nonce could not be read" in str(alice.unusable_detail)


def test_lasting_bad_nonce_ends_after_a_few_attempts() -> None:
    venue = FakeVenue(on_init=lambda permit: refused("bad_nonce"))
    alice = Preparation(venue).go()
    assert len(venue.permits) == INIT_ATTEMPTS
    assert alice.unusable_detail == "no session: refused: bad_nonce"


def test_rate_limit_is_waited_out_and_retried() -> None:
    venue = FakeVenue()
    venue.on_init = lambda permit: (
        refused("rate_limit_exceeded", status=429, limited=True) if len(venue.permits) == 1 else None
    )
    done = Preparation(venue)
    assert done.go().unusable is None
    assert done.seconds >= 7.0


def test_refused_signature_is_not_retried_and_says_why() -> None:
    venue = FakeVenue(on_init=lambda permit: refused("bad_sig"))
    alice = Preparation(venue).go()
    assert (len(venue.permits), alice.unusable_detail) == (1, "no session: refused: bad_sig")


def test_permit_that_cannot_be_journalled_is_not_sent() -> None:
    done = Preparation(action_log=FakeActionLog(broken=JournalError("the disk is full", "free some disk space")))
    done.books.append(unprepared(BOB))
    with pytest.raises(JournalError, match="the disk is full"):
        done.go()
    assert done.venue.permits == []


STORED = st.sampled_from(["good", "revoked", "expired", "unknown", "unread"])


@given(stored=st.lists(STORED, max_size=4), renew_revoked=st.booleans())
def test_wallet_ends_with_one_usable_session_or_with_a_reason(stored: list[str], renew_revoked: bool) -> None:
    """Whatever was stored: at most one session is created, and none while a valid one may exist."""
    made = {
        "good": lambda one: record(ALICE, one),
        "revoked": lambda one: record(ALICE, one, revoked=True),
        "expired": lambda one: record(ALICE, one, expiry=NOW),
    }
    ids = [f"0x{number:02}" for number in range(len(stored))]
    venue = FakeVenue({one: made[kind](one) for one, kind in zip(ids, stored, strict=True) if kind in made})
    venue.records |= {one: None for one, kind in zip(ids, stored, strict=True) if kind == "unread"}
    alice = Preparation(venue, {ALICE: ids}, renew_revoked=renew_revoked).go()
    known = [kind for kind in stored if kind in made]
    assert (alice.session.id is None) == (alice.unusable is SkipReason.NO_SESSION)
    good = [one for one, kind in zip(ids, stored, strict=True) if kind == "good"]
    if known and known[-1] == "revoked" and not renew_revoked:
        assert (venue.permits, alice.session.id, alice.session.is_revoked) == ([], None, True)
        assert list(alice.session.replaced) == good
    elif good:
        assert (venue.permits, alice.session.id, list(alice.session.replaced)) == ([], good[-1], good[:-1])
    elif "unread" in stored:
        assert (venue.permits, alice.session.id) == ([], None)
    else:
        assert (len(venue.permits), alice.session.id) == (1, session_id(venue.permits[0]))
