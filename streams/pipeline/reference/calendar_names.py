"""The names of the exchange calendars."""

from importlib.util import find_spec
from pathlib import Path

ALWAYS = ("24/7", "24/5")


def is_calendar(name: str) -> bool:
    """Returns whether exchange_calendars has a calendar of this name: 24/7, 24/5, or an ISO 10383 code.

    Looks at the library's files, because importing it takes more than a second.
    """
    spec = find_spec("exchange_calendars")
    assert spec is not None
    assert spec.origin is not None
    return name in ALWAYS or (Path(spec.origin).parent / f"exchange_calendar_{name.lower()}.py").exists()
