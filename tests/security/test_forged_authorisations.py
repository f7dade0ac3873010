"""The cheats by which somebody who may write Kafka's topics once traded live, each at a shard of the core.

Where the old rule let a cheat pass, the test shows it by the same records under a configuration without
authorisations_are_signed.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from schemas.records.enums import ControlKind, RiskEventKind
from schemas.records.messages import ApprovedOrder, Control, OrderRequest, RiskEvent
from streams.core.core_config import CoreConfig
from streams.core.reference.gate_config import GateConfig
from tests.authorisations import HOUR, JUDGED, approval, approved, decision, revocation
from tests.builders import START, config, control, heartbeat, nights, opening, quote
from tests.core.accounts.test_live_orders import live
from tests.core.desk import Desk, last, of
from tests.signing import APPROVER, APPROVER_NAME, GATE, GATE_SIGNER, STRANGER, gate_private_key

DAY = 24 * HOUR
OLD_RULE = config(authorisations_are_signed=False)
D1 = decision()


def trading(*controls: Control, core: CoreConfig | None = None, **session: Any) -> Desk:
    """A session of strategy s1 in a market, after commands."""
    desk = Desk(core)
    desk.send(opening(**JUDGED | session), quote(), *controls)
    return desk


def refusal(desk: Desk, order: OrderRequest | None = None) -> str | None:
    """Sends a live order and returns the code of its refusal; None if it went to the adapter."""
    sent = live(f"o{len(desk.outputs)}") if order is None else order
    outputs = desk.send(sent)
    if any(item.topic == "orders.live" for item in outputs):
        return None
    assert of(ApprovedOrder, outputs) == []
    return last(desk, sent.order_id).reason_code


def codes(desk: Desk) -> list[str | None]:
    """Returns the codes of the commands that were refused."""
    return [event.code for event in of(RiskEvent, desk.outputs) if event.kind is RiskEventKind.CONTROL_REJECTED]


def plain(kind: str, **fields: Any) -> Control:
    """Returns a command as anybody writes it, without a signature."""
    document = {"kind": kind, "strategy_id": "s1", "decision_id": "mine"} | fields
    return control(ControlKind.AUTHORISATION, None, kind, authorisation=json.dumps(document))


WRITTEN_BY_HAND = (plain("DECISION", level="FULL_LIVE", expires_ts=START + DAY), plain("APPROVAL"))


def test_a_decision_and_an_approval_written_straight_to_controls_open_nothing() -> None:
    assert refusal(trading(*WRITTEN_BY_HAND, core=OLD_RULE)) is None, "the old rule let it pass"
    desk = trading(*WRITTEN_BY_HAND)
    assert refusal(desk) == "LIVE_NO_DECISION"
    assert codes(desk) == ["AUTHORISATION_FORGED", "AUTHORISATION_FORGED"]


def test_a_forger_is_named_in_the_event() -> None:
    event = of(RiskEvent, trading(WRITTEN_BY_HAND[0]).outputs)[-1]
    assert (event.actor, event.control_id) == ("operator", "DECISION")
    assert "is signed by no key of the gate's" in event.text


def edited(command: Control, old: str, new: str) -> Control:
    """Returns a command whose signed text was changed afterwards."""
    document = json.loads(command.authorisation or "")
    assert old in document["signed"]
    document["signed"] = document["signed"].replace(old, new)
    return command._replace(authorisation=json.dumps(document))


def resigned(command: Control, signature: str) -> Control:
    document = json.loads(command.authorisation or "") | {"signature": signature}
    return command._replace(authorisation=json.dumps(document))


@pytest.mark.parametrize(
    "forged",
    [
        decision(signer=None),
        decision(signer=STRANGER),
        decision(signer=APPROVER),
        edited(decision("LIMITED_LIVE"), "LIMITED_LIVE", "FULL_LIVE"),
        edited(D1, '"account_id":"A"', '"account_id":"B"'),
        edited(D1, str(START + HOUR), str(START + DAY)),
        resigned(D1, json.loads(decision(name="d2").authorisation or "")["signature"]),
        resigned(D1, "no Base64!"),
        resigned(D1, ""),
        D1._replace(authorisation=json.dumps(json.loads(D1.authorisation or "") | {"signed": ""})),
    ],
)
def test_no_decision_counts_whose_text_the_gates_key_has_not_signed(forged: Control) -> None:
    desk = trading(forged, approval(D1))
    assert codes(desk) == ["AUTHORISATION_FORGED", "AUTHORISATION_OUTDATED"]
    assert refusal(desk) == "LIVE_NO_DECISION"


def test_a_signature_over_the_bare_text_does_not_count() -> None:
    """It could be one that the key has made for another purpose."""
    text = json.loads(D1.authorisation or "")["signed"]
    bare = b64encode(gate_private_key().sign(text.encode())).decode()
    assert codes(trading(resigned(D1, bare))) == ["AUTHORISATION_FORGED"]


@pytest.mark.parametrize("garbage", [resigned(D1, "\ud800"), edited(D1, '"kind"', '"\ud800"')])
def test_a_text_that_has_no_utf_8_is_refused(garbage: Control) -> None:
    assert codes(trading(garbage)) == ["CONTROL_REJECTED"]


@pytest.mark.parametrize("signer", [None, STRANGER, GATE_SIGNER])
def test_no_approval_counts_that_no_approver_has_signed(signer: Any) -> None:
    """Nor one by the gate's own key: two keys, two holders."""
    desk = trading(D1, approval(D1, signer=signer))
    assert codes(desk) == ["AUTHORISATION_FORGED"]
    assert refusal(desk) == "LIVE_NOT_APPROVED"


def test_whoever_evaluated_can_not_approve() -> None:
    desk = trading(*approved(evaluator=APPROVER_NAME))
    assert codes(desk) == ["AUTHORISATION_SAME_PERSON"]
    assert refusal(desk) == "LIVE_NOT_APPROVED"
    with pytest.raises(ValueError, match="approver bob has the gate's key"):
        GateConfig(keys=GATE.keys, approvers={"bob": GATE_SIGNER.public_key})
    with pytest.raises(ValueError, match="approvers bob and eve have the same key"):
        GateConfig(approvers={"bob": APPROVER.public_key, "eve": APPROVER.public_key})


def test_an_approval_is_of_one_decision_and_of_each_word_in_it() -> None:
    wider = decision(expires=START + DAY)
    desk = trading(wider, approval(D1))
    assert codes(desk) == ["AUTHORISATION_OUTDATED"]
    assert refusal(desk) == "LIVE_NOT_APPROVED"


def test_an_older_decision_does_not_come_back() -> None:
    """A genuine decision that was approved once, sent again after a newer one or after its end."""
    old, newer = approved(), decision("PAPER_ONLY", "d2", decided=START)
    desk = trading(*old, newer, *old)
    assert codes(desk) == ["AUTHORISATION_OUTDATED", "AUTHORISATION_OUTDATED"]
    assert refusal(desk) == "LIVE_PAPER_ONLY"
    ended = trading(*old, revocation(), *old)
    assert codes(ended) == ["AUTHORISATION_REVOKED"]
    assert refusal(ended) == "LIVE_REVOKED"


@pytest.mark.parametrize("named", ["d1", "another", ""])
def test_a_revocation_ends_whatever_a_shard_holds(named: str) -> None:
    desk = trading(*approved(), revocation(name=named))
    desk.restart()
    assert refusal(desk) == "LIVE_REVOKED"


def test_a_key_that_is_taken_off_the_list_ends_what_it_has_signed() -> None:
    for gate in (GATE.model_copy(update={"keys": (STRANGER.public_key,)}), GATE.model_copy(update={"approvers": {}})):
        desk = trading(*approved())
        desk.restart(config(gate=gate))
        assert refusal(desk) == "LIVE_KEY_WITHDRAWN"
    both = GATE.model_copy(update={"keys": (*GATE.keys, STRANGER.public_key)})
    desk = trading(*approved())
    desk.restart(config(gate=both))
    assert refusal(desk) is None, "a second key beside the first changes nothing"


def test_what_a_shard_held_from_before_decisions_were_signed_counts_no_more() -> None:
    desk = trading(*WRITTEN_BY_HAND, core=OLD_RULE)
    desk.restart(config())
    assert refusal(desk) == "LIVE_NOT_SIGNED"
    desk.send(revocation())
    assert refusal(desk) == "LIVE_REVOKED"


@pytest.mark.parametrize(
    ("session", "code"),
    [
        ({}, None),
        ({"code_sha256": "beef" * 16}, "LIVE_WRONG_CODE"),
        ({"code_sha256": None}, "LIVE_WRONG_CODE"),
        ({"parameters": '{"window":21}'}, "LIVE_WRONG_PARAMETERS"),
        ({"parameters": None}, "LIVE_WRONG_PARAMETERS"),
    ],
)
def test_a_decision_holds_for_the_code_and_the_parameters_that_were_judged(
    session: dict[str, Any], code: str | None
) -> None:
    assert refusal(trading(*approved(), **session)) == code


def test_a_session_of_unknown_code_is_not_live_even_if_the_decision_names_none() -> None:
    assert refusal(trading(*approved(code_sha256=None), code_sha256=None)) == "LIVE_WRONG_CODE"


def test_another_account_that_names_the_strategy_is_refused() -> None:
    by_hand = Desk(OLD_RULE)
    by_hand.send(opening("B", strategy_id="s1"), quote(), *WRITTEN_BY_HAND)
    assert refusal(by_hand, live(account="B")) is None, "the old rule let it pass"
    desk = trading(*approved())
    desk.send(opening("B", **JUDGED))
    assert refusal(desk, live(account="B")) == "LIVE_WRONG_ACCOUNT"
    assert refusal(desk) is None


def test_a_session_that_opens_again_with_other_code_is_another() -> None:
    desk = trading(*approved())
    assert refusal(desk) is None
    again = trading(*approved())
    again.send(control(ControlKind.SESSION_CLOSE), opening(session="s2", **JUDGED | {"code_sha256": "beef" * 16}))
    assert refusal(again) == "LIVE_WRONG_CODE"


def test_a_decision_on_another_run_is_refused() -> None:
    """A re-simulation is a run of its own: its records decide nothing over the live one."""
    desk = trading(*approved(run_id="resimulated"))
    assert codes(desk) == ["AUTHORISATION_WRONG_RUN", "AUTHORISATION_WRONG_RUN"]
    assert refusal(desk) == "LIVE_NO_DECISION"
    moved = trading(*approved())
    moved.restart(config(gate=GATE.model_copy(update={"run_id": "next"})))
    assert refusal(moved) == "LIVE_WRONG_RUN"


def test_without_passwords_no_order_is_live() -> None:
    desk = trading(*approved(), core=config(gate=GATE.model_copy(update={"authenticated": False})))
    assert refusal(desk) == "LIVE_NO_AUTHENTICATION"
    desk.restart(config())
    assert refusal(desk) is None


def test_a_weekend_without_a_market_does_not_hold_the_expiry_up() -> None:
    desk = trading(*approved())
    desk.written_ns = START + 2 * DAY
    assert refusal(desk) == "LIVE_EXPIRED"
    old = trading(*WRITTEN_BY_HAND, core=OLD_RULE)
    old.written_ns = START + 2 * DAY
    assert refusal(old) is None, "the old rule let it pass"


@pytest.mark.parametrize("ts", [0, START - 400 * DAY, START - 1])
def test_a_back_dated_order_does_not_prolong_an_authorisation(ts: int) -> None:
    desk = trading(*approved())
    desk.written_ns = START + HOUR
    assert refusal(desk, live(ts=ts)) == "LIVE_EXPIRED"


def test_a_recorded_days_clock_does_not_prolong_an_authorisation() -> None:
    """The market is of ten years ago, and its clock goes on there."""
    then = START - 3_650 * DAY
    desk = Desk()
    desk.send(opening(**JUDGED), quote(at=then), *approved())
    assert refusal(desk, live("now", ts=then)) is None
    desk.written_ns = START + HOUR
    desk.send(heartbeat(then + HOUR))
    assert refusal(desk, live("later", ts=then)) == "LIVE_EXPIRED"


def test_an_order_that_waits_for_the_market_is_judged_by_the_brokers_time_when_it_goes_out() -> None:
    desk = trading(*approved())
    desk.send(live("waits", ts=START + 2 * HOUR))
    desk.written_ns = START + HOUR
    desk.send(*nights(START, START + 2 * HOUR))
    assert last(desk, "waits").reason_code == "LIVE_EXPIRED"


def test_the_brokers_clock_never_steps_back() -> None:
    desk = trading(*approved())
    desk.written_ns = START + HOUR
    desk.send(quote(at=START + 1))
    desk.restart()
    desk.written_ns = START
    assert refusal(desk) == "LIVE_EXPIRED"


def test_limits_hold_that_the_gate_has_signed() -> None:
    desk = trading(*approved(level="LIMITED_LIVE", limits={"max_order_quantity": "20"}))
    assert refusal(desk, live("large", quantity="21")) == "MAX_ORDER_QUANTITY"
    assert refusal(desk, live("small", quantity="20")) is None


def test_a_level_and_a_mode_that_do_not_go_together_are_refused() -> None:
    desk = trading(decision("PAPER_ONLY", mode="LIVE"), decision(mode="PAPER"))
    assert codes(desk) == ["CONTROL_REJECTED", "CONTROL_REJECTED"]
