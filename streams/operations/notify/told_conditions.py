"""The health conditions that people know, in a file of PAPER_HOME, so that a restart does not tell them again."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable

from infra.settings import Settings
from streams.operations.health.atomic_json import write_atomically

log = logging.getLogger(__name__)


class ToldConditions:
    """The conditions by key; a value of False says that a delivery began and may not have ended.

    Attributes:
        is_new: whether the rule has never run, so that what was counted before is history.
    """

    def __init__(self, settings: Settings, rule: str) -> None:
        self._path = settings.paper_home / "run" / f"{settings.topic_prefix}{rule}.notify.json"
        self._told: dict[str, bool] = {}
        self.is_new = not self._path.exists()
        if not self.is_new:
            self._told = self._read()

    def _read(self) -> dict[str, bool]:
        try:
            document = json.loads(self._path.read_text())
            return {str(key): bool(done) for key, done in document["told"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s can't be read, so conditions that hold are told again: %s", self._path, error)
            return {}

    def keys(self) -> set[str]:
        """Returns the keys of the conditions that people know."""
        return {key for key, done in self._told.items() if done}

    def may_have_been_told(self, key: str) -> bool:
        """Returns whether a delivery of the condition began."""
        return key in self._told

    def begin(self, keys: Iterable[str]) -> None:
        """Notes a delivery before it begins. Raises OSError."""
        self._told |= dict.fromkeys(keys, False)
        self._write()

    def replace(self, keys: Iterable[str]) -> None:
        """Notes which conditions people know now. Raises OSError."""
        self._told = dict.fromkeys(keys, True)
        self._write()

    def _write(self) -> None:
        write_atomically(self._path, {"told": self._told})
        self.is_new = False
