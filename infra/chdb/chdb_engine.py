"""The chDB engine of one data folder: a connection per request or session, statements, inserts, streams.

Connections of one process to one folder are independent sessions of the same engine: each has its own settings,
database and temporary tables, and they run side by side (measured: opening, settings and closing cost 1.5 ms). A
connection itself serves one statement at a time. Everything here blocks: call it from a thread.
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

# The binding itself: the package's wrapper drops what follows the rows (totals) and tells no kind of statement.
_chdb: Any = chdb._chdb

SESSIONS_MAX = 1000
# Chunks of these in a row are the whole result. The engine frames each chunk of any other format for itself.
STREAMABLE_FORMATS = frozenset({"Native", "RowBinary", "TabSeparated", "TSV", "CSV", "JSONEachRow"})


@dataclass(frozen=True)
class ChdbQuery:
    """One request to the engine.

    Attributes:
        text: the statement; of an insert without what follows the table and its columns.
        output_format: for results of statements without FORMAT clause of their own.
        parameters: values of `{name:Type}`, escaped as in TabSeparated.
        session_id: state that outlives the request; empty for none.
        session_timeout_s: idle seconds after which the session is forgotten.
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
    """A whole result, and the counts for the summary header."""

    body: bytes
    summary: str


class _Session:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self.expires = 0.0
        self.url_settings: set[str] = set()


class ChdbEngine:
    """One process owns a folder; a second one is told so.

    Args:
        folder: created if missing.
        memory_bytes_max: bound of the whole engine; a query that would exceed it fails.
        query_memory_bytes_max: bound of each query.

    Raises:
        ServerError: another process holds the folder.
    """

    def __init__(self, folder: Path, memory_bytes_max: int, query_memory_bytes_max: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock_file = _lock(folder)
        self._address = f"{folder}?max_server_memory_usage={memory_bytes_max}"
        self._first_settings = {"max_memory_usage": str(query_memory_bytes_max)}
        self._sessions: dict[str, _Session] = {}
        self._sessions_lock = threading.Lock()
        try:
            # Stays open: the engine lives as long as a connection does.
            self._anchor = _chdb.connect(self._address)
        except RuntimeError as error:
            raise ServerError(
                f"{folder}: chDB does not open it ({error}). If another program uses the folder, stop that; "
                "if it is damaged, move it away, and the sink fills a new one from Kafka"
            ) from error
        self.version, self.time_zone = (
            self._anchor.query("SELECT version(), timezone()", "TSV").bytes().decode().split()
        )

    def close(self) -> None:
        """Ends all sessions and the engine. Statements must have ended before."""
        for session in self._sessions.values():
            session.connection.close()
        self._sessions.clear()
        self._anchor.close()
        self._lock_file.close()

    def is_read_only(self, text: bytes) -> bool:
        """Whether a statement changes nothing.

        Raises:
            QueryError: there are several statements.
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
        """Runs a query and yields its result in chunks of a few megabytes at most. Closing it cancels the query.

        Raises:
            QueryError: the engine refused it, or it failed on the way.
        """
        with self._connection(query) as connection, _engine_errors():
            stream = connection.send_query(query.text, query.output_format, params=dict(query.parameters))
            finished = False
            try:
                while not finished:
                    chunk = connection.streaming_fetch_result(stream)
                    finished = chunk is None or chunk.rows_read() == 0
                    # What follows the rows (totals) comes with the empty chunk at the end.
                    if chunk is not None and (data := chunk.bytes()):
                        yield data
            finally:
                if not finished:
                    with suppress(RuntimeError):  # It has failed, and that error is on its way already.
                        connection.streaming_cancel_query(stream)

    def insert(self, query: ChdbQuery, settings_clause: bytes, input_format: str, data: memoryview) -> ChdbResult:
        """Inserts data in one of the input formats. An error leaves no row of the block behind.

        The data comes as a file: the binding's own way to insert in pieces does not tell when a part could not be
        written (measured with chDB 26.9 on a full disk: done, as many rows written as given, none there).

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
    # readonly is last: no other setting changes after it.
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
    """Data under a path, in memory where the system can."""
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
    """An advisory lock that dies with its process, however it dies."""
    file = (folder / "server.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise ServerError(
            f"{folder}: process {holder} serves this data folder already, and only one can; "
            "use that server, stop it, or take another folder"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
