"""A session in memory that covers everything that a reconciliation compares, and functions that change its topics."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from infra.kafka.topics import BY_NAME, partition_count
from infra.settings import Settings
from schemas.errors import UndecodableRecord
from schemas.memory_registry import MemoryRegistry
from schemas.records.enums import Action, ControlKind, Side, TimeInForce
from schemas.records.messages import MarketData, OrderRequest
from streams.core.risk.breakers.breaker_config import DeskConfig
from streams.evidence.reconcile.fact_reader import FactReader
from streams.evidence.reconcile.facts import Facts
from streams.pipeline.journal.kinds import ShardKind
from streams.pipeline.journal.partitions import partition_of
from streams.pipeline.journal.raw_records import RawRecord
from streams.pipeline.sink.column_batch import of_records
from streams.pipeline.sink.landing import Landing
from streams.pipeline.sink.tables import Tables
from tests import builders
from tests.pipeline.journal.pipeline import PARTITIONS, MemoryPipeline

Pick = Callable[[Any], bool]
SETTINGS = Settings(_env_file=None, account_partitions=PARTITIONS, execution_partitions=PARTITIONS, mock_trading=False)
LAST_SECOND = 60
SETTLED_SECOND = 20
MARGIN = {"brackets": [{"floor": "0", "rate": "0.05"}]}
EXPIRES_AT = "2023-11-14T22:13:35Z"
"""The future expires 15 seconds after START."""


class Session(MemoryPipeline):
    """A pipeline in memory whose market moves on with each order."""

    def __init__(self, **changes: Any) -> None:
        fee = builders.fee(maker="0.0001", taker="0.00025", per_unit="0.000000001")
        future = builders.instrument(
            "FUT", fee=fee, contract_multiplier="50", expires_at=EXPIRES_AT, margin_table=MARGIN
        )
        instruments = (builders.instrument("ABC", fee=fee), builders.instrument("XYZ", fee=fee), future)
        super().__init__(
            builders.config(
                account_partitions=PARTITIONS, execution_partitions=PARTITIONS, instruments=instruments, **changes
            )
        )
        self.second = 0

    def ask(self, order: OrderRequest, misplaced: bool = False) -> None:
        """Sends a request to its own partition or to a wrong one."""
        partition = (partition_of(order.account_id, PARTITIONS) + misplaced) % PARTITIONS
        self.send("orders", order.account_id, order, partition=partition)
        self.run()

    def step(self, kind: ShardKind) -> None:
        """Lets the shards of one kind process their inputs. Their outputs wait."""
        for key in self.processors:
            if key[0] is kind:
                self._step(*key)

    def move(self, bid: str = "10.00", ask: str = "10.02", symbol: str = "ABC", size: str = "100") -> None:
        """Sends a quote one second later."""
        self.second += 1
        at = builders.START + self.second * builders.SECOND
        self.send("market.data", symbol, builders.quote(bid, ask, size, size, at=at, symbol=symbol))
        self.run()

    @property
    def now_ns(self) -> int:
        """Time of the last quote, UTC nanoseconds."""
        return builders.START + self.second * builders.SECOND

    def pay(self, record: MarketData) -> None:
        """Sends a funding, a dividend or a settlement."""
        self.send("market.data", record.symbol, record)
        self.run()

    def close_market(self) -> None:
        """Sends the heartbeat that ends a feed."""
        for number in range(PARTITIONS):
            beat = builders.heartbeat(builders.START + LAST_SECOND * builders.SECOND)
            self.send("market.data", "", beat, partition=number)
        self.run()


def traded_session() -> Session:
    """Returns a traded session.

    It has full and partial fills, at the touch and at limits; changes, refusals and duplicates; identical requests with
    a repeated or a pending answer; forwarded orders; garbage; a funding and a dividend; a session that is opened again
    under its name; a future that expires; an order that is still working, and one that is still on its way."""
    new, session = builders.new, Session()
    for account in ("A", "B"):
        session.send("controls", account, builders.opening(account))
    session.move()
    session.move("20.00", "20.05", symbol="XYZ")
    session.ask(new("a-1", quantity="30", price="10.02"))
    session.ask(new("a-2", quantity="150", price="10.02"), misplaced=True)
    session.move("10.01", "10.02", size="50")
    session.move("9.98", "10.00")
    session.ask(new("a-1", quantity="1", price="10.02"))
    session.ask(new("b-1", Side.SELL, "40", account="B"))
    session.ask(new("b-2", Side.SELL, "500", tif=TimeInForce.IOC, account="B", price="9.97"), misplaced=True)
    session.ask(new("b-3", Side.BUY, "5", "9.00", account="B"))
    session.ask(builders.replace("b-4", "b-3", "8", "9.90", account="B"))
    session.move("9.88", "9.90", size="6")
    session.ask(builders.cancel("b-5", "b-3", account="B"))
    session.ask(builders.cancel("b-6", "b-3", account="B"))
    session.ask(new("b-7", Side.BUY, "9", "20.05", account="B", symbol="XYZ"))
    session.pay(builders.funding("-0.00012345", "9.891", at=session.now_ns))
    session.pay(builders.dividend("0.25", at=session.now_ns))
    for _ in range(2):
        session.ask(new("b-8", Side.BUY, "900000", "10.02", account="B", ts=0))
        session.ask(new("a-1", quantity="30", price="10.02"))
    session.ask(new("n-1", account="nobody"))
    session.send_bytes("orders", b"A", b"garbage")
    _open_again(session, "C")
    _settle(session, "D")
    session.ask(new("a-9", quantity="10", price="1.00"))
    session.close_market()
    for _ in range(2):
        session.ask(new("a-10", quantity="10", price="1.00", ts=builders.START + 2 * LAST_SECOND * builders.SECOND))
    return session


def settled_session() -> Session:
    """Returns a session of a future that expires: A is long, B short, C is flat again, and D was liquidated on the way.

    Then a funding meets nothing.
    """
    session = Session()
    session.move("100.00", "100.00", symbol="FUT")
    for account, side in (("A", Side.BUY), ("B", Side.SELL), ("C", Side.BUY)):
        session.send("controls", account, builders.opening(account))
        session.run()
        session.ask(builders.new(f"{account}-1", side, "3", account=account, symbol="FUT"))
    session.ask(builders.new("C-2", Side.SELL, "3", account="C", symbol="FUT"))
    session.send("controls", "D", builders.opening("D", cash="2000"))
    session.run()
    session.ask(builders.new("D-1", quantity="1", account="D", symbol="FUT"))
    session.ask(builders.new("A-2", quantity="1", price="50.00", symbol="FUT"))
    session.move("61.00", "61.00", symbol="FUT")
    session.pay(builders.funding("0.001", "100.00", at=session.now_ns, symbol="FUT"))
    session.second = SETTLED_SECOND
    session.pay(builders.settlement("101.25", at=session.now_ns, symbol="FUT"))
    session.pay(builders.funding("0.001", "100.00", at=session.now_ns, symbol="FUT"))
    session.ask(builders.new("A-3", symbol="FUT"))
    session.close_market()
    return session


def flattened_session() -> Session:
    """Returns a session in which the shards closed positions themselves: of B at its close, of C by a kill, of A and D
    by breakers of the account and of the desk, with several orders each, because the display has become small.
    """
    losses = {"kind": "loss", "amount": "20", "flatten": True}
    desk = {"interval_ms": 1_000, "breakers": {"all": losses | {"amount": "60"}}}
    session = Session(desk=DeskConfig.model_validate(desk))
    session.move(size="1000")
    for account in "ABCD":
        limits = json.dumps({"breakers": {"own": losses}}) if account == "A" else None
        session.send("controls", account, builders.opening(account, limits=limits))
        session.run()
        session.ask(builders.new(f"{account}-1", quantity="100", price="10.02", account=account))
    session.ask(builders.new("C-2", price="5.00", account="C"))
    for kind, account in ((ControlKind.SESSION_CLOSE, "B"), (ControlKind.KILL, "C")):
        session.send("controls", account, builders.control(kind, account, f"{kind}-{account}", flatten=True))
        session.run()
    for price in ("9.98", "9.70", "9.20", "9.10", "9.00"):
        session.move(price, f"{price[:-1]}5", size="30")
    session.close_market()
    return session


def _open_again(session: Session, account: str) -> None:
    """Opens a second session of the same name with fills. It starts flat and with its own cash."""
    for cash in ("5000", "7000"):
        session.send("controls", account, builders.opening(account, cash)._replace(control_id=f"open-{cash}"))
        session.run()
        for number, side in enumerate((Side.BUY, Side.SELL)):
            session.move()
            session.ask(builders.new(f"c-{cash}-{number}", side, "10", account=account))
        session.send("controls", account, builders.control(ControlKind.SESSION_CLOSE, account, f"close-{cash}"))
        session.run()


def _settle(session: Session, account: str) -> None:
    """Buys a future and lets it expire."""
    session.move("100.00", "100.00", symbol="FUT")
    session.send("controls", account, builders.opening(account))
    session.run()
    session.ask(builders.new(f"{account}-1", quantity="2", account=account, symbol="FUT"))
    session.second = SETTLED_SECOND
    session.pay(builders.settlement("101.25", at=session.now_ns, symbol="FUT"))


def read_facts(session: Session) -> Facts:
    """Returns the session's facts as the reconciliation reads them."""
    reader = FactReader(session.config, partial(partition_count, SETTINGS), session.log, session.codec)
    return reader.read(lambda _: None)


def land(session: Session, settings: Settings) -> None:
    """Lands the session's records as rows of settings.run_id."""
    tables = Tables(settings, lambda seconds: None)
    landing = Landing(tables, MemoryRegistry(), _refuse, settings.run_id)
    for topic in BY_NAME:
        records = [
            record for (name, _), log in sorted(session.log.partitions.items()) for record in log if name == topic
        ]
        if records:
            landing.land(topic, of_records(records))
    landing.settle()
    landing.close()
    tables.close()


def _is_readable(session: Session, record: RawRecord) -> bool:
    try:
        session.codec.decode(record.topic, record.value or b"")
    except UndecodableRecord:
        return False
    return True


def _refuse(letters: Any) -> None:
    raise AssertionError(f"the sink refused records: {letters}")


def change(session: Session, topic: str, pick: Pick, **changes: Any) -> None:
    """Overwrites fields of the first record that pick selects."""
    log, index, message = _find(session, topic, pick)
    log[index] = log[index]._replace(value=session.codec.encode(topic, message._replace(**changes)))


def drop(session: Session, topic: str, pick: Pick) -> None:
    """Removes the first record that pick selects."""
    log, index, _ = _find(session, topic, pick)
    del log[index]


def double(session: Session, topic: str, pick: Pick, **changes: Any) -> None:
    """Repeats the first record that pick selects at the end of its partition."""
    log, index, message = _find(session, topic, pick)
    value = session.codec.encode(topic, message._replace(**changes))
    log.append(log[index]._replace(offset=log[-1].offset + 1, value=value))


def _find(session: Session, topic: str, pick: Pick) -> tuple[list[RawRecord], int, Any]:
    for (name, _), log in sorted(session.log.partitions.items()):
        for index, record in enumerate(log):
            if name == topic and _is_readable(session, record):
                message = session.codec.decode(topic, record.value or b"")
                if pick(message):
                    return log, index, message
    raise AssertionError(f"no such record on {topic}")


def is_new(order_id: str) -> Pick:
    """Returns a predicate for the request that opens an order."""
    return lambda message: message.order_id == order_id and message.action is Action.NEW


def of(order_id: str, exec_type: str | None = None) -> Pick:
    """Returns a predicate for a record of an order."""
    return lambda message: message.order_id == order_id and (exec_type is None or message.exec_type == exec_type)
