"""Notices that trades are missing though the connection holds: ids that rise by one jump."""

ALWAYS_RISE_BY_ONE = {"binance", "binanceusdm"}
"""Venues whose ids rise by one from the start: 27,419 recorded trades of both have no jump."""
RUN_MIN = 100
"""Ids of any other venue's symbol that must have risen by one before a jump counts; they are counted anew behind it."""
DIGITS_MAX = 18


class TradeIds:
    """The ids of one symbol's trades."""

    def __init__(self, venue: str) -> None:
        self._always = venue in ALWAYS_RISE_BY_ONE
        self.forget()
        self._run = 0

    def forget(self) -> None:
        """Begins anew, as after a lost connection: what is missing by then is a gap already."""
        self._newest: int | None = None
        self._behind: int | None = None

    def missing_before(self, trade_id: object) -> range:
        """Takes the id of a new trade; returns the ids that must have been before it and did not come."""
        number, newest = _number(trade_id), self._newest
        if number is None:
            self.forget()
            self._run = 0
        elif newest is None:
            self._newest = number
        elif number <= newest:
            self._take_late(number)
        elif number == newest + 1:
            self._newest, self._behind = number, None
            self._run += 1
        else:
            is_known = self._always or self._run >= RUN_MIN
            self._newest, self._behind, self._run = number, None, 0
            return range(newest + 1, number) if is_known else range(0)
        return range(0)

    def refuse(self, trade_id: object) -> None:
        """Takes the id of a trade that was refused: it came, but its id is believed only if it is the next one."""
        if self._newest is not None and _number(trade_id) == self._newest + 1:
            self._newest += 1

    def _take_late(self, number: int) -> None:
        """Takes an id behind the newest. Two in a row, one behind the other, tell that the newest was no id."""
        if self._behind is not None and number == self._behind + 1:
            self._newest, self._behind = number, None
        else:
            self._behind = number


def _number(trade_id: object) -> int | None:
    if isinstance(trade_id, str) and trade_id.isdecimal() and len(trade_id) <= DIGITS_MAX:
        return int(trade_id)
    return None
