"""Delivers messages to the targets of a rules file by Apprise, again and again until each has taken it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from streams.errors import InputError
from streams.operations.notify.notice import NoticeMessage

RETRY_S, RETRY_MAX_S = 1.0, 60.0

log = logging.getLogger(__name__)


class NoticeTargets:
    """The targets by name. urls: of Apprise, which may hold passwords and are never shown."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        """Raises InputError for a URL that Apprise does not know."""
        import apprise

        self._format = apprise.NotifyFormat.TEXT
        self._targets = {}
        for name, url in urls.items():
            target = apprise.Apprise.instantiate(url)
            if target is None:
                text = "its URL is none of Apprise; see https://appriseit.com/services/ for those of each service"
                raise InputError(f"target {name}: {text}")
            self._targets[name] = target

    def try_once(self, name: str, title: str, body: str) -> bool:
        """Delivers a message to a target; returns whether the target took it."""
        return bool(self._targets[name].notify(title=title, body=body, body_format=self._format))

    def deliver(self, names: Iterable[str], message: NoticeMessage, wait: Callable[[float], bool]) -> bool:
        """Delivers a message to each target, with pauses up to a minute between the attempts.

        wait: waits some seconds, and returns True as soon as the process stops. Returns False if it stopped before.
        """
        for name in names:
            pause_s = RETRY_S
            while not self.try_once(name, message.title, message.body):
                log.warning("target %s did not take %r; the next attempt in %.0f s", name, message.title, pause_s)
                if wait(pause_s):
                    return False
                pause_s = min(2 * pause_s, RETRY_MAX_S)
        return True
