"""The note of a local Kafka cluster in PAPER_HOME: by it all commands know the brokers that `paper up` has started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from infra.errors import SettingsError
from infra.private_files import write_private


class BrokerPorts(NamedTuple):
    """The ports of a broker of this machine."""

    broker: int
    controller: int


def cluster_file(home: Path) -> Path:
    """Returns the path of the note. It lies with the first broker's data and goes with it."""
    return home / "kafka" / "cluster.json"


def write_cluster(home: Path, ports: list[BrokerPorts]) -> None:
    """Notes the ports of each broker, by node number. Raises OSError."""
    file = cluster_file(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_private(file, json.dumps([item._asdict() for item in ports]))


def read_cluster(home: Path) -> list[BrokerPorts]:
    """Returns the ports of each broker; nothing if the local stack has a single broker.

    Raises:
        SettingsError: the note is damaged.
    """
    file = cluster_file(home)
    try:
        return [BrokerPorts(int(item["broker"]), int(item["controller"])) for item in json.loads(file.read_text())]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{file} is damaged ({type(error).__name__}: {error}): it names the ports of the brokers of `paper up "
            "--brokers 3`; copy them from the files kafka*/server.properties beside it, or delete PAPER_HOME"
        ) from error
