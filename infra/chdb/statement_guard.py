"""The guard: judges a statement by the engine's own parse before it runs.

Grants already shut most sources (engine_config.py). They leave out the scalar function file(), INTO OUTFILE, INFILE,
some table functions and engines, and settings. The guard allows lists of statements, table functions, engines and
settings, and refuses all others. It reads two texts that the engine makes: the statement in canonical form, without
comments and escapes, and its syntax tree, in which parameters are replaced.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from infra.chdb import protocol
from infra.chdb.callers import Caller
from infra.chdb.engine_config import DATABASE_ENGINES, TABLE_ENGINES
from infra.chdb.protocol import QueryError
from infra.chdb.setting_rules import FUNCTIONS, refuse_settings
from infra.clickhouse.statement import Token, tokens

READING = (b"SELECT", b"WITH", b"(", b"EXPLAIN", b"SHOW", b"DESCRIBE", b"EXISTS")
WRITING = (
    b"INSERT",
    b"CREATE",
    b"ALTER",
    b"DROP",
    b"TRUNCATE",
    b"RENAME",
    b"EXCHANGE",
    b"OPTIMIZE",
    b"DELETE",
    b"UPDATE",
)
SESSION = (b"SET", b"USE")
TABLE_FUNCTIONS = frozenset(
    (
        *(
            "numbers",
            "numbers_mt",
            "zeros",
            "zeros_mt",
            "generateseries",
            "generate_series",
            "generaterandom",
            "primes",
        ),
        *("values", "sqlstandardvalues", "view", "format", "merge", "null", "input"),
    )
)
"""Table functions, in lower case, that read nothing but their arguments and the tables of the server."""
ENGINES = frozenset((*TABLE_ENGINES, *DATABASE_ENGINES))
PAIRS = {
    (b"INTO", b"OUTFILE"): "INTO OUTFILE writes a file",
    (b"FROM", b"INFILE"): "FROM INFILE reads a file",
    (b"INTO", b"FUNCTION"): "INSERT INTO FUNCTION writes outside the tables",
    (b"SET", b"ROLE"): "SET ROLE changes rights",
}
REMEMBERED, REMEMBERED_BYTES = 512, 1 << 14
LARGE_BYTES = 1 << 40
_NODE = re.compile(rb"^ *(Function|Identifier) (.*?)(?: \(alias .*\))?(?: \(children \d+\))?$", re.MULTILINE)
_OWN_QUERY = re.compile(r": In scope SELECT formatQuerySingleLine\(.*", re.DOTALL)


class _Node(NamedTuple):
    """A node of a syntax tree that carries a name."""

    kind: str
    name: str


class StatementGuard:
    """Judges statements on a connection of its own. Threads may share it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        connection.query(f"SET max_query_size = {LARGE_BYTES}")
        names = connection.query("SELECT lower(name) FROM system.table_functions", "TSV").bytes().decode().split()
        self._shut = frozenset(names) - TABLE_FUNCTIONS
        # The sink sends few statements, each of them many times.
        self._passed: set[tuple[str, bytes, tuple[tuple[str, str], ...]]] = set()

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def judge(self, caller: Caller, text: bytes, parameters: Mapping[str, str]) -> None:
        """Returns if the caller may run the statement.

        Raises:
            QueryError: says which part is refused.
        """
        # Other parameters than identifiers are values, which change nothing here.
        names = tuple(sorted(parameters.items())) if b"identifier" in text.lower() else ()
        case = (caller.name, text, names)
        if case in self._passed:
            return
        self._judge(caller, text, dict(parameters))
        if len(self._passed) >= REMEMBERED:
            self._passed.clear()
        if len(text) <= REMEMBERED_BYTES:
            self._passed.add(case)

    def _judge(self, caller: Caller, text: bytes, parameters: dict[str, str]) -> None:
        canonical = self._canonical(text)
        words = list(tokens(canonical))
        _refuse_kind(caller, words)
        for pair in pairwise(words):
            why = PAIRS.get((pair[0].text.upper(), pair[1].text.upper()))
            if why and pair[0].kind == pair[1].kind == "word":
                raise _refused(why)
        for before, word in zip([None, *words], words, strict=False):
            if before is None or before.text != b".":
                _refuse_function(_unquoted(word))
        _refuse_engine(words)
        refuse_settings(canonical)
        self._refuse_nodes(self._tree(text, parameters))

    def _canonical(self, text: bytes) -> bytes:
        escaped = text.replace(b"\\", b"\\\\").replace(b"'", b"\\'")
        try:
            return self._ask(b"SELECT formatQuerySingleLine('%s')" % escaped, "TSVRaw", {})
        except RuntimeError as error:
            raise QueryError.from_engine(RuntimeError(_OWN_QUERY.sub(" (SYNTAX_ERROR)", str(error)))) from error

    def _tree(self, text: bytes, parameters: dict[str, str]) -> Iterator[_Node]:
        try:
            rows = self._ask(b"EXPLAIN AST " + text, "TSV", parameters)
        except RuntimeError as error:
            raise QueryError.from_engine(error) from error
        for match in _NODE.finditer(rows):
            yield _Node(match[1].decode(), match[2].decode(errors="replace"))

    def _ask(self, query: bytes, form: str, parameters: dict[str, str]) -> bytes:
        with self._lock:
            return bytes(self._connection.query(query, form, params=parameters).bytes())

    def _refuse_nodes(self, nodes: Iterator[_Node]) -> None:
        for node in nodes:
            _refuse_function(node.name)
            if node.kind == "Function" and node.name.lower() in self._shut:
                raise _refused(f"table function {node.name} may reach outside the tables")


def _refuse_kind(caller: Caller, words: list[Token]) -> None:
    allowed = READING if caller.reads_only else READING + WRITING + SESSION
    if not words or words[0].text.upper() not in allowed:
        kind = words[0].text.decode(errors="replace").upper() if words else "an empty statement"
        raise _refused(f"user {caller.name} may not run {kind}")


def _refuse_function(name: str) -> None:
    if name.lower() in FUNCTIONS:
        raise _refused(f"function {name} may reach outside the tables (for a column of this name, write table.{name})")


def _refuse_engine(words: list[Token]) -> None:
    if not words[0].is_word(b"CREATE"):
        return
    for key, sign, name in zip(words, words[1:], words[2:], strict=False):
        if key.is_word(b"ENGINE") and sign.text == b"=" and name.kind == "word" and name.text.decode() not in ENGINES:
            raise _refused(f"engine {name.text.decode()} may reach outside the tables")


def _refused(why: str) -> QueryError:
    return QueryError.of(protocol.ACCESS_DENIED, f"Not enough privileges: {why}; see SECURITY.md")


def _unquoted(word: Token) -> str:
    """Returns a name of the canonical form; empty for strings and signs."""
    if word.kind == "sign" or word.text.startswith(b"'"):
        return ""
    return word.text.decode(errors="replace").strip('`"')
