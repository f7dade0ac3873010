"""`paper access`: adds principals on Kafka for people and programs, and takes them away."""

from __future__ import annotations

import typer

from streams.cli.command_group import add_group
from streams.cli.options import JSON_LINES

NAME = typer.Argument(..., help="Name of the principal, such as alice.")
ROLE = typer.Option("trader", help="Role that it gets: trader, operator, feed, pipeline or reader.")


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "access",
        "Manages who may read and write which topics on Kafka, if KAFKA_SECURITY=scram is set.",
        {"list": list_principals, "add": add_user, "remove": remove_user},
    )


def list_principals(as_json: bool = JSON_LINES) -> None:
    """Lists each principal that has a password, and the topics that it may write."""
    from infra.kafka.acls import principals
    from infra.principal import ADMIN
    from infra.settings import get_settings
    from streams.cli.output import print_rows

    rows = [
        {"principal": name, "writes": "everything" if name == ADMIN else ", ".join(writes)}
        for name, writes in principals(get_settings()).items()
    ]
    print_rows(rows, ("principal", "writes"), as_json)


def add_user(name: str = NAME, role: str = ROLE) -> None:
    """Adds a principal with a password and the rights of a role on this pipeline's topics."""
    from infra.kafka.acls import add_principal
    from infra.kafka.credentials import password_file
    from infra.settings import get_settings

    add_principal(get_settings(), name, role)
    print(f"{name} has the rights of a {role}. Commands use them with KAFKA_PRINCIPAL={name}. The password is in")
    print(password_file(get_settings(), name))


def remove_user(name: str = NAME) -> None:
    """Removes a principal: its password and all its rights."""
    from infra.kafka.acls import remove_principal
    from infra.settings import get_settings

    remove_principal(get_settings(), name)
    print(f"{name} has no rights any more")
