"""Which records a verification compares: all, those of a session, those of a span of market time."""

from typing import Any

from streams.core.reference.fields import Frozen


class VerifyScope(Frozen):
    """session_id: of records that name one; from_ns, to_ns: of their ts, UTC nanoseconds, the end not included."""

    session_id: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None

    @property
    def is_everything(self) -> bool:
        """Whether no record is left out."""
        return self == EVERYTHING

    def covers(self, message: Any) -> bool:
        """Whether a decoded record is compared."""
        if self.session_id is not None and getattr(message, "session_id", None) != self.session_id:
            return False
        ts = getattr(message, "ts", None)
        if ts is None:
            return self.from_ns is None and self.to_ns is None
        return (self.from_ns is None or ts >= self.from_ns) and (self.to_ns is None or ts < self.to_ns)


EVERYTHING = VerifyScope()
