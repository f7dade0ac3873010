"""The chDB engine of a data folder: statements, streams and inserts, each on a connection of its request or session.

Connections of one process to one folder are independent sessions of the same engine. Each has its own settings,
database and temporary tables, and they run in parallel (measured: opening, settings and closing take 1.5 ms). A
connection runs one statement at a time. All functions block: call them from a thread.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import chdb

from infra.chdb import protocol
from infra.chdb.callers import Caller
from infra.chdb.engine_config import written_config
from infra.chdb.protocol import QueryError, identifier, literal
from infra.chdb.setting_rules import checked_settings
from infra.chdb.statement_guard import StatementGuard
from infra.errors import ServerError

# The binding itself: the package's wrapper drops totals and does not classify statements.
_chdb: Any = chdb._chdb

SESSIONS_MAX = 100
"""Sessions of one caller."""
TAG = "query_cache_tag"
"""A setting without effect, as no query is cached. It holds the query's id, by which cancel() finds the query."""
# Formats whose chunks can be concatenated. In other formats, the engine writes each chunk as a document of its own.
STREAMABLE_FORMATS = frozenset({"Native", "RowBinary", "TabSeparated", "TSV", "CSV", "JSONEachRow"})


@dataclass(frozen=True)
class ChdbQuery:
    """A request to the engine.

    Attributes:
        caller: who asks, within which limits.
        text: the statement; for an insert, only up to its table and columns.
        query_id: for cancel(); no two running queries have the same.
        output_format: format of the result if the statement has no FORMAT clause.
        parameters: values of `{name:Type}`, escaped as in TabSeparated.
        session_id: the session that keeps state between requests; empty for none.
        session_timeout_s: idle seconds after which the session is deleted.
    """

    caller: Caller
    text: bytes
    query_id: str
    output_format: str = "TabSeparated"
    database: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    session_id: str = ""
    session_timeout_s: float = 60.0
    session_must_exist: bool = False


class ChdbResult(NamedTuple):
    """A whole result, and the text of its summary header."""

    body: bytes
    summary: str


class _Session:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self.expires = 0.0
        self.url_settings: set[str] = set()


class ChdbEngine:
    """The engine of a folder, which only one process may open.

    Args:
        folder: created if missing.
        memory_bytes_max: memory limit of the engine; a query that would exceed it fails.

    Raises:
        ServerError: another process holds the folder, or the engine can't open it.
    """

    def __init__(self, folder: Path, memory_bytes_max: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock_file = _lock(folder)
        self._sessions: dict[tuple[str, str], _Session] = {}
        self._sessions_lock = threading.Lock()
        try:
            with written_config() as config:
                self._address = f"{folder}?config-file={config}&max_server_memory_usage={memory_bytes_max}"
                # This connection stays open, because the engine ends with its last connection.
                self._anchor = _chdb.connect(self._address)
        except RuntimeError as error:
            raise ServerError(
                f"{folder}: chDB can't open it ({error}). If another program uses the folder, stop that program; "
                "if the folder is damaged, move it away: the sink fills a new one from Kafka"
            ) from error
        self.version, self.time_zone = self._ask("SELECT version(), timezone()").split()
        self._known_settings = frozenset(self._ask("SELECT name FROM system.settings").split())
        self._shut_default_database()
        self._guard = StatementGuard(_chdb.connect(self._address))
        self._killer = _chdb.connect(self._address)
        self._killer_lock = threading.Lock()

    def _ask(self, query: str) -> str:
        return str(self._anchor.query(query, "TSV").bytes().decode())

    def _shut_default_database(self) -> None:
        """Replaces the engine's default database, whose table names are paths of files, by one of tables only."""
        atomic = self._ask("SELECT count() FROM system.databases WHERE name = 'default' AND engine = 'Atomic'")
        if not int(atomic) and not int(self._ask("SELECT count() FROM system.tables WHERE database = 'default'")):
            self._anchor.query("DROP DATABASE IF EXISTS default")
            self._anchor.query("CREATE DATABASE default ENGINE = Atomic")

    def close(self) -> None:
        """Ends all sessions and the engine. No statement may be running."""
        self._guard.close()
        self._killer.close()
        for session in self._sessions.values():
            session.connection.close()
        self._sessions.clear()
        self._anchor.close()
        self._lock_file.close()

    def is_read_only(self, text: bytes) -> bool:
        """Returns whether a statement changes nothing.

        Raises:
            QueryError: the text has several statements.
        """
        found = self._anchor.classify_query(text)
        if found["statement_count"] > 1:
            raise QueryError.of(protocol.SYNTAX_ERROR, "Multi-statements are not allowed; send one statement a request")
        return bool(found["query_class"] == _chdb.query_class.READ_ONLY)

    def check(self) -> None:
        """Runs a query, so that a caller who waits for it learns whether the engine still works.

        Raises:
            QueryError: the engine refused it.
        """
        with _engine_errors():
            connection = _chdb.connect(self._address)
            try:
                connection.query("SELECT 1", "TSV")
            finally:
                connection.close()

    def cancel(self, query_id: str) -> None:
        """Makes a running query fail. Does nothing if it has not begun or has ended."""
        with self._killer_lock, _engine_errors():
            self._killer.query(f"KILL QUERY WHERE Settings['{TAG}'] = {literal(query_id)} ASYNC")

    def run(self, query: ChdbQuery) -> ChdbResult:
        """Runs a statement and returns its whole result.

        Raises:
            QueryError: the guard or the engine refused it.
        """
        self._guard.judge(query.caller, query.text, query.parameters)
        with self._connection(query) as connection, _engine_errors():
            result = connection.query(query.text, query.output_format, params=dict(query.parameters))
            return ChdbResult(result.bytes(), _summary(result))

    def stream(self, query: ChdbQuery) -> Generator[bytes]:
        """Runs a query and yields its result in chunks of a few megabytes at most.

        Closing the generator cancels the query.

        Raises:
            QueryError: the guard or the engine refused the query, or it failed later.
        """
        self._guard.judge(query.caller, query.text, query.parameters)
        with self._connection(query) as connection, _engine_errors():
            stream = connection.send_query(query.text, query.output_format, params=dict(query.parameters))
            finished, rows = False, 0
            try:
                while not finished:
                    chunk = connection.streaming_fetch_result(stream)
                    finished = chunk is None or chunk.rows_read() == 0
                    # The engine's own limit does not hold for streams.
                    rows += 0 if chunk is None else chunk.rows_read()
                    _refuse_rows(query.caller, rows)
                    # The last chunk has no rows, but it may have totals.
                    if chunk is not None and (data := chunk.bytes()):
                        yield data
            finally:
                if not finished:
                    with suppress(RuntimeError):  # If the query has failed, its own error is being raised.
                        connection.streaming_cancel_query(stream)

    def insert(self, query: ChdbQuery, settings_clause: bytes, input_format: str, data: memoryview) -> ChdbResult:
        """Inserts data in an input format, all of it or nothing.

        The engine reads the data from a file. The binding can also insert in pieces, but does not report a failed
        write (measured with chDB 26.9 on a full disk: it reported all rows as written, and stored none).

        Raises:
            QueryError: the guard or the engine refused the statement or the data.
        """
        whole = b"".join((query.text, b" ", settings_clause, f" FORMAT {input_format}".encode()))
        self._guard.judge(query.caller, whole, query.parameters)
        with _as_file(data) as path, self._connection(query) as connection, _engine_errors():
            source = f" FROM INFILE {literal(path)} ".encode()
            text = b"".join((query.text, source, settings_clause, f" FORMAT {input_format}".encode()))
            return ChdbResult(b"", _summary(connection.query(text, "TabSeparated", params=dict(query.parameters))))

    @contextmanager
    def _connection(self, query: ChdbQuery) -> Iterator[Any]:
        settings = checked_settings(query.caller, query.settings, self._known_settings) | {TAG: query.query_id}
        if query.session_id:
            with self._session(query) as session:
                with _engine_errors():
                    _apply(session.connection, query.database, settings, session.url_settings - settings.keys())
                session.url_settings = set(settings)
                yield session.connection
            return
        connection = _chdb.connect(self._address)
        try:
            with _engine_errors():
                _apply(connection, query.database, settings)
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _session(self, query: ChdbQuery) -> Iterator[_Session]:
        now = time.monotonic()
        with self._sessions_lock:
            self._forget_idle_sessions(now)
            session = self._sessions.get((query.caller.name, query.session_id)) or self._new_session(query)
            if not session.lock.acquire(blocking=False):
                raise QueryError.of(
                    protocol.SESSION_IS_LOCKED, f"Session {query.session_id} is locked by a concurrent client"
                )
        try:
            yield session
        finally:
            session.expires = time.monotonic() + query.session_timeout_s
            session.lock.release()

    def _new_session(self, query: ChdbQuery) -> _Session:
        if query.session_must_exist:
            raise QueryError.of(protocol.SESSION_NOT_FOUND, f"Session {query.session_id} not found")
        if sum(name == query.caller.name for name, _ in self._sessions) >= SESSIONS_MAX:
            raise QueryError.of(
                protocol.BAD_ARGUMENTS, f"{SESSIONS_MAX} sessions are open; close some, or send no session_id"
            )
        session = _Session(_chdb.connect(self._address))
        self._sessions[query.caller.name, query.session_id] = session
        return session

    def _forget_idle_sessions(self, now: float) -> None:
        for name, session in list(self._sessions.items()):
            if session.expires and session.expires < now and session.lock.acquire(blocking=False):
                del self._sessions[name]
                session.connection.close()


def _apply(connection: Any, database: str, settings: Mapping[str, str], reset: Set[str] = frozenset()) -> None:
    if database:
        connection.query(f"USE {identifier(database)}")
    changes = [f"{identifier(name)} = DEFAULT" for name in sorted(reset)]
    # readonly comes last, because it forbids further changes.
    ordered = sorted(settings.items(), key=lambda item: item[0] == "readonly")
    changes += [f"{identifier(name)} = {literal(value)}" for name, value in ordered]
    connection.query(f"SET {', '.join(changes)}")


def _refuse_rows(caller: Caller, rows: int) -> None:
    if caller.rows_max and rows > caller.rows_max:
        raise QueryError.of(
            protocol.TOO_MANY_ROWS_OR_BYTES,
            f"Limit for result exceeded, max rows: {caller.rows_max}; read less, or in parts with LIMIT and OFFSET",
        )


@contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise QueryError.from_engine(error) from error


@contextmanager
def _as_file(data: memoryview) -> Iterator[str]:
    """Provides data as a file, in memory if the system can."""
    with _open_unnamed() as (file, path):
        try:
            while data:
                data = data[file.write(data) :]
        except OSError as error:
            text = f"No room for the data of an insert: {error}"
            raise QueryError.of(protocol.NOT_ENOUGH_SPACE, text) from error
        yield path


@contextmanager
def _open_unnamed() -> Iterator[tuple[IO[bytes], str]]:
    if sys.platform == "linux":
        with open(os.memfd_create("insert"), "wb", buffering=0) as file:
            yield file, f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(buffering=0) as file:
            yield file, file.name


def _summary(result: Any) -> str:
    counts = {
        "read_rows": result.storage_rows_read(),
        "read_bytes": result.storage_bytes_read(),
        "written_rows": result.rows_written(),
        "written_bytes": result.bytes_written(),
        "result_rows": result.rows_read(),
        "result_bytes": result.size(),
        "elapsed_ns": int(result.elapsed() * 1e9),
    }
    return json.dumps({name: str(count) for name, count in counts.items()}, separators=(",", ":"))


def _lock(folder: Path) -> Any:
    """Takes an advisory lock on a folder, which the system releases when the process ends."""
    file = (folder / "server.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise ServerError(
            f"{folder}: process {holder} already serves this data folder, and only one process can; "
            "use that server, stop it, or choose another folder"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
