"""A level's limits only reduce: the smaller of each limit counts, and nothing else of the account changes."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.enums import ControlKind, TradingLevel
from schemas.records.messages import ApprovedOrder
from streams.core.accounts.state.authorisations import REDUCIBLE, Authorisation, Authorisations
from streams.core.risk.limits import RiskLimits
from tests.authorisations import approved
from tests.builders import PROPERTY, START, control
from tests.core.accounts.test_live_orders import desk, live
from tests.core.desk import last, of

NUMBERS = st.integers(1, 9).map(str)
OWN = st.fixed_dictionaries(
    {"leverage": NUMBERS}, optional={name: NUMBERS | st.none() for name in REDUCIBLE if name != "leverage"}
)
OTHERS = {"order_rate": {"limit": 7, "window_ms": 60_000}, "price_collar": {"percent": "5"}, "long_only": {}}


@given(OWN, st.dictionaries(st.sampled_from(sorted(REDUCIBLE)), NUMBERS), st.sampled_from(("0.5", "0.9")))
@PROPERTY
def test_the_smaller_of_every_limit_counts(own: dict[str, str | None], level: dict[str, str], soft: str) -> None:
    document = {name: None if value is None else {"limit": value, "soft": soft} for name, value in own.items()}
    account = RiskLimits.model_validate(document | OTHERS)
    known = Authorisations({"s": Authorisation("d", TradingLevel.LIMITED_LIVE, START, level)})
    found, before = known.limits_under("s", account).to_state(), account.to_state()
    assert known.limits_under("s", account).to_state() == found
    assert {name: value for name, value in found.items() if name not in REDUCIBLE} == {
        name: value for name, value in before.items() if name not in REDUCIBLE
    }
    for name in REDUCIBLE:
        bounds = [Decimal(item) for item in ((before[name] or {}).get("limit"), level.get(name)) if item is not None]
        assert (found[name] is None) == (not bounds)
        if bounds:
            assert Decimal(found[name]["limit"]) == min(bounds)
            assert before[name] is None or found[name]["soft"] == before[name]["soft"]


@pytest.mark.parametrize(
    ("own", "level", "quantity", "code"),
    [
        ("4", "1", "99900", None),
        ("4", "1", "99901", "BUYING_POWER"),
        ("1", "4", "99900", None),
        ("1", "4", "99901", "BUYING_POWER"),
    ],
)
def test_leverage_is_the_smaller_of_the_accounts_and_the_levels(
    own: str, level: str, quantity: str, code: str | None
) -> None:
    """The equity is 1,000,000; a market order counts at the mark of 10.01."""
    made = desk(*approved(level="LIMITED_LIVE", limits={"leverage": level}))
    made.send(control(ControlKind.LIMITS, limits=json.dumps({"leverage": own})))
    outputs = made.send(live(quantity=quantity, price=None))
    assert len(of(ApprovedOrder, outputs)) == (code is None)
    if code is not None:
        assert last(made).reason_code == code
