"""Values positions at the newest quotes, as the account shards do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.records.numbers import money_text, price_text
from streams.cli.output import readable
from streams.core.ledger.marks import Marks
from streams.core.reference.instruments import Instrument
from streams.pipeline.clients.newest_marks import newest_marks
from streams.pipeline.reference.load_config import core_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.settings import Settings
    from schemas.avro.codec import Codec
    from schemas.records.messages import PositionReport
    from streams.core.core_config import CoreConfig
    from streams.core.ledger.marks import Quote


def valued_positions(settings: Settings, codec: Codec, reports: Sequence[PositionReport]) -> list[dict[str, Any]]:
    """Returns positions as rows, with mark, market_value and unrealised_pnl; None where no quote is known.

    mark: the middle of the last quote, in the instrument's currency. The amounts are in the account's currency.
    Raises LogUnavailable, ReferenceDataError.
    """
    config = core_config(settings)
    open_symbols = {report.symbol for report in reports if report.quantity}
    needed = open_symbols | {item.symbol for item in config.conversions} if open_symbols else set()
    marks = configured_marks(config, newest_marks(settings, codec, needed).quotes)
    return [readable(report) | valued(marks, report) for report in reports]


def configured_marks(config: CoreConfig, quotes: dict[str, Quote]) -> Marks:
    """Returns the marks of quotes by symbol, with the instruments and conversions of a configuration."""
    marks = Marks()
    marks.quotes = quotes
    marks.configure({item.symbol: Instrument.from_config(item) for item in config.instruments}, config.conversions)
    return marks


def valued(marks: Marks, report: PositionReport) -> dict[str, str | None]:
    """Returns mark, market_value and unrealised_pnl of a position; None where no quote is known."""
    price = marks.price(report.symbol)
    instrument = marks.instruments.get(report.symbol)
    currency = report.currency if instrument is None else instrument.currency
    if report.quantity == 0:
        value: int | None = 0
    elif price is None or marks.rate_between(currency, report.currency) is None:
        value = None
    else:
        value = marks.value(report.symbol, report.quantity, price, report.currency)
    return {
        "mark": None if price is None or not report.quantity else price_text(price),
        "market_value": None if value is None else money_text(value),
        "unrealised_pnl": None if value is None else money_text(value - report.cost),
    }
