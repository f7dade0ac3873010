"""Sets up the strategies of a re-simulation: their participants and their sessions."""

from collections.abc import Iterator, Mapping

from schemas.records.enums import ControlKind, TradingState
from schemas.records.messages import Control
from schemas.records.numbers import to_money
from streams.core.core_config import CoreConfig
from streams.core.reference.instruments import Instrument
from streams.errors import InputError
from streams.evidence.canonical_hash import settings_sha256
from streams.evidence.replay.recorded_inputs import ReplayInput
from streams.evidence.replay.what_if import WhatIf
from streams.pipeline.journal.partitions import partition_of
from streams.strategies.participant import Participant, make_participant
from streams.strategies.strategy_config import StrategyConfig

ACTOR = "paper replay"


def participants(
    strategies: Mapping[str, StrategyConfig], instruments: Mapping[str, Instrument], run_seed: int
) -> list[Participant]:
    """Returns a participant for each strategy. strategies: by account. Raises InputError for an unknown symbol."""
    found = []
    for account_id, config in strategies.items():
        for symbol in config.traded:
            if symbol not in instruments:
                known = ", ".join(sorted(instruments))
                raise InputError(f"strategies.{account_id}: instrument {symbol} is none of {known}")
        trading = {symbol: instruments[symbol] for symbol in config.traded}
        found.append(make_participant(account_id, config, trading, run_seed))
    return found


def openings(
    what_if: WhatIf, config: CoreConfig, instruments: Mapping[str, Instrument], time_ns: int
) -> Iterator[ReplayInput]:
    """Yields the control that opens a session under the run's limits, for each strategy that brings cash."""
    settings_hash = settings_sha256(config)
    for account_id, strategy in what_if.strategies.items():
        if strategy.cash is None:
            continue
        control = Control(
            control_id=f"open-{account_id}",
            kind=ControlKind.SESSION_OPEN,
            account_id=account_id,
            session_id=account_id,
            strategy_id=strategy.strategy,
            opening_cash=to_money(strategy.cash),
            currency=instruments[strategy.traded[0]].currency,
            trading_state=TradingState.UNKNOWN,
            limits=what_if.session_limits(None),
            actor=ACTOR,
            reason="strategy in the loop",
            ts=time_ns,
            instruments=",".join(strategy.traded),
            settings_sha256=settings_hash,
            code_sha256=what_if.variants[account_id].code_sha256,
            parameters=what_if.variants[account_id].parameters,
        )
        partition = partition_of(account_id, config.account_partitions)
        yield ReplayInput(time_ns, 0, partition, 0, "controls", control)
