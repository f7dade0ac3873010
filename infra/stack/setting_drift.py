"""Settings that have changed since the workers were started: they go on with the old values until a new start."""

from __future__ import annotations

import psutil

from infra import processes
from infra.settings import Settings
from infra.stack.local_stack import pid_file
from infra.stack.pipeline_processes import PipelineProcesses

OF_ONE_PROCESS = frozenset({"kafka_principal", "kafka_username", "kafka_password", "worker_id"})
"""Settings that differ between processes of one stack."""
WITH_SECRETS = frozenset({"clickhouse_url", "kafka_key_password", "schema_registry_url"})
"""Settings whose values are not printed."""
REMEDY = "`paper down` and `paper up` give them the new one"


def drifted_settings(settings: Settings) -> list[str]:
    """Returns a sentence for each setting that the running workers have otherwise; none if no supervisor runs."""
    identity = processes.read_pid_file(pid_file(settings, PipelineProcesses()))
    process = processes.find(identity) if identity else None
    if process is None:
        return []
    try:
        theirs = process.environ()
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return []  # Another user's, which keeps its settings to itself, or just ended.
    found = []
    for name in type(settings).model_fields.keys() - OF_ONE_PROCESS:
        here, there = str(getattr(settings, name)), theirs.get(name.upper())
        if there not in (None, here):
            values = "another value" if name in WITH_SECRETS else f"{name.upper()}={there}, here it is {here}"
            subject = f"{name.upper()}: the running workers have {values}"
            found.append(f"{subject}; {REMEDY}")
    return sorted(found)
