"""What a reconciliation finds."""

from dataclasses import dataclass, field

DIFFERENCES_MAX = 20
KAFKA, CLICKHOUSE = "kafka", "clickhouse"


@dataclass(slots=True)
class Check:
    """One statement about the record. source: kafka or clickhouse. checked: things compared.

    differences: sentences, the first DIFFERENCES_MAX; different: how many there are.
    """

    name: str
    source: str
    checked: int = 0
    different: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return self.different == 0

    def differ(self, sentence: str) -> None:
        """Notes a difference."""
        self.different += 1
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(sentence)

    def compare(self, holds: bool, sentence: str) -> None:
        """Counts a comparison, and its sentence where it does not hold."""
        self.checked += 1
        if not holds:
            self.differ(sentence)


@dataclass(slots=True)
class Reconciliation:
    """All checks; counts of what is no difference but worth knowing (working orders); dead_letters: by topic."""

    checks: list[Check]
    counts: dict[str, int]
    dead_letters: dict[str, int]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)
