"""A forged authorisation alarms: the shard counts it until a person acknowledges it."""

from __future__ import annotations

from streams.pipeline.journal.kinds import ACCOUNTS
from tests.authorisations import approved, decision
from tests.pipeline.journal.pipeline import MemoryPipeline


def test_each_forged_command_alarms_and_no_genuine_one() -> None:
    pipeline = MemoryPipeline()
    for command in approved():
        pipeline.send("controls", "", command, partition=0)
    pipeline.run()
    assert pipeline.processors[ACCOUNTS, 0].alarms == 0
    pipeline.send("controls", "", decision(name="d2", signer=None), partition=0)
    pipeline.run()
    assert pipeline.processors[ACCOUNTS, 0].alarms == 1
