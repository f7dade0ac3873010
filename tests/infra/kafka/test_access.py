"""A stack with SASL/SCRAM and ACLs: logins and rights are enforced, and the pipeline works."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AclBinding, AdminClient, NewTopic

from infra.errors import AccessError, SettingsError
from infra.kafka.access import ALL_TOPICS, ROLES
from infra.kafka.acls import add_principal, ensure_access, principals, remove_access, remove_principal
from infra.kafka.client_config import client_config
from infra.kafka.credentials import password_file
from infra.kafka.diagnosis import advice, demand_login
from infra.kafka.topics import delete_topics, ensure_topics, topic_name
from infra.principal import ADMIN, FEED, OPERATOR, PIPELINE, READER, SERVICE, TRADER
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.kafka_server import KafkaServer
from streams.serve.api_keys import ApiKeys, KeyRole
from tests import stacks
from tests.end_to_end.processes import paper, running

TIMEOUT_S = 30.0
KEPT = "made-before-security"
DENIED = KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.fixture(scope="module")
def scram() -> Iterator[Settings]:
    """Runs a stack whose storage was formatted in plaintext, with security switched on afterwards."""
    if os.environ.get("PAPER_TEST_STACK", "native") != "native":
        pytest.skip("docker-compose.yml has a plaintext broker")
    with tempfile.TemporaryDirectory(prefix="paper-test-") as folder:
        plain = stacks.free_settings(Path(folder)).model_copy(update={"mock_trading": False})
        try:
            local_stack.up(plain, (KafkaServer(),))
            admin = AdminClient(client_config(plain))
            (made,) = admin.create_topics([NewTopic(KEPT, 1, 1)]).values()
            made.result(TIMEOUT_S)
        finally:
            local_stack.down(plain)
        settings = plain.model_copy(update={"kafka_security": "scram"})
        with stacks.native(settings):
            yield settings


@pytest.fixture(scope="module")
def tried(scram: Settings) -> Iterator[Settings]:
    """Creates the topics and ACLs of an idle pipeline."""
    settings = scram.model_copy(update={"topic_prefix": "tried."})
    ensure_topics(settings)
    ensure_access(settings)
    yield settings
    delete_topics(settings, [topic_name(settings, topic) for topic in ALL_TOPICS])
    remove_access(settings, settings.topic_prefix)


def write(settings: Settings, principal: str, topics: tuple[str, ...] = ALL_TOPICS) -> dict[str, int | None]:
    """Writes a record to each topic, and returns the error codes; None if the record was accepted."""
    found: dict[str, int | None] = {}

    def note(error: KafkaError | None, message: Message) -> None:
        found[str(message.topic()).removeprefix(settings.topic_prefix)] = None if error is None else error.code()

    producer = Producer(client_config(settings, principal))
    for topic in topics:
        producer.produce(topic_name(settings, topic), key=b"key", value=b"value", on_delivery=note)
    assert producer.flush(TIMEOUT_S) == 0
    return found


def read(settings: Settings, principal: str) -> dict[str, int | None]:
    """Reads each topic to its end, and returns the error codes; None if the end was reached."""
    config = {"group.id": f"{settings.topic_prefix}{principal}.test", "enable.partition.eof": True}
    consumer = Consumer(client_config(settings, principal) | config)
    found: dict[str, int | None] = {}
    try:
        for topic in ALL_TOPICS:
            name = topic_name(settings, topic)
            refusal = consumer.list_topics(name, timeout=TIMEOUT_S).topics[name].error
            if refusal is not None:
                found[topic] = refusal.code()
        consumer.assign([TopicPartition(topic_name(settings, t), 0, 0) for t in ALL_TOPICS if t not in found])
        while len(found) < len(ALL_TOPICS):
            message = consumer.poll(TIMEOUT_S)
            assert message is not None, f"silence; {set(ALL_TOPICS) - set(found)} are missing"
            error = message.error()
            if error is not None:
                code = None if error.code() == KafkaError._PARTITION_EOF else error.code()
                found[str(message.topic()).removeprefix(settings.topic_prefix)] = code
    finally:
        consumer.close()
    return found


@pytest.mark.parametrize("topic", ["controls", "executions", "fills", "journal.accounts", "risk.events", "market.data"])
def test_a_trader_is_refused_what_is_not_theirs(tried: Settings, topic: str) -> None:
    assert write(tried, TRADER, (topic,)) == {topic: DENIED}


def test_a_trader_may_order_and_an_operator_may_control(tried: Settings) -> None:
    assert write(tried, TRADER, ("orders",)) == {"orders": None}
    assert write(tried, OPERATOR, ("controls", "fills", "orders")) == {
        "controls": None, "fills": DENIED, "orders": DENIED
    }  # fmt: skip


@pytest.mark.parametrize("principal", ROLES)
def test_each_principal_writes_and_reads_its_own_topics_and_no_others(tried: Settings, principal: str) -> None:
    role = ROLES[principal]
    assert write(tried, principal) == {topic: None if topic in role.writes else DENIED for topic in ALL_TOPICS}
    assert read(tried, principal) == {topic: None if topic in role.reads else DENIED for topic in ALL_TOPICS}


def test_a_trader_can_take_no_shard_and_no_workers_place(tried: Settings) -> None:
    producer = Producer(client_config(tried, TRADER) | {"transactional.id": "tried.accounts-0"})
    with pytest.raises(KafkaException) as refused:
        producer.init_transactions(TIMEOUT_S)
    assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED

    consumer = Consumer(client_config(tried, TRADER) | {"group.id": "tried.paper-workers"})
    consumer.subscribe(["tried.market.data"])
    try:
        message = consumer.poll(TIMEOUT_S)
    finally:
        consumer.close()
    assert message is not None
    error = message.error()
    assert error is not None
    assert error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED


def test_a_trader_can_neither_make_topics_nor_give_rights(tried: Settings) -> None:
    admin = AdminClient(client_config(tried, TRADER))
    binding = AclBinding("TOPIC", "tried.controls", "LITERAL", "User:trader", "*", "WRITE", "ALLOW")
    for futures in (admin.create_topics([NewTopic("tried.mine", 1, 1)]), admin.create_acls([binding])):
        (future,) = futures.values()
        with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
            future.result(TIMEOUT_S)


def test_a_grant_beyond_the_table_is_taken_back(tried: Settings) -> None:
    binding = AclBinding("TOPIC", "tried.fills", "LITERAL", "User:trader", "*", "WRITE", "ALLOW")
    admin = AdminClient(client_config(tried, ADMIN))
    (made,) = admin.create_acls([binding]).values()
    made.result(TIMEOUT_S)
    assert "fills" in principals(tried)[TRADER]
    ensure_access(tried)
    assert principals(tried)[TRADER] == ["orders"]
    assert write(tried, TRADER, ("fills",)) == {"fills": DENIED}


def test_a_principal_of_ones_own_comes_and_goes(tried: Settings) -> None:
    add_principal(tried, "alice", TRADER)
    add_principal(tried, "alice", TRADER)
    assert principals(tried)["alice"] == ["orders"]
    assert write(tried, "alice", ("orders", "controls")) == {"orders": None, "controls": DENIED}
    remove_principal(tried, "alice")
    assert "alice" not in principals(tried)
    assert not password_file(tried, "alice").exists()
    for name, role in (("alice", "king"), (OPERATOR, TRADER), (ADMIN, TRADER), ("../x", TRADER)):
        with pytest.raises(AccessError):
            add_principal(tried, name, role)


def test_a_wrong_password_is_refused_by_name(scram: Settings, tmp_path: Path) -> None:
    elsewhere = scram.model_copy(update={"paper_home": tmp_path, "kafka_principal": TRADER})
    with pytest.raises(SettingsError, match=r"principal trader has no password.*KAFKA_PRINCIPAL"):
        demand_login(elsewhere)
    path = password_file(elsewhere, TRADER)
    path.parent.mkdir(parents=True)
    path.write_text(password_file(scram, OPERATOR).read_text())
    with pytest.raises(SettingsError, match=r"refuses trader.*KAFKA_PRINCIPAL.*KAFKA_SECURITY"):
        demand_login(elsewhere)
    demand_login(scram.model_copy(update={"kafka_principal": TRADER}))


def test_who_does_not_log_in_gets_nothing(scram: Settings) -> None:
    anonymous = scram.model_copy(update={"kafka_security": "plaintext"})
    for port in (scram.kafka_host_port[1], scram.kafka_controller_port):
        client = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
        with pytest.raises(KafkaException):
            client.list_topics(timeout=2)
    assert "KAFKA_SECURITY=scram" in advice(anonymous, "no answer")


def test_a_broker_that_is_away_is_named_with_its_setting(scram: Settings) -> None:
    away = {"kafka_bootstrap_servers": f"127.0.0.1:{stacks.free_port()}", "kafka_principal": TRADER}
    assert "KAFKA_BOOTSTRAP_SERVERS" in advice(scram.model_copy(update=away), "no answer")
    demand_login(scram.model_copy(update=away))


def test_who_connects_must_be_said(scram: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.principal._Process.principal", "")
    with pytest.raises(SettingsError, match="KAFKA_PRINCIPAL"):
        client_config(scram)


def test_security_is_switched_on_over_data_that_was_there(scram: Settings) -> None:
    assert KEPT in AdminClient(client_config(scram, ADMIN)).list_topics(timeout=TIMEOUT_S).topics


def test_passwords_are_for_their_owner_only_and_all_different(scram: Settings) -> None:
    files = [password_file(scram, name) for name in (ADMIN, *ROLES)]
    kafka = scram.paper_home / "kafka"
    for file in (*files, kafka / "server.properties"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert len({file.read_text() for file in files}) == len(files)
    assert {file.name for file in kafka.iterdir()} == {"credentials", "data", "server.properties"}


def test_the_whole_pipeline_works_each_process_as_its_own_principal(scram: Settings, tmp_path: Path) -> None:
    def done(*arguments: str, code: int = 0, **update: Any) -> str:
        result = paper(scram.model_copy(update=update), *arguments)
        assert result.returncode == code, f"{arguments}:\n{result.stdout}\n{result.stderr}"
        return result.stderr + result.stdout

    with running(scram, tmp_path, "sink"), running(scram, tmp_path, "worker"):
        refused = done("session", "open", "--account", "hand", code=1, kafka_principal=TRADER)
        assert "trader may not do this; set KAFKA_PRINCIPAL" in refused
        assert "opened" in done("session", "open", "--account", "hand", "--cash", "100000")
        sized = ("--account", "bot", "--symbol", "ACME.SIM", "--quantity", "1", "--max-position", "5")
        strategy = ("strategy", "run", "momentum", *sized, "--cash", "100000")
        assert "trader may not do this" in done(*strategy, code=1, kafka_principal=TRADER)
        with running(scram, tmp_path, *strategy) as trading:
            trading.await_log("of account bot opened")
            trading.await_log("momentum trades ACME.SIM")
        assert json.loads(done("feed", "--synthetic", "--seconds", "5", "--json").splitlines()[-1])["quotes"] > 0
        order = ("orders", "submit", "ACME.SIM", "BUY", "5", "--account", "hand", "--order-id", "o-1")
        assert "operator may not do this" in done(*order, code=1, kafka_principal=OPERATOR)
        assert "FILLED" in done(*order) + done("results", "--account", "hand", "--json")
        assert '"quantity": "5"' in done("positions", "--account", "hand", "--json")
        serve_an_operator(scram, tmp_path)
        assert "everything reconciles" in done("reconcile")
    shards = [json.loads(line) for line in done("shard", "list", "--json").splitlines()]
    assert {row["shard"] for row in shards if row["journal"]} == {row["shard"] for row in shards}
    assert "has no alarms any more" in done("shard", "acknowledge", "execution-0", "--reason", "read", "--yes")
    assert "all equal" in done("replay", "verify")
    lag = json.loads(done("status", "--json"))["lag"]
    assert {item["group"] for item in lag} == {"paper-workers", "sink"}
    log = (scram.paper_home / "logs" / "kafka.log").read_text()
    assert "User:operator is Denied operation = WRITE" in log
    own = [line for line in log.splitlines() if "tried." not in line]
    assert not any(f"User:{name} is Denied" in line for line in own for name in (PIPELINE, READER, FEED, SERVICE))


def serve_an_operator(settings: Settings, folder: Path) -> None:
    """Checks that an operator stops and resumes an account through the HTTP service, and sees its pages."""
    port, key = stacks.free_port(), ApiKeys(settings).make("olga", KeyRole.OPERATOR)
    address = f"http://127.0.0.1:{port}"
    with running(settings, folder, "serve", "--port", str(port)) as service, requests.Session() as browser:
        service.await_log("Application startup complete")
        for act, kind in (("kill", "KILLED"), ("resume", "RESUMED")):
            url = f"{address}/v1/accounts/hand/{act}"
            answer = requests.post(url, json={"reason": "a test"}, auth=key, timeout=TIMEOUT_S)
            assert (answer.status_code, answer.json().get("kind")) == (200, kind), answer.text
        form = dict(zip(("key", "secret"), key, strict=True))
        assert browser.post(f"{address}/console/sign-in", data=form, timeout=TIMEOUT_S).ok
        for page in ("desk?account=hand", "desk/breakers?account=hand", "gate", "health", "health/live"):
            shown = browser.get(f"{address}/console/{page}", timeout=TIMEOUT_S, allow_redirects=False)
            assert shown.status_code == 200, page
