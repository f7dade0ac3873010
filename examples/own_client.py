"""An example of an independent client: one file that needs only confluent-kafka and this repository's .avsc files.

It reads quotes from market.data, and sends limit orders: it buys at the ask while it is flat, and sells at the bid
while it is long. It reads their results from order.results. With a worker and a feed running:

    ./paper session open --account mine --cash 100000
    .venv/bin/python examples/own_client.py --account mine --symbol ACME.SIM --orders 20
"""

import argparse
import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas" / "avsc"
BROKER = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
REGISTRY = os.environ.get("SCHEMA_REGISTRY_URL", "http://127.0.0.1:8081/apis/ccompat/v7")
PREFIX = os.environ.get("TOPIC_PREFIX", "")
SCALE = Decimal(1_000_000_000)  # market.data has integers of 1e-9


class Topics:
    """The client's topics: reads and writes records in Avro, with the schema files."""

    def __init__(self) -> None:
        registry = SchemaRegistryClient({"url": REGISTRY})
        registered = {"auto.register.schemas": False, "use.latest.version": True}
        self._orders = AvroSerializer(registry, (SCHEMAS / "orders.avsc").read_text(), conf=registered)
        self._read = AvroDeserializer(registry)
        self._producer = Producer({"bootstrap.servers": BROKER, "linger.ms": 1})
        self._consumer = Consumer(
            {"bootstrap.servers": BROKER, "group.id": "trader.own-client", "isolation.level": "read_committed"}
        )
        names = [PREFIX + "market.data", PREFIX + "order.results"]
        partitions = {name: self._consumer.list_topics(name, timeout=10).topics[name].partitions for name in names}
        places = [TopicPartition(name, number) for name in names for number in partitions[name]]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=10)[1]
        self._consumer.assign(places)

    def next(self, timeout: float) -> tuple[str, dict[str, Any]] | None:
        """Returns the next record with its topic, or None after the timeout (seconds)."""
        message = self._consumer.poll(timeout)
        if message is None or message.error():
            return None
        topic = str(message.topic())
        record = self._read(message.value(), SerializationContext(topic, MessageField.VALUE))
        return topic.removeprefix(PREFIX), record

    def order(self, order: dict[str, Any]) -> None:
        """Sends an order. The key of the record must be the account id."""
        topic = PREFIX + "orders"
        value = self._orders(order, SerializationContext(topic, MessageField.VALUE))
        self._producer.produce(topic, key=order["account_id"], value=value)
        self._producer.poll(0)

    def close(self) -> None:
        """Delivers the queued records and disconnects."""
        self._producer.flush(10)
        self._consumer.close()


def main() -> None:
    """Trades until the given number of orders have ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", required=True)
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--quantity", type=Decimal, default=Decimal(10))
    parser.add_argument("--orders", type=int, default=20)
    options = parser.parse_args()

    topics, sent, ended, position = Topics(), 0, 0, Decimal(0)
    working = False
    while ended < options.orders:
        received = topics.next(timeout=1.0)
        if received is None:
            continue
        topic, record = received
        if topic == "order.results" and record["account_id"] == options.account:
            if record["last_qty"] is not None:
                position += record["last_qty"] if record["side"] == "BUY" else -record["last_qty"]
                print(f"{record['side']} {record['last_qty']} at {record['last_px']}, position {position}")
            if record["terminal"]:
                ended += 1
                working = False
        elif topic == "market.data" and record["symbol"] == options.symbol and record["bid_px"] and not working:
            side = "SELL" if position > 0 else "BUY"
            order = {
                "action": "NEW",
                "order_id": f"{options.account}-{time.time_ns()}",
                "account_id": options.account,
                "symbol": options.symbol,
                "side": side,
                "order_type": "LIMIT",
                "time_in_force": "IOC",
                "quantity": options.quantity,
                "price": (record["ask_px"] if side == "BUY" else record["bid_px"])[-1] / SCALE,
                "ts": record["times"][-1],
            }
            topics.order(order)
            sent += 1
            working = True
    topics.close()
    print(f"{sent} orders sent, {ended} ended, position {position}")


if __name__ == "__main__":
    main()
