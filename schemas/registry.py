"""The schema registry: registers this project's schemas and looks up any schema by its id."""

import json
from collections.abc import Callable
from functools import partial
from time import sleep
from typing import Any, TypeVar

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from httpx2 import TransportError

from infra.settings import Settings
from schemas.errors import IncompatibleSchema, RegistryUnavailable, UndecodableRecord
from schemas.topic_schemas import all_topics, schema_text

AVRO = "AVRO"
COMPATIBILITY = "FULL_TRANSITIVE"
ATTEMPTS_MAX = 8
PAUSE_S = 0.5
NOT_FOUND = 404
CONFLICT = 409
FIRST_SERVER_ERROR = 500

T = TypeVar("T")


def subject(settings: Settings, topic: str) -> str:
    """Returns the subject of a topic's values by TopicNameStrategy."""
    return f"{settings.topic_prefix}{topic}-value"


def register_all(settings: Settings) -> dict[str, int]:
    """Registers every schema under its subject, FULL_TRANSITIVE; returns the ids by topic. Repeats are harmless.

    Raises IncompatibleSchema if a registered version contradicts a schema, RegistryUnavailable.
    """
    with _client(settings) as client:
        return {topic: _register(client, subject(settings, topic), topic) for topic in all_topics()}


def _register(client: SchemaRegistryClient, name: str, topic: str) -> int:
    try:
        _with_retries(partial(client.set_compatibility, name, COMPATIBILITY))
        return _with_retries(partial(client.register_schema, name, Schema(schema_text(topic), AVRO)))
    except SchemaRegistryError as error:
        if error.http_status_code != CONFLICT:
            raise
        text = f"subject {name}: the schema is not {COMPATIBILITY} compatible: {error.error_message}"
        raise IncompatibleSchema(text) from error


class Registry:
    """The registry as a SchemaSource (schemas.avro.codec). It caches ids and schemas, because they never change."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._writer_ids: dict[str, int] = {}
        self._schemas: dict[int, dict[str, Any]] = {}

    def writer_id(self, topic: str) -> int:
        """See SchemaSource. Raises RegistryUnavailable, also if the topic was never registered."""
        if topic not in self._writer_ids:
            name = subject(self._settings, topic)
            try:
                with _client(self._settings) as client:
                    ask = partial(client.lookup_schema, name, Schema(schema_text(topic), AVRO))
                    schema_id = _with_retries(ask).schema_id
            except SchemaRegistryError as error:
                text = f"subject {name} does not have this version's schema: run `paper up` ({error.error_message})"
                raise RegistryUnavailable(text) from error
            assert schema_id is not None
            self._writer_ids[topic] = schema_id
        return self._writer_ids[topic]

    def schema_by_id(self, schema_id: int) -> Any:
        """See SchemaSource."""
        if schema_id not in self._schemas:
            try:
                with _client(self._settings) as client:
                    schema = _with_retries(partial(client.get_schema, schema_id))
            except SchemaRegistryError as error:
                if error.http_status_code != NOT_FOUND:
                    raise
                text = f"schema id {schema_id} is not in the registry"
                raise UndecodableRecord("UNKNOWN_SCHEMA", text) from error
            assert schema.schema_str is not None
            if schema.schema_type != AVRO:
                raise UndecodableRecord("WRONG_SCHEMA", f"schema id {schema_id} is {schema.schema_type}, not {AVRO}")
            self._schemas[schema_id] = json.loads(schema.schema_str)
        return self._schemas[schema_id]


def _client(settings: Settings) -> SchemaRegistryClient:
    """Returns a client without retries of its own, because _with_retries repeats calls."""
    return SchemaRegistryClient({"url": settings.schema_registry_url, "max.retries": 0})


def _with_retries(call: Callable[[], T]) -> T:
    """Calls up to ATTEMPTS_MAX times while the registry does not answer. Raises RegistryUnavailable."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            return call()
        except TransportError as error:
            failure: Exception = error
        except SchemaRegistryError as error:
            if error.http_status_code < FIRST_SERVER_ERROR:
                raise
            failure = error
        if attempt < ATTEMPTS_MAX:
            sleep(PAUSE_S * attempt)
    raise RegistryUnavailable(f"the schema registry did not answer {ATTEMPTS_MAX} times: {failure}") from failure
