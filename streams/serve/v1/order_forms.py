"""The bodies of the service's own API."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.records.bounds import ID_CHARS_MAX, TEXT_CHARS_MAX


class NewOrder(BaseModel):
    """A new order. order_id: the client's own; the same order sent again with it stays one order."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(min_length=1, max_length=ID_CHARS_MAX)
    symbol: str = Field(min_length=1, max_length=ID_CHARS_MAX)
    side: Literal["BUY", "SELL"]
    quantity: Decimal
    order_type: Literal["MARKET", "LIMIT", "STOP", "STOP_LIMIT", "TRAILING_STOP", "MARKET_IF_TOUCHED"]
    time_in_force: Literal["DAY", "GTC", "GTD", "IOC", "FOK"] = "DAY"
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_offset: Decimal | None = None
    trailing_type: Literal["PRICE", "PERCENT"] | None = None
    expire_ts: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    display_quantity: Decimal | None = None
    parent_order_id: str | None = None
    oco_group: str | None = None
    strategy_id: str | None = None


class OrderChanges(BaseModel):
    """New values of a working order. quantity: the whole of it, with what is executed."""

    model_config = ConfigDict(extra="forbid")

    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class Command(BaseModel):
    """A command of an operator. flatten: a kill closes the positions too."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=TEXT_CHARS_MAX)
    flatten: bool = False
