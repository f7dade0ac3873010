"""The engine's own access rules: grants without any source outside, in the files that the engine reads at its start.

The engine has one user, the server's process. Its grants hold for every statement, whoever sends it: no table function,
table engine, database engine or dictionary may reach files, addresses or programs.
Source: the ClickHouse documentation, "Settings for users and roles" and "GRANT" (TABLE ENGINE, SOURCES).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FAMILY = ("", "Replacing", "Summing", "Aggregating", "Collapsing", "VersionedCollapsing", "Coalescing", "Graphite")
TABLE_ENGINES = (*(f"{kind}MergeTree" for kind in FAMILY), "Memory", "Null", "Log", "TinyLog", "StripeLog")
DATABASE_ENGINES = ("Atomic", "Memory")
RIGHTS = (
    "SHOW, SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE TEMPORARY TABLE, CREATE VIEW, CREATE FUNCTION, "
    "DROP, TRUNCATE, OPTIMIZE, KILL QUERY"
)
CONFIG = """<clickhouse>
  <users_config>{users}</users_config>
  <access_control_improvements><table_engines_require_grant>true</table_engines_require_grant></access_control_improvements>
</clickhouse>
"""
USERS = """<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <no_password/>
      <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT {rights} ON *.*</query>
        <query>GRANT {engines}</query>
      </grants>
    </default>
  </users>
</clickhouse>
"""


@contextmanager
def written_config() -> Iterator[Path]:
    """Provides the path of the engine's configuration, which the engine reads while it opens its first connection."""
    with tempfile.TemporaryDirectory(prefix="clickhouse-config-") as folder:
        users, config = Path(folder, "users.xml"), Path(folder, "config.xml")
        engines = ", ".join(f"TABLE ENGINE ON {name}" for name in dict.fromkeys(TABLE_ENGINES + DATABASE_ENGINES))
        users.write_text(USERS.format(rights=RIGHTS, engines=engines))
        config.write_text(CONFIG.format(users=users))
        yield config
