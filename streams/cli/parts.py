"""`paper parts`: the execution models that simulators are put together from."""

from __future__ import annotations

import json

import typer

from streams.cli.command_group import add_group

KIND = typer.Argument(..., help="fill, queue, latency, slippage or fee.")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    add_group(
        app, "parts", "Lists and checks the execution models of simulators.", {"list": list_models, "check": check}
    )


def list_models(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Lists all execution models by kind, with their parameters, also those of installed packages."""
    from streams.cli.output import print_rows
    from streams.core.simulators.model import ModelKind
    from streams.core.simulators.model_catalog import known_models

    rows = []
    for kind in ModelKind:
        for name, found in sorted(known_models(kind).items()):
            summary = (found.__doc__ or "").strip().split("\n")[0]
            parameters = ", ".join(found.model_fields)
            rows.append({"kind": kind, "model": name, "parameters": parameters, "what": summary})
    print_rows(rows, ("kind", "model", "parameters", "what"), as_json)


def check(
    kind: str = KIND,
    model: str = typer.Argument(..., help="Name of the model."),
    parameters: str = typer.Argument("{}", help="Parameters of the model as a JSON object."),
) -> None:
    """Checks a model against the contract of its kind. Exit code 1 if it breaks the contract."""
    from streams.core.reference.declarations import ModelConfig
    from streams.core.simulators.model import ModelError, ModelKind
    from streams.core.simulators.model_catalog import make_model
    from streams.core.simulators.model_contract import QUESTIONS, ContractBroken, check_model
    from streams.errors import InputError

    try:
        given = dict(json.loads(parameters))
    except (TypeError, ValueError) as error:
        raise InputError(f'parameters {parameters}: must be a JSON object such as \'{{"ms": "5"}}\'') from error
    if kind not in list(ModelKind):
        raise InputError(f"kind {kind}: must be one of {', '.join(ModelKind)}")
    try:
        made = make_model(ModelKind(kind), ModelConfig.model_validate({**given, "model": model}))
        check_model(ModelKind(kind), made)
    except (ModelError, ContractBroken, ValueError) as error:
        raise InputError(str(error)) from error
    print(f"{made.describe()}: {QUESTIONS:,} answers, all within the contract of {kind} models")
