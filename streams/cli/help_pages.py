"""Arranges the help: commands in panels, and an example at the end of each page."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

PANELS = {
    "Trade": ("demo", "session", "feed", "orders", "strategy", "instruments", "parts", "convert"),
    "Watch": ("status", "top", "quotes", "results", "positions", "account", "explain", "metrics", "export"),
    "Operate": (
        *("up", "down", "prepare", "passwords", "doctor", "supervise", "worker", "sink", "exporter", "serve", "notify"),
        *("risk", "trading-state", "access", "dlq", "shard", "snapshots", "backup", "restore"),
    ),
    "Prove": ("reconcile", "replay", "archive", "gate"),
    "Develop": ("bench", "study", "chaos", "drill", "test", "check", "compile", "lint", "format", "types", "sbom"),
}
"""Commands of each panel, in the order of `paper --help`."""

EXAMPLES = {
    "passwords": "paper passwords",
    "demo": "paper demo --seconds 30",
    "session open": "paper session open --account alice --cash 100000 --limit max_position=500",
    "session close": "paper session close --account alice --flatten",
    "session list": "paper session list",
    "session flows": "paper session flows --account alice",
    "session show": "paper session show alice-1f2e3d4c",
    "session report": "paper session report alice-1f2e3d4c --html report.html",
    "session rebuild": "paper session rebuild alice-1f2e3d4c --from kafka",
    "feed files": "paper feed files --synthetic --seconds 600 --speed 1",
    "feed live": "paper feed live binance BTC/USDT ETH/USDT",
    "orders list": "paper orders list alice --recent 20",
    "orders submit": "paper orders submit ACME.SIM BUY 100 --account alice --price 49.50",
    "orders cancel": "paper orders cancel ORDER_ID --account alice",
    "orders replace": "paper orders replace ORDER_ID --account alice --price 49.75",
    "orders cancel-all": "paper orders cancel-all --account alice --symbol ACME.SIM",
    "orders load": "paper orders load orders.csv",
    "strategy list": "paper strategy list",
    "strategy show": "paper strategy show examples.ema_cross:EmaCross",
    "strategy new": "paper strategy new my_idea",
    "strategy run": (
        "paper strategy run momentum --account alice --cash 100000 --symbol ACME.SIM --quantity 10 --max-position 50"
    ),
    "instruments list": "paper instruments list",
    "instruments infer": "paper instruments infer quotes.csv.gz trades.csv.gz",
    "instruments fetch": "paper instruments fetch binance BTC/USDT",
    "parts list": "paper parts list",
    "parts check": 'paper parts check latency constant \'{"ms": "5"}\'',
    "status": "paper status",
    "top": "paper top",
    "quotes": "paper quotes ACME.SIM NIX.SIM",
    "results": "paper results --account alice --follow",
    "positions": "paper positions --account alice",
    "account": "paper account alice",
    "explain": "paper explain ORDER_ID --account alice",
    "metrics list": "paper metrics list",
    "metrics show": "paper metrics show --account alice --by day",
    "convert": "paper convert quotes.csv.gz quotes.parquet",
    "export": "paper export fills --account alice --format parquet",
    "up": "paper up --workers 2",
    "down": "paper down",
    "prepare": "paper prepare",
    "doctor": "paper doctor",
    "supervise": "paper supervise --workers 2",
    "worker": "paper worker --log-level WARNING",
    "sink": "paper sink",
    "serve": "paper serve --port 8800",
    "exporter": "paper exporter --host 0.0.0.0",
    "notify": "paper notify --rules notify.toml",
    "notify test": "paper notify test --rules notify.toml",
    "risk status": "paper risk status",
    "risk kill": "paper risk kill --strategy momentum --flatten --reason 'orders too fast'",
    "risk resume": "paper risk resume --strategy momentum --reason 'rate corrected'",
    "risk presets": "paper risk presets",
    "risk limits show": "paper risk limits show --account alice",
    "risk limits set": "paper risk limits set max_position=500 order_rate.limit=20 --account alice --reason 'new desk'",
    "risk breakers show": "paper risk breakers show --account alice",
    "risk breakers reset": "paper risk breakers reset daily-loss --account alice --reason 'loss explained'",
    "trading-state": "paper trading-state REDUCING --account alice --reason 'market closes soon'",
    "access list": "paper access list",
    "access add": "paper access add alice --role trader",
    "access remove": "paper access remove alice",
    "access key": "paper access key alice",
    "access keys": "paper access keys",
    "access revoke": "paper access revoke PK0123456789ABCDEF0123",
    "dlq list": "paper dlq list --topic orders",
    "dlq show": "paper dlq show orders 0",
    "dlq replay": "paper dlq replay orders --offset 0",
    "shard list": "paper shard list",
    "shard skip": "paper shard skip accounts-1 --record orders-1@305 --reason 'known bug 17' --yes",
    "shard acknowledge": "paper shard acknowledge accounts-1 --reason 'letters read'",
    "snapshots list": "paper snapshots list",
    "snapshots rebuild": "paper snapshots rebuild accounts-0",
    "reconcile": "paper reconcile",
    "replay verify": "paper replay verify --from 2013-10-09T14:00:00",
    "replay run": "paper replay run --run-id slow --with slow.yaml",
    "replay compare": "paper replay compare live slow",
    "replay sweep": "paper replay sweep --grid grid.yaml --jobs 2",
    "replay walk-forward": "paper replay walk-forward --grid grid.yaml --with own.yaml --data days --train 90 --test 9",
    "replay list": "paper replay list",
    "archive export": "paper archive export archives/2013-10-09",
    "archive list": "paper archive list",
    "archive verify": "paper archive verify archives/2013-10-09",
    "archive import": "paper archive import archives/2013-10-09 --run-id imported",
    "backup": "paper backup backups/2013-10-09",
    "restore": "paper restore backups/2013-10-09",
    "gate ingest": "paper gate ingest .paper/junit.xml",
    "gate trials": "paper gate trials momentum 12 --variance 0.002 --reason 'sweep of 12 windows'",
    "gate evaluate": "paper gate evaluate momentum --level LIMITED_LIVE",
    "gate show": "paper gate show momentum",
    "gate history": "paper gate history momentum",
    "gate keys": "paper gate keys --approver bob",
    "gate approve": "paper gate approve momentum DECISION_ID --approver bob --reason 'evidence read'",
    "gate revoke": "paper gate revoke momentum --reason 'model withdrawn'",
    "gate watch": "paper gate watch --every 60",
    "bench": "paper bench --orders 5000",
    "bench scale": "paper bench scale --partitions 1 --partitions 4 --plot scale.svg",
    "bench formats": "paper bench formats csv parquet --rows 1000000",
    "bench sweep": "paper bench sweep --peers --json",
    "study passive": "paper study passive quotes.csv.gz trades.csv.gz --quantity 0.01 --every 1 --lifetime 30",
    "study taking": (
        "paper study taking quotes.csv.gz trades.csv.gz --from 2013-10-09T13:30:00 --to 2013-10-09T19:59:00"
    ),
    "chaos": "paper chaos --kills 5 --seed 2",
    "drill": "paper drill --kills 3 --yes",
    "test": "paper test tests/core/risk",
    "check": "paper check",
    "compile": "paper compile",
    "sbom": "paper sbom",
    "lint": "paper lint --fix",
    "format": "paper format --write",
    "types": "paper types streams/core",
}
"""A command line for each command, by the command's path."""


class PaperGroup(TyperGroup):
    """The command `paper`: its commands stand in panels, and each help page ends with an example."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        panels = {name: panel for panel, names in PANELS.items() for name in names}
        place = {name: number for number, name in enumerate(panels)}
        self.commands = dict(sorted(self.commands.items(), key=lambda item: place.get(item[0], len(place))))
        for name, command in self.commands.items():
            command.rich_help_panel = panels.get(name)  # type: ignore[attr-defined]
            _add_examples(name, command)


def _add_examples(path: str, command: Any) -> None:
    """Ends the help page of a command, and those of its subcommands, with their examples."""
    lines = [line for name, line in EXAMPLES.items() if name == path or name.startswith(f"{path} ")]
    command.epilog = "\n".join(["Example:" if len(lines) == 1 else "Examples:", *lines])
    for name, subcommand in getattr(command, "commands", {}).items():
        _add_examples(f"{path} {name}", subcommand)
