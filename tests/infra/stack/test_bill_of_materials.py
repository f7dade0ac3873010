"""`paper sbom` names everything that the locks pin, in valid CycloneDX, each with its licence."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.errors import PaperError
from infra.settings import REPOSITORY
from infra.stack.artifacts import read_lock
from infra.stack.bill_of_materials import UnknownLicence, materials
from streams.cli import develop

KNOWN_LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sbom")
    develop.sbom(folder)
    return folder


def test_the_bill_is_valid_cyclonedx(written: Path) -> None:
    text = (written / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_bill_names_every_pin_of_both_locks(written: Path) -> None:
    components = json.loads((written / "sbom.cdx.json").read_text())["components"]
    pinned = {
        tuple(line.split()[0].split("=="))
        for line in (REPOSITORY / "requirements.lock").read_text().splitlines()
        if "==" in line.split(";")[0]
    }
    assert {(item["name"], item["version"]) for item in components if "group" not in item} == pinned
    archives = {item.coordinate.split(":")[1]: item.sha256 for item in read_lock()}
    found = {
        item["name"]: item["externalReferences"][0]["hashes"][0]["content"] for item in components if "group" in item
    }
    assert found == archives


def test_each_component_has_a_licence(written: Path) -> None:
    rows = list(csv.DictReader((written / "licences.csv").read_text().splitlines()))
    assert len(rows) == len(materials()) > 100
    assert all(row["licence"] for row in rows)
    assert {row["licence"] for row in rows}.issuperset(KNOWN_LICENCES)


def test_a_package_without_a_licence_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("nobody-knows==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(UnknownLicence, match=r"nobody-knows: .*licences\.toml"):
        materials(lock)


def test_a_line_that_pins_nothing_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("loose>=1.0\n")
    with pytest.raises(PaperError, match=r"'loose>=1\.0' pins no version"):
        materials(lock)
