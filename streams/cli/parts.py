"""`paper parts`: what simulators can be put together from."""

from __future__ import annotations

import json

import typer

KIND = typer.Argument(..., help="fill, queue, latency, slippage or fee.")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Parts of simulators.", no_args_is_help=True)
    group.command("list")(list_parts)
    group.command()(check)
    app.add_typer(group, name="parts")


def list_parts(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Lists all parts by kind, with their parameters; those of installed packages too."""
    from streams.cli.output import print_rows
    from streams.core.simulators.model import ModelKind
    from streams.core.simulators.model_catalog import known_models

    rows = []
    for kind in ModelKind:
        for name, part in sorted(known_models(kind).items()):
            summary = (part.__doc__ or "").strip().split("\n")[0]
            parameters = ", ".join(part.model_fields)
            rows.append({"kind": kind, "model": name, "parameters": parameters, "what": summary})
    print_rows(rows, ("kind", "model", "parameters", "what"), as_json)


def check(
    kind: str = KIND,
    model: str = typer.Argument(..., help="Name of the part."),
    parameters: str = typer.Argument("{}", help="Its parameters as a JSON object."),
) -> None:
    """Runs a part against the contract of its kind. Exit code 1 where it breaks it."""
    from streams.core.reference.declarations import ModelConfig
    from streams.core.simulators.model import ModelError, ModelKind
    from streams.core.simulators.model_catalog import make_model
    from streams.core.simulators.model_contract import QUESTIONS, ContractBroken, check_model
    from streams.errors import InputError

    try:
        part = make_model(ModelKind(kind), ModelConfig.model_validate({**json.loads(parameters), "model": model}))
        check_model(ModelKind(kind), part)
    except (ModelError, ContractBroken, ValueError) as error:
        raise InputError(str(error)) from error
    print(f"{part.describe()}: {QUESTIONS:,} questions answered, the contract of {kind} models is kept")
