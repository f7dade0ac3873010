"""Constants of ClickHouse's HTTP interface: error codes, HTTP statuses, content types, URL parameters.

Source: the ClickHouse documentation, "HTTP Interface", and its error codes.
"""

from __future__ import annotations

import re

# URL parameters that are not settings; all others are.
NO_SETTINGS = frozenset(
    (
        *("query", "database", "default_format", "query_id", "user", "password", "quota_key", "role", "stacktrace"),
        *("session_id", "session_timeout", "session_check", "close_session"),
        *("compress", "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version"),
    )
)
PARAMETER_PREFIX = "param_"

BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
INCORRECT_DATA = 117
SYNTAX_ERROR = 62
READONLY = 164
ACCESS_DENIED = 497
NOT_ENOUGH_SPACE = 243
QUERY_IS_TOO_LARGE = 307
UNKNOWN_SETTING = 115
TIMEOUT_EXCEEDED = 159
TOO_MANY_SIMULTANEOUS_QUERIES = 202
MEMORY_LIMIT_EXCEEDED = 241
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
TOO_MANY_ROWS_OR_BYTES = 396
SETTING_CONSTRAINT_VIOLATION = 452
AUTHENTICATION_FAILED = 516
UNKNOWN_EXCEPTION = 1002

NAMES = {
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    INCORRECT_DATA: "INCORRECT_DATA",
    SYNTAX_ERROR: "SYNTAX_ERROR",
    READONLY: "READONLY",
    ACCESS_DENIED: "ACCESS_DENIED",
    NOT_ENOUGH_SPACE: "NOT_ENOUGH_SPACE",
    QUERY_IS_TOO_LARGE: "QUERY_IS_TOO_LARGE",
    UNKNOWN_SETTING: "UNKNOWN_SETTING",
    TIMEOUT_EXCEEDED: "TIMEOUT_EXCEEDED",
    TOO_MANY_SIMULTANEOUS_QUERIES: "TOO_MANY_SIMULTANEOUS_QUERIES",
    MEMORY_LIMIT_EXCEEDED: "MEMORY_LIMIT_EXCEEDED",
    SESSION_NOT_FOUND: "SESSION_NOT_FOUND",
    SESSION_IS_LOCKED: "SESSION_IS_LOCKED",
    TOO_MANY_ROWS_OR_BYTES: "TOO_MANY_ROWS_OR_BYTES",
    SETTING_CONSTRAINT_VIOLATION: "SETTING_CONSTRAINT_VIOLATION",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    UNKNOWN_EXCEPTION: "UNKNOWN_EXCEPTION",
}

# 6, 26, 27, 38, 41, 72: text that can't be parsed. 43, 53, 70, 456, 457: types and parameters.
_BAD_REQUEST = frozenset({6, 26, 27, 36, 38, 41, 43, 53, 62, 69, 70, 72, 117, 125, 170, 386, 427, 456, 457})
# Unknown identifier, function, type, storage, table, aggregate function, format, query type, database, setting, ...
_NOT_FOUND = frozenset({46, 47, 50, 56, 60, 63, 73, 78, 81, 110, 115, 336, 372, 511})
_FORBIDDEN = frozenset({READONLY, ACCESS_DENIED, SETTING_CONSTRAINT_VIOLATION, AUTHENTICATION_FAILED})
_BUSY = frozenset({TOO_MANY_SIMULTANEOUS_QUERIES, 209, MEMORY_LIMIT_EXCEEDED})
_STATUS = {TIMEOUT_EXCEEDED: 408, QUERY_IS_TOO_LARGE: 413, NOT_IMPLEMENTED: 501}

# The engine's errors read "Code: 60. DB::Exception: ...", those of its libraries "std::exception. Code: 1001, ...".
_CODE = re.compile(r"(?:std::exception\. )?Code: (\d+)[.,]")


class QueryError(Exception):
    """An error that a client gets instead of a result.

    Attributes:
        code: ClickHouse's error code.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    @classmethod
    def of(cls, code: int, text: str) -> QueryError:
        """Returns an error of this server, with a text in the engine's form."""
        return cls(code, f"Code: {code}. DB::Exception: {text} ({NAMES[code]})")

    @classmethod
    def from_engine(cls, error: Exception) -> QueryError:
        """Returns an error of the engine, whose text holds the code."""
        text = str(error).strip()
        match = _CODE.search(text)
        if match is None:
            return cls.of(UNKNOWN_EXCEPTION, text)
        return cls(int(match.group(1)), text[match.start() :])

    @property
    def http_status(self) -> int:
        """HTTP status of the response."""
        if self.code in _BAD_REQUEST:
            return 400
        if self.code in _NOT_FOUND:
            return 404
        if self.code in _FORBIDDEN:
            return 403
        return 503 if self.code in _BUSY else _STATUS.get(self.code, 500)


def content_type(result_format: str) -> str:
    """Returns the Content-Type of a result format."""
    if result_format.startswith("JSON"):
        return "application/json; charset=UTF-8"
    if result_format.startswith(("TabSeparated", "TSV")):
        return "text/tab-separated-values; charset=UTF-8"
    if result_format.startswith("CSV"):
        return "text/csv; charset=UTF-8"
    if result_format.startswith(("Pretty", "Vertical", "Values", "Markdown")):
        return "text/plain; charset=UTF-8"
    return "application/octet-stream"


def literal(value: str) -> str:
    """Returns text as a string literal of ClickHouse SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """Returns a name as a quoted identifier of ClickHouse SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
