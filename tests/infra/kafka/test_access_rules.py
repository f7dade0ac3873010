"""The declared access rights are complete, agree with the docs, and use names that exist in the code."""

from __future__ import annotations

import re

import pytest
import typer.main

from infra.kafka.access import ALL_TOPICS, ROLES, rules
from infra.principal import ADMIN, FEED, OPERATOR, PIPELINE, READER, SERVICE, TRADER
from infra.settings import REPOSITORY, Settings
from streams.cli.app import app
from streams.cli.principals import NO_KAFKA, PRINCIPALS
from streams.pipeline.dlq.send_again import WRITER
from streams.pipeline.dlq.send_again import group_id as replay_group
from streams.pipeline.journal.kinds import KINDS
from streams.pipeline.sink.sink import LETTERS
from streams.pipeline.sink.sink import group_id as sink_group
from streams.pipeline.worker.worker_group import group_id as worker_group

SETTINGS = Settings(_env_file=None, topic_prefix="p.")


def test_every_command_has_a_principal_or_needs_none() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert set(commands) == set(PRINCIPALS) | NO_KAFKA
    assert not set(PRINCIPALS) & NO_KAFKA
    assert set(PRINCIPALS.values()) == {ADMIN, *ROLES}


def test_the_docs_show_the_table() -> None:
    lines = (REPOSITORY / "docs" / "access.md").read_text().splitlines()
    rows = [re.split(r" *\| *", line.strip("| ")) for line in lines if line.startswith("| ")][1:]
    shown = {row[0]: row[1:] for row in rows}
    assert shown.pop(ADMIN)[1:] == ["everything", "everything", commands_of(ADMIN)]
    assert shown == {
        name: [role.purpose, topics(role.writes), topics(role.reads), commands_of(name)] for name, role in ROLES.items()
    }


def commands_of(principal: str) -> str:
    return ", ".join(sorted(command for command, name in PRINCIPALS.items() if name == principal))


def topics(names: tuple[str, ...]) -> str:
    missing = sorted(set(ALL_TOPICS) - set(names))
    if len(missing) < len(names):
        return "all topics" + (f" but {', '.join(missing)}" if missing else "")
    return ", ".join(sorted(names)) or "nothing"


def test_what_persons_decide_is_written_by_operators() -> None:
    """Workers may write controls too, because they forward controls from the wrong partition."""
    writers = {topic: {name for name, role in ROLES.items() if topic in role.writes} for topic in ALL_TOPICS}
    assert writers["controls"] == {OPERATOR, SERVICE, PIPELINE}
    assert writers["gate.decisions"] == writers["test.results"] == {OPERATOR}
    assert writers["orders"] == {TRADER, SERVICE, PIPELINE}
    assert writers["market.data"] == {FEED, PIPELINE}
    single = {"controls", "gate.decisions", "test.results", "orders", "market.data"}
    assert all(writers[topic] == {PIPELINE} for topic in set(ALL_TOPICS) - single)
    assert not ROLES[READER].writes


def test_the_pipelines_groups_and_transactions_are_those_of_the_code() -> None:
    found = rules(SETTINGS, "somebody", ROLES[PIPELINE])
    groups = {rule.name for rule in found if (rule.resource, rule.pattern) == ("GROUP", "LITERAL")}
    assert {worker_group(SETTINGS), sink_group(SETTINGS), replay_group(SETTINGS)} <= groups
    transactions = [rule.name for rule in found if rule.resource == "TRANSACTIONAL_ID"]
    for name in (*(kind.shard_name(0) for kind in KINDS), LETTERS, WRITER):
        assert any(f"p.{name}".startswith(allowed) for allowed in transactions), name


@pytest.mark.parametrize("role", [TRADER, OPERATOR, FEED, READER])
def test_only_the_pipeline_may_be_a_worker(role: str) -> None:
    found = rules(SETTINGS, role, ROLES[role])
    member_of = {rule.name for rule in found if rule.resource == "GROUP" and rule.operation == "READ"}
    assert not {worker_group(SETTINGS), sink_group(SETTINGS), replay_group(SETTINGS)} & member_of
    taken = [rule.name for rule in found if rule.resource == "TRANSACTIONAL_ID"]
    assert taken == (["p.feed-"] if role == FEED else [])


def test_every_name_has_the_prefix() -> None:
    for name, role in ROLES.items():
        assert all(rule.name.startswith("p.") for rule in rules(SETTINGS, name, role))
