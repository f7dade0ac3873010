"""Checks the points of a sweep before anything is read or run, and again when the instruments are known."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from streams.core.core_config import CoreConfig
from streams.core.reference.declarations import InstrumentConfig
from streams.core.reference.instruments import Instrument
from streams.errors import InputError
from streams.evidence.replay.grid_points import SweepPoint
from streams.evidence.replay.participants import participants


def check_strategies(points: Sequence[SweepPoint]) -> None:
    """Makes the strategies of each point, for instruments that are not known yet.

    Raises:
        InputError: a strategy can't be made, or a parameter is unknown, missing or out of bounds; it names the point.
    """
    for point in points:
        traded = {symbol for config in point.what_if.strategies.values() for symbol in config.traded}
        with _naming(point):
            participants(point.what_if.strategies, {symbol: _stand_in(symbol) for symbol in traded}, 0)


def check_settings(points: Sequence[SweepPoint], recorded: CoreConfig) -> None:
    """Checks each point's configuration and instruments against those of the source.

    Raises:
        InputError: they break a rule, or a strategy trades an unknown instrument; it names the point.
    """
    for point in points:
        with _naming(point):
            config = point.what_if.configure(recorded)
            known = {item.symbol: Instrument.from_config(item) for item in config.instruments}
            participants(point.what_if.strategies, known, config.run_seed)


@contextmanager
def _naming(point: SweepPoint) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f"the combination {point.told}: {error}") from error


def _stand_in(symbol: str) -> Instrument:
    one = Decimal(1)
    return Instrument.from_config(
        InstrumentConfig(symbol=symbol, currency="USD", tick_size=one, lot_size=one, min_quantity=one, max_quantity=one)
    )
