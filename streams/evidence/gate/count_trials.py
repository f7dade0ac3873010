"""Counts the trials of a strategy: the variants among which it may have been chosen, whatever their names.

Records with the same strategy id or the same code belong together, and so on from record to record. The variants of
these records, each counted once, are the trials. What a person declares can only add trials and raise their variance.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from statistics import variance as sample_variance
from typing import Any, NamedTuple

from schemas.records.canonical_json import canonical_json
from schemas.records.gate_messages import GateDecision
from streams.evidence.metrics.conventions import DEFAULTS
from streams.evidence.query_rows import Row

SESSION, DECLARED = "session", "declared"
DAYS_MIN = DEFAULTS.min_returns
"""Fewest daily returns of a Sharpe ratio that counts for the variance; its error is too large below."""


class Variant(NamedTuple):
    """A trial.

    Attributes:
        code_sha256, parameters: what traded; empty if the session named none.
        conditions: what a re-simulation changed besides, as canonical JSON; {} if nothing.
    """

    code_sha256: str
    parameters: str
    conditions: str


class Trials(NamedTuple):
    """The trials of a strategy.

    Attributes:
        trials: their number, the chosen one included; None if it is not known.
        trials_variance: variance of their daily Sharpe ratios; None if it is not known. One trial needs none.
        recorded: number of the variants on record.
        recorded_variance: variance of their ratios; None with fewer than two.
        strategies: ids that belong together.
        lack: the reason why there is no deflated Sharpe ratio, and what to do; empty if there is one.
    """

    trials: int | None
    trials_variance: float | None
    recorded: int
    recorded_variance: float | None
    strategies: tuple[str, ...]
    lack: str


def related(rows: Sequence[Row], strategy_id: str) -> list[Row]:
    """Returns the records that belong to a strategy, by its id or its code. rows: of gate_trials.sql."""
    names, codes = {strategy_id}, {""}
    known = 0
    while known < len(names) + len(codes):
        known = len(names) + len(codes)
        codes |= {row["code_sha256"] for row in rows if row["strategy_id"] in names}
        names |= {row["strategy_id"] for row in rows if row["code_sha256"] in codes - {""}} - {""}
    return [row for row in rows if row["strategy_id"] in names or row["code_sha256"] in codes - {""}]


def count_trials(rows: Sequence[Row], ratios: Iterable[Row], strategy_id: str) -> Trials:
    """Counts the trials among the records that belong to a strategy.

    rows: as related returns them. ratios: rows of gate_variants.sql, of the runs of the strategy's sessions.
    """
    tried = [row for row in rows if row["source"] != DECLARED]
    found = {_variant(row) for row in tried}
    if not any(row["source"] == SESSION for row in tried):
        found.add(Variant("", "", "{}"))  # the strategy itself
    recorded_variance = _variance([*tried, *ratios], found)
    declared = max((row["trials"] or 0 for row in rows if row["source"] == DECLARED), default=0)
    declared_variances = [row["trials_variance"] for row in rows if row["source"] == DECLARED]
    known = declared > 0 or len(found) > 1 or any(item.code_sha256 for item in found)
    trials = max(declared, len(found)) if known else None
    # Nobody can declare that variants don't vary; a record can show it.
    spreads = [item for item in declared_variances if item] + [recorded_variance] * (recorded_variance is not None)
    spread = max(spreads, default=None)
    names = tuple(sorted({row["strategy_id"] for row in rows} - {""} | {strategy_id}))
    return Trials(trials, spread, len(found), recorded_variance, names, _lack(strategy_id, trials, spread))


def declaration_problem(before: Sequence[GateDecision], trials: int, variance: float | None) -> str | None:
    """Returns the rule that a declaration breaks, with the remedy, or None. before: the strategy's declarations."""
    most = max((item.trials or 0 for item in before), default=1)
    if trials < most:
        return f"{trials}, but {most} were declared before; declare {most} or more"
    if variance is None:
        return None
    if not isfinite(variance) or (variance == 0 and trials > 1):
        return (
            f"--variance {variance:g} of {trials} trials; give the variance of the daily Sharpe ratios that you have "
            "seen, above 0, or leave it out: then that of the recorded ratios counts"
        )
    widest = max((item.trials_variance or 0 for item in before), default=0)
    if variance < widest:
        return f"--variance {variance:g}, but {widest:g} was declared before; leave it out, or give as much"
    return None


def _variant(row: Mapping[str, Any]) -> Variant:
    changes = json.loads(row.get("what_if") or "{}")
    changes.pop("strategies", None)
    return Variant(row["code_sha256"], row["parameters"], canonical_json(changes))


def _variance(rows: Iterable[Mapping[str, Any]], among: set[Variant]) -> float | None:
    """Returns the variance of the variants' ratios, of each variant the one over most days."""
    best: dict[Variant, tuple[int, float]] = {}
    for row in rows:
        variant, days, ratio = _variant(row), row["days"], row["daily_sharpe"]
        if variant in among and ratio is not None and days >= DAYS_MIN:
            best[variant] = max(best.get(variant, (0, 0.0)), (days, ratio))
    return sample_variance(ratio for _, ratio in best.values()) if len(best) > 1 else None


def _lack(strategy_id: str, trials: int | None, spread: float | None) -> str:
    declare = f"`paper gate trials {strategy_id} {trials or 'NUMBER'} --variance VARIANCE --reason REASON`"
    if trials is None:
        return (
            f"its sessions name no code, so nobody can count its trials: run it by `paper strategy run {strategy_id} "
            f"--cash CASH`, which names it, or declare them by {declare}"
        )
    if trials > 1 and spread is None:
        return (
            f"{trials} trials, but fewer than two of them with a Sharpe ratio of {DAYS_MIN} days, so their variance is "
            f"not known: trade or replay them for longer, or declare it by {declare}"
        )
    return ""
