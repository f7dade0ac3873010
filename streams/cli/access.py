"""`paper access`: principals of Kafka beside the stack's own."""

from __future__ import annotations

import typer

NAME = typer.Argument(..., help="Name of the principal.")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Who may do what on Kafka, under KAFKA_SECURITY=scram.", no_args_is_help=True)
    group.command("list")(list_principals)
    group.command()(add)
    group.command()(remove)
    app.add_typer(group, name="access")


def list_principals(as_json: bool = typer.Option(False, "--json", help="Print JSON lines.")) -> None:
    """Shows every principal with a password, and what it may write."""
    from infra.kafka.acls import principals
    from infra.principal import ADMIN
    from infra.settings import get_settings
    from streams.cli.output import print_rows

    rows = [
        {"principal": name, "writes": "everything" if name == ADMIN else ", ".join(writes)}
        for name, writes in principals(get_settings()).items()
    ]
    print_rows(rows, ("principal", "writes"), as_json)


def add(name: str = NAME, role: str = typer.Option("trader", help="Whose rights it gets.")) -> None:
    """Gives a principal a password and the rights of a role on this pipeline's topics."""
    from infra.kafka.acls import add_principal
    from infra.kafka.credentials import password_file
    from infra.settings import get_settings

    add_principal(get_settings(), name, role)
    print(f"{name} may do what a {role} may; KAFKA_PRINCIPAL={name}, the password is in")
    print(password_file(get_settings(), name))


def remove(name: str = NAME) -> None:
    """Takes a principal's password and all its rights away."""
    from infra.kafka.acls import remove_principal
    from infra.settings import get_settings

    remove_principal(get_settings(), name)
    print(f"{name} may do nothing any more")
