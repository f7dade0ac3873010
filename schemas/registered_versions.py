"""The registered versions of a pipeline's subjects, and their registration in another registry under the same ids.

Records name their schema by its id, so that a copy of the records needs a registry that gives the ids the same meaning.
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from infra.registry_access import user_info
from infra.settings import Settings
from schemas.errors import SchemaIdTaken
from schemas.registry import AVRO, NOT_FOUND, registry_client, subject, with_retries
from schemas.topic_schemas import all_topics

FILLERS = "backup-fillers"
SCHEMA_CHARS_MAX = 1_000_000


class RegisteredVersion(BaseModel):
    """A version of a topic's subject. text: the schema as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    topic: str
    version: int = Field(ge=1)
    schema_id: int = Field(ge=0, lt=2**31)
    text: Annotated[str, Field(max_length=SCHEMA_CHARS_MAX)]


VERSIONS: TypeAdapter[Sequence[RegisteredVersion]] = TypeAdapter(list[RegisteredVersion])


def registered_versions(settings: Settings) -> list[RegisteredVersion]:
    """Returns all versions of the pipeline's subjects, by schema id and topic; none of subjects that do not exist.

    Raises RegistryUnavailable.
    """
    found = []
    with registry_client(settings, user_info(settings)) as client:
        for topic in all_topics():
            name = subject(settings, topic)
            for version in _versions(client, name):
                answer = with_retries(partial(client.get_version, name, version))
                assert answer.schema_id is not None
                assert answer.schema is not None
                text = answer.schema.schema_str or ""
                found.append(RegisteredVersion(topic=topic, version=version, schema_id=answer.schema_id, text=text))
    return sorted(found, key=lambda item: (item.schema_id, item.topic))


def register_versions(settings: Settings, versions: Sequence[RegisteredVersion]) -> None:
    """Registers versions so that each gets the id that it had. Repeats are harmless.

    A registry counts its ids up. In an empty one, schemas of a subject of fillers take the ids that are not of this
    pipeline. Raises SchemaIdTaken if an id is another schema's, and RegistryUnavailable.
    """
    with registry_client(settings, user_info(settings)) as client:
        newest = 0 if not with_retries(client.get_subjects) else None
        for item in sorted(versions, key=lambda item: (item.schema_id, item.topic, item.version)):
            if newest is not None:
                newest = _fill_up(client, settings, newest, item.schema_id)
            given = _register(client, settings, item)
            if given != item.schema_id:
                raise SchemaIdTaken(
                    f"subject {subject(settings, item.topic)}: version {item.version} has the id {item.schema_id} in "
                    f"the backup, and {given} in this registry: restore into an empty registry, before `paper up` or "
                    "`paper prepare` fills it"
                )


def _register(client: SchemaRegistryClient, settings: Settings, item: RegisteredVersion) -> int:
    schema = Schema(item.text, AVRO)
    if (present := _text(client, item.schema_id)) is not None and json.loads(present) != json.loads(item.text):
        raise SchemaIdTaken(
            f"schema id {item.schema_id} is that of {item.topic} in the backup, and another schema's in this registry: "
            "restore into an empty registry, before `paper up` or `paper prepare` fills it"
        )
    return with_retries(partial(client.register_schema, subject(settings, item.topic), schema))


def _fill_up(client: SchemaRegistryClient, settings: Settings, newest: int, wanted: int) -> int:
    """Registers fillers until the next id is the wanted one. Returns the wanted one, which is the newest soon."""
    while newest < wanted - 1:
        name = f"Filler{newest + 1}"
        schema = Schema(json.dumps({"type": "record", "name": name, "fields": []}), AVRO)
        newest = with_retries(partial(client.register_schema, f"{settings.topic_prefix}{FILLERS}", schema))
    return max(newest, wanted)


def _text(client: SchemaRegistryClient, schema_id: int) -> str | None:
    try:
        return with_retries(partial(client.get_schema, schema_id)).schema_str
    except SchemaRegistryError as error:
        if error.http_status_code == NOT_FOUND:
            return None
        raise


def _versions(client: SchemaRegistryClient, name: str) -> list[int]:
    try:
        return with_retries(partial(client.get_versions, name))
    except SchemaRegistryError as error:
        if error.http_status_code == NOT_FOUND:
            return []
        raise
