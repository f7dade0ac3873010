"""The settings that a caller may change: those that carry no path, address, expression or parser mode."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set

from infra.chdb import protocol
from infra.chdb.callers import Caller
from infra.chdb.protocol import QueryError
from infra.clickhouse.statement import Token, tokens

PREFIXES = (
    "output_format_",
    "input_format_",
    "date_time_",
    "optimize_",
    "join_",
    "cast_",
    "fsync_",
    "http_",
    "max_insert_",
    "min_insert_",
)
NAMES = frozenset(
    (
        *("async_insert", "wait_for_async_insert", "insert_deduplicate", "insert_deduplication_token"),
        *("deduplicate_blocks_in_dependent_materialized_views", "materialize_statistics_on_insert"),
        *("deduplicate_merge_projection_mode", "lightweight_mutation_projection_mode"),
        *("non_replicated_deduplication_window", "mutations_sync", "alter_sync", "lightweight_deletes_sync"),
        "min_free_disk_bytes_to_perform_insert",
        *("max_threads", "max_insert_threads", "max_block_size", "index_granularity", "final", "extremes", "limit"),
        *("any_join_distinct_right_table_keys", "aggregate_functions_null_for_empty", "union_default_mode"),
        *(
            "session_timezone",
            "enable_analyzer",
            "force_primary_key",
            "force_optimize_projection",
            "allow_suspicious_low_cardinality_types",
        ),
        *("log_comment", "send_progress_in_http_headers", "cancel_http_readonly_queries_on_client_close"),
        *("wait_end_of_query", "enable_json_type", "allow_experimental_json_type", "allow_experimental_variant_type"),
        *("allow_experimental_dynamic_type", "enable_http_compression", "flatten_nested", "transform_null_in"),
        *(
            "use_skip_indexes",
            "use_query_cache",
            "count_distinct_implementation",
            "function_sleep_max_microseconds_per_block",
        ),
    )
)
LIMITS = frozenset(("max_execution_time", "max_memory_usage", "max_result_rows", "max_threads"))
"""Settings of the URL that a request may lower."""
FILTERS = "additional_table_filters"
"""The pipeline reads at a cut by this setting, whose value holds conditions in SQL."""
_HARMLESS_FILTERS = re.compile(r"""(?:[^\\`"]|\\[\\'])*""")
FUNCTIONS = frozenset(
    (
        *("file", "catboostevaluate", "aiclassify", "aiembed", "aiextract", "aifilter", "aigenerate", "airedact"),
        *("aisimilarity", "aitranslate"),
    )
)
"""Scalar functions, in lower case, that read files or call other servers; grants don't cover them."""


def checked_settings(caller: Caller, asked: Mapping[str, str], known: Set[str]) -> dict[str, str]:
    """Returns the settings of a request's URL together with the limits of its caller.

    known: the settings that the engine has.

    Raises:
        QueryError: a setting is unknown or must not be changed.
    """
    limits = {
        "max_execution_time": caller.seconds_max,
        "max_memory_usage": caller.memory_bytes_max,
        "max_result_rows": caller.rows_max,
        "max_threads": caller.threads_max,
    }
    found = {}
    for name, value in asked.items():
        if name in LIMITS:
            limits[name] = _lower(name, limits[name], value)
        elif name == FILTERS and not caller.reads_only and _is_harmless(value):
            found[name] = value
        elif name != "readonly":
            if name not in known:
                raise QueryError.of(protocol.UNKNOWN_SETTING, f"Unknown setting '{name}' in the URL; leave it out")
            _refuse_unless_allowed(name)
            found[name] = value
    found |= {name: str(value) for name, value in limits.items() if value}
    # The values of an INSERT are no place for functions: the guard does not see them.
    found["input_format_values_interpret_expressions"] = "0"
    found["input_format_values_deduce_templates_of_expressions"] = "0"
    # 2: only reading, and settings may change. The engine itself then refuses all else.
    readonly = max(2 * caller.reads_only, _number("readonly", asked.get("readonly", "0")))
    return found | ({"readonly": str(readonly)} if readonly else {})


def refuse_settings(canonical: bytes) -> None:
    """Refuses a statement that changes a setting which must not be changed. canonical: as the engine formats it.

    Raises:
        QueryError: names the setting.
    """
    for name in _changed(list(tokens(canonical))):
        _refuse_unless_allowed(name)


def _changed(words: list[Token]) -> Iterator[str]:
    """Yields the names in SET, in SETTINGS clauses and in MODIFY SETTING."""
    for place, token in enumerate(words):
        if token.is_word(b"SETTINGS", b"SETTING") or (place == 0 and token.is_word(b"SET")):
            yield from _assigned(words, place + 1)


def _assigned(words: list[Token], place: int) -> Iterator[str]:
    """Yields the names of a list of assignments, whose values may be calls."""
    depth = 0
    expected = True
    for token, following in zip(words[place:], [*words[place + 1 :], None], strict=False):
        if expected and (following is None or following.text != b"="):
            return
        if expected:
            yield token.text.decode().strip('`"')
        depth += token.text in (b"(", b"[", b"{")
        depth -= token.text in (b")", b"]", b"}")
        expected = depth == 0 and token.text == b","


def _refuse_unless_allowed(name: str) -> None:
    values = name.startswith("input_format_values_")
    if values or not (name in NAMES or name.startswith(PREFIXES)):
        raise QueryError.of(
            protocol.SETTING_CONSTRAINT_VIOLATION,
            f"Setting {name} should not be changed: the server allows settings without paths, addresses, code and "
            "limits; leave it out",
        )


def _is_harmless(filters: str) -> bool:
    """Returns whether conditions name no forbidden function, not even by an escaped or quoted name."""
    words = {word.lower() for word in re.findall(r"\w+", filters)}
    return _HARMLESS_FILTERS.fullmatch(filters) is not None and not words & FUNCTIONS


def _lower(name: str, limit: int, asked: str) -> int:
    wanted = _number(name, asked)
    return min(wanted, limit) if wanted and limit else wanted or limit


def _number(name: str, text: str) -> int:
    try:
        return max(0, int(float(text)))
    except (ValueError, OverflowError) as error:
        raise QueryError.of(protocol.BAD_ARGUMENTS, f"{name} = {text} is no number") from error
