"""The kill switch: it stops trading until a person resumes it (MiFID II RTS 6 article 12, FIA 2024)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Self

from schemas.records.messages import Control

Strategies = tuple[str | None, ...]
"""The strategies for which an order trades: that of its session, and its own."""


class KillScope(StrEnum):
    """The scope of a kill; ALL has no name."""

    ALL = "ALL"
    ACCOUNT = "ACCOUNT"
    STRATEGY = "STRATEGY"
    SYMBOL = "SYMBOL"


class KillTarget(NamedTuple):
    """The target of a KILL or RESUME."""

    scope: KillScope
    name: str = ""

    def __str__(self) -> str:
        return "all trading" if self.scope is KillScope.ALL else f"{self.scope.lower()} {self.name}"

    def covers(self, account_id: str, strategies: Strategies, symbol: str) -> bool:
        """Returns whether the target covers an order."""
        if self.scope is KillScope.ALL:
            return True
        if self.scope is KillScope.STRATEGY:
            return self.name in strategies
        return self.name == (account_id if self.scope is KillScope.ACCOUNT else symbol)


def target_of(control: Control) -> KillTarget:
    """Returns the target of a command: an account, a strategy or a symbol; all if it names none. Raises ValueError."""
    named = [
        KillTarget(scope, name)
        for scope, name in (
            (KillScope.ACCOUNT, control.account_id),
            (KillScope.STRATEGY, control.strategy_id),
            (KillScope.SYMBOL, control.symbol),
        )
        if name is not None
    ]
    if len(named) > 1:
        raise ValueError(f"{control.kind} names {' and '.join(map(str, named))}; send a command for each")
    return named[0] if named else KillTarget(KillScope.ALL)


class KillSwitch:
    """The killed targets in order, each with the risk event of its kill."""

    def __init__(self, kills: Iterable[tuple[KillTarget, str]] = ()) -> None:
        self._kills: dict[KillTarget, str] = dict(kills)

    def __contains__(self, target: KillTarget) -> bool:
        return target in self._kills

    @property
    def targets(self) -> list[KillTarget]:
        """The killed targets."""
        return list(self._kills)

    def kill(self, target: KillTarget, event_id: str) -> None:
        """Kills a target. A repeated kill keeps the first event."""
        self._kills.setdefault(target, event_id)

    def resume(self, target: KillTarget) -> None:
        """Resumes a target."""
        del self._kills[target]

    def stopping(self, account_id: str, strategies: Strategies, symbol: str) -> tuple[KillTarget, str] | None:
        """Returns the kill that stops an order, and its risk event; None if the order may pass."""
        if not self._kills:
            return None
        return next((item for item in self._kills.items() if item[0].covers(account_id, strategies, symbol)), None)

    def to_state(self) -> list[list[str]]:
        """Returns the switch in JSON-able form."""
        return [[target.scope, target.name, event_id] for target, event_id in self._kills.items()]

    @classmethod
    def from_state(cls, state: list[list[str]]) -> Self:
        """Returns the switch that to_state described."""
        return cls((KillTarget(KillScope(scope), name), event_id) for scope, name, event_id in state)
