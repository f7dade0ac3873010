"""The count of trials by code, over all names, accounts, runs and sweeps, and the variance of their Sharpe ratios."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, pairwise
from statistics import mean, stdev, variance
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from schemas.records.enums import TradingLevel
from streams.evidence.cut import Cut
from streams.evidence.gate.count_trials import DAYS_MIN, Trials
from streams.evidence.gate.criteria import CriteriaFile
from streams.evidence.gate.decision import CriterionResult, decide
from streams.evidence.gate.gather_evidence import gather_evidence, plain_rows, tried_by
from streams.evidence.replay import run_register
from streams.evidence.replay.simulate import ReplayRun
from streams.evidence.replay.what_if import WhatIf
from tests.evidence.gate.sessions import AS_OF, AS_OF_NS, COMMIT, STEADY, insert_session
from tests.evidence.metrics import rows

_names = count(1)
GOOD, FAIR, POOR = STEADY * 10, (300, -150, 250, 100, -100, 200) * 10, (100, -90, 120, -110, 60, -50) * 10


@pytest.fixture
def strategy() -> str:
    """Returns an id that no other test uses: trials are counted over all runs."""
    return f"tried-{next(_names)}"


def opened(
    client: Client,
    run_id: str,
    strategy: str,
    code: str | None,
    parameters: str | None = "{}",
    changes: Sequence[int] = (),
    answer: str = "SESSION_OPENED",
) -> None:
    """Inserts a session of an account of its own: command, answer and equity by day. changes: of equity, a day each."""
    account, control = f"a-{next(_names)}", f"c-{next(_names)}"
    about = {"run_id": run_id, "account_id": account, "control_id": control, "ts": rows.EPOCH}
    asked = {"kind": "SESSION_OPEN", "strategy_id": strategy, "code_sha256": code, "parameters": parameters}
    rows.insert(client, "controls", [about | asked])
    rows.insert(client, "risk_events", [about | {"kind": answer}])
    if answer == "SESSION_OPENED":
        ends = [100_000 + sum(changes[: number + 1]) for number in range(len(changes))]
        found = rows.session(run_id, 100_000, ends, account_id=account, strategy_id=strategy)
        rows.insert(client, "account_equity", found)


def declare(client: Client, strategy: str, trials: int, spread: float | None, run_id: str = "any") -> None:
    row = {"run_id": run_id, "strategy_id": strategy, "kind": "TRIALS", "ts": AS_OF, "trials": trials}
    rows.insert(client, "gate_decisions", [row | {"trials_variance": spread}])


def note(client: Client, run_id: str, strategy: str, document: dict[str, Any]) -> None:
    """Registers a re-simulation of the strategy and another one."""
    what_if = WhatIf.parse(document, "test")
    run_register.register_run(client, ReplayRun(run_id, what_if, (strategy, "another"), 1, 1, "hash", ()), "base")


def trials(client: Client, strategy: str) -> Trials:
    return tried_by(client, strategy, "UTC")


def ratio(changes: Sequence[int]) -> float:
    """Returns the daily Sharpe ratio of changes of 100,000."""
    ends = [100_000 + sum(changes[:number]) for number in range(len(changes) + 1)]
    returns = [end / start - 1 for start, end in pairwise(ends)]
    return mean(returns) / stdev(returns)


def test_a_strategy_whose_sessions_name_no_code_has_no_count(client: Client, run_id: str, strategy: str) -> None:
    opened(client, run_id, strategy, None, None)
    found = trials(client, strategy)
    assert (found.trials, found.recorded) == (None, 1)
    assert f"paper strategy run {strategy} --cash" in found.lack
    declare(client, strategy, 1, None)
    assert (trials(client, strategy).trials, trials(client, strategy).lack) == (1, "")


def test_one_code_with_the_same_parameters_is_one_trial_however_often_it_ran(
    client: Client, run_id: str, strategy: str
) -> None:
    for name in (run_id, run_id, f"{run_id}-again"):
        opened(client, name, strategy, f"code of {strategy}")
    found = trials(client, strategy)
    assert (found.trials, found.lack) == (1, "")
    opened(client, run_id, strategy, f"more of {strategy}", answer="CONTROL_REJECTED")
    assert trials(client, strategy).trials == 1, "a session that was refused has tried nothing"


def test_names_accounts_and_runs_hide_no_trial(client: Client, run_id: str, strategy: str) -> None:
    """The cheat: sell the best of many variants under a new name as the first."""
    code = f"code of {strategy}"
    for number in range(5):
        opened(client, f"{run_id}-{number}", f"{strategy}-v{number}", code, f'{{"window":{number}}}')
    opened(client, run_id, strategy, code, '{"window":3}')
    declare(client, strategy, 1, 0)
    assert trials(client, strategy).trials == 5, "the fourth variant ran twice"
    opened(client, run_id, f"{strategy}-v0", f"new {code}")
    opened(client, run_id, f"{strategy}-copy", f"new {code}", '{"window":9}')
    found = trials(client, strategy)
    assert found.trials == 7, "the code of one of its names was changed, and the changed code was copied"
    assert set(found.strategies) == {strategy, f"{strategy}-copy", *(f"{strategy}-v{number}" for number in range(5))}
    opened(client, run_id, f"{strategy}-stranger", f"strange {code}")
    assert trials(client, strategy).trials == 7


def test_variants_that_were_replayed_are_counted_once_each(client: Client, run_id: str, strategy: str) -> None:
    """Re-simulations from before variants were recorded have their changes alone."""
    assert trials(client, strategy).trials is None
    note(client, f"{run_id}-base", strategy, {})
    assert trials(client, strategy).trials is None, "a run that changes nothing tries nothing"
    half = {"orders": {"scale": "0.5"}}
    for name, document in (("half", half), ("half-again", half), ("double", {"orders": {"scale": "2"}})):
        note(client, f"{run_id}-{name}", strategy, document)
    assert trials(client, strategy).trials == 3, "two variants and the strategy itself"


def test_variants_of_a_sweep_are_trials_with_their_ratios(client: Client, run_id: str, strategy: str) -> None:
    """A strategy in the loop may have any name and account; orders sent again are variants of what sent them."""
    code = f"code of {strategy}"
    opened(client, run_id, strategy, code, "{}", GOOD)
    for number, changes in enumerate((FAIR, POOR)):
        opened(client, f"{run_id}-{number}", f"{strategy}-swept", code, f'{{"window":{number}}}', changes)
        note(client, f"{run_id}-{number}", f"{strategy}-swept", {})
    for name in ("slow", "slow-again"):
        opened(client, f"{run_id}-{name}", strategy, code, "{}", GOOD)
        note(client, f"{run_id}-{name}", strategy, {"config": {"run_seed": 9}})
    found = trials(client, strategy)
    assert found.trials == 4
    expected = variance([ratio(GOOD), ratio(GOOD), ratio(FAIR), ratio(POOR)])
    assert found.trials_variance == found.recorded_variance == pytest.approx(expected, rel=1e-9)
    assert found.lack == ""


def test_a_declaration_only_adds_trials_and_raises_variance(client: Client, run_id: str, strategy: str) -> None:
    code = f"code of {strategy}"
    for number, changes in enumerate((GOOD, POOR)):
        opened(client, run_id, strategy, code, f'{{"window":{number}}}', changes)
    recorded = variance([ratio(GOOD), ratio(POOR)])
    for declared, spread, expected in (
        (1, 0, (2, recorded)),
        (2, recorded / 2, (2, recorded)),
        (9, None, (9, recorded)),
        (9, recorded * 2, (9, recorded * 2)),
        (3, recorded / 2, (9, recorded * 2)),
    ):
        declare(client, strategy, declared, spread, f"{run_id}-{declared}")
        found = trials(client, strategy)
        assert found.trials == expected[0]
        assert found.trials_variance == pytest.approx(expected[1], rel=1e-9)


def test_a_ratio_of_too_few_days_gives_no_variance(client: Client, run_id: str, strategy: str) -> None:
    for number in range(2):
        opened(client, run_id, strategy, f"{number} of {strategy}", "{}", GOOD[: DAYS_MIN - number])
    found = trials(client, strategy)
    assert (found.trials, found.trials_variance) == (2, None)
    assert "2 trials, but fewer than two of them" in found.lack
    assert f"paper gate trials {strategy} 2 --variance" in found.lack
    declare(client, strategy, 1, 0)
    assert trials(client, strategy).trials_variance is None, "nobody can declare that variants don't vary"
    opened(client, run_id, strategy, f"0 of {strategy}", "{}", GOOD[:DAYS_MIN])
    opened(client, f"{run_id}-more", strategy, f"1 of {strategy}", "{}", POOR[:DAYS_MIN])
    longer = variance([ratio(GOOD[:DAYS_MIN]), ratio(POOR[:DAYS_MIN])])
    assert trials(client, strategy).trials_variance == pytest.approx(longer, rel=1e-9)


def test_a_session_under_one_name_is_split_by_the_code_that_traded(client: Client, run_id: str, strategy: str) -> None:
    opened(client, run_id, strategy, f"code of {strategy}", "{}", GOOD)
    opened(client, run_id, strategy, f"new code of {strategy}", "{}", POOR[:DAYS_MIN])
    found = plain_rows(client, "gate_variants", {"run_id": run_id, "time_zone": "UTC"})
    assert [(row["code_sha256"], row["days"]) for row in found] == [
        (f"code of {strategy}", len(GOOD)),
        (f"new code of {strategy}", DAYS_MIN),
    ]
    assert [row["daily_sharpe"] for row in found] == pytest.approx([ratio(GOOD), ratio(POOR[:DAYS_MIN])], rel=1e-9)


def deflated(client: Client, run_id: str, strategy: str, criteria: CriteriaFile) -> CriterionResult:
    """Returns the judged deflated Sharpe ratio of the lowest live level."""
    evidence = gather_evidence(client, Cut(run_id, {}), strategy, criteria.criteria, AS_OF_NS, COMMIT)
    found = decide(evidence, criteria.criteria, TradingLevel.LIMITED_LIVE)
    return next(item for item in found.results if item.criterion == "dsr")


def test_trials_that_are_not_declared_count_too(
    client: Client, run_id: str, strategy: str, criteria: CriteriaFile
) -> None:
    insert_session(client, run_id, strategy=strategy, trials=None)
    unknown = deflated(client, run_id, strategy, criteria)
    assert (unknown.value, "name no code" in unknown.detail) == (None, True)
    declare(client, strategy, 10, None)
    unknown = deflated(client, run_id, strategy, criteria)
    assert (unknown.value, "10 trials, but fewer than two" in unknown.detail) == (None, True)
    declare(client, strategy, 10, 0.0001)
    known = deflated(client, run_id, strategy, criteria)
    assert (known.passed, known.detail) == (True, "trials: 10, on record 1, variance of their ratios 0.0001")
    declare(client, strategy, 100_000, 0.05)
    assert not deflated(client, run_id, strategy, criteria).passed
