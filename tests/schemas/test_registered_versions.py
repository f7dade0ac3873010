"""Registered versions: they keep their ids in another registry, which refuses an id that it has given away."""

from __future__ import annotations

import pytest

from infra.settings import Settings
from schemas.errors import SchemaIdTaken
from schemas.registered_versions import register_versions, registered_versions


def test_registering_again_keeps_each_id(pipeline_settings: Settings) -> None:
    versions = registered_versions(pipeline_settings)
    assert {item.topic for item in versions} >= {"orders", "fills", "journal.accounts"}
    register_versions(pipeline_settings, versions)
    assert registered_versions(pipeline_settings) == versions


def test_an_id_of_another_schema_is_refused(pipeline_settings: Settings) -> None:
    first, second, *_ = registered_versions(pipeline_settings)
    with pytest.raises(SchemaIdTaken, match=f"schema id {second.schema_id} is that of {first.topic} in the backup"):
        register_versions(pipeline_settings, [first.model_copy(update={"schema_id": second.schema_id})])
    unknown = first.model_copy(update={"schema_id": 1_000_000})
    with pytest.raises(SchemaIdTaken, match="restore into an empty registry"):
        register_versions(pipeline_settings, [unknown])
    assert next(item.schema_id for item in registered_versions(pipeline_settings)) == first.schema_id
