"""Brings the scripts of others into the repository: `python -m infra.build.vendored_scripts`.

The npm client fetches the packages. The file vendor.json names each file with its SHA-256; a package that brings other
bytes than it names is refused. A file without a SHA-256 there is new, and gets the one that it comes with.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from infra.settings import REPOSITORY

FOLDERS = ("streams/serve/console/static/vendor", "tests/serve/vendor")
LOCK = "vendor.json"


def bring(folder: Path) -> None:
    """Writes the files that a folder's vendor.json names. Raises SystemExit if a package brings other bytes."""
    lock = folder / LOCK
    packages: list[dict[str, Any]] = json.loads(lock.read_text())
    for package in packages:
        members = _fetched(f"{package['name']}@{package['version']}")
        for item in package["files"]:
            content = members[f"package/{item['source']}"]
            digest = sha256(content).hexdigest()
            if item.setdefault("sha256", digest) != digest:
                raise SystemExit(f"{package['name']}: {item['source']} has SHA-256 {digest}; {lock} names another")
            (folder / item["file"]).write_bytes(content)
    lock.write_text(json.dumps(packages, indent=2) + "\n")


def _fetched(package: str) -> dict[str, bytes]:
    """Returns the files of a package of npm, by name."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", package, "--pack-destination", folder], check=True)
        (archive,) = Path(folder).iterdir()
        with tarfile.open(archive) as opened:
            files = {member.name: opened.extractfile(member) for member in opened.getmembers() if member.isfile()}
            return {name: file.read() for name, file in files.items() if file is not None}


if __name__ == "__main__":
    for name in FOLDERS:
        bring(REPOSITORY / name)
