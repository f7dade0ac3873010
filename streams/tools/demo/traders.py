"""The traders of a demonstration: each example strategy on each symbol, with an account and limits of its own."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from infra.settings import Settings
from schemas.avro.codec import Codec
from schemas.records.enums import ControlKind
from schemas.records.numbers import PRICE_MAX, PRICE_SCALE, price_to_decimal
from streams.core.reference.declarations import InstrumentConfig
from streams.core.reference.instruments import Instrument
from streams.core.simulators.mock_executor import MOCK
from streams.evidence.canonical_hash import settings_sha256
from streams.pipeline.clients.control_commands import send_controls
from streams.pipeline.clients.request_models import ControlModel
from streams.pipeline.feed.table import QUOTE, MarketTable
from streams.pipeline.reference.load_config import core_config
from streams.strategies.find_strategy import STRATEGIES
from streams.strategies.participant import Participant, make_participant
from streams.strategies.strategy_config import StrategyConfig

LOOKS = 4_500
"""A strategy's looks at a synthetic market, which make some thousand orders for each symbol."""
RECORDED_LOOKS = 1_000
"""A strategy's looks at all symbols of a recorded market, which waits for the pipeline at each."""
UNKNOWN_SIZE_VALUE = 10_000
"""Value of an order in the instrument's currency if the market shows no sizes: a lot of gold is not a lot of euros."""
POSITION_ORDERS = 10
"""Bound of a strategy's position, in orders."""
CASH_ORDERS = 1_000
"""Opening cash of an account, in orders."""
LIMIT_POSITIONS = 2
"""Limit of an account's position, in bounds of the strategy's position."""
LIMIT_ORDERS = 100
"""Limit of an order's notional, in orders, so that a price may rise."""
NUMBER_MAX = Decimal(PRICE_MAX) / PRICE_SCALE
"""Largest number in a limit."""


@dataclass(frozen=True, slots=True)
class Trader:
    """A strategy on a symbol.

    Attributes:
        account_id: account of its own.
        strategy: name of the example.
        instrument: the symbol's.
        quantity: of each order, 1e-9 units.
        price: median ask, 1e-9 of the currency.
        every: quotes from one look at the market to the next.
        simulator: simulator of the account; empty: the one that the settings choose.
    """

    account_id: str
    strategy: str
    instrument: InstrumentConfig
    quantity: int
    price: int
    every: int
    simulator: str = ""

    @property
    def strategy_id(self) -> str:
        """Id under which the session's evidence counts: mock fills are apart."""
        return f"{self.strategy}-{MOCK}" if self.simulator == MOCK else self.strategy

    @property
    def max_position(self) -> int:
        """Bound of the position, in 1e-9 units."""
        return self.quantity * POSITION_ORDERS

    @property
    def notional(self) -> Decimal:
        """Value of an order in the instrument's currency."""
        return Decimal(self.quantity * self.price) / PRICE_SCALE / PRICE_SCALE


def plan_traders(table: MarketTable, instruments: dict[str, InstrumentConfig], looks: int = LOOKS) -> list[Trader]:
    """Returns each strategy on each quoted symbol, with orders of half the median size shown.

    looks: how often each strategy looks at the whole market, about.
    """
    traders = []
    for code, symbol in enumerate(table.symbols):
        quotes = np.flatnonzero((table.symbol == code) & (table.kind == QUOTE))
        if len(quotes):
            instrument = instruments[symbol]
            price, every = int(np.median(table.ask_px[quotes])), max(len(quotes) // looks, 1)
            quantity = _quantity(instrument, table, quotes, price)
            traders += [Trader(f"{name}:{symbol}", name, instrument, quantity, price, every) for name in STRATEGIES]
    return traders


def _quantity(
    config: InstrumentConfig, table: MarketTable, quotes: np.ndarray[tuple[int], np.dtype[np.intp]], price: int
) -> int:
    """Returns the quantity of an order, whose limits are numbers that limits can hold."""
    instrument = Instrument.from_config(config)
    shown = table.ask_sz[quotes]
    known = shown[shown > 0]
    unknown = UNKNOWN_SIZE_VALUE * PRICE_SCALE * PRICE_SCALE // max(price, 1)
    size = min(int(np.median(known)) // 2 if len(known) else unknown, PRICE_MAX // LIMIT_POSITIONS // POSITION_ORDERS)
    size -= size % instrument.lot_size
    return min(max(size, instrument.min_quantity, instrument.lot_size), instrument.max_quantity)


def opening_controls(settings: Settings, traders: list[Trader]) -> list[ControlModel]:
    """Returns the control that opens a paper session for each trader."""
    settings_hash = settings_sha256(core_config(settings))
    return [
        ControlModel(
            control_id=f"{settings.run_id}-open-{trader.account_id}",
            kind=ControlKind.SESSION_OPEN,
            account_id=trader.account_id,
            session_id=f"{settings.run_id}:{trader.account_id}",
            strategy_id=trader.strategy_id,
            opening_cash=Decimal(int(trader.notional * CASH_ORDERS) + 1),
            currency=trader.instrument.currency,
            limits=limits_of(trader),
            instruments=(trader.instrument.symbol,),
            settings_sha256=settings_hash,
            actor="paper demo",
            reason="demonstration",
            ts=time.time_ns(),
        )
        for trader in traders
    ]


def open_sessions(
    settings: Settings, codec: Codec, controls: list[ControlModel], on_progress: Callable[[str], None]
) -> None:
    """Opens sessions, all at once.

    Raises:
        ControlRefused: a session was refused.
        NoAnswer: no worker answered in time.
    """
    for answer in send_controls(settings, codec, controls):
        on_progress(answer.text)


def limits_of(trader: Trader) -> dict[str, Decimal]:
    """Returns the limits of a trader's session, which the numbers of a limit can hold."""
    return {
        "max_order_quantity": price_to_decimal(trader.quantity),
        "max_order_notional": min(Decimal(int(trader.notional * LIMIT_ORDERS) + 1), NUMBER_MAX),
        "max_position": price_to_decimal(trader.max_position * LIMIT_POSITIONS),
    }


def participants_of(settings: Settings, traders: list[Trader]) -> list[Participant]:
    """Returns the traders' strategies on their accounts."""
    return [
        make_participant(
            trader.account_id,
            StrategyConfig(
                strategy=trader.strategy,
                symbol=trader.instrument.symbol,
                quantity=price_to_decimal(trader.quantity),
                max_position=price_to_decimal(trader.max_position),
                every=trader.every,
            ),
            {trader.instrument.symbol: Instrument.from_config(trader.instrument)},
            settings.run_seed,
        )
        for trader in traders
    ]
