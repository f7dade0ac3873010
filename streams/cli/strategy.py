"""`paper strategy`: trading a strategy on the live market.data."""

from __future__ import annotations

import sys

import typer


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    group = typer.Typer(help="Trade a strategy: an example, or your own.", no_args_is_help=True)
    group.command("list")(list_strategies)
    group.command()(run)
    app.add_typer(group, name="strategy")


def list_strategies() -> None:
    """Shows the names of the examples."""
    from streams.strategies.find_strategy import STRATEGIES

    print("\n".join(STRATEGIES))


def run(
    name: str = typer.Argument(..., help="See `paper strategy list`, or your own as module:Class."),
    account: str = typer.Option(..., help="Account with an open session."),
    symbol: str = typer.Option(..., help="Instrument to trade."),
    quantity: str = typer.Option(..., help="Quantity of each order."),
    max_position: str = typer.Option(..., help="Bound of the strategy's position."),
    every: int = typer.Option(50, min=1, help="Quotes between two looks at the market."),
    latency_ms: str = typer.Option("0", help="Own latency in market time, from a quote to the request's ts."),
    max_orders: int = typer.Option(None, min=1, help="Stop after so many requests are answered."),
) -> None:
    """Trades on the live market.data until Ctrl-C, or until --max-orders."""
    from pydantic import ValidationError

    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.core.reference.instruments import Instrument
    from streams.errors import InputError
    from streams.pipeline.reference.load_config import load_instruments
    from streams.strategies.live_runner import StrategyRunner
    from streams.strategies.participant import make_participant
    from streams.strategies.strategy_config import StrategyConfig

    settings = get_settings()
    told = {"strategy": name, "symbol": symbol, "quantity": quantity, "max_position": max_position, "every": every}
    try:
        config = StrategyConfig.model_validate(told | {"latency": {"model": "constant", "ms": latency_ms}})
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise InputError("; ".join(problems)) from error
    instruments = {item.symbol: item for item in load_instruments(settings.reference_data)}
    if symbol not in instruments:
        raise typer.BadParameter(f"{symbol}: not in {settings.reference_data}")
    trading = make_participant(account, config, Instrument.from_config(instruments[symbol]), settings.run_seed)
    runner = StrategyRunner(settings, Codec(Registry(settings)), max_orders)
    runner.add(trading)
    print(f"{name} trades {symbol} for account {account}", file=sys.stderr, flush=True)
    try:
        runner.run()
    except KeyboardInterrupt:
        runner.stop()
    print(f"{runner.requests} requests sent, {runner.results} results, {len(runner.unanswered)} unanswered")
