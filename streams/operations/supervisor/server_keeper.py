"""Restarts the servers that `paper up` has started on this machine, when they die or hang."""

import logging
import os
import signal
import time
from collections.abc import Sequence

from infra import processes
from infra.settings import Settings
from infra.stack import local_stack
from infra.stack.http_service import HttpService
from infra.stack.server_process import Server
from streams.operations.health.health import ProcessHealth
from streams.operations.supervisor.restart_backoff import RestartBackoff
from streams.operations.supervisor.supervised_process import ending

STEADY_S = 60.0
"""A server that lived this long starts again at once; it may take half as long until it serves."""

PROBE_PAUSE_S = 5.0
HUNG_S = 60.0
"""A server that has answered before, and then gives no answer for so long, is killed and starts again."""

log = logging.getLogger(__name__)


class ServerKeeper:
    """The servers that have a pid file in PAPER_HOME: `paper up` writes it, `paper down` removes it."""

    def __init__(self, settings: Settings, servers: Sequence[Server] | None = None) -> None:
        kept = (*local_stack.servers_of(settings), HttpService()) if servers is None else servers
        self._kept = [KeptServer(settings, server) for server in kept]

    def tend(self) -> None:
        """Starts again what is due. Waits up to local_stack.PORT_RELEASE_S for each port. Does not raise."""
        for server in self._kept:
            try:
                server.tend()
            except Exception as error:
                # Whatever hinders it, such as a taken port, may pass, and the other servers need the keeper.
                server.postpone(error)

    @property
    def health(self) -> list[ProcessHealth]:
        """The entries of the supervisor's state file."""
        return [server.health for server in self._kept if server.is_ours]


class KeptServer:
    """One server, running or waiting for its restart."""

    def __init__(self, settings: Settings, server: Server) -> None:
        self._settings = settings
        self._server = server
        self._backoff = RestartBackoff(STEADY_S)
        self._identity: processes.ProcessIdentity | None = None
        self._began = -STEADY_S
        self._due: float | None = None
        self._restarts = 0
        self._last_end = ""
        self._probe_due = 0.0
        self._answered: float | None = None
        """Time of the last answer of the process that runs now; None before its first answer."""

    @property
    def is_ours(self) -> bool:
        """True if `paper up` has started the server and `paper down` has not stopped it."""
        return self._identity is not None

    def tend(self) -> None:
        """Starts the server again if it has died and its pause is over. Kills it if it hangs."""
        now = time.monotonic()
        identity = processes.read_pid_file(local_stack.pid_file(self._settings, self._server))
        if identity != self._identity:
            # `paper up` has started it, or `paper down` has stopped it.
            self._identity, self._due, self._answered = identity, None, None
        if identity is None:
            return
        if processes.find(identity) is not None:
            self._probe(identity)
            return
        if self._due is None:
            self._note_end(identity, now)
        elif now >= self._due:
            self._start_again()

    def _probe(self, identity: processes.ProcessIdentity) -> None:
        if time.monotonic() < self._probe_due:
            return
        answers = self._server.is_ready(self._settings)
        now = time.monotonic()
        self._probe_due = now + PROBE_PAUSE_S
        if answers:
            self._answered = now
        elif self._answered is not None and now - self._answered > HUNG_S:
            log.error("%s has not answered for %.0f s; it is killed and starts again", self._name, now - self._answered)
            self._answered = None
            # Only SIGKILL also ends a process that is stopped.
            os.kill(identity.pid, signal.SIGKILL)

    def _note_end(self, identity: processes.ProcessIdentity, now: float) -> None:
        self._last_end = _reap(identity)
        pause_s = self._backoff.pause_s(now - self._began)
        self._due = now + pause_s
        file = local_stack.log_file(self._settings, self._server)
        log.warning("%s ended with %s; it starts again in %.1f s; see %s", self._name, self._last_end, pause_s, file)

    def _start_again(self) -> None:
        if not local_stack.start_again(self._settings, self._server, log.info):
            return
        self._identity = processes.read_pid_file(local_stack.pid_file(self._settings, self._server))
        self._due, self._answered = None, None
        self._began = time.monotonic()
        self._restarts += self._identity is not None

    def postpone(self, error: Exception) -> None:
        """Notes that a start has failed, and when the next attempt is due."""
        pause_s = self._backoff.pause_s(0.0)
        self._due = time.monotonic() + pause_s
        self._last_end = f"{type(error).__name__}: {error}"
        log.error("%s can't be started; the next attempt is in %.1f s: %s", self._name, pause_s, error)

    @property
    def health(self) -> ProcessHealth:
        """The entry of the supervisor's state file."""
        runs = self._identity is not None and self._due is None
        return ProcessHealth(
            self._name,
            self._identity.pid if self._identity is not None and runs else None,
            self._restarts,
            self._last_end,
            self._backoff.complaint(time.monotonic() - self._began if runs else 0.0),
        )

    @property
    def _name(self) -> str:
        return self._server.name


def _reap(identity: processes.ProcessIdentity) -> str:
    """Returns how a process ended, as far as the system tells: only to its parent."""
    try:
        pid, status = os.waitpid(identity.pid, os.WNOHANG)
    except ChildProcessError:
        return "an unknown exit code"
    return ending(os.waitstatus_to_exitcode(status)) if pid else "an unknown exit code"
