"""`paper export`: writes a run's rows to a file for research."""

from __future__ import annotations

from pathlib import Path

import typer

from streams.cli.options import AS_OF, RUN_ID
from streams.evidence.export_rows import FORMATS, TABLES


def register(app: typer.Typer) -> None:
    """Adds the command to `paper`."""
    app.command("export")(export)


def export(
    what: str = typer.Argument(..., help=f"Kind of rows: {', '.join(TABLES)}."),
    session: str = typer.Option("", help="Id of the session; default: all."),
    account: str = typer.Option("", help="Id of the account; default: all."),
    symbol: str = typer.Option("", help="Symbol; default: all."),
    file_format: str = typer.Option("parquet", "--format", help=f"Format of the file: {', '.join(FORMATS)}."),
    out: Path = typer.Option(None, help="File to write; default: named after what and format, in this folder."),
    run_id: str = RUN_ID,
    as_of: str = AS_OF,
    yes: bool = typer.Option(False, "--yes", help="Replace the file if it exists."),
) -> None:
    """Writes orders, fills, equity or other rows to a file: Parquet, Arrow (IPC) or CSV.

    Rows are read at one cut and stand in the order of the table's key, so that the same cut gives the same rows.
    Amounts and prices are decimals, times are UTC. A file appears only when it is whole.
    """
    from clickhouse_connect.driver.client import Client

    from infra.settings import get_settings
    from streams.cli.output import say
    from streams.errors import InputError
    from streams.evidence.cut import Cut, read_at_cut
    from streams.evidence.export_rows import Selection, export_rows
    from streams.whole_file import whole_file

    for name, value, known in (("WHAT", what, TABLES), ("--format", file_format, FORMATS)):
        if value not in known:
            raise typer.BadParameter(f"{name} {value}: must be one of {', '.join(known)}")
    settings = get_settings()
    target = out or Path(f"{what}.{file_format}")
    if target.exists() and not yes:
        raise typer.BadParameter(f"{target} exists; name another file with --out, or replace it with --yes")
    chosen = Selection(what, run_id or settings.run_id, session, account, symbol)

    def read(client: Client, cut: Cut) -> tuple[Cut, int]:
        with part.open("wb") as file:
            return cut, export_rows(client, chosen, file_format, file)

    try:
        with whole_file(target) as part:
            cut, count = read_at_cut(settings, chosen.run_id, read, as_of)
    except InputError as error:
        raise typer.BadParameter(str(error)) from error
    except OSError as error:
        raise typer.BadParameter(f"{target}: {error.strerror}; name another file with --out") from error
    say(f"{cut.line}\n{target}: {count:,} rows")
