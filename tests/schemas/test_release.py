"""Tests of released schemas: a schema that is incompatible with one of them is not released."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import REPOSITORY
from schemas.errors import IncompatibleSchema
from schemas.release import release, release_problems, released_versions
from schemas.topic_schemas import all_topics, load_schema
from tests.schemas.avro.changes import HARMFUL, HARMFUL_UNSEEN_BY_AVRO, HARMLESS, after

ORDERS = load_schema("orders")


def put(folder: Path, topic: str, version: int, schema: object) -> None:
    """Writes a version as if it had been released before."""
    (folder / topic).mkdir(parents=True, exist_ok=True)
    (folder / topic / f"{version}.avsc").write_text(json.dumps(schema))


def test_schemas_on_main_are_compatible_with_all_released_ones() -> None:
    assert released_versions("orders"), "nothing is released"
    assert release_problems() == []


def test_the_first_release_writes_all_schemas_and_the_next_one_none(tmp_path: Path) -> None:
    assert release(tmp_path) == [tmp_path / topic / "1.avsc" for topic in all_topics()]
    assert released_versions("fills", tmp_path) == {1: load_schema("fills")}
    assert release(tmp_path) == []


@pytest.mark.parametrize("name", sorted(HARMLESS.keys() - {"nothing"}))
def test_a_changed_schema_becomes_the_next_version(tmp_path: Path, name: str) -> None:
    release(tmp_path)
    put(tmp_path, "orders", 9, ORDERS)
    put(tmp_path, "orders", 10, after(ORDERS, HARMLESS[name]))
    assert release(tmp_path) == [tmp_path / "orders" / "11.avsc"]
    assert list(released_versions("orders", tmp_path)) == [1, 9, 10, 11]


@pytest.mark.parametrize("name", [*HARMFUL, *HARMFUL_UNSEEN_BY_AVRO])
def test_every_released_version_counts_not_only_the_newest(tmp_path: Path, name: str) -> None:
    put(tmp_path, "orders", 1, after(ORDERS, (HARMFUL | HARMFUL_UNSEEN_BY_AVRO)[name]))
    put(tmp_path, "orders", 2, ORDERS)
    with pytest.raises(IncompatibleSchema, match="topic orders, released version 1: a reader of"):
        release(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["orders"]


def test_a_released_topic_keeps_its_schema(tmp_path: Path) -> None:
    put(tmp_path, "orders.old", 1, ORDERS)
    assert release_problems(tmp_path) == [
        "topic orders.old: its schema was released and must stay, for the replay of its records"
    ]


def test_the_command_releases_or_names_the_problem(tmp_path: Path) -> None:
    for package in ("infra", "schemas"):
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(tmp_path / "schemas" / "released")
    command = [sys.executable, "-m", "schemas.release"]

    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert first.stdout.split() == [f"schemas/released/{topic}/1.avsc" for topic in all_topics()]

    schema_file = tmp_path / "schemas" / "avsc" / "orders.avsc"
    schema_file.write_text(json.dumps(after(ORDERS, HARMLESS["a new field with a default"])))
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert second.stdout.split() == ["schemas/released/orders/2.avsc"]

    schema_file.write_text(json.dumps(after(ORDERS, HARMFUL["a renamed field"])))
    third = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (third.returncode, third.stdout) == (1, "")
    assert "order_id is missing and has no default" in third.stderr
