"""A connection that is lost while health is read is a failure of Kafka, and never the end of the thread that reads."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.registry import Registry
from streams.operations.health.kafka_health import KafkaHealthReader


def test_a_consumer_that_stops_while_it_waits_to_fetch_again(
    pipeline_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # aiokafka cancels its fetches when it stops, and one that waits to be sent again lets that cancellation out.
    stop = AIOKafkaConsumer.stop

    async def stop_with_a_waiting_fetch(consumer: AIOKafkaConsumer) -> None:
        await stop(consumer)
        raise asyncio.CancelledError

    monkeypatch.setattr(AIOKafkaConsumer, "stop", stop_with_a_waiting_fetch)
    reader = KafkaHealthReader(pipeline_settings, Codec(Registry(pipeline_settings)), {})
    with pytest.raises(KafkaConnectionError):
        reader.read()
