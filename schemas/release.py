"""The release of schemas: freezes today's schemas as versions that later ones must stay compatible with.

Run it as `python -m schemas.release`. Release a version before anyone may keep records of it; from then on its file
never changes.
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
    """Returns the released schemas of a topic by version, oldest first."""
    paths = {int(path.stem): path for path in (folder / topic).glob("*.avsc")}
    return {version: json.loads(paths[version].read_text()) for version in sorted(paths)}


def release_problems(folder: Path = RELEASED_FOLDER) -> list[str]:
    """Returns how today's schemas break FULL_TRANSITIVE compatibility with released ones; empty if none does."""
    topics = all_topics()
    gone = sorted(path.name for path in folder.glob("*") if path.name not in topics)
    found = [f"topic {topic}: its schema was released and must stay, for the replay of its records" for topic in gone]
    for topic in topics:
        for version, released in released_versions(topic, folder).items():
            reasons = incompatibilities(load_schema(topic), released)
            found += [f"topic {topic}, released version {version}: {reason}" for reason in reasons]
    return found


def release(folder: Path = RELEASED_FOLDER) -> list[Path]:
    """Writes a new version of each topic whose schema differs from its newest release; returns the new files.

    Raises IncompatibleSchema, before it writes anything, if a schema is incompatible with a released one.
    """
    found = release_problems(folder)
    if found:
        text = "\n  ".join(["nothing was released: keep released fields, and add only fields with a default", *found])
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
    """Releases the schemas and prints the new files. Returns 1 if a schema is not compatible."""
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
