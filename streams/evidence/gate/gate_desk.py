"""The gate's acts: records each on gate.decisions and tells the account shards of changed authorisations."""

import getpass
import json
import subprocess
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
from schemas.records.enums import ControlKind, GateDecisionKind, TradingLevel
from schemas.records.gate_messages import GateDecision, TestResult
from schemas.records.numbers import NANOS_PER_DAY
from schemas.registry import Registry
from streams.core.accounts.approval import LIVE_LEVELS
from streams.core.accounts.authorise import AuthorisationKind
from streams.errors import InputError
from streams.evidence.canonical_hash import settings_sha256
from streams.evidence.cut import Cut
from streams.evidence.gate.criteria import DIRTY, read_criteria
from streams.evidence.gate.decision import Evidence, Verdict, decide, decision_id
from streams.evidence.gate.gather_evidence import demand_session, gather_evidence
from streams.evidence.gate.proved_evidence import read_proved
from streams.pipeline.clients.producer import RecordProducer
from streams.pipeline.clients.read_topic import read_topic
from streams.pipeline.clients.request_models import ControlModel
from streams.pipeline.reference.load_config import core_config

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
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> tuple[GateDecision, Verdict]:
        """Decides a strategy's level by the evidence in ClickHouse.

        most: the highest level to judge. as_of: the cut to read at; empty for all that has landed by now.
        Raises InputError if the strategy has had no session or the cut is not known, and as read_proved does.
        """
        now_ns, criteria = time.time_ns(), self.file.criteria
        # The proof takes long, so that a mistyped name is told first.
        with closing(connect(self.settings)) as client:
            demand_session(client, self.settings.run_id, strategy_id)

        def gather(client: Client, cut: Cut) -> Evidence:
            return gather_evidence(client, cut, strategy_id, criteria, now_ns, commit)

        found, proof = read_proved(self.settings, gather, as_of, on_progress)
        evidence = proof.added_to(found)
        verdict = decide(evidence, criteria, most)
        settings_hash = settings_sha256(core_config(self.settings))
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
            proof_sha256=proof.sha256,
        )
        self._write(record)
        self._broadcast(AuthorisationKind.DECISION, record, f"evaluated: {verdict.level}")
        return record, verdict

    def declare_trials(self, strategy_id: str, trials: int, variance: float | None, reason: str) -> GateDecision:
        """Declares how many strategies were tried so far. Raises InputError if fewer than were declared before."""
        before = [item.trials or 0 for item in self.records(strategy_id) if item.kind is GateDecisionKind.TRIALS]
        if trials < max(before, default=1):
            raise InputError(
                f"trials of strategy {strategy_id}: {trials}, but {max(before, default=1)} were declared before"
            )
        record = self._about(None, strategy_id, GateDecisionKind.TRIALS, reason)
        record = record._replace(trials=trials, trials_variance=variance)
        self._write(record)
        return record

    def approve(self, strategy_id: str, decision: str, reason: str) -> GateDecision:
        """Approves the newest decision. decision: its id.

        Raises:
            InputError: another decision is the newest, or it grants no live level, has expired or is revoked.
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
        record = self._about(newest, strategy_id, GateDecisionKind.APPROVED, reason)
        self._write(record)
        self._broadcast(AuthorisationKind.APPROVAL, newest, reason)
        return record

    def revoke(self, strategy_id: str, reason: str) -> GateDecision:
        """Revokes the newest decision. Raises InputError if there is none."""
        newest = self.newest(strategy_id)
        if newest is None:
            raise InputError(f"the gate has decided nothing on strategy {strategy_id}")
        record = self._about(newest, strategy_id, GateDecisionKind.REVOKED, reason)
        self._write(record)
        self._broadcast(AuthorisationKind.REVOCATION, newest, reason)
        return record

    def newest(self, strategy_id: str) -> GateDecision | None:
        """Returns the newest decision on a strategy, the one in force."""
        decided = [item for item in self.records(strategy_id) if item.kind is GateDecisionKind.EVALUATED]
        return decided[-1] if decided else None

    def first_about(self, decision: GateDecision, kind: GateDecisionKind) -> GateDecision | None:
        """Returns the first record of a kind about a decision."""
        known = self.records(decision.strategy_id)
        return next((item for item in known if (item.kind, item.of_decision_id) == (kind, decision.decision_id)), None)

    def unrevoked(self) -> list[GateDecision]:
        """Returns the newest live decisions without a revocation, expired ones included."""
        newest = {item.strategy_id: item for item in self.records() if item.kind is GateDecisionKind.EVALUATED}
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
        )

    def _write(self, record: GateDecision) -> None:
        producer = RecordProducer(self.settings, self._codec)
        producer.send("gate.decisions", record.strategy_id, record)
        producer.flush()

    def _broadcast(self, kind: AuthorisationKind, decision: GateDecision, reason: str) -> None:
        document: dict[str, Any] = {
            "kind": kind,
            "strategy_id": decision.strategy_id,
            "decision_id": decision.decision_id,
            "level": decision.level,
            "expires_ts": decision.expires_ts or 0,
            "limits": json.loads(decision.limits or "{}"),
        }
        control = ControlModel(
            control_id=uuid4().hex,
            kind=ControlKind.AUTHORISATION,
            strategy_id=decision.strategy_id,
            authorisation=document,
            actor=self._actor,
            reason=reason,
            ts=time.time_ns(),
        )
        producer = RecordProducer(self.settings, self._codec)
        producer.broadcast("controls", "", control.to_message())
        producer.flush()


def head_commit() -> str | None:
    """Returns the commit of this checkout; None if it is no checkout or git is not installed.

    The name of a checkout with changes that are in no commit ends with DIRTY: a test of it is a test of no commit.
    """
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return commit and commit + (DIRTY if changes else "")


def _git(*arguments: str) -> str | None:
    try:
        found = subprocess.run(["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
