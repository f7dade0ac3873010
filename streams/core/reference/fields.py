"""Field types and the base class of configuration: exact decimals and time zone names."""

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.records.bounds import COUNT_MAX, ID_CHARS_MAX, SPAN_MAX_MS
from schemas.records.entry_checks import text_problem
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


def _name(value: str) -> str:
    problem = text_problem(value, ID_CHARS_MAX)
    if problem is not None:
        raise ValueError(f"the text {problem}")
    return value


Name = Annotated[str, Field(min_length=1), AfterValidator(_name)]
"""A symbol, a currency or the name of a part: plain text, at most ID_CHARS_MAX characters."""
FixedDecimal = Annotated[Decimal, AfterValidator(_fixed)]
PositiveDecimal = Annotated[FixedDecimal, Field(gt=0)]
NonNegativeDecimal = Annotated[FixedDecimal, Field(ge=0)]
Millis = Annotated[int, Field(ge=1, le=SPAN_MAX_MS)]
MillisOrNone = Annotated[int, Field(ge=0, le=SPAN_MAX_MS)]
"""0 switches off."""
Count = Annotated[int, Field(ge=1, le=COUNT_MAX)]
TimeZone = Annotated[str, AfterValidator(_timezone)]


class Frozen(BaseModel):
    """Base of configuration: immutable; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @cached_property
    def document(self) -> dict[str, Any]:
        """JSON form, made once; callers must not change it."""
        return self.model_dump(mode="json")
