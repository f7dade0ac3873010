"""The bill of materials: every package and archive that the locks pin, with its hash and licence.

Source of the form: CycloneDX 1.6 (ECMA-424). Licences are SPDX expressions.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from infra.errors import PaperError
from infra.settings import REPOSITORY
from infra.stack.artifacts import read_lock

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

LICENCES = Path(__file__).with_name("licences.toml")
PIN = re.compile(r"^(?P<name>[\w.-]+)(\[[^]]*\])?==(?P<version>[^ ;\\]+)")
HASH = re.compile(r"--hash=sha256:(?P<sha256>[0-9a-f]{64})")


class Material(NamedTuple):
    """A pinned package or archive. kind: pypi or maven; group: of Maven; sha256: of each file that the lock allows."""

    kind: str
    group: str | None
    name: str
    version: str
    licence: str
    sha256: tuple[str, ...]
    qualifiers: tuple[tuple[str, str], ...] = ()


class UnknownLicence(PaperError):
    """A pinned package whose licence is not known."""


def materials(lock: Path = REPOSITORY / "requirements.lock") -> list[Material]:
    """Returns everything that the locks pin, sorted. Raises UnknownLicence."""
    known = tomllib.loads(LICENCES.read_text())
    return sorted((*_python(lock, known["python"]), *_java(known["java"])))


def _python(lock: Path, known: dict[str, str]) -> Iterator[Material]:
    for block in re.split(r"\n(?=\S)", lock.read_text().strip()):
        pin = PIN.match(block)
        if pin is None:
            raise PaperError(f"{lock}: {block.splitlines()[0]!r} pins no version; make the lock again")
        name, version = pin["name"], pin["version"]
        yield Material("pypi", None, name, version, _licence(name, known), tuple(HASH.findall(block)))


def _licence(name: str, known: dict[str, str]) -> str:
    try:
        found = known.get(name) or str(metadata(name).json.get("license_expression", ""))
    except PackageNotFoundError:
        found = None
    if not found:
        raise UnknownLicence(f"{name}: its metadata names no SPDX licence; add it to {LICENCES}")
    return found


def _java(known: dict[str, str]) -> Iterator[Material]:
    for item in read_lock():
        group, name, packaging, *classifier, version = item.coordinate.split(":")
        if group not in known:
            raise UnknownLicence(f"{item.coordinate}: its licence is not known; add group {group} to {LICENCES}")
        qualifiers = (("classifier", classifier[0]),) if classifier else ()
        yield Material("maven", group, name, version, known[group], (item.sha256,), (*qualifiers, ("type", packaging)))


def licence_list(found: list[Material]) -> str:
    """Returns the licences as CSV with a header: licence, kind, group, name, version."""
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("licence", "kind", "group", "name", "version"))
    table.writerows(sorted((item.licence, item.kind, item.group or "", item.name, item.version) for item in found))
    return text.getvalue()


def cyclonedx(found: list[Material], version: str) -> Bom:
    """Returns the bill of materials of a version of this product."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType

    own = Component(
        name="paper-trading-streams",
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref="paper-trading-streams",
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )
    bom = Bom(components=[_component(item) for item in found])
    bom.metadata.component = own
    bom.register_dependency(own, bom.components)
    return bom


def _component(item: Material) -> Component:
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    purl = PackageURL(item.kind, item.group, item.name, item.version, dict(item.qualifiers) or None)
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=sha256) for sha256 in item.sha256]
    # A package has one file for each platform, so their hashes stand at its distribution, not at the component.
    files = [ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(str(purl)), hashes=hashes)]
    return Component(
        name=item.name,
        version=item.version,
        group=item.group,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=[LicenseFactory().make_from_string(item.licence)],
        external_references=files,
    )
