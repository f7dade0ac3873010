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
from infra.chdb.protocol import QueryError, identifier, literal
from infra.errors import ServerError

# The binding itself: the package's wrapper drops totals and does not classify statements.
_chdb: Any = chdb._chdb

SESSIONS_MAX = 1000
# Formats whose chunks can be concatenated. In other formats, the engine writes each chunk as a document of its own.
STREAMABLE_FORMATS = frozenset({"Native", "RowBinary", "TabSeparated", "TSV", "CSV", "JSONEachRow"})


@dataclass(frozen=True)
class ChdbQuery:
    """A request to the engine.

    Attributes:
        text: the statement; for an insert, only up to its table and columns.
        output_format: format of the result if the statement has no FORMAT clause.
        parameters: values of `{name:Type}`, escaped as in TabSeparated.
        session_id: the session that keeps state between requests; empty for none.
        session_timeout_s: idle seconds after which the session is deleted.
    """

    text: bytes
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
        query_memory_bytes_max: memory limit of each query.

    Raises:
        ServerError: another process holds the folder, or the engine can't open it.
    """

    def __init__(self, folder: Path, memory_bytes_max: int, query_memory_bytes_max: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock_file = _lock(folder)
        self._address = f"{folder}?max_server_memory_usage={memory_bytes_max}"
        self._first_settings = {"max_memory_usage": str(query_memory_bytes_max)}
        self._sessions: dict[str, _Session] = {}
        self._sessions_lock = threading.Lock()
        try:
            # This connection stays open, because the engine ends with its last connection.
            self._anchor = _chdb.connect(self._address)
        except RuntimeError as error:
            raise ServerError(
                f"{folder}: chDB can't open it ({error}). If another program uses the folder, stop that program; "
                "if the folder is damaged, move it away: the sink fills a new one from Kafka"
            ) from error
        self.version, self.time_zone = (
            self._anchor.query("SELECT version(), timezone()", "TSV").bytes().decode().split()
        )

    def close(self) -> None:
        """Ends all sessions and the engine. No statement may be running."""
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

    def run(self, query: ChdbQuery) -> ChdbResult:
        """Runs a statement and returns its whole result.

        Raises:
            QueryError: the engine refused it.
        """
        with self._connection(query) as connection, _engine_errors():
            result = connection.query(query.text, query.output_format, params=dict(query.parameters))
            return ChdbResult(result.bytes(), _summary(result))

    def stream(self, query: ChdbQuery) -> Generator[bytes]:
        """Runs a query and yields its result in chunks of a few megabytes at most.

        Closing the generator cancels the query.

        Raises:
            QueryError: the engine refused the query, or it failed later.
        """
        with self._connection(query) as connection, _engine_errors():
            stream = connection.send_query(query.text, query.output_format, params=dict(query.parameters))
            finished = False
            try:
                while not finished:
                    chunk = connection.streaming_fetch_result(stream)
                    finished = chunk is None or chunk.rows_read() == 0
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
            QueryError: the engine refused the statement or the data.
        """
        with _as_file(data) as path, self._connection(query) as connection, _engine_errors():
            source = f" FROM INFILE {literal(path)} ".encode()
            text = b"".join((query.text, source, settings_clause, f" FORMAT {input_format}".encode()))
            return ChdbResult(b"", _summary(connection.query(text, "TabSeparated", params=dict(query.parameters))))

    @contextmanager
    def _connection(self, query: ChdbQuery) -> Iterator[Any]:
        if query.session_id:
            with self._session(query) as session:
                with _engine_errors():
                    _apply(session.connection, query, {}, reset=session.url_settings - query.settings.keys())
                session.url_settings = set(query.settings)
                yield session.connection
            return
        connection = _chdb.connect(self._address)
        try:
            with _engine_errors():
                _apply(connection, query, self._first_settings)
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _session(self, query: ChdbQuery) -> Iterator[_Session]:
        now = time.monotonic()
        with self._sessions_lock:
            self._forget_idle_sessions(now)
            session = self._sessions.get(query.session_id) or self._new_session(query)
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
        if len(self._sessions) >= SESSIONS_MAX:
            raise QueryError.of(
                protocol.BAD_ARGUMENTS, f"{SESSIONS_MAX} sessions are open; close some, or send no session_id"
            )
        session = _Session(_chdb.connect(self._address))
        _apply(session.connection, ChdbQuery(b""), self._first_settings)
        self._sessions[query.session_id] = session
        return session

    def _forget_idle_sessions(self, now: float) -> None:
        for name, session in list(self._sessions.items()):
            if session.expires and session.expires < now and session.lock.acquire(blocking=False):
                del self._sessions[name]
                session.connection.close()


def _apply(connection: Any, query: ChdbQuery, first_settings: Mapping[str, str], reset: Set[str] = frozenset()) -> None:
    if query.database:
        connection.query(f"USE {identifier(query.database)}")
    changes = [f"{identifier(name)} = DEFAULT" for name in sorted(reset)]
    # readonly comes last, because it forbids further changes.
    settings = sorted((dict(first_settings) | dict(query.settings)).items(), key=lambda item: item[0] == "readonly")
    changes += [f"{identifier(name)} = {literal(value)}" for name, value in settings]
    if changes:
        connection.query(f"SET {', '.join(changes)}")


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
