"""`paper up`, `down`, `status`, `doctor`: the local stack."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
