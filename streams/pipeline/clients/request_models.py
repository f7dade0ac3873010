"""Order requests and control commands as pydantic models, which check what users write."""

from __future__ import annotations

import json
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.records.bounds import BOOKED_MAX, ID_CHARS_MAX, TEXT_CHARS_MAX, TIME_MAX_NS
from schemas.records.canonical_json import canonical_json
from schemas.records.entry_checks import text_problem
from schemas.records.enums import (
    Action,
    ControlKind,
    OffsetType,
    OrderType,
    Side,
    TimeInForce,
    TradingMode,
    TradingState,
)
from schemas.records.messages import Control, OrderRequest
from schemas.records.numbers import NotRepresentable, money_to_decimal, plain, price_to_decimal, to_money, to_price
from schemas.records.order_rules import form_problem
from streams.core.risk.limits import check_patch

FLOAT_DIGITS = 15
"""Decimal digits that a binary float holds exactly."""


def _price(value: Decimal) -> Decimal:
    try:
        to_price(value)
    except NotRepresentable as error:
        raise ValueError(str(error)) from error
    return value


def _fixed(value: Decimal | None) -> int | None:
    return None if value is None else to_price(value)


def _money(value: Decimal) -> Decimal:
    most = plain(money_to_decimal(BOOKED_MAX))
    try:
        fixed = to_money(value)
    except NotRepresentable as error:
        raise ValueError(f"{error}; give an amount from 0 to {most}") from error
    if not 0 <= fixed <= BOOKED_MAX:
        raise ValueError(f"{plain(value)} is not from 0 to {most}, the most that an account can hold; give less")
    return value


def _plain(value: str, most: int) -> str:
    problem = text_problem(value, most)
    if problem is not None:
        raise ValueError(f"the text {problem}")
    return value


def _name(value: str) -> str:
    return _plain(value, ID_CHARS_MAX)


def _text(value: str) -> str:
    return _plain(value, TEXT_CHARS_MAX)


def _time(value: int) -> int:
    if not 0 <= value <= TIME_MAX_NS:
        raise ValueError(f"{value} is not from 0 to {TIME_MAX_NS}; give UTC nanoseconds before the year 2200")
    return value


def _patch(value: dict[str, Any]) -> dict[str, Any]:
    exact: dict[str, Any] = _exact(value)
    check_patch(exact)
    return exact


def _exact(value: Any) -> Any:
    """Returns a JSON value with its decimals as text."""
    if isinstance(value, dict):
        return {str(name): _exact(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    if isinstance(value, float) and len(Decimal(repr(value)).as_tuple().digits) > FLOAT_DIGITS:
        raise ValueError(f"{value!r} has more digits than a JSON number carries; write it as text in quotes")
    return str(value) if isinstance(value, Decimal | float | StrEnum) else value


Name = Annotated[str, Field(min_length=1), AfterValidator(_name)]
Text = Annotated[str, Field(min_length=1), AfterValidator(_text)]
Price = Annotated[Decimal, AfterValidator(_price)]
Quantity = Annotated[Decimal, Field(gt=0), AfterValidator(_price)]
Money = Annotated[Decimal, AfterValidator(_money)]
Time = Annotated[int, AfterValidator(_time)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""A SHA-256 in hexadecimal digits."""


class OrderRequestModel(BaseModel):
    """A request for the topic orders, with the fields that its action needs.

    ts: UTC nanoseconds of the market's time; 0: now, whatever time the market has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action = Action.NEW
    order_id: Name
    orig_order_id: Name | None = None
    account_id: Name
    strategy_id: Name | None = None
    symbol: Annotated[str, AfterValidator(_name)] = ""
    side: Side = Side.UNKNOWN
    order_type: OrderType = OrderType.UNKNOWN
    time_in_force: TimeInForce = TimeInForce.DAY
    quantity: Quantity | None = None
    price: Price | None = None
    ts: Time = 0
    stop_price: Price | None = None
    trailing_offset: Price | None = None
    trailing_type: OffsetType = OffsetType.UNKNOWN
    expire_ts: Time | None = None
    post_only: bool = False
    reduce_only: bool = False
    display_quantity: Quantity | None = None
    parent_order_id: Name | None = None
    oco_group: Name | None = None
    mode: TradingMode = TradingMode.PAPER

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.action is Action.UNKNOWN:
            raise ValueError(f"request {self.order_id}: action must be NEW, CANCEL, REPLACE or MASS_CANCEL")
        if self.action is Action.NEW:
            missing = [
                name
                for name, absent in (
                    ("symbol", not self.symbol),
                    ("side", self.side is Side.UNKNOWN),
                    ("order_type", self.order_type is OrderType.UNKNOWN),
                    ("quantity", self.quantity is None),
                )
                if absent
            ]
            if missing:
                raise ValueError(f"order {self.order_id}: a NEW {self.order_type} order needs {', '.join(missing)}")
            problem = form_problem(self.to_message())
            if problem is not None:
                raise ValueError(f"order {self.order_id}: {problem}")
        elif self.orig_order_id is None and self.action is not Action.MASS_CANCEL:
            raise ValueError(f"request {self.order_id}: {self.action} needs orig_order_id, the order to change")
        if self.action is Action.REPLACE and (self.quantity, self.price, self.stop_price) == (None, None, None):
            raise ValueError(f"request {self.order_id}: REPLACE needs a new quantity, price or stop_price")
        return self

    def to_message(self) -> OrderRequest:
        """Returns the record of the core."""
        return OrderRequest(
            action=self.action,
            order_id=self.order_id,
            orig_order_id=self.orig_order_id,
            account_id=self.account_id,
            strategy_id=self.strategy_id,
            symbol=self.symbol,
            side=self.side,
            order_type=self.order_type,
            time_in_force=self.time_in_force,
            quantity=_fixed(self.quantity),
            price=_fixed(self.price),
            ts=self.ts,
            stop_price=_fixed(self.stop_price),
            trailing_offset=_fixed(self.trailing_offset),
            trailing_type=self.trailing_type,
            expire_ts=self.expire_ts,
            post_only=self.post_only,
            reduce_only=self.reduce_only,
            display_quantity=_fixed(self.display_quantity),
            parent_order_id=self.parent_order_id,
            oco_group=self.oco_group,
            mode=self.mode,
        )

    @classmethod
    def from_message(cls, message: OrderRequest) -> Self:
        """Returns the model of a record."""
        fields = message._asdict()
        for name in ("quantity", "price", "stop_price", "trailing_offset", "display_quantity"):
            fields[name] = None if fields[name] is None else price_to_decimal(fields[name])
        return cls.model_validate(fields)


class ControlModel(BaseModel):
    """A command for the topic controls. ts: UTC nanoseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    control_id: Name
    kind: ControlKind
    account_id: Name | None = None
    session_id: Name | None = None
    strategy_id: Name | None = None
    opening_cash: Money | None = None
    currency: Name | None = None
    trading_state: TradingState = TradingState.UNKNOWN
    limits: Annotated[dict[str, Any], AfterValidator(_patch)] | None = None
    """JSON merge patch of the account's limits, with decimals as text; see streams.core.risk.limits."""
    actor: Name
    reason: Text
    ts: Time
    symbol: Name | None = None
    breaker: Name | None = None
    instruments: tuple[Name, ...] = ()
    settings_sha256: Name | None = None
    flatten: bool = False
    authorisation: dict[str, Any] | None = None
    code_sha256: Digest | None = None
    parameters: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _documents_fit(self) -> Self:
        message = self.to_message()
        for name in ("limits", "instruments", "authorisation", "parameters"):
            problem = text_problem(getattr(message, name) or "", TEXT_CHARS_MAX)
            if problem is not None:
                raise ValueError(f"{name} of control {self.control_id} {problem}")
        return self

    def to_message(self) -> Control:
        """Returns the record of the core."""
        return Control(
            control_id=self.control_id,
            kind=self.kind,
            account_id=self.account_id,
            session_id=self.session_id,
            strategy_id=self.strategy_id,
            opening_cash=None if self.opening_cash is None else to_money(self.opening_cash),
            currency=self.currency,
            trading_state=self.trading_state,
            limits=_document(self.limits),
            actor=self.actor,
            reason=self.reason,
            ts=self.ts,
            symbol=self.symbol,
            breaker=self.breaker,
            instruments=",".join(self.instruments) or None,
            settings_sha256=self.settings_sha256,
            flatten=self.flatten,
            authorisation=_document(self.authorisation),
            code_sha256=self.code_sha256,
            parameters=None if self.parameters is None else canonical_json(self.parameters),
        )

    @classmethod
    def from_message(cls, message: Control) -> Self:
        """Returns the model of a record."""
        fields = message._asdict()
        if message.opening_cash is not None:
            fields["opening_cash"] = money_to_decimal(message.opening_cash)
        for name in ("limits", "authorisation", "parameters"):
            fields[name] = None if fields[name] is None else json.loads(fields[name])
        fields["instruments"] = message.instruments.split(",") if message.instruments else ()
        return cls.model_validate(fields)


def _document(value: dict[str, Any] | None) -> str | None:
    """Returns JSON text, with decimals as text."""
    return None if value is None else json.dumps(value, default=str)
