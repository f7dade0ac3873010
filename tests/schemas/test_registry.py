"""Tests against a real registry: ids of other clients, refusal of incompatible schemas, and an absent registry."""

from __future__ import annotations

import itertools
import json
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from infra.errors import SettingsError
from infra.registry_access import password_file, user_info
from infra.settings import Settings
from schemas import registry as registry_module
from schemas.avro.codec import Codec
from schemas.errors import IncompatibleSchema, RegistryUnavailable, UndecodableRecord
from schemas.registry import Registry, register_all, subject
from schemas.topic_schemas import all_topics, load_schema, schema_text
from tests.builders import new
from tests.schemas.avro.changes import HARMFUL, HARMFUL_UNSEEN_BY_AVRO, HARMLESS, after
from tests.stacks import free_port

ORDER = new("o-1", price="49.12", account="acc-1")
ORDER_AS_PEOPLE_WRITE_IT = ORDER._asdict() | {"quantity": Decimal("10.000000000"), "price": Decimal("49.120000000")}
_names = itertools.count(1)


@pytest.fixture
def settings(stack: Settings) -> Settings:
    """Settings of the stack's registry with subjects of their own, without topics and tables."""
    return stack.model_copy(update={"topic_prefix": f"registry{next(_names)}."})


@pytest.fixture
def client(settings: Settings) -> Iterator[SchemaRegistryClient]:
    login = {"basic.auth.user.info": user_info(settings)}
    with SchemaRegistryClient({"url": settings.schema_registry_url} | login) as client:
        yield client


@pytest.fixture
def reader(settings: Settings) -> Iterator[SchemaRegistryClient]:
    """A client without a password."""
    with SchemaRegistryClient({"url": settings.schema_registry_url}) as client:
        yield client


def orders_context(settings: Settings) -> SerializationContext:
    return SerializationContext(f"{settings.topic_prefix}orders", MessageField.VALUE)


def register(client: SchemaRegistryClient, name: str, schema: dict[str, Any]) -> int:
    return client.register_schema(name, Schema(json.dumps(schema), "AVRO"))


def test_every_schema_is_registered_once_with_its_compatibility(
    settings: Settings, client: SchemaRegistryClient
) -> None:
    ids = register_all(settings)
    assert register_all(settings) == ids
    assert sorted(ids) == all_topics()
    registry = Registry(settings)
    for topic, schema_id in ids.items():
        assert client.get_compatibility(subject(settings, topic)) == "FULL_TRANSITIVE"
        assert client.get_versions(subject(settings, topic)) == [1]
        assert registry.writer_id(topic) == schema_id
        assert registry.schema_by_id(topic, schema_id) == load_schema(topic)


def test_a_plain_client_writes_what_we_read(settings: Settings, reader: SchemaRegistryClient) -> None:
    """A client with the .avsc file and no password gets the id of ours, as README's snippet does."""
    schema_id = register_all(settings)["orders"]
    serializer = AvroSerializer(reader, schema_text("orders"), conf={"auto.register.schemas": False})
    value = serializer(ORDER_AS_PEOPLE_WRITE_IT, orders_context(settings))
    assert value is not None
    assert value[:5] == b"\x00" + schema_id.to_bytes(4, "big")
    codec = Codec(Registry(settings))
    assert codec.decode("orders", value) == ORDER
    assert codec.encode("orders", ORDER) == value


def test_a_plain_client_reads_what_we_write(settings: Settings, reader: SchemaRegistryClient) -> None:
    register_all(settings)
    value = Codec(Registry(settings)).encode("orders", ORDER)
    deserializer = AvroDeserializer(reader)
    assert deserializer(value, orders_context(settings)) == ORDER_AS_PEOPLE_WRITE_IT


def test_a_client_with_a_newer_schema_is_read(settings: Settings, client: SchemaRegistryClient) -> None:
    register_all(settings)
    newer = after(load_schema("orders"), HARMLESS["a new field with a default"])
    serializer = AvroSerializer(client, json.dumps(newer))
    value = serializer(ORDER_AS_PEOPLE_WRITE_IT | {"desk": "rates"}, orders_context(settings))
    assert value is not None
    assert Codec(Registry(settings)).decode("orders", value) == ORDER


@pytest.mark.parametrize("login", [{}, {"basic.auth.user.info": "pipeline:guess"}], ids=["no password", "a wrong one"])
def test_nobody_but_the_pipeline_changes_the_registry(settings: Settings, login: dict[str, str]) -> None:
    ids, name = register_all(settings), subject(settings, "orders")
    newer = after(load_schema("orders"), HARMLESS["a new field with a default"])
    with SchemaRegistryClient({"url": settings.schema_registry_url} | login) as stranger:
        for act in (
            lambda: register(stranger, name, newer),
            lambda: register(stranger, f"{name}-new", newer),
            lambda: stranger.set_compatibility(name, "NONE"),
            lambda: stranger.set_compatibility(None, "NONE"),
            lambda: stranger.delete_subject(name),
            lambda: stranger.delete_version(name, 1),
        ):
            with pytest.raises(SchemaRegistryError) as refused:
                act()
            assert refused.value.http_status_code == 401
    assert register_all(settings) == ids


def test_the_registrys_password_is_its_owners_alone(stack: Settings) -> None:
    path = password_file(stack)
    assert [stat.S_IMODE(item.stat().st_mode) for item in (path.parent, path)] == [0o700, 0o600]


def test_who_can_not_register_hears_why(settings: Settings, tmp_path: Path) -> None:
    elsewhere = settings.model_copy(update={"paper_home": tmp_path})
    with pytest.raises(SettingsError, match=r"only its own user register subject .*`paper up`.*SCHEMA_REGISTRY_URL"):
        register_all(elsewhere)


def test_the_url_may_hold_user_and_password(settings: Settings, tmp_path: Path) -> None:
    url = settings.schema_registry_url.replace("http://", f"http://{user_info(settings)}@")
    elsewhere = settings.model_copy(update={"paper_home": tmp_path, "schema_registry_url": url})
    assert register_all(elsewhere) == register_all(settings)


@pytest.mark.parametrize("name", HARMLESS)
def test_the_registry_allows_what_our_check_allows(settings: Settings, client: SchemaRegistryClient, name: str) -> None:
    register_all(settings)
    changed = Schema(json.dumps(after(load_schema("orders"), HARMLESS[name])), "AVRO")
    assert client.test_compatibility(subject(settings, "orders"), changed)


@pytest.mark.parametrize("name", sorted(HARMFUL.keys() - {"a field that stands twice"}))
def test_the_registry_refuses_incompatible_schemas_too(
    settings: Settings, client: SchemaRegistryClient, name: str
) -> None:
    """Another program has registered an incompatible schema first. A field twice is no schema at all."""
    register(client, subject(settings, "orders"), after(load_schema("orders"), HARMFUL[name]))
    with pytest.raises(IncompatibleSchema, match=f"{subject(settings, 'orders')}.*FULL_TRANSITIVE"):
        register_all(settings)


def test_an_unknown_id_is_a_bad_record(settings: Settings) -> None:
    register_all(settings)
    for schema_id in (0, 99_999, 2**31 - 1, 2**31, 2**32 - 1):
        with pytest.raises(UndecodableRecord) as refusal:
            Codec(Registry(settings)).decode("orders", b"\x00" + schema_id.to_bytes(4, "big") + b"body")
        assert refusal.value.error_class == "UNKNOWN_SCHEMA"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("AVRO", '"string"'),
        ("AVRO", json.dumps(after(load_schema("orders"), HARMFUL_UNSEEN_BY_AVRO["another scale"]))),
        ("AVRO", json.dumps(after(load_schema("orders"), HARMFUL_UNSEEN_BY_AVRO["a record in the record"]))),
        ("JSON", '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}'),
        ("PROTOBUF", 'syntax = "proto3"; message Order { string id = 1; }'),
    ],
)
def test_the_id_of_a_schema_that_is_not_the_topics_is_a_bad_record(
    settings: Settings, client: SchemaRegistryClient, kind: str, text: str
) -> None:
    register_all(settings)
    schema_id = client.register_schema(f"{settings.topic_prefix}elsewhere-value", Schema(text, kind))
    with pytest.raises(UndecodableRecord) as refusal:
        Codec(Registry(settings)).decode("orders", b"\x00" + schema_id.to_bytes(4, "big") + b"\x02" * 10_000)
    assert refusal.value.error_class == "WRONG_SCHEMA"


def test_a_topic_that_was_never_registered_can_not_be_written(settings: Settings) -> None:
    with pytest.raises(RegistryUnavailable, match="paper up"):
        Registry(settings).writer_id("orders")


def test_an_absent_registry_is_not_a_bad_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "PAUSE_S", 0)
    monkeypatch.setattr(registry_module, "ATTEMPTS_MAX", 2)
    nobody = Settings(_env_file=None, schema_registry_url=f"http://127.0.0.1:{free_port()}/apis/ccompat/v7")
    for call in (lambda: Registry(nobody).schema_by_id("orders", 1), lambda: register_all(nobody)):
        with pytest.raises(RegistryUnavailable, match="did not answer 2 times"):
            call()


def test_a_new_version_is_found_among_any_number_of_unknown_ids(
    settings: Settings, client: SchemaRegistryClient
) -> None:
    register_all(settings)
    registry = Registry(settings)
    codec = Codec(registry)
    garbage = [b"\x00" + number.to_bytes(4, "big") + b"\x00\x00" for number in range(2**30, 2**30 + 3_000)]
    assert len(codec.unknown_ids("orders", garbage)) == 3_000
    newer = after(load_schema("orders"), HARMLESS["a new field with a default"])
    serializer = AvroSerializer(client, json.dumps(newer))
    value = serializer(ORDER_AS_PEOPLE_WRITE_IT | {"desk": "rates"}, orders_context(settings))
    codec.learn("orders", codec.unknown_ids("orders", [*garbage, value]))
    assert codec.unknown_ids("orders", [*garbage, value]) == set()
    assert codec.decode("orders", value or b"") == ORDER
    for bad in garbage:
        with pytest.raises(UndecodableRecord, match=r"is not in the registry|is no version of subject \S+orders-value"):
            codec.decode("orders", bad)


def test_the_id_of_a_schema_elsewhere_is_asked_for(settings: Settings, client: SchemaRegistryClient) -> None:
    register_all(settings)
    codec = Codec(Registry(settings))
    schema_id = register(client, f"{settings.topic_prefix}elsewhere-value", load_schema("marks") | {"doc": "another"})
    value = b"\x00" + schema_id.to_bytes(4, "big")
    codec.learn("orders", codec.unknown_ids("orders", [value]))
    for _ in range(2):
        with pytest.raises(UndecodableRecord) as refusal:
            codec.decode("orders", value)
        assert refusal.value.error_class == "WRONG_SCHEMA"


class _Counting(BaseHTTPRequestHandler):
    """A registry with one version of each subject and no other schema, which counts its requests."""

    paths: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.paths.append(path)
        version = {"subject": "s", "version": 1, "id": 7, "schema": schema_text("orders")}
        body: Any = {"error_code": 40403, "message": "not found"}
        if path.endswith("/versions"):
            body = [1]
        elif path.endswith("/versions/1"):
            body = version
        data = json.dumps(body).encode()
        self.send_response(404 if isinstance(body, dict) and "error_code" in body else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Logs nothing."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[Settings]:
    """Runs a server in place of a registry."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Settings(_env_file=None, schema_registry_url=f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def test_many_ids_cost_few_requests_and_are_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Counting, "paths", [])
    with serving(_Counting) as settings:
        registry = Registry(settings)
        registry.learn("orders", range(3_000))
        assert registry.schema_by_id("orders", 7) == load_schema("orders")
        assert _Counting.paths[:2] == ["/subjects/orders-value/versions", "/subjects/orders-value/versions/1"]
        assert len(_Counting.paths) == 2 + registry_module.ASKED_MAX
        for schema_id in (0, 1, 2_999, 2_999):
            with pytest.raises(UndecodableRecord):
                registry.schema_by_id("orders", schema_id)
        registry.learn("orders", {3_000})
        assert len(_Counting.paths) == 2 + registry_module.ASKED_MAX, "enough was asked for now"
        monkeypatch.setattr(registry_module, "LIST_PERIOD_S", 0.0)
        registry.learn("orders", {3_001})
        assert len(_Counting.paths) == 2 + registry_module.ASKED_MAX + 1, "the list alone"


def test_ids_are_asked_for_one_by_one_again_when_the_period_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Counting, "paths", [])
    monkeypatch.setattr(registry_module, "ASK_PERIOD_S", 0.0)
    with serving(_Counting) as settings:
        registry = Registry(settings)
        registry.learn("orders", range(3_000))
        registry.learn("orders", registry.unknown("orders", range(3_000)) | {3_000})
        assert len(_Counting.paths) == 2 + registry_module.ASKED_MAX + 2, "the list, and the id that is new"


def test_what_may_not_be_asked_for_is_known_to_be_bad_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Counting, "paths", [])
    monkeypatch.setattr(registry_module, "LIST_PERIOD_S", 3_600.0)
    monkeypatch.setattr(registry_module, "ASK_PERIOD_S", 3_600.0)
    with serving(_Counting) as settings:
        registry = Registry(settings)
        assert registry.unknown("orders", {7, 8}) == {7, 8}, "nothing was asked for yet"
        registry.learn("orders", range(3_000))
        asked = len(_Counting.paths)
        assert registry.unknown("orders", {7, 5_000}) == set()
        with pytest.raises(UndecodableRecord, match="schema id 5000 is no version of subject orders-value"):
            registry.schema_by_id("orders", 5_000)
        assert len(_Counting.paths) == asked
        assert registry.unknown("controls", {5_001}) == {5_001}, "this subject was never listed"


def test_an_unknown_id_is_asked_for_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Counting, "paths", [])
    with serving(_Counting) as settings:
        registry = Registry(settings)
        for _ in range(3):
            with pytest.raises(UndecodableRecord, match="schema id 9 is not in the registry"):
                registry.schema_by_id("orders", 9)
        assert _Counting.paths[-1] == "/schemas/ids/9"
        asked = len(_Counting.paths)
        later = time.monotonic() + registry_module.UNKNOWN_S
        monkeypatch.setattr(registry_module, "monotonic", lambda: later)
        with pytest.raises(UndecodableRecord):
            registry.schema_by_id("orders", 9)
        assert _Counting.paths[asked:] == ["/subjects/orders-value/versions", "/schemas/ids/9"]


class _Recovering(_Counting):
    """A starting registry, which answers from the third request on."""

    failures: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        if len(self.failures) == 2:
            super().do_GET()
            return
        self.failures.append(503)
        data = json.dumps({"error_code": 503, "message": "starting"}).encode()
        self.send_response(503)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def test_a_registry_that_comes_back_in_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "PAUSE_S", 0)
    monkeypatch.setattr(_Recovering, "failures", [])
    with serving(_Recovering) as settings:
        assert Registry(settings).schema_by_id("orders", 7) == load_schema("orders")
    assert _Recovering.failures == [503, 503]
