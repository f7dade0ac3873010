"""For whom a decision would hold, and what no evidence makes up for: authentication, a key, and known, tested code."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from schemas.records.enums import TradingLevel
from streams.core.reference.gate_config import GateConfig
from streams.errors import InputError
from streams.evidence.gate.decision import CriterionResult, Evidence, Verdict
from streams.evidence.gate.gather_evidence import plain_rows
from streams.evidence.gate.keys import Signer
from streams.strategies.code_here import code_here

QUERY = "gate_session"


class Binding(NamedTuple):
    """The account, code and parameters that a decision holds for: those of the strategy's newest session."""

    account_id: str
    session_id: str
    code_sha256: str | None
    parameters: str | None


def read_binding(client: Client, run_id: str, strategy_id: str, account_id: str) -> Binding:
    """Reads the newest session of a strategy. account_id: empty for any.

    Raises InputError if there is none, and ClickHouseError.
    """
    named = {"run_id": run_id, "strategy_id": strategy_id, "account_id": account_id}
    rows = plain_rows(client, QUERY, named)
    if not rows:
        whose = f" of account {account_id}" if account_id else ""
        raise InputError(
            f"strategy {strategy_id} has no session{whose} in run {run_id} that a shard has opened; "
            "`paper session list` shows them"
        )
    return Binding(**rows[0])


class CodeToTest(NamedTuple):
    """The strategy's code on this computer. sha256, commit: as in CodeHere; problem: why there is none, else empty."""

    sha256: str | None
    commit: str | None
    problem: str


def find_code(name: str) -> CodeToTest:
    """Looks for the code of a strategy on this computer. name: as find_strategy takes it."""
    try:
        return CodeToTest(*code_here(name), "")
    except InputError as error:
        return CodeToTest(None, None, str(error))


def with_binding(
    evidence: Evidence, binding: Binding, gate: GateConfig, signer: Signer | None, code: CodeToTest
) -> Evidence:
    """Returns the evidence with the binding and its conditions, so that they are part of its hash.

    signer: the gate's key, if it is listed. code: the strategy's code on this computer.
    """
    row: dict[str, Any] = binding._asdict() | {
        "authenticated": gate.authenticated,
        "key_listed": signer is not None,
        "code_here": code._asdict(),
    }
    return evidence._replace(rows={**evidence.rows, QUERY: [row]})


def judge_binding(verdict: Verdict, evidence: Evidence) -> Verdict:
    """Adds the conditions to each judged level. If one fails, no level is reached."""
    (row,) = evidence.rows[QUERY]
    untested = _untested(row, evidence)
    levels = dict.fromkeys(item.level for item in verdict.results)
    added = [result for level in levels for result in _conditions(level, row, untested)]
    reached = verdict.level if all(item.passed for item in added) else TradingLevel.PAPER_ONLY
    return Verdict(reached, (*verdict.results, *added))


def _untested(row: Mapping[str, Any], evidence: Evidence) -> str:
    """Returns why no test speaks for the session's code; empty if a green report does."""
    here = row["code_here"]
    if here["problem"]:
        return f"{here['problem']}; name the code with --code, as `paper strategy run` takes it"
    if here["sha256"] != row["code_sha256"]:
        return "the code on this computer is another than the session's; check out the code that traded"
    if here["commit"] is None:
        return "its files are not as they stand in one commit: commit them, test them, and trade again"
    green = {item["commit"] for item in evidence.rows.get("gate_suites", ()) if item["passed"] and not item["failed"]}
    if here["commit"] in green:
        return ""
    return (
        f"no green report of its commit {here['commit']}: run its tests with --junitxml=FILE, then "
        f"`paper gate ingest FILE --commit {here['commit']}`"
    )


def _conditions(level: TradingLevel, row: Mapping[str, Any], untested: str) -> list[CriterionResult]:
    window = f"session {row['session_id']} of account {row['account_id']}"
    conditions = (
        (
            "authentication",
            "scram" if row["authenticated"] else "plaintext",
            "scram",
            row["authenticated"],
            "Kafka asks nobody for a password, so anybody could trade live; set KAFKA_SECURITY=scram (docs/access.md)",
        ),
        (
            "signing_key",
            "listed" if row["key_listed"] else "missing",
            "listed",
            row["key_listed"],
            "this computer has no listed key of the gate's; `paper gate keys` makes one, then restart the workers",
        ),
        (
            "code_digest",
            row["code_sha256"],
            "known",
            row["code_sha256"] is not None,
            "the session does not say which code trades; open it by `paper strategy run`",
        ),
        (
            "tested_code",
            row["code_here"]["commit"],
            "the session's, with a green report of its commit",
            not untested,
            untested,
        ),
    )
    return [
        CriterionResult(level, name, value, asked, passed, QUERY, window, "" if passed else why)
        for name, value, asked, passed, why in conditions
    ]
