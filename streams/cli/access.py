"""`paper access`: principals on Kafka and keys of the HTTP service, for people and programs."""

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
        "Manages principals on Kafka, for KAFKA_SECURITY=scram, and keys of the HTTP service.",
        {
            "list": list_principals,
            "add": add_user,
            "remove": remove_user,
            "key": make_key,
            "keys": list_keys,
            "revoke": revoke_key,
        },
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


def make_key(
    account: str = typer.Argument(..., help="Id of the account; the name of the person for another role."),
    role: str = typer.Option(
        "trader",
        help="trader: trades for the account. operator: sees all accounts, kills and resumes them. reader: sees them.",
    ),
) -> None:
    """Creates a key with which a program trades, or a person signs in, at `paper serve`. Its secret is shown once."""
    from infra.settings import get_settings
    from streams.errors import InputError
    from streams.serve.api_keys import ApiKeys, KeyRole

    if role not in tuple(KeyRole):
        raise InputError(f"--role {role}: must be {', '.join(KeyRole)}")
    key_id, secret = ApiKeys(get_settings()).make(account, KeyRole(role))
    print(f"APCA_API_KEY_ID={key_id}\nAPCA_API_SECRET_KEY={secret}")


def list_keys(as_json: bool = JSON_LINES) -> None:
    """Lists the keys of the HTTP service, without their secrets."""
    from infra.settings import get_settings
    from streams.cli.output import print_rows
    from streams.serve.api_keys import ApiKeys

    rows = [
        {"key": key.key_id, "account": key.account_id, "role": key.role.value} for key in ApiKeys(get_settings()).all()
    ]
    print_rows(rows, ("key", "account", "role"), as_json)


def revoke_key(key: str = typer.Argument(..., help="Id of the key; `paper access keys` lists them.")) -> None:
    """Revokes a key of the HTTP service, at once."""
    from infra.settings import get_settings
    from streams.serve.api_keys import ApiKeys

    ApiKeys(get_settings()).revoke(key)
    print(f"{key} opens nothing any more")
