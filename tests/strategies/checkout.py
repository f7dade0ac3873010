"""Makes git checkouts for tests of code and its commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

AUTHOR = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false")


def committed(folder: Path) -> str:
    """Commits all files of a folder, which becomes a checkout if it is none, and returns the commit."""
    for command in (("init", "--quiet"), ("add", "--all"), (*AUTHOR, "commit", "--quiet", "--message", "test")):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)
    found = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return found.stdout.strip()
