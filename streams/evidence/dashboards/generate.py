"""Writes the dashboards' JSON files: python -m streams.evidence.dashboards.generate."""

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from infra.settings import REPOSITORY
from streams.evidence.dashboards.boards import DASHBOARDS

FOLDER = REPOSITORY / "infra" / "grafana" / "provisioning" / "dashboards"


def generated() -> dict[str, str]:
    """Returns the text of each file by its name."""
    return {
        f"{made.uid}.json": json.dumps(made, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for made in (build() for build in DASHBOARDS)
    }


def main() -> None:
    """Writes all files and removes those of dashboards that are gone."""
    files = generated()
    for path in FOLDER.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
