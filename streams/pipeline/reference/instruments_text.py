"""Changes instruments in the text of an instruments file, and leaves everything else of it as its owner wrote it."""

import json
import re
from collections.abc import Iterator

from schemas.records.numbers import plain
from streams.core.reference.declarations import InstrumentConfig

HEADER = "[[instrument]]"
OTHER_TABLE = re.compile(r"^\[(?!instrument\.|\[instrument\.)")
FIELD = re.compile(r"^([a-z_]+)\s*=")


def with_instrument(text: str, instrument: InstrumentConfig) -> str:
    """Returns the text with what a venue defines of an instrument: see _fields. A new one comes last.

    Other fields of an instrument that is there already, such as its margin rate, stay.
    """
    lines = text.splitlines()
    told = _fields(instrument)
    for first, end in _blocks(lines):
        block = lines[first:end]
        if f'symbol = "{instrument.symbol}"' in block:
            left = dict(told)
            for number, line in enumerate(block):
                field = FIELD.match(line)
                if field and field[1] in left:
                    block[number] = left.pop(field[1])
            last = max(number for number, line in enumerate(block) if FIELD.match(line)) + 1
            lines[first:end] = [*block[:last], *left.values(), *block[last:]]
            return "\n".join(lines) + "\n"
    added = [HEADER, f'symbol = "{instrument.symbol}"', *told.values()]
    return "\n".join([*lines, "", *added]) + "\n"


def _fields(instrument: InstrumentConfig) -> dict[str, str]:
    """Returns the line of each field that a venue defines."""
    fee = ", ".join(f"{name} = {json.dumps(value)}" for name, value in instrument.fee.model_dump(mode="json").items())
    steps = ("tick_size", "lot_size", "min_quantity", "max_quantity")
    size, at = plain(instrument.contract_multiplier), instrument.expires_at
    calendar = {name: f'{name} = "{getattr(instrument, name)}"' for name in ("calendar", "timezone")}
    return {
        "currency": f'currency = "{instrument.currency}"',
        **{name: f'{name} = "{plain(getattr(instrument, name))}"' for name in steps},
        **({} if instrument.contract_multiplier == 1 else {"contract_multiplier": f'contract_multiplier = "{size}"'}),
        **({} if instrument.calendar is None else calendar),
        **({} if at is None else {"expires_at": f"expires_at = {at.isoformat()}"}),
        "fee": f"fee = {{{fee}}}",
    }


def _blocks(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yields the first line and the line after the last of each instrument."""
    starts = [number for number, line in enumerate(lines) if line.strip() == HEADER]
    for first in starts:
        others = (number for number in range(first + 1, len(lines)) if OTHER_TABLE.match(lines[number]))
        yield first, next(others, len(lines))
