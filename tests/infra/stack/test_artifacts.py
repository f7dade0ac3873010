"""Java archives: only pinned files are used, and files in the cache need no network."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.errors import ArtifactError
from infra.stack.artifacts import (
    ATTEMPTS_MAX,
    Artifact,
    ensure_artifacts,
    kafka_jars,
    read_lock,
    registry_archive,
    unpack,
)

CONTENT = b"a jar, as far as anyone here can tell\n" * 1000
COORDINATE = "org.example:thing:jar:1.2"
URL_PATH = "/org/example/thing/1.2/thing-1.2.jar"


@dataclass
class Repository:
    """A Maven repository on this machine. truncated: number of further responses that it cuts off."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    truncated: int = 0

    @property
    def remotes(self) -> dict[str, str]:
        return {"here": self.url}


@pytest.fixture
def repository() -> Iterator[Repository]:
    served = Repository(files={URL_PATH: CONTENT})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append(self.path)
            body = served.files.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if body is not None and served.truncated:
                served.truncated -= 1
                body = body[: len(body) // 2]
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def artifact() -> Artifact:
    return Artifact(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), COORDINATE)


def silent(_: str) -> None:
    """Ignores progress."""


def leftovers(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.name.startswith(".partial")]


def test_a_missing_file_is_fetched_once(artifact: Artifact, repository: Repository, tmp_path: Path) -> None:
    said: list[str] = []
    ensure_artifacts([artifact], tmp_path, said.append, repository.remotes)
    assert artifact.path(tmp_path).read_bytes() == CONTENT
    assert any("thing-1.2.jar" in line for line in said)
    asked = len(repository.requests)
    ensure_artifacts([artifact], tmp_path, silent, repository.remotes)
    assert len(repository.requests) == asked, "a verified file needs no network"
    assert leftovers(tmp_path) == []


def test_a_wrong_hash_names_file_expected_and_found(artifact: Artifact, repository: Repository, tmp_path: Path) -> None:
    repository.files[URL_PATH] = b"something else"
    with pytest.raises(ArtifactError) as caught:
        ensure_artifacts([artifact], tmp_path, silent, repository.remotes)
    message = str(caught.value)
    assert "thing-1.2.jar" in message
    assert artifact.sha256 in message
    assert hashlib.sha256(b"something else").hexdigest() in message
    assert "infra.stack.artifacts lock" in message
    assert repository.requests.count(URL_PATH) == 1
    assert not artifact.path(tmp_path).exists()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("damage", [CONTENT[:100], CONTENT[:-1] + b"x"], ids=["half written", "same size"])
def test_a_damaged_file_is_replaced(artifact: Artifact, repository: Repository, tmp_path: Path, damage: bytes) -> None:
    path = artifact.path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(damage)
    said: list[str] = []
    ensure_artifacts([artifact], tmp_path, said.append, repository.remotes)
    assert path.read_bytes() == CONTENT
    assert any(str(path) in line for line in said)


def test_a_truncated_download_is_tried_again(artifact: Artifact, repository: Repository, tmp_path: Path) -> None:
    repository.truncated = 1
    ensure_artifacts([artifact], tmp_path, silent, repository.remotes)
    assert artifact.path(tmp_path).read_bytes() == CONTENT


def test_truncated_downloads_end_in_an_error(artifact: Artifact, repository: Repository, tmp_path: Path) -> None:
    repository.truncated = 100
    with pytest.raises(ArtifactError, match=f"download failed {ATTEMPTS_MAX} times"):
        ensure_artifacts([artifact], tmp_path, silent, repository.remotes)
    assert repository.requests.count(URL_PATH) == ATTEMPTS_MAX
    assert not artifact.path(tmp_path).exists()
    assert leftovers(tmp_path) == []


def test_an_unknown_file_is_named(artifact: Artifact, repository: Repository, tmp_path: Path) -> None:
    del repository.files[URL_PATH]
    with pytest.raises(ArtifactError, match=COORDINATE):
        ensure_artifacts([artifact], tmp_path, silent, repository.remotes)


def test_no_network_is_said_with_a_remedy(artifact: Artifact, tmp_path: Path) -> None:
    nobody = {"here": "http://127.0.0.1:9"}
    with pytest.raises(ArtifactError, match="check the network"):
        ensure_artifacts([artifact], tmp_path, silent, nobody)


def test_a_full_disk_is_said_before_the_download(repository: Repository, tmp_path: Path) -> None:
    huge = Artifact("0" * 64, 10**18, COORDINATE)
    with pytest.raises(ArtifactError, match="PAPER_CACHE"):
        ensure_artifacts([huge], tmp_path, silent, repository.remotes)
    assert repository.requests == []


def test_the_lock_holds_broker_and_registry() -> None:
    pinned = read_lock()
    assert registry_archive(pinned).file_name.startswith("apicurio-registry-app-3.3.")
    names = [jar.file_name for jar in kafka_jars(pinned)]
    assert any(name.startswith("kafka_2.13-4.3.") for name in names)
    assert len(names) == len(set(names)) == len(pinned) - 1
    assert all(len(a.sha256) == 64 and a.size > 0 for a in pinned)


def test_unpacking_twice_gives_the_same_folder(tmp_path: Path) -> None:
    import tarfile

    archive = Artifact("ab" * 32, 1, "org.example:thing:tar.gz:all:1.2")
    inner = tmp_path / "inner.txt"
    inner.write_text("content")
    archive.path(tmp_path).parent.mkdir(parents=True)
    with tarfile.open(archive.path(tmp_path), "w:gz") as tar:
        tar.add(inner, "inner.txt")
    first = unpack(archive, tmp_path)
    assert (first / "inner.txt").read_text() == "content"
    assert unpack(archive, tmp_path) == first
    assert leftovers(tmp_path) == []
