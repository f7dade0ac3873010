"""The columns of orders in the files that other engines read."""

from collections.abc import Sequence

import numpy as np

from schemas.records.enums import Side
from schemas.records.messages import ApprovedOrder
from streams.core.reference.declarations import InstrumentConfig
from streams.core.reference.instruments import Instrument
from streams.tools.bench.peers.market_file import Ints


def order_columns(orders: Sequence[ApprovedOrder], config: InstrumentConfig, latency_ns: int) -> dict[str, Ints]:
    """Returns the columns of orders and their terms, by the names that MarketFile and DepthFile give them."""
    instrument = Instrument.from_config(config)
    columns: dict[str, list[int | None]] = {
        "order_ts": [order.order_ts for order in orders],
        "order_side": [1 if order.side is Side.BUY else -1 for order in orders],
        "order_px": [order.price for order in orders],
        "order_qty": [order.quantity for order in orders],
        "cancel_ts": [order.expire_ts for order in orders],
        "tick_size": [instrument.tick_size],
        "lot_size": [instrument.lot_size],
        "latency_ns": [latency_ns],
    }
    return {name: np.array(numbers, np.int64) for name, numbers in columns.items()}
