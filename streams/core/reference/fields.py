"""Field types and the base class of configuration: exact decimals and time zone names."""

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.records.numbers import NotRepresentable, to_price


def _fixed(value: Decimal) -> Decimal:
    try:
        to_price(value)
    except NotRepresentable as error:
        raise ValueError(str(error)) from error
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{value!r} is not an IANA time zone") from error
    return value


FixedDecimal = Annotated[Decimal, AfterValidator(_fixed)]
PositiveDecimal = Annotated[FixedDecimal, Field(gt=0)]
NonNegativeDecimal = Annotated[FixedDecimal, Field(ge=0)]
TimeZone = Annotated[str, AfterValidator(_timezone)]


class Frozen(BaseModel):
    """Base of configuration: immutable; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @cached_property
    def document(self) -> dict[str, Any]:
        """JSON form, made once; callers must not change it."""
        return self.model_dump(mode="json")
