"""Freezes today's schemas as released versions, which later ones must stay compatible with: python -m schemas.release.

A version is released once records with it may be kept anywhere; from then on its file never changes.
"""

import json
import sys
from pathlib import Path
from typing import Any

from schemas.avro.compatibility import incompatibilities
from schemas.errors import IncompatibleSchema
from schemas.topic_schemas import all_topics, load_schema, schema_text

RELEASED_FOLDER = Path(__file__).parent / "released"


def released_versions(topic: str, folder: Path = RELEASED_FOLDER) -> dict[int, dict[str, Any]]:
    """Released schemas of a topic by version, oldest first."""
    paths = {int(path.stem): path for path in (folder / topic).glob("*.avsc")}
    return {version: json.loads(paths[version].read_text()) for version in sorted(paths)}


def problems(folder: Path = RELEASED_FOLDER) -> list[str]:
    """What of today's schemas breaks FULL_TRANSITIVE with the released ones, as sentences; empty where nothing does."""
    topics = all_topics()
    gone = sorted(path.name for path in folder.glob("*") if path.name not in topics)
    found = [f"topic {topic}: it was released, so its schema must stay; its records are replayed" for topic in gone]
    for topic in topics:
        for version, released in released_versions(topic, folder).items():
            reasons = incompatibilities(load_schema(topic), released)
            found += [f"topic {topic}, released version {version}: {reason}" for reason in reasons]
    return found


def release(folder: Path = RELEASED_FOLDER) -> list[Path]:
    """Writes a new version of each topic whose schema differs from its newest released one, and gives their files.

    Raises IncompatibleSchema, and then writes nothing, where a schema can't follow the released ones.
    """
    found = problems(folder)
    if found:
        text = "\n  ".join(["nothing is released: keep what was released, add only fields that have a default", *found])
        raise IncompatibleSchema(text)
    written = []
    for topic in all_topics():
        versions = released_versions(topic, folder)
        newest = max(versions, default=0)
        if not versions or versions[newest] != load_schema(topic):
            path = folder / topic / f"{newest + 1}.avsc"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(schema_text(topic))
            written.append(path)
    return written


def main() -> int:
    """Releases; the new files on stdout. Exit code 1 where a schema is not compatible."""
    try:
        written = release()
    except IncompatibleSchema as error:
        print(error, file=sys.stderr)
        return 1
    for path in written:
        print(path.relative_to(RELEASED_FOLDER.parent.parent))
    print(f"{len(written)} schemas released", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
