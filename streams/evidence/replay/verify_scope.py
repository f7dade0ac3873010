"""The records that a verification compares: all, those of a session, or those of a span of market time."""

from typing import Any

from streams.core.reference.fields import Frozen


class VerifyScope(Frozen):
    """A selection of records by their session_id and by their ts: from_ns <= ts < to_ns, UTC nanoseconds."""

    session_id: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None

    @property
    def is_everything(self) -> bool:
        """True if no record is left out."""
        return self == EVERYTHING

    def __str__(self) -> str:
        parts = [
            "" if self.session_id is None else f" of session {self.session_id}",
            "" if self.from_ns is None else f" from {self.from_ns} ns on",
            "" if self.to_ns is None else f" before {self.to_ns} ns",
        ]
        return "".join(parts)

    def covers(self, message: Any) -> bool:
        """Returns whether a decoded record is compared."""
        if self.session_id is not None and getattr(message, "session_id", None) != self.session_id:
            return False
        ts = getattr(message, "ts", None)
        if ts is None:
            return self.from_ns is None and self.to_ns is None
        return (self.from_ns is None or ts >= self.from_ns) and (self.to_ns is None or ts < self.to_ns)


EVERYTHING = VerifyScope()
