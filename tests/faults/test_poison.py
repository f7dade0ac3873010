"""Poison on a running pipeline, in both security modes: one dead letter for each bad record, and all else flows."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.kafka.client_config import client_config
from infra.kafka.topics import dead_letter_topic, topic_name
from infra.principal import OPERATOR, TRADER
from infra.settings import Settings
from schemas.avro.codec import HEADER, MAGIC
from schemas.records.enums import BreakerState, DeskReportKind, ExecType, MarkKind
from schemas.records.messages import ApprovedOrder, DeskReport, ExecutionReport, Mark
from schemas.records.output import Message as Record
from streams.pipeline.journal.partitions import partition_of
from tests import builders, stacks
from tests.end_to_end.desk import SYMBOL, Desk, immediate
from tests.end_to_end.processes import Background, paper, running
from tests.fuzz.garbage import WRITERS, LetterPlace, await_letters
from tests.fuzz.live import WORKS, as_admin, live_stack, open_accounts, throw_while_orders_flow

NAT = -(2**63)
END_OF_TIME = 2**63 - 1
IN_2262 = 9_214_646_400 * builders.SECOND
SCHEMAS = 3_000
LARGE_HEADER_BYTES = 1_000_000
GARBAGE = 1_000
ORDERS_PER_S = 50.0
FLUSH_S = 60.0
OWN_TOPICS = ("executions", "marks", "desk", "orders.approved")
OWN_LOGS = ("journal.accounts", "journal.execution", "snapshots.accounts", "snapshots.execution")
_numbers = itertools.count(1)


class Pipeline:
    """A running pipeline whose good orders must flow. alarmed: foreign records were sent."""

    def __init__(self, settings: Settings, folder: Path, processes: ExitStack) -> None:
        self.settings = settings
        self.alarmed = False
        self._folder = folder
        self._processes = processes
        processes.enter_context(running(settings, folder, "sink"))
        self.worker = self.start_worker()
        self.desk = Desk(as_admin(settings))
        self.codec = self.desk.codec

    def start_worker(self) -> Background:
        """Starts a worker and waits until it works."""
        self.worker = self._processes.enter_context(running(self.settings, self._folder, "worker"))
        self.worker.await_log(WORKS)
        return self.worker

    @property
    def secured(self) -> bool:
        """True if the broker enforces who may write."""
        return self.settings.kafka_security == "scram"

    def send(
        self, topic: str, key: bytes | None, values: list[bytes | None], partition: int | None = None, **more: Any
    ) -> set[LetterPlace]:
        """Sends records as a client of the topic would, and returns the places of those that Kafka took."""
        taken: set[LetterPlace] = set()
        refused: list[KafkaError] = []

        def note(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                refused.append(error)
            else:
                taken.add((topic, message.partition(), message.offset()))  # type: ignore[arg-type]

        config = client_config(self.settings, WRITERS.get(topic, TRADER)) | {"message.max.bytes": 4_000_000}
        producer, name = Producer(config), topic_name(self.settings, topic)
        for value in values:
            try:
                producer.produce(name, value, key, -1 if partition is None else partition, on_delivery=note, **more)
            except KafkaException as failure:
                refused.append(failure.args[0])
        assert producer.flush(FLUSH_S) == 0
        assert all(error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED for error in refused), refused
        return taken

    def send_record(self, topic: str, key: str, record: Record, partition: int | None = None) -> set[LetterPlace]:
        """Sends a record of the core."""
        return self.send(topic, key.encode(), [self.codec.encode(topic, record)], partition)

    def prove(self, bad: set[LetterPlace]) -> None:
        """Asserts that a good order of another account is filled, and that each bad record has exactly one letter."""
        self.trade()
        found = await_letters(as_admin(self.settings), bad)
        assert {place: found[place] for place in bad} == dict.fromkeys(bad, 1)
        assert self.errors()["INTERNAL_ERROR"] == 0, "the core never fails on a record"
        assert self.worker.process.poll() is None, "the worker that began still works"
        self.check_status()

    def trade(self) -> None:
        """Asserts that an order gets its result."""
        assert self.worker.process.poll() is None, "an earlier record has ended the worker"
        number = next(_numbers)
        self.desk.trade([immediate(f"good-{number}", "GOOD")])

    def errors(self) -> Counter[str]:
        """Returns the number of dead letters of shards' inputs by error class."""
        topics = ("orders", "controls", "market.data", *OWN_TOPICS)
        letters = [letter for topic in topics for letter in self.desk.read_raw(dead_letter_topic(topic))]
        return Counter(dict(letter.headers)["error_class"].decode() for letter in letters)

    def check_status(self) -> None:
        """Asserts that `paper status` fails if, and only if, foreign records are among the pipeline's own."""
        status = paper(self.settings, "status")
        assert status.returncode == int(self.alarmed), status.stdout + status.stderr


@pytest.fixture(scope="module")
def plain_pipeline(stack: Settings) -> Iterator[Settings]:
    settings = stack.model_copy(update={"topic_prefix": "poison.", "clickhouse_database": "poison"})
    stacks.prepare(settings)
    yield settings
    stacks.remove_pipeline(settings)


@pytest.fixture(scope="module", params=["plaintext", "scram"])
def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Runs a worker and a sink for all tests of a mode."""
    if request.param == "plaintext":
        yield from _started(request.getfixturevalue("plain_pipeline"), tmp_path_factory.mktemp("plain"))
        return
    if os.environ.get("PAPER_TEST_STACK", "native") != "native":
        pytest.skip("docker-compose.yml has a plaintext broker")
    with live_stack("scram") as settings:
        yield from _started(settings, tmp_path_factory.mktemp("scram"))


def _started(settings: Settings, folder: Path) -> Iterator[Pipeline]:
    settings = settings.model_copy(update={"mock_trading": False})
    with ExitStack() as processes:
        pipeline = Pipeline(settings, folder, processes)
        pipeline.desk.open_account("A")
        pipeline.desk.open_account("GOOD")
        open_accounts(settings)
        yield pipeline


def test_an_order_whose_time_is_no_time(pipeline: Pipeline) -> None:
    order = immediate("nat", "A")._replace(ts=NAT)
    pipeline.prove(pipeline.send_record("orders", "A", order))


def test_a_header_name_that_is_not_utf_8(pipeline: Pipeline) -> None:
    from tests.raw_batches import OddRecord, append

    home = partition_of("A", pipeline.settings.account_partitions)
    bad = set()
    for topic, principal in (("orders", TRADER), ("controls", OPERATOR)):
        sender = pipeline.settings.model_copy(update={"kafka_principal": principal})
        value = pipeline.codec.encode("orders", immediate(f"odd-{topic}", "A"))
        odd = OddRecord(b"A", value, [(b"\xff\xfe", b"1")])
        bad.add((topic, home, append(sender, topic_name(pipeline.settings, topic), home, [odd])))
    pipeline.prove(bad)


def test_thousands_of_unknown_schemas(pipeline: Pipeline) -> None:
    values: list[bytes | None] = [HEADER.pack(MAGIC, 1_000_000 + number) + b"\x00\x00" for number in range(SCHEMAS)]
    home = partition_of("A", pipeline.settings.account_partitions)
    pipeline.prove(pipeline.send("orders", b"A", values, home))


def test_a_session_with_more_cash_than_there_is(pipeline: Pipeline) -> None:
    opened = paper(pipeline.settings, "session", "open", "--account", "rich", "--cash", "9" * 20)
    assert opened.returncode != 0
    assert "cash" in opened.stdout + opened.stderr
    assert "Traceback" not in opened.stderr
    pipeline.prove(set())


def test_market_data_from_the_end_of_time(pipeline: Pipeline) -> None:
    heartbeat = builders.heartbeat(END_OF_TIME)
    bad = pipeline.send_record(
        "market.data", "", heartbeat, partition_of(SYMBOL, pipeline.settings.execution_partitions)
    )
    bad |= pipeline.send_record("market.data", SYMBOL, builders.quote("50.00", "50.02", at=IN_2262, symbol=SYMBOL))
    pipeline.prove(bad)
    pipeline.desk.quote(next(_numbers))
    pipeline.trade()


def test_splits_without_end(pipeline: Pipeline) -> None:
    symbol = "SPLIT.SIM"
    at = builders.START
    splits = [builders.split(1_000_000, 1, at=at, symbol=symbol)] * 2 + [
        builders.split(7, 3, at=at, symbol=symbol)
    ] * 60
    values: list[bytes | None] = [pipeline.codec.encode("market.data", split) for split in splits]
    pipeline.send("market.data", symbol.encode(), values, partition_of(symbol, pipeline.settings.execution_partitions))
    pipeline.prove(set())


def forged(topic: str) -> list[Record]:
    """Returns records of an own topic with nulls and zeros where the core needs numbers."""
    if topic == "marks":
        empty = Mark(SYMBOL, MarkKind.QUOTE, 0, 0, 0, 0, builders.START)
        return [empty._replace(kind=MarkKind.SPLIT), empty._replace(bid_px=None), empty._replace(ts=END_OF_TIME)]
    if topic == "desk":
        state = BreakerState.UNKNOWN
        share = DeskReport(
            DeskReportKind.SHARE,
            "accounts-0",
            None,
            None,
            None,
            None,
            0,
            0,
            0,
            0,
            None,
            state,
            None,
            None,
            builders.START,
        )
        return [share._replace(kind=kind) for kind in DeskReportKind]
    order = immediate("forged", "A")
    if topic == "orders.approved":
        approved = ApprovedOrder(*order[:11], "a-1", None, order.ts, order.ts)
        return [approved._replace(quantity=quantity, price=price) for quantity in (None, 0) for price in (None, 0)]
    return [filled(ExecType.FILL), filled(ExecType.PARTIAL_FILL), filled(ExecType.SPLIT)]


def filled(kind: ExecType) -> ExecutionReport:
    """Returns a report of an order without quantities."""
    order = immediate("forged", "A")
    fields = dict.fromkeys(ExecutionReport._fields[: -len(ExecutionReport._field_defaults)])
    known = {name: value for name, value in order._asdict().items() if name in fields}
    numbers = {"cum_qty": 0, "leaves_qty": 0, "order_ts": order.ts, "exec_id": "x-1", "exec_type": kind}
    return ExecutionReport(**fields | known | numbers | {"ord_status": "FILLED", "liquidity": "ADDED"})  # type: ignore[arg-type]


@pytest.mark.parametrize("topic", OWN_TOPICS)
def test_forged_records_of_the_pipeline(pipeline: Pipeline, topic: str) -> None:
    sent: set[LetterPlace] = set()
    for record in forged(topic):
        sent |= pipeline.send_record(topic, "A", record, 0)
    assert len(sent) == (0 if pipeline.secured else len(forged(topic)))
    pipeline.alarmed = pipeline.alarmed or not pipeline.secured
    pipeline.prove(sent)


def test_garbage_on_journals_and_snapshots_stops_neither_observer_nor_take_over(pipeline: Pipeline) -> None:
    values: list[bytes | None] = [b"garbage", b"\x00\x00\x00\x00\x01\x02", HEADER.pack(MAGIC, 999_999) + b"\x00", b""]
    sent: set[LetterPlace] = set()
    for topic in OWN_LOGS:
        for partition in range(2):
            sent |= pipeline.send(topic, b"accounts-0#0", values, partition)
    assert len(sent) == (0 if pipeline.secured else 8 * len(values))
    pipeline.alarmed = pipeline.alarmed or not pipeline.secured
    pipeline.prove(sent)
    assert pipeline.worker.stop() == 0
    pipeline.start_worker()
    pipeline.trade()
    assert paper(pipeline.settings, "replay", "verify").returncode == 0


def test_a_large_header_on_the_way_to_another_partition(pipeline: Pipeline) -> None:
    away = (partition_of("A", pipeline.settings.account_partitions) + 1) % pipeline.settings.account_partitions
    value = pipeline.codec.encode("orders", immediate("large", "A"))
    headers = [("h", b"\x00" * LARGE_HEADER_BYTES)]
    pipeline.prove(pipeline.send("orders", b"A", [value], away, headers=headers))


def test_garbage_over_all_topics_while_orders_flow(pipeline: Pipeline) -> None:
    before = differences(pipeline.settings)
    result = throw_while_orders_flow(pipeline.settings, GARBAGE, ORDERS_PER_S, seed=1)
    pipeline.alarmed = pipeline.alarmed or not pipeline.secured
    assert result.waits.lost == 0
    assert result.wrong_letters == 0
    assert differences(pipeline.settings) == before, result.reconcile
    assert not result.verify, result.verify


def differences(settings: Settings) -> list[str]:
    """Returns the sentences of `paper reconcile`: the splits of an earlier test leave some, garbage must add none."""
    report = paper(settings, "reconcile").stdout
    return [line.strip() for line in report.splitlines() if line.startswith("  ")]
