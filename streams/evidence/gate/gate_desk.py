"""The gate's acts: records each on gate.decisions and tells the account shards of changed authorisations."""

import getpass
import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

from clickhouse_connect.driver.client import Client

from infra.clickhouse.client import connect
from infra.settings import REPOSITORY, Settings
from schemas.avro.codec import Codec
from schemas.records.enums import ControlKind, GateDecisionKind, TradingLevel, TradingMode
from schemas.records.gate_messages import GateDecision, TestResult
from schemas.records.numbers import NANOS_PER_DAY
from schemas.registry import Registry
from streams.core.accounts.live_authority import LIVE_LEVELS
from streams.core.accounts.state.authorisations import AuthorisationKind
from streams.errors import InputError, NoAnswer
from streams.evidence.canonical_hash import settings_sha256
from streams.evidence.cut import Cut
from streams.evidence.gate.binding import Binding, find_code, judge_binding, read_binding, with_binding
from streams.evidence.gate.count_trials import declaration_problem
from streams.evidence.gate.criteria import DIRTY, read_criteria
from streams.evidence.gate.decision import Evidence, Verdict, decide, decision_id
from streams.evidence.gate.gate_documents import (
    approval_text,
    check_approver,
    decision_text,
    is_of_the_gate,
    revocation_command,
    signed_command,
)
from streams.evidence.gate.gather_evidence import demand_session, gather_evidence
from streams.evidence.gate.keys import Signer, listed_signer
from streams.evidence.gate.proved_evidence import read_proved
from streams.pipeline.clients.control_commands import send_control_to_all
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.clients.request_models import ControlModel
from streams.pipeline.reference.gate_keys_file import load_gate
from streams.pipeline.reference.load_config import core_config
from streams.strategies.code_here import git_output

CRITERIA_FILE = REPOSITORY / "infra/reference/gate.toml"


class GateDesk:
    """The acts of people and scripts at the gate, each under the name of its actor."""

    def __init__(self, settings: Settings, criteria_file: Path = CRITERIA_FILE, actor: str | None = None) -> None:
        self.settings = settings
        self.file = read_criteria(criteria_file)
        self._actor = actor or getpass.getuser()
        self._codec = Codec(Registry(settings))

    def records(self, strategy_id: str | None = None) -> list[GateDecision]:
        """Returns every record of a strategy, or of all strategies, oldest first."""
        found: list[GateDecision] = list(read_topic(self.settings, self._codec, "gate.decisions"))
        return [item for item in found if strategy_id in (None, item.strategy_id)]

    def evaluate(
        self,
        strategy_id: str,
        most: TradingLevel,
        commit: str | None,
        as_of: str = "",
        account_id: str = "",
        code: str = "",
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> tuple[GateDecision, Verdict]:
        """Decides a strategy's level by the evidence in ClickHouse, which it proves.

        The decision holds for the account, code and parameters of the strategy's newest session in this run, and for no
        other. most: the highest level to judge. as_of: the cut to read at; empty for all that has landed by now.
        account_id: the account whose session is meant; empty for the newest of any. code: name of the strategy's code
        on this computer, as find_strategy takes it; empty if it is the strategy's own.

        Raises InputError if the strategy has had no session or the cut is not known, and as read_proved does;
        ControlRefused or NoAnswer if a shard refuses the recorded decision or does not answer.
        """
        now_ns, criteria, config = time.time_ns(), self.file.criteria, core_config(self.settings)
        signer, tested = listed_signer(self.settings, config.gate), find_code(code or strategy_id)
        # The proof takes long, so that a mistyped name is told first.
        with closing(connect(self.settings)) as client:
            demand_session(client, self.settings.run_id, strategy_id)

        def gather(client: Client, cut: Cut) -> tuple[Evidence, Binding]:
            binding = read_binding(client, cut.run_id, strategy_id, account_id)
            evidence = gather_evidence(client, cut, strategy_id, criteria, now_ns, commit)
            return with_binding(evidence, binding, config.gate, signer, tested), binding

        (found, binding), proof = read_proved(self.settings, gather, as_of, on_progress)
        evidence = proof.added_to(found)
        verdict = judge_binding(decide(evidence, criteria, most), evidence)
        settings_hash = settings_sha256(config)
        level = criteria.levels.get(verdict.level)
        record = GateDecision(
            decision_id=decision_id(evidence, self.file.sha256, settings_hash, most),
            strategy_id=strategy_id,
            kind=GateDecisionKind.EVALUATED,
            level=verdict.level,
            criteria=json.dumps([item._asdict() for item in verdict.results]),
            criteria_sha256=self.file.sha256,
            evidence_sha256=evidence.sha256,
            actor=self._actor,
            reason=None,
            expires_ts=None if level is None else now_ns + level.expires_days * NANOS_PER_DAY,
            ts=now_ns,
            settings_sha256=settings_hash,
            limits=None if level is None else json.dumps(level.limits),
            cut=evidence.cut,
            of_run_id=self.settings.run_id,
            account_id=binding.account_id,
            code_sha256=binding.code_sha256,
            parameters=binding.parameters,
            mode=TradingMode.PAPER if level is None else TradingMode.LIVE,
            proof_sha256=proof.sha256,
        )
        reason = f"evaluated: {verdict.level}"
        if signer is None:
            # Nothing can be authorised without a listed key. What shards may hold from before ends.
            self._write(record)
            self._tell(strategy_id, revocation_command(strategy_id, None), reason)
            return record, verdict
        text = decision_text(record)
        signature = signer.sign(text)
        record = record._replace(key_id=signature.key_id, signature=signature.value)
        self._write(record)
        command = signed_command(AuthorisationKind.DECISION, strategy_id, text, signature.value)
        # What takes rights away needs no answer: it counts also for shards that no worker runs.
        send = self._tell if level is None else self._demand_answers
        send(strategy_id, command, reason)
        return record, verdict

    def declare_trials(self, strategy_id: str, trials: int, variance: float | None, reason: str) -> GateDecision:
        """Declares how many strategies were tried so far, and perhaps the variance of their daily Sharpe ratios.

        Raises InputError if either is less than what was declared before, or if several are said not to vary.
        """
        known = [item for item in self.records(strategy_id) if item.kind is GateDecisionKind.TRIALS]
        problem = declaration_problem(known, trials, variance)
        if problem is not None:
            raise InputError(f"trials of strategy {strategy_id}: {problem}")
        record = self._about(None, strategy_id, GateDecisionKind.TRIALS, reason)
        record = record._replace(trials=trials, trials_variance=variance)
        self._write(record)
        return record

    def approve(self, strategy_id: str, decision: str, reason: str, approver: str, signer: Signer) -> GateDecision:
        """Approves the newest decision. decision: its id. approver: the name of the person whose key signs.

        Raises:
            InputError: another decision is the newest, or it grants no live level, has expired or is revoked, or the
                key is not that of a listed approver who is another person than the evaluator.
            ControlRefused: a shard refuses it; nothing is recorded.
            NoAnswer: a shard does not answer; it is recorded, and takes effect once a worker runs the shard.
        """
        newest = self.newest(strategy_id)
        if newest is None or newest.decision_id != decision:
            known = "there is none" if newest is None else f"that is {newest.decision_id}"
            raise InputError(f"decision {decision} is not the newest on strategy {strategy_id}: {known}")
        if newest.level not in LIVE_LEVELS:
            raise InputError(f"decision {decision} says {newest.level}: there is nothing to approve")
        if (newest.expires_ts or 0) <= time.time_ns():
            raise InputError(f"decision {decision} has expired; evaluate strategy {strategy_id} again")
        if self.first_about(newest, GateDecisionKind.REVOKED) is not None:
            raise InputError(f"decision {decision} is revoked; evaluate strategy {strategy_id} again")
        check_approver(load_gate(self.settings), newest, approver, signer)
        text = approval_text(newest, reason)
        signature = signer.sign(text)
        record = self._about(newest, strategy_id, GateDecisionKind.APPROVED, reason)
        record = record._replace(actor=approver, key_id=signature.key_id, signature=signature.value)
        command = signed_command(AuthorisationKind.APPROVAL, strategy_id, text, signature.value)
        try:
            self._demand_answers(strategy_id, command, reason)
        except NoAnswer:
            self._write(record)
            raise
        self._write(record)
        return record

    def revoke(self, strategy_id: str, reason: str, held: str | None = None) -> GateDecision:
        """Ends whatever account shards hold for a strategy, also what the gate has not decided.

        held: the decision that a shard holds, if it is another than the newest. Shards are told first: if this process
        dies in between, the authorisation has ended.
        """
        newest = self.newest(strategy_id)
        record = self._about(newest, strategy_id, GateDecisionKind.REVOKED, reason)
        if held is not None:
            record = record._replace(of_decision_id=held)
        self._tell(strategy_id, revocation_command(strategy_id, record.of_decision_id), reason)
        self._write(record)
        return record

    def newest(self, strategy_id: str) -> GateDecision | None:
        """Returns the newest decision on a strategy in this run, the one in force."""
        decided = [item for item in self.records(strategy_id) if self._is_decision(item)]
        return decided[-1] if decided else None

    def decided(self) -> set[tuple[str, str]]:
        """Returns strategy and id of every decision that the gate has signed in this run."""
        gate = load_gate(self.settings)
        return {
            (item.strategy_id, item.decision_id)
            for item in self.records()
            if self._is_decision(item) and is_of_the_gate(item, gate)
        }

    def first_about(self, decision: GateDecision, kind: GateDecisionKind) -> GateDecision | None:
        """Returns the first record of a kind about a decision."""
        known = self.records(decision.strategy_id)
        return next((item for item in known if (item.kind, item.of_decision_id) == (kind, decision.decision_id)), None)

    def unrevoked(self) -> list[GateDecision]:
        """Returns the newest live decisions without a revocation, expired ones included."""
        newest = {item.strategy_id: item for item in self.records() if self._is_decision(item)}
        return [
            item
            for item in newest.values()
            if item.level in LIVE_LEVELS and self.first_about(item, GateDecisionKind.REVOKED) is None
        ]

    def record_tests(self, results: list[TestResult]) -> None:
        """Writes test cases to test.results."""
        producer = RecordProducer(self.settings, self._codec)
        for item in results:
            producer.send("test.results", item.suite, item)
        producer.flush()

    def _is_decision(self, record: GateDecision) -> bool:
        """Returns whether a record is a decision on this run; those from before named none."""
        return record.kind is GateDecisionKind.EVALUATED and record.of_run_id in (None, self.settings.run_id)

    def _about(
        self, decision: GateDecision | None, strategy_id: str, kind: GateDecisionKind, reason: str
    ) -> GateDecision:
        return GateDecision(
            decision_id=f"{kind[0].lower()}-{uuid4().hex[:20]}",
            strategy_id=strategy_id,
            kind=kind,
            level=decision.level if decision else TradingLevel.UNKNOWN,
            criteria="[]",
            criteria_sha256=decision.criteria_sha256 if decision else self.file.sha256,
            evidence_sha256=decision.evidence_sha256 if decision else "",
            actor=self._actor,
            reason=reason,
            expires_ts=decision.expires_ts if decision else None,
            ts=time.time_ns(),
            of_decision_id=decision.decision_id if decision else None,
            of_run_id=self.settings.run_id,
        )

    def _write(self, record: GateDecision) -> None:
        producer = RecordProducer(self.settings, self._codec)
        producer.send("gate.decisions", record.strategy_id, record)
        producer.flush()

    def _demand_answers(self, strategy_id: str, command: dict[str, Any], reason: str) -> None:
        """Sends a signed command to all account shards and waits for them. Raises as send_control_to_all does."""
        send_control_to_all(self.settings, self._codec, self._control(strategy_id, command, reason))

    def _tell(self, strategy_id: str, command: dict[str, Any], reason: str) -> None:
        """Sends a command to all account shards, without waiting."""
        producer = RecordProducer(self.settings, self._codec)
        producer.broadcast("controls", "", self._control(strategy_id, command, reason).to_message())
        producer.flush()

    def _control(self, strategy_id: str, command: dict[str, Any], reason: str) -> ControlModel:
        return ControlModel(
            control_id=uuid4().hex,
            kind=ControlKind.AUTHORISATION,
            strategy_id=strategy_id,
            authorisation=command,
            actor=self._actor,
            reason=reason,
            ts=time.time_ns(),
        )


def head_commit() -> str | None:
    """Returns the commit of this checkout; None if it is no checkout or git is not installed.

    The name of a checkout with changes that are in no commit ends with DIRTY: a test of it is a test of no commit.
    """
    commit, changes = (
        git_output(REPOSITORY, *command) for command in (("rev-parse", "HEAD"), ("status", "--porcelain"))
    )
    return commit and commit + (DIRTY if changes else "")
