"""The result of a reconciliation."""

from dataclasses import dataclass, field

DIFFERENCES_MAX = 20
KAFKA, CLICKHOUSE = "kafka", "clickhouse"


@dataclass(slots=True)
class Check:
    """A statement about the records, and the differences from it.

    Attributes:
        source: kafka or clickhouse.
        checked: number of comparisons.
        different: number of differences.
        differences: a sentence for each of the first DIFFERENCES_MAX differences.
    """

    name: str
    source: str
    checked: int = 0
    different: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True if nothing differs."""
        return self.different == 0

    def differ(self, sentence: str) -> None:
        """Adds a difference."""
        self.different += 1
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(sentence)

    def compare(self, holds: bool, sentence: str) -> None:
        """Counts a comparison and adds its sentence if it does not hold."""
        self.checked += 1
        if not holds:
            self.differ(sentence)


@dataclass(slots=True)
class Reconciliation:
    """All checks of a pipeline.

    Attributes:
        counts: numbers worth knowing that are no differences, as working orders.
        dead_letters: number of dead letters by topic.
    """

    checks: list[Check]
    counts: dict[str, int]
    dead_letters: dict[str, int]

    @property
    def passed(self) -> bool:
        """True if every check passed."""
        return all(check.passed for check in self.checks)
