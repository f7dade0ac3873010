"""A client's producer says at once which record Kafka will never take."""

from __future__ import annotations

import random

import pytest

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.errors import RecordTooLarge
from streams.pipeline.clients.producer import RECORD_BYTES_MAX, RecordProducer
from tests import builders


def test_a_record_that_is_too_large_is_named_with_its_size(pipeline_settings: Settings) -> None:
    producer = RecordProducer(pipeline_settings, Codec(Registry(pipeline_settings)))
    order = builders.new("o", price="10.02")
    with pytest.raises(RecordTooLarge, match=r"a record for orders has \d+ bytes; at most 4194304 are sent"):
        producer.send("orders", "A", order._replace(oco_group="x" * RECORD_BYTES_MAX))
    noise = random.Random(1).randbytes(1_200_000).hex()
    producer.send("orders", "A", order._replace(oco_group=noise))
    with pytest.raises(RecordTooLarge, match=r"orders does not take a record of \d+ bytes"):
        producer.flush()
