"""Values positions at the newest quotes, as the account shards do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.records.numbers import money_text, price_text
from streams.cli.output import readable
from streams.pipeline.clients.newest_marks import newest_marks
from streams.pipeline.reference.load_config import core_config
from streams.serve.position_value import PositionValue, PositionValues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.settings import Settings
    from schemas.avro.codec import Codec
    from schemas.records.messages import PositionReport


def valued_positions(settings: Settings, codec: Codec, reports: Sequence[PositionReport]) -> list[dict[str, Any]]:
    """Returns positions as rows, with mark, market_value and unrealised_pnl; None where no quote is known.

    mark: the middle of the last quote, in the instrument's currency. The amounts are in the account's currency.
    Raises LogUnavailable, ReferenceDataError.
    """
    config = core_config(settings)
    open_symbols = {report.symbol for report in reports if report.quantity}
    needed = open_symbols | {item.symbol for item in config.conversions} if open_symbols else set()
    values = PositionValues(config, newest_marks(settings, codec, needed).quotes)
    return [readable(report) | valued(values.of(report), report) for report in reports]


def valued(value: PositionValue, report: PositionReport) -> dict[str, str | None]:
    """Returns mark, market_value and unrealised_pnl of a position as texts; None where no quote is known."""
    if not report.quantity:
        value = PositionValue(None, 0, -report.cost)
    return {
        "mark": None if value.mark_px is None else price_text(value.mark_px),
        "market_value": None if value.market_value is None else money_text(value.market_value),
        "unrealised_pnl": None if value.unrealised is None else money_text(value.unrealised),
    }
