"""Decides a strategy's level: judges each criterion over the evidence. The same evidence gives the same decision."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.records.enums import TradingLevel
from schemas.records.numbers import NANOS_PER_HOUR
from streams.evidence.canonical_hash import canonical_sha256
from streams.evidence.gate.criteria import DIRTY, Criteria, GateLevel, Suite, Thresholds, case_of

NO_EVIDENCE = "no evidence"
DETAIL_CHARS_MAX = 500
MOCK_COUNTS_FOR_NOTHING = (
    "drawn by the MockExecutor: such fills count for no level, and nor do results that hold some; trade under another "
    "strategy name with SIMULATOR=realistic"
)
NOTHING_TO_STRESS = (
    "costs of nothing, multiplied, prove nothing: trade on paper with the fees and a slippage model of the venue"
)
ECONOMICS = "gate_economics"
UNLISTED_SOURCE = (
    "on a market whose source gate.toml does not list: such fills count for no level, and nor do results that hold "
    "some; trade under another strategy name on a listed source"
)
RECONCILE, REPLAY_VERIFY = "reconcile", "replay-verify"
PROVED_ROWS, REPLAYED, RECONCILED = "proof_rows", "proof_replay", "proof_reconciliation"
"""The parts of a proof among the evidence. Each has one row: found, the extent in words, and problem, empty if none."""

Row = Mapping[str, Any]


class Evidence(NamedTuple):
    """The evidence on a strategy.

    Attributes:
        as_of_ns: UTC time at which it was gathered.
        commit: commit that the test suites must be of.
        rows: rows of each query as plain JSON values.
        cut: name of the cut through the run's tables at which they were read.
    """

    strategy_id: str
    as_of_ns: int
    commit: str | None
    rows: Mapping[str, Sequence[Row]]
    cut: str = ""

    @property
    def sha256(self) -> str:
        """SHA-256 of the evidence's canonical JSON."""
        return canonical_sha256(self._asdict())


class CriterionResult(NamedTuple):
    """A judged criterion of a level. value: None if there is no evidence, which fails the criterion."""

    level: TradingLevel
    criterion: str
    value: Any
    threshold: str
    passed: bool
    query: str
    window: str
    detail: str = ""


class Verdict(NamedTuple):
    """The result of a decision. level: the highest whose criteria all passed, else PAPER_ONLY."""

    level: TradingLevel
    results: tuple[CriterionResult, ...]

    def failed(self, level: TradingLevel) -> list[str]:
        """Returns the criteria of a level that did not pass."""
        return [item.criterion for item in self.results if item.level is level and not item.passed]


class _Rule(NamedTuple):
    """A criterion on one column: its worst row must be at least (sign 1) or at most (sign -1) scale * threshold."""

    criterion: str
    query: str
    column: str
    sign: int
    threshold: str
    scale: int = 1
    stressed: bool = False
    meaning: str = ""
    """Meaning of a failure, where the numbers alone don't say it."""
    reasons: str = ""
    """Column that says the reasons of a failure."""


RULES = (
    _Rule("days", "metrics_returns", "days", 1, "days_min"),
    _Rule("fills", "metrics_costs", "fills", 1, "fills_min"),
    _Rule("mock_fills", "mock_fills", "mock_fills", -1, "", meaning=MOCK_COUNTS_FOR_NOTHING),
    _Rule("market_source", "gate_sources", "unlisted_fills", -1, "", meaning=UNLISTED_SOURCE, reasons="unlisted"),
    _Rule("forward_days", "gate_forward", "forward_days", 1, "forward_days_min", reasons="backward"),
    _Rule("forward_psr", "gate_forward", "forward_psr", 1, "forward_psr_min"),
    _Rule("regimes", "gate_regimes", "regimes", 1, "regimes_min"),
    _Rule("psr", "metrics_returns", "psr", 1, "psr_min", stressed=True),
    _Rule("dsr", "metrics_returns", "dsr", 1, "dsr_min", stressed=True),
    _Rule("max_drawdown", "metrics_returns", "max_drawdown", 1, "drawdown_max", -1, stressed=True),
    _Rule("daily_loss", "metrics_returns", "worst_day", 1, "daily_loss_max", -1, stressed=True),
    _Rule("best_day_share", "gate_concentration", "best_day_share", -1, "best_day_share_max"),
    _Rule("profit_factor", "metrics_trades", "profit_factor", 1, "profit_factor_min", stressed=True),
    _Rule("reject_rate", "metrics_orders", "reject_rate", -1, "reject_rate_max"),
    _Rule("error_rate", "gate_orders", "error_rate", -1, "error_rate_max"),
    _Rule("breaker_trips", "gate_breakers", "trips", -1, "breaker_trips_max"),
    _Rule("open_breakers", "gate_breakers", "open_breakers", -1, ""),
    _Rule("market_gaps", "gate_data", "gaps", -1, "gaps_max"),
    _Rule("stale_share", "gate_data", "stale_share", -1, "stale_share_max"),
    _Rule("dead_letters", "gate_data", "dead_letters", -1, ""),
    _Rule("profit_bps", ECONOMICS, "profit_bps", 1, "profit_bps_min"),
    _Rule("stressed_profit_bps", ECONOMICS, "stressed_profit_bps", 1, "stressed_profit_bps_min"),
    _Rule("fees_bps", ECONOMICS, "fees_bps", 1, "fees_bps_min", meaning=NOTHING_TO_STRESS),
    _Rule("slippage_bps", ECONOMICS, "slippage_bps", 1, "slippage_bps_min", meaning=NOTHING_TO_STRESS),
)


PROOF = (
    ("proved_rows", PROVED_ROWS, "each row is a record of Kafka, each record a row"),
    ("replay_verification", REPLAYED, "every record is made again, byte for byte"),
    ("reconciliation", RECONCILED, "nothing differs"),
)
"""Criterion, part of the proof, and the threshold in words."""


def decide(evidence: Evidence, criteria: Criteria, most: TradingLevel = TradingLevel.FULL_LIVE) -> Verdict:
    """Judges every level up to most and returns the verdict."""
    results: list[CriterionResult] = []
    reached = TradingLevel.PAPER_ONLY
    for name, level in criteria.levels.items():
        judged = _judge(name, level, evidence, criteria)
        results += judged
        if all(item.passed for item in judged):
            reached = name
        if name is most:
            break
    return Verdict(reached, tuple(results))


def decision_id(evidence: Evidence, criteria_sha256: str, settings_sha256: str, most: TradingLevel) -> str:
    """Returns the id of a decision, a function of everything that it depends on."""
    return "d-" + canonical_sha256([evidence.sha256, criteria_sha256, settings_sha256, most])[:20]


def _judge(name: TradingLevel, level: GateLevel, evidence: Evidence, criteria: Criteria) -> list[CriterionResult]:
    window = _window(evidence)
    results = [_measure(name, rule, level.criteria, evidence, window) for rule in RULES]
    passed = {item.criterion for item in results if item.passed}
    results.append(_track_record(name, evidence, window))
    results.append(_stress(name, level.criteria, evidence, window, passed))
    results.append(_capital(name, level, evidence, window))
    results.append(_symbols(name, level.criteria, evidence, window))
    results += [_proof(name, *part, evidence, window) for part in PROOF]
    results += [_suite(name, suite, evidence) for suite in criteria.suite]
    return results


def _measure(
    name: TradingLevel, rule: _Rule, thresholds: Thresholds, evidence: Evidence, window: str
) -> CriterionResult:
    rows = evidence.rows.get(rule.query, ())
    value = _worst(rows, rule)
    passed = _passes(rule, thresholds, value)
    detail = _detail(rule, evidence, rows, value, passed)
    return CriterionResult(name, rule.criterion, value, _asked(rule, thresholds), passed, rule.query, window, detail)


def _detail(rule: _Rule, evidence: Evidence, rows: Sequence[Row], value: Any, passed: bool) -> str:
    """Returns what the numbers alone don't say. A deflated ratio says by how many trials, or why they are not known."""
    said = _said_of_trials(evidence) if rule.criterion == "dsr" else ""
    if value is None:
        return f"{NO_EVIDENCE}: {said}" if said else NO_EVIDENCE
    return said or ("" if passed else _meaning(rule, rows))


def _said_of_trials(evidence: Evidence) -> str:
    for tried in evidence.rows.get("gate_trials", ()):
        spread = tried["trials_variance"]
        varying = "" if spread is None else f", variance of their ratios {spread:.4g}"
        return tried["lack"] or f"trials: {tried['trials']}, on record {tried['recorded']}{varying}"
    return ""


def _meaning(rule: _Rule, rows: Sequence[Row]) -> str:
    """Returns what a failure means, with the reasons that the evidence gives; they are the same for all currencies."""
    return ": ".join(text for text in (rule.meaning, rows[0][rule.reasons] if rule.reasons else "") if text)


def _bound(rule: _Rule, thresholds: Thresholds) -> float:
    return rule.scale * getattr(thresholds, rule.threshold) if rule.threshold else 0


def _asked(rule: _Rule, thresholds: Thresholds) -> str:
    return f"{'>=' if rule.sign > 0 else '<='} {_bound(rule, thresholds):g}"


def _passes(rule: _Rule, thresholds: Thresholds, value: Any) -> bool:
    return value is not None and bool(rule.sign * value >= rule.sign * _bound(rule, thresholds))


def _worst(rows: Sequence[Row], rule: _Rule) -> Any:
    """Returns the worst value over the currencies; None if there are no rows or one has no value."""
    values: list[Any] = [row.get(rule.column) for row in rows]
    if not values or any(value is None for value in values):
        return None
    return min(values) if rule.sign > 0 else max(values)


def _track_record(name: TradingLevel, evidence: Evidence, window: str) -> CriterionResult:
    """Judges the track record: each currency needs its minimum track record length (MinTRL) in days."""
    rows = evidence.rows.get("metrics_returns", ())
    needed = [row.get("min_track_record_days") for row in rows]
    days = min((row["days"] for row in rows), default=None)
    known = bool(rows) and all(item is not None for item in needed)
    passed = known and all(row["days"] >= row["min_track_record_days"] for row in rows)
    threshold = f">= {max(item for item in needed if item is not None):.1f}" if known else ">= min_track_record_days"
    detail = "" if known else NO_EVIDENCE
    return CriterionResult(name, "track_record_length", days, threshold, passed, "metrics_returns", window, detail)


def _stress(
    name: TradingLevel, thresholds: Thresholds, evidence: Evidence, window: str, passed: set[str]
) -> CriterionResult:
    """Judges the stressed costs: criteria that passed must also pass with higher costs."""
    rows = evidence.rows.get("gate_stress", ())
    known = bool(rows) and all(row["unpriced"] == 0 for row in rows)
    failing = []
    for rule in RULES:
        if rule.stressed and rule.criterion in passed and known:
            value = _worst(rows, rule)
            if not _passes(rule, thresholds, value):
                failing.append(f"{rule.criterion} {NO_EVIDENCE if value is None else f'{value:.6g}'}")
    detail = "; ".join(failing) if known else f"{NO_EVIDENCE}: fills without a known slippage, or no sessions"
    value = len(failing) if known else None
    return CriterionResult(name, "stress_costs", value, "<= 0", known and not failing, "gate_stress", window, detail)


def _capital(name: TradingLevel, level: GateLevel, evidence: Evidence, window: str) -> CriterionResult:
    """Judges the paper capital: drawdowns in percent of more cash than will ever trade live mean nothing."""
    held = [row["capital"] for row in evidence.rows.get(ECONOMICS, ())]
    known = bool(held) and None not in held
    value = max(held) / level.live_capital if known else None
    most = level.criteria.capital_multiple_max
    passed = value is not None and value <= most
    detail = "" if passed else NO_EVIDENCE if value is None else (
        f"opened with {max(held):g}, to trade {level.live_capital:g} live: open the account with less, or say in the "
        "criteria file that more will trade"
    )  # fmt: skip
    return CriterionResult(name, "capital_multiple", value, f"<= {most:g}", passed, ECONOMICS, window, detail)


def _symbols(name: TradingLevel, thresholds: Thresholds, evidence: Evidence, window: str) -> CriterionResult:
    """Judges the concentration by symbol. Of a strategy that trades one symbol the evidence is about that one."""
    rows = evidence.rows.get(ECONOMICS, ())
    shares = [0.0 if row["symbols"] == 1 else row["symbol_share"] for row in rows]
    value = max(shares) if shares and None not in shares else None
    passed = value is not None and value <= thresholds.symbol_share_max
    detail = NO_EVIDENCE if value is None else "one symbol" if all(row["symbols"] == 1 for row in rows) else ""
    threshold = f"<= {thresholds.symbol_share_max:g}"
    return CriterionResult(name, "symbol_share", value, threshold, passed, ECONOMICS, window, detail)


def _proof(
    name: TradingLevel, criterion: str, query: str, threshold: str, evidence: Evidence, window: str
) -> CriterionResult:
    """Judges a part of the proof that the evaluation made itself."""
    row = next(iter(evidence.rows.get(query, ())), None)
    value = None if row is None else row["found"]
    detail = NO_EVIDENCE if row is None else row["problem"][:DETAIL_CHARS_MAX]
    return CriterionResult(name, criterion, value, threshold, value is not None and not detail, query, window, detail)


def _suite(name: TradingLevel, suite: Suite, evidence: Evidence) -> CriterionResult:
    """Judges a suite: its newest report must be green, young, whole, and of the clean commit that runs."""
    row = next((row for row in evidence.rows.get("gate_suites", ()) if row["suite"] == suite.name), None)
    criterion, window = f"tests {suite.name}", f"newest report of {suite.name}"
    threshold = (
        f"green, <= {suite.age_hours_max:g} hours old, of {evidence.commit or 'the commit that runs'}, "
        f">= {suite.passed_min} passed, {len(suite.tests)} named ones among them"
    )
    if row is None:
        return CriterionResult(name, criterion, None, threshold, False, "gate_suites", window, NO_EVIDENCE)
    problems = _problems_of_report(row, suite, evidence)
    value = f"{row['passed']} passed, {row['failed']} failed"
    return CriterionResult(name, criterion, value, threshold, not problems, "gate_suites", window, "; ".join(problems))


def _problems_of_report(row: Row, suite: Suite, evidence: Evidence) -> list[str]:
    age = (evidence.as_of_ns - row["ran_ns"]) / NANOS_PER_HOUR
    problems = [f"{row['failed']} failed: {', '.join(row['failures'])}"] if row["failed"] else []
    if row["passed"] < suite.passed_min:
        problems.append(f"only {row['passed']} passed")
    if lacking := [test for test in suite.tests if case_of(test) not in row["named"]]:
        more = f" and {len(lacking) - 1} more" if lacking[1:] else ""
        problems.append(f"{lacking[0]}{more} did not pass in it")
    if not 0 <= age <= suite.age_hours_max:
        problems.append(f"{age:.1f} hours old")
    if row["commit"] is None or row["commit"] != evidence.commit:
        problems.append(f"of commit {row['commit'] or 'unknown'}")
    if (evidence.commit or "").endswith(DIRTY):
        problems.append("the checkout has changes that are in no commit: commit them and test again")
    return problems


def _window(evidence: Evidence) -> str:
    rows = evidence.rows.get("metrics_returns", ())
    if not rows:
        return "no days"
    return f"{min(row['first_day'] for row in rows)} to {max(row['last_day'] for row in rows)}"
