"""The schema registry: registers this project's schemas and looks up any schema by its id."""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import inf
from threading import Lock
from time import monotonic, sleep
from typing import Any, NamedTuple, TypeVar
from weakref import finalize

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from httpx2 import TransportError

from infra.errors import SettingsError
from infra.registry_access import registry_tls, user_info
from infra.settings import Settings
from infra.short_command import is_silent
from schemas.errors import IncompatibleSchema, RegistryUnavailable, UndecodableRecord
from schemas.topic_schemas import all_topics, load_schema, schema_text

AVRO = "AVRO"
COMPATIBILITY = "FULL_TRANSITIVE"
ATTEMPTS_MAX = 8
PAUSE_S = 0.5
UNKNOWN_S = 10.0
"""Time for which an id that was unknown stays so, even if somebody registers a schema under it."""
SOON_S = 2.0
"""Time that a record may take from the lookup of its schema to its decoding."""
ASKED_MAX = 4
ASK_PERIOD_S = 1.0
"""Period in which at most ASKED_MAX ids are asked for one by one."""
LIST_PERIOD_S = 0.5
"""Time after which a subject's versions are listed again, if more ids are unknown than may be asked for."""
REFUSED_MAX = 100_000
"""Number of ids known to be bad from which those are dropped that would be asked for again anyway."""
NOT_FOUND = 404
REFUSED = (401, 403)
CONFLICT = 409
FIRST_SERVER_ERROR = 500

T = TypeVar("T")


def subject(settings: Settings, topic: str) -> str:
    """Returns the subject of a topic's values by TopicNameStrategy."""
    return f"{settings.topic_prefix}{topic}-value"


def register_all(settings: Settings) -> dict[str, int]:
    """Registers every schema under its subject, FULL_TRANSITIVE; returns the ids by topic. Repeats are harmless.

    Raises IncompatibleSchema if a registered version contradicts a schema, RegistryUnavailable, SettingsError if the
    registry demands another user.
    """
    with registry_client(settings, user_info(settings)) as client:
        return {topic: _register(client, subject(settings, topic), topic) for topic in all_topics()}


def _register(client: SchemaRegistryClient, name: str, topic: str) -> int:
    try:
        with_retries(partial(client.set_compatibility, name, COMPATIBILITY))
        return with_retries(partial(client.register_schema, name, Schema(schema_text(topic), AVRO)))
    except SchemaRegistryError as error:
        if error.http_status_code in REFUSED:
            raise SettingsError(
                f"the schema registry lets only its own user register subject {name}: `paper up` makes the local "
                "one's password, so run it with the same PAPER_HOME; for another registry put user and password into "
                "SCHEMA_REGISTRY_URL"
            ) from error
        if error.http_status_code != CONFLICT:
            raise
        text = f"subject {name}: the schema is not {COMPATIBILITY} compatible: {error.error_message}"
        raise IncompatibleSchema(text) from error


class Refusal(NamedTuple):
    """The reason why records with a schema id are bad, for any number of ids. until: when to ask the registry again."""

    until: float
    error_class: str
    reason: str


class Registry:
    """The registry as a SchemaSource (schemas.avro.codec).

    It caches ids and schemas, because they never change. It remembers for UNKNOWN_S that an id is unknown. Several
    threads may use it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._writer_ids: dict[str, int] = {}
        self._schemas: dict[int, Any] = {}
        self._refused: dict[int, Refusal] = {}
        self._versions: dict[str, set[int]] = {}
        self._listed: dict[str, float] = {}
        self._made: SchemaRegistryClient | None = None
        self._period_ends, self._asks_left = 0.0, 0
        self._asks_lock = Lock()

    def writer_id(self, topic: str) -> int:
        """See SchemaSource. Raises RegistryUnavailable, also if the topic was never registered."""
        if topic not in self._writer_ids:
            name = subject(self._settings, topic)
            try:
                ask = partial(self._client.lookup_schema, name, Schema(schema_text(topic), AVRO))
                schema_id = with_retries(ask).schema_id
            except SchemaRegistryError as error:
                text = f"subject {name} does not have this version's schema: run `paper up` ({error.error_message})"
                raise RegistryUnavailable(text) from error
            assert schema_id is not None
            self._writer_ids[topic] = schema_id
        return self._writer_ids[topic]

    def written_as(self, topic: str) -> Any:
        """See SchemaSource."""
        return load_schema(topic)

    def schema_by_id(self, topic: str, schema_id: int) -> Any:
        """See SchemaSource."""
        if schema_id not in self._schemas:
            refusal = self._refused.get(schema_id)
            if refusal is None or refusal.until <= monotonic():
                with_retries(partial(self.learn, topic, [schema_id]))
                refusal = self._refused.get(schema_id)
            if schema_id not in self._schemas:
                assert refusal is not None, "learn() finds out about each id"
                raise UndecodableRecord(refusal.error_class, f"schema id {schema_id} {refusal.reason}")
        return self._schemas[schema_id]

    def unknown(self, topic: str, schema_ids: Iterable[int]) -> set[int]:
        """See SchemaSource."""
        found = self._unknown(schema_ids)
        name = subject(self._settings, topic)
        if found and not self._must_list(name):
            self._refuse(name, found)
            found.clear()
        return found

    def _unknown(self, schema_ids: Iterable[int]) -> set[int]:
        soon = monotonic() + SOON_S
        return {
            number
            for number in schema_ids
            if number not in self._schemas and ((known := self._refused.get(number)) is None or known.until <= soon)
        }

    def learn(self, topic: str, schema_ids: Iterable[int]) -> None:
        """See SchemaSource.

        A writer's schema is a version of the topic's subject (TopicNameStrategy), of which one request lists all. Only
        ASKED_MAX other ids in ASK_PERIOD_S are asked for, one by one: records may name any number of ids that do not
        exist.
        """
        name = subject(self._settings, topic)
        if self._must_list(name):
            for schema_id, schema in self._new_versions(name):
                self._note(schema_id, schema)
            self._listed[name] = monotonic()
        others = sorted(self._unknown(schema_ids))
        asked = others[: self._reserve_asks(len(others))]
        for schema_id in asked:
            self._ask(schema_id)
        self._refuse(name, others[len(asked) :])

    def _must_list(self, name: str) -> bool:
        """Returns whether ids that are unknown need the subject's list of versions, and may be asked for."""
        return self._may_ask() or self._listed.get(name, -inf) + LIST_PERIOD_S < monotonic()

    def _refuse(self, name: str, schema_ids: Iterable[int]) -> None:
        """Notes for UNKNOWN_S that ids are bad, without a request."""
        now = monotonic()
        if len(self._refused) > REFUSED_MAX:
            self._refused = {number: known for number, known in list(self._refused.items()) if known.until > now}
        refusal = Refusal(now + UNKNOWN_S, "UNKNOWN_SCHEMA", f"is no version of subject {name}")
        self._refused.update(dict.fromkeys(schema_ids, refusal))

    def _may_ask(self) -> bool:
        """Returns whether single ids may be asked for now."""
        with self._asks_lock:
            now = monotonic()
            if now >= self._period_ends:
                self._period_ends, self._asks_left = now + ASK_PERIOD_S, ASKED_MAX
            return self._asks_left > 0

    def _reserve_asks(self, wanted: int) -> int:
        """Returns how many of the wanted single ids the caller may ask for."""
        with self._asks_lock:
            reserved = min(wanted, self._asks_left)
            self._asks_left -= reserved
            return reserved

    def _new_versions(self, name: str) -> Iterator[tuple[int, Schema]]:
        known = self._versions.setdefault(name, set())
        try:
            versions = _once(partial(self._client.get_versions, name))
        except SchemaRegistryError as error:
            if error.http_status_code != NOT_FOUND:
                raise
            return
        for version in versions:
            if version not in known:
                found = _once(partial(self._client.get_version, name, version))
                assert found.schema_id is not None
                yield found.schema_id, found.schema
                known.add(version)

    def _ask(self, schema_id: int) -> None:
        """Asks for one id and notes the answer."""
        try:
            schema = _once(partial(self._client.get_schema, schema_id))
        except SchemaRegistryError as error:
            if error.http_status_code != NOT_FOUND:
                raise
            refusal = Refusal(monotonic() + UNKNOWN_S, "UNKNOWN_SCHEMA", "is not in the registry")
            self._refused[schema_id] = refusal
        else:
            self._note(schema_id, schema)

    def _note(self, schema_id: int, schema: Schema) -> None:
        if schema.schema_type != AVRO:
            refusal = Refusal(monotonic() + UNKNOWN_S, "WRONG_SCHEMA", f"is {schema.schema_type}, not {AVRO}")
            self._refused[schema_id] = refusal
            return
        assert schema.schema_str is not None
        self._schemas[schema_id] = json.loads(schema.schema_str)

    @property
    def _client(self) -> SchemaRegistryClient:
        """A client that keeps its connection; making one costs ten requests."""
        if self._made is None:
            self._made = registry_client(self._settings)
            finalize(self, self._made.__exit__, None, None, None)
        return self._made


def registry_client(settings: Settings, user: str = "") -> SchemaRegistryClient:
    """Returns a client without retries of its own, because with_retries repeats calls. user: `user:password`.

    Raises RegistryUnavailable if a short command finds none.
    """
    if is_silent(settings.registry_host_port):
        host, port = settings.registry_host_port
        raise RegistryUnavailable(
            f"the schema registry at {host}:{port} does not answer: start the local one with `paper up`, or set "
            "SCHEMA_REGISTRY_URL to another"
        )
    login = {"basic.auth.user.info": user} if user else {}
    options = {"url": settings.schema_registry_url, "max.retries": 0, **registry_tls(settings), **login}
    return SchemaRegistryClient(options)


def with_retries(call: Callable[[], T]) -> T:
    """Calls up to ATTEMPTS_MAX times while the registry does not answer. Raises RegistryUnavailable."""
    attempt = 1
    while True:
        try:
            return _once(call)
        except RegistryUnavailable as error:
            if attempt == ATTEMPTS_MAX:
                text = f"the schema registry did not answer {ATTEMPTS_MAX} times: {error.__cause__}"
                raise RegistryUnavailable(text) from error
        sleep(PAUSE_S * attempt)
        attempt += 1


def _once(call: Callable[[], T]) -> T:
    """Calls and raises RegistryUnavailable if the registry does not answer."""
    try:
        return call()
    except TransportError as error:
        failure: Exception = error
    except SchemaRegistryError as error:
        if error.http_status_code < FIRST_SERVER_ERROR:
            raise
        failure = error
    raise RegistryUnavailable(f"the schema registry did not answer: {failure}") from failure
