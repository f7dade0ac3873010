"""`paper strategy`: trading the example strategies."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Trade the example strategies.", no_args_is_help=True)
    group.command("list")(list_strategies)
    group.command()(run)
    app.add_typer(group, name="strategy")


def list_strategies() -> None:
    """Shows the names."""
    from streams.strategies.catalog import STRATEGIES

    print("\n".join(STRATEGIES))


def run(
    name: str = typer.Argument(..., help="See `paper strategy list`."),
    account: str = typer.Option(..., help="Account with an open session."),
    symbol: str = typer.Option(..., help="Instrument to trade."),
    quantity: str = typer.Option(..., help="Quantity of each order."),
    max_position: str = typer.Option(..., help="Bound of the strategy's position."),
    every: int = typer.Option(50, min=1, help="Quotes between two looks at the market."),
    max_orders: int = typer.Option(None, min=1, help="Stop after so many requests are answered."),
) -> None:
    """Trades on the live market.data until Ctrl-C, or until --max-orders."""
    from infra.core_config import load_instruments
    from infra.settings import get_settings
    from schemas.codec import Codec
    from schemas.registry import Registry
    from streams.domain.instruments import Instrument
    from streams.domain.numbers import to_price
    from streams.strategies.catalog import STRATEGIES
    from streams.strategies.runner import StrategyRunner
    from streams.strategies.strategy import Ticket

    settings = get_settings()
    if name not in STRATEGIES:
        raise typer.BadParameter(f"{name}: must be one of {', '.join(STRATEGIES)}")
    instruments = {item.symbol: item for item in load_instruments(settings.reference_data)}
    if symbol not in instruments:
        raise typer.BadParameter(f"{symbol}: not in {settings.reference_data}")
    ticket = Ticket(name, account, Instrument.from_config(instruments[symbol]))
    runner = StrategyRunner(settings, Codec(Registry(settings)), max_orders)
    runner.add(account, symbol, STRATEGIES[name](ticket, to_price(quantity), to_price(max_position), every))
    try:
        runner.run()
    except KeyboardInterrupt:
        runner.stop()
    print(f"{runner.requests} requests sent, {runner.results} results, {len(runner.unanswered)} unanswered")
