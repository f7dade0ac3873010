"""A stretch of a symbol's market, which its venue takes part by part."""

from schemas.records.messages import MarketData
from streams.core.market.market_data import MarketRows
from streams.core.venue.look_ahead import LookAhead


class MarketStretch:
    """The updates of one valid record.

    Attributes:
        record: in the form that check_market_data returns.
        rows: reader of the updates that are not taken yet.
        ahead: search over all updates.
        taken: number of updates that the venue has taken.
        unskipped: updates in a row from the last ones on between which look-ahead found nothing to skip.
        searched_from: row from which on look-ahead is worth its cost again.
    """

    def __init__(self, record: MarketData) -> None:
        self.record = record
        self.rows, self.ahead = MarketRows(record), LookAhead(record)
        self.taken = self.unskipped = self.searched_from = 0
