"""`paper strategy`: lists, shows, writes and runs strategies."""

from __future__ import annotations

from pathlib import Path

import typer

from streams.cli.command_group import add_group
from streams.cli.interrupts import stop_by_signals
from streams.cli.strategy_new import new_strategy
from streams.cli.strategy_show import show_strategy

DEFAULT_EVERY = 50


def register(app: typer.Typer) -> None:
    """Adds the commands to `paper`."""
    add_group(
        app,
        "strategy",
        "Runs a strategy on the live market, an example or your own class; shows and writes strategies.",
        {"list": list_strategies, "show": show_strategy, "new": new_strategy, "run": run_strategy},
    )


def list_strategies() -> None:
    """Lists the example strategies."""
    from streams.strategies.find_strategy import STRATEGIES

    print("\n".join(STRATEGIES))


def run_strategy(
    name: str = typer.Argument(..., help="Name from `paper strategy list`, or your own class as module:Class."),
    account: str = typer.Option(..., help="Id of the account to trade for."),
    symbol: list[str] = typer.Option(..., help="Symbol of an instrument to trade; may be given several times."),
    parameter: list[str] = typer.Option(
        [], "--set", help="A declared parameter as NAME=VALUE; may be given several times."
    ),
    quantity: str = typer.Option(None, help="Quantity of each order, if the strategy declares no parameters."),
    max_position: str = typer.Option(None, help="Largest position, long or short, if it declares no parameters."),
    every: int = typer.Option(
        None, min=1, help="Quotes between two decisions, if it declares no parameters; default: 50."
    ),
    latency_ms: str = typer.Option("0", help="Milliseconds of market time from a quote to the strategy's order."),
    result_latency_ms: str = typer.Option(
        "0", help="Milliseconds of market time from a result to when the strategy learns it; 0: when it comes."
    ),
    cash: str = typer.Option(
        None,
        help="Opening cash of a session that names the code; default: trade in the account's open session.",
    ),
    currency: str = typer.Option(None, help="Currency of that session; default: the instrument's."),
    session: str = typer.Option(None, help="Id of that session; default: account, strategy and a random number."),
    max_orders: int = typer.Option(None, min=1, help="Stop after this number of answered requests."),
    warm_up: list[Path] = typer.Option(
        [], help="Market data files or folders for the strategy's warm-up; default: what the topic market.data has."
    ),
) -> None:
    """Runs a strategy on the live market until Ctrl-C, or until --max-orders.

    With --cash it opens a session that names the strategy, its code and its parameters, or goes on in the open one if
    that names the same. Only such a session is evidence for a live level.
    """
    from pydantic import ValidationError

    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.cli.live_status import LiveStatus
    from streams.cli.output import say
    from streams.cli.strategy_past import past_market
    from streams.cli.strategy_session import NAMES_NO_CODE, enter_session, found_lines, opening_of
    from streams.cli.strategy_summary import print_summary
    from streams.cli.validation import problems
    from streams.core.reference.instruments import Instrument
    from streams.errors import InputError
    from streams.pipeline.reference.load_config import load_instruments
    from streams.strategies.account_history import read_account_history
    from streams.strategies.live_runner import StrategyRunner
    from streams.strategies.live_tally import LiveTally
    from streams.strategies.participant import make_participant
    from streams.strategies.strategy_config import StrategyConfig

    settings = get_settings()
    if cash is None and (currency or session):
        raise typer.BadParameter("--currency and --session need --cash: without it no session is opened")
    options: dict[str, object] = {"strategy": name, "cash": cash, "parameters": _named(parameter)}
    options |= {"symbol": symbol[0]} if len(symbol) == 1 else {"symbols": symbol}
    options |= {"quantity": quantity, "max_position": max_position, "latency": {"model": "constant", "ms": latency_ms}}
    options["result_latency_ms"] = result_latency_ms
    if every is not None or quantity is not None:
        options["every"] = every or DEFAULT_EVERY
    try:
        config = StrategyConfig.model_validate(options)
    except ValidationError as error:
        raise InputError(problems(error)) from error
    if config.result_latency_ms and settings.time_source != "event":
        raise InputError(
            "--result-latency-ms: with TIME_SOURCE=record results have Kafka's times and not the market's; leave it out"
        )
    instruments = {item.symbol: item for item in load_instruments(settings.reference_data)}
    for each in config.traded:
        if each not in instruments:
            raise typer.BadParameter(
                f"--symbol {each}: not in {settings.reference_data}; `paper instruments list` shows the symbols"
            )
    traded = {each: Instrument.from_config(instruments[each]) for each in config.traded}
    # What is wrong with the configuration is said before a session opens.
    make_participant(account, config, traded, settings.run_seed)
    codec = Codec(Registry(settings))
    if config.cash is None:
        say(f"warning: {NAMES_NO_CODE.format(account=account)}")
    else:
        currency = currency or instruments[config.traded[0]].currency
        say(enter_session(settings, codec, opening_of(settings, account, config, config.cash, currency, session)))
    history = read_account_history(settings, codec, account, traded)
    if history.session_id is None:
        raise InputError(
            f"account {account}: no session is open; open one by `paper session open --account {account} --cash 100000 "
            f"--currency {instruments[config.traded[0]].currency}`, or give --cash"
        )
    trading = make_participant(account, config, traded, settings.run_seed, history=history)
    past = past_market(settings, codec, trading, warm_up)
    runner = StrategyRunner(settings, codec, max_orders, {**history.starts, **past.starts})
    tally = LiveTally(traded, history.account.positions)
    runner.add(trading, tally)
    status = LiveStatus(runner, tally)
    for line in past.lines:
        say(line)
    for line in found_lines(history, traded):
        say(line)
    stop_by_signals(runner.stop)
    say(f"{name} trades {', '.join(config.traded)} for account {account}")
    try:
        runner.run(status.show)
    finally:
        status.end()
    print_summary(runner, settings.time_source == "event")
    if runner.refusal:
        raise InputError(f"the run has ended: {runner.refusal}")


def _named(parameters: list[str]) -> dict[str, str]:
    """Returns declared parameters by name. Raises InputError."""
    from streams.errors import InputError

    found: dict[str, str] = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not (name and equals) or name in found:
            raise InputError(f"--set {text}: write NAME=VALUE, each name once")
        found[name] = value
    return found
