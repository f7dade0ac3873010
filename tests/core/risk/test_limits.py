"""The document of limits: shorthand, merge patches, refusals, and the moment a change is in force."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.enums import ControlKind, RiskEventKind, Side
from schemas.records.messages import RiskEvent
from streams.core.risk.limits import CONTROLS, ORDER, RiskLimits, check_patch
from tests.builders import PROPERTY, config, control, limits, new, opening
from tests.core.desk import answer, of, ready


def test_every_control_has_its_place_and_its_code() -> None:
    assert [item for item in ORDER if isinstance(item, str)] == list(CONTROLS)
    codes = [kind.code for kind in CONTROLS.values()]
    assert len(set(codes)) == len(codes)
    assert all(kind.__doc__ for kind in CONTROLS.values())


def test_what_is_off_is_not_asked() -> None:
    always = len([item for item in ORDER if not isinstance(item, str)])
    off = RiskLimits().patched({name: None for name in CONTROLS if name != "leverage"})
    assert len(off.judges) == always + 1
    assert len(RiskLimits().judges) == always + 4


PATCHES: list[tuple[str, dict[str, Any]]] = [
    ('{"max_position": "50"}', {"max_position": "50"}),
    ('{"max_position": 50}', {"max_position": "50"}),
    ('{"max_position": {"limit": "50"}}', {"max_position": "50"}),
    ('{"max_position": {"soft": "0.5"}}', {"max_position": {"limit": "500000", "soft": "0.5"}}),
    ('{"max_position": null}', {"max_position": None}),
    ('{"max_position": false}', {"max_position": None}),
    ('{"session_hours": true}', {"session_hours": {}}),
    ('{"restricted": ["A", "B"]}', {"restricted": {"symbols": ["A", "B"]}}),
    ('{"price_collar": 5}', {"price_collar": {"percent": "5"}}),
    ('{"self_match": "cancel_both"}', {"self_match": {"mode": "cancel_both"}}),
    ('{"stale_mark": 1000}', {"stale_mark": {"max_age_ms": 1000}}),
    ("{}", {}),
]


@pytest.mark.parametrize(("document", "expected"), PATCHES)
def test_a_patch_changes_what_it_names(document: str, expected: dict[str, Any]) -> None:
    assert RiskLimits().changed_by(document) == limits(**expected)


def test_patches_follow_one_another() -> None:
    first = RiskLimits().changed_by('{"message_rate": {"limit": 5, "window_ms": 50}, "max_position": {"soft": "0.5"}}')
    second = first.changed_by('{"message_rate": 7, "max_position": "9"}')
    assert second == limits(message_rate={"limit": 7, "window_ms": 50}, max_position={"limit": "9", "soft": "0.5"})
    third = second.changed_by('{"message_rate": {"window_ms": null}, "max_position": null}')
    assert third == limits(message_rate={"limit": 7, "window_ms": 1_000}, max_position=None)
    assert RiskLimits.from_state(json.loads(json.dumps(third.to_state()))) == third


WRONG = [
    ('{"leverage": null}', "leverage can't be switched off"),
    ('{"leverage": 0}', "leverage.limit: 0 is refused: Input should be greater than 0"),
    ('{"max_positon": 5}', "max_positon is not a limit; there are message_rate, order_rate"),
    (
        '{"max_position": {"limit": 5, "sofd": 1}}',
        "max_position.sofd is not a parameter of max_position",
    ),
    ('{"max_position": {"soft": 1.5}}', "max_position.soft: .*less than or equal to 1"),
    ('{"max_position": "many"}', "max_position.limit: 'many' is refused"),
    ('{"max_position": "0.0000000001"}', "more than 9 decimals"),
    ('{"max_position": true}', "max_position.limit: .*Field required"),
    ('{"message_rate": 1.5}', "message_rate.limit"),
    ('{"message_rate": {"window_ms": 10}}', "message_rate.limit: .*Field required"),
    ('{"price_collar": {}}', "price_collar: .*needs percent, ticks or both"),
    ('{"order_types": []}', "order_types.allowed: .*at least 1"),
    ('{"order_types": ["LIMITED"]}', "order_types.allowed.0: 'LIMITED' is refused"),
    ('{"self_match": "cancel_all"}', "self_match.mode: .*'cancel_oldest', 'cancel_newest' or 'cancel_both'"),
    ('{"restricted": [""]}', "restricted.symbols.0"),
    ("[]", "a JSON object of limits by name is needed"),
    ("nix", "not JSON"),
    ("[" * 100_000, "nested too deeply|not JSON"),
    ('{"a": ' * 100_000, "nested too deeply|not JSON"),
    ('{"max_position": NaN}', "max_position.limit"),
    ('{"max_position": 1e999}', "max_position.limit"),
    ('{"max_position": ' + "9" * 5_000 + "}", "not JSON|max_position.limit"),
]


@pytest.mark.parametrize(("document", "complaint"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_patch_is_named_and_changes_nothing(document: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        RiskLimits().changed_by(document)
    desk = ready()
    (event,) = of(RiskEvent, desk.send(control(ControlKind.LIMITS, limits=document)))
    assert event.kind is RiskEventKind.CONTROL_REJECTED
    assert "limits: " in event.text
    assert desk.account().limits == limits()


def test_a_part_of_a_control_may_be_sent_before_its_limits_are_known() -> None:
    check_patch({"message_rate": {"window_ms": 10}, "price_collar": {"ticks": None}})
    with pytest.raises(ValueError, match="window_ms"):
        check_patch({"message_rate": {"window_ms": 0}})


def test_a_change_is_in_force_for_the_next_order_and_kept() -> None:
    desk = ready()
    (event,) = of(RiskEvent, desk.send(control(ControlKind.LIMITS, limits='{"max_position": "5"}')))
    assert (event.kind, event.actor, event.reason) == (RiskEventKind.LIMITS_CHANGED, "operator", "test")
    assert answer(desk, new("o1", Side.BUY, "6", "9.00")) == ("MAX_POSITION", "5", "6")
    desk.restart()
    assert answer(desk, new("o2", Side.BUY, "6", "9.00")) == ("MAX_POSITION", "5", "6")


def test_open_sessions_keep_their_limits_when_the_configuration_changes() -> None:
    mine = {"B": limits(max_position="7")}
    desk = ready()
    desk.configure(config(limits=limits(max_position="5"), account_limits=mine))
    assert answer(desk, new("o", Side.BUY, "8", "9.00")) is None
    desk.send(opening("B"), opening("C"))
    assert answer(desk, new("o", Side.BUY, "8", "9.00", account="B")) == ("MAX_POSITION", "7", "8")
    assert answer(desk, new("o", Side.BUY, "8", "9.00", account="C")) == ("MAX_POSITION", "5", "8")


QUANTITIES = st.decimals("0.000000001", 10**6, places=9).map(str)
FIELDS = {
    "max_position": QUANTITIES,
    "max_net_exposure": QUANTITIES,
    "message_rate": st.integers(1, 10**6),
    "cancel_ratio": st.fixed_dictionaries({"limit": QUANTITIES}, optional={"window_ms": st.integers(1, 10**6)}),
    "restricted": st.lists(st.text(min_size=1, max_size=3), max_size=3),
    "long_only": st.booleans(),
}
DOCUMENTS = st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in FIELDS.items()})


@given(st.lists(DOCUMENTS, max_size=4))
@PROPERTY
def test_patches_keep_exactly_what_was_last_said(documents: list[dict[str, Any]]) -> None:
    merged, said = RiskLimits(), dict[str, Any]()
    for document in documents:
        merged = merged.changed_by(json.dumps(document))
        said |= document
    for name, value in said.items():
        control_ = getattr(merged, name)
        if value is None or value is False:
            assert control_ is None
        elif name in ("max_position", "max_net_exposure"):
            assert control_.limit == Decimal(value)
        elif name == "message_rate":
            assert control_.limit == value
        elif name == "restricted":
            assert list(control_.symbols) == value
    assert RiskLimits.from_state(json.loads(json.dumps(merged.to_state()))) == merged
