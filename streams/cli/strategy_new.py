"""`paper strategy new`: writes a strategy of one's own, with a test."""

from __future__ import annotations

import re
from pathlib import Path

import typer

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
STRATEGY = '''"""@CLASS@: say here what it does, and why it should earn money."""

from decimal import Decimal

from pydantic import Field

from schemas.records.enums import Side, TimeInForce
from streams.core.reference.fields import PositiveDecimal
from streams.strategies.event_strategy import Strategy
from streams.strategies.market_bars import MarketBar
from streams.strategies.own_account import OwnOrder


class @CLASS@(Strategy):
    """A strategy that holds a position in the direction of the last bar."""

    class Parameters(Strategy.Parameters):
        """The parameters."""

        bar_s: PositiveDecimal = Field(default=Decimal(1), description="market seconds of a bar")
        quantity: PositiveDecimal = Field(default=Decimal(10), description="units that it holds at most")

    def on_start(self) -> None:
        """Called before the first update. Position and open orders are the account's, also after a restart."""
        self.start_bars(self.symbol, self.parameters.bar_s)

    def on_bar(self, bar: MarketBar) -> None:
        """Called with each complete bar."""
        quote = self.quote(self.symbol)
        if quote is None or self.working or bar.close == bar.open:
            return
        wanted = self.parameters.quantity if bar.close > bar.open else Decimal(0)
        missing = wanted - self.position(self.symbol)
        if missing:
            side, price = (Side.BUY, quote.ask) if missing > 0 else (Side.SELL, quote.bid)
            self.order(side, self.symbol, abs(missing), price=price, tif=TimeInForce.IOC)

    def on_order(self, order: OwnOrder) -> None:
        """Called with each result of an order; order.text says why one was refused."""
'''
TEST = '''"""Tests of @NAME@, on a synthetic market in this process: no server is needed."""

from streams.tools.trial.trial_run import trial_run

CONFIG = {"strategy": "@NAME@:@CLASS@", "symbol": "ACME.SIM", "parameters": {"quantity": "10"}}


def test_it_trades_within_its_bounds() -> None:
    run = trial_run(CONFIG, seconds=30)
    assert run.fills > 0
    assert run.refusals == []
    assert run.largest["ACME.SIM"] <= 10


def test_the_same_market_gives_the_same_orders() -> None:
    assert trial_run(CONFIG, seed=2).orders == trial_run(CONFIG, seed=2).orders
'''
CONFIG = """# For `paper replay run --with @NAME@.yaml`; a grid of `paper replay sweep` names parameters as
# strategies.@NAME@.parameters.quantity.
strategies:
  @NAME@:
    strategy: @NAME@:@CLASS@
    symbol: ACME.SIM
    parameters: {bar_s: "1", quantity: "10"}
    cash: "100000"
"""
FILES = {"{name}.py": STRATEGY, "test_{name}.py": TEST, "{name}.yaml": CONFIG}


def new_strategy(
    name: str = typer.Argument(..., help="Name of the module and its folder: small letters, digits and _."),
) -> None:
    """Writes a folder with a strategy that runs, its test and its configuration."""
    import keyword
    import sys

    from streams.cli.output import show
    from streams.errors import InputError

    if not NAME.fullmatch(name) or keyword.iskeyword(name) or name in sys.stdlib_module_names:
        raise InputError(
            f"name {name}: must be 1 to 40 small letters, digits and _, begin with a letter, and be no word or module "
            "of Python"
        )
    folder, class_name = Path(name), "".join(part.capitalize() for part in name.split("_"))
    try:
        folder.mkdir()
    except FileExistsError as error:
        raise InputError(f"{folder.resolve()}: it is there already; choose another name") from error
    for file, template in FILES.items():
        text = template.replace("@NAME@", name).replace("@CLASS@", class_name)
        (folder / file.format(name=name)).write_text(text, encoding="utf-8")
    show(
        f"{folder.resolve()} has a strategy, its test and its configuration. In that folder, with paper's path:\n"
        f"  paper test .\n"
        f"  paper strategy show {name}:{class_name}\n"
        f"  paper strategy run {name}:{class_name} --account {name} --cash 100000 --symbol ACME.SIM"
    )
