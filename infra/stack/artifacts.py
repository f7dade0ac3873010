"""The Java archives of the stack: pinned by hash in a lock file, fetched from Maven repositories and verified.

`python -m infra.stack.artifacts lock` resolves the archives again and rewrites infra/stack/artifacts.lock.
`python -m infra.stack.artifacts fetch` fetches every file of the lock into the cache.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.errors import ArtifactError
from infra.settings import get_settings

LOCK_FILE = Path(__file__).with_name("artifacts.lock")
REGISTRY = "io.apicurio:apicurio-registry-app"
BROKER = "org.apache.kafka:kafka_2.13:jar:4.3.1"
STANDALONE = (
    # The bridge between SLF4J and log4j. Kafka's own distribution adds it; kafka_2.13 does not depend on it.
    "org.apache.logging.log4j:log4j-slf4j-impl:jar:2.25.4",
    f"{REGISTRY}:tar.gz:all:3.3.3",
)
ATTEMPTS_MAX = 3
DOWNLOADS_AT_ONCE = 4
TIMEOUT_S = 60
CHUNK_BYTES = 1 << 20

Progress = Callable[[str], None]
Repositories = dict[str, str]
"""Name and URL of each Maven repository; Maven Central if there is none."""


@dataclass(frozen=True)
class Artifact:
    """A pinned file.

    Attributes:
        sha256: lower-case hex.
        size: bytes.
        coordinate: group:artifact:packaging[:classifier]:version.
    """

    sha256: str
    size: int
    coordinate: str

    @property
    def file_name(self) -> str:
        """Name of the file in the cache."""
        _, name, packaging, *classifier, version = self.coordinate.split(":")
        return "-".join([name, version, *classifier]) + f".{packaging}"

    def path(self, cache: Path) -> Path:
        """Returns the path of the file in a cache."""
        return cache / "maven" / self.file_name


def read_lock(lock: Path = LOCK_FILE) -> list[Artifact]:
    """Returns the pinned files, in the order of the lock."""
    lines = [line.split() for line in lock.read_text().splitlines() if line and not line.startswith("#")]
    return [Artifact(sha256, int(size), coordinate) for sha256, size, coordinate in lines]


def kafka_jars(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """Returns the broker's class path: all files but the registry's."""
    return [a for a in artifacts if not a.coordinate.startswith(REGISTRY)]


def registry_archive(artifacts: Iterable[Artifact]) -> Artifact:
    """Returns the archive of Apicurio Registry."""
    return next(a for a in artifacts if a.coordinate.startswith(REGISTRY))


def ensure_artifacts(
    artifacts: Iterable[Artifact], cache: Path, progress: Progress, repositories: Repositories | None = None
) -> None:
    """Fetches the files that the cache lacks. Needs no network if the cache is complete.

    Raises:
        ArtifactError: there is no space or no network, or a repository serves a file with another hash.
    """
    missing = [a for a in artifacts if not is_present(a, cache, progress)]
    if not missing:
        return
    _require_space(cache, sum(a.size for a in missing))
    total_mb = sum(a.size for a in missing) / 1e6
    progress(f"fetching {len(missing)} Java archives, {total_mb:.0f} MB, into {cache}")
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        fetched = pool.map(lambda artifact: _fetch(artifact, cache, repositories), missing)
        for count, artifact in enumerate(fetched, start=1):
            progress(f"[{count}/{len(missing)}] {artifact.file_name}")


def is_present(artifact: Artifact, cache: Path, progress: Progress) -> bool:
    """Returns whether the cache holds the pinned file. Deletes a damaged file, so that it is fetched again."""
    path = artifact.path(cache)
    if not path.exists():
        return False
    if path.stat().st_size == artifact.size and sha256_of(path) == artifact.sha256:
        return True
    progress(f"{path}: not the pinned file (damaged or half written); fetching it again")
    path.unlink()
    return False


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(artifact: Artifact, cache: Path) -> Path:
    """Unpacks a verified tar.gz into the cache, atomically, and returns the folder."""
    target = cache / "unpacked" / artifact.sha256[:16]
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(target.parent) as scratch:
        shutil.unpack_archive(artifact.path(cache), scratch / "content", filter="data")
        _move_unless_there(scratch / "content", target)
    return target


def _move_unless_there(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:
        if not target.exists():  # If it exists, another process has just unpacked the same archive.
            raise


def _require_space(cache: Path, needed: int) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    # The registry's archive is stored packed and unpacked.
    if free < 3 * needed:
        raise ArtifactError(
            f"{cache}: {free / 1e6:.0f} MB free, the Java archives need {3 * needed / 1e6:.0f} MB; "
            "free some space, or set PAPER_CACHE to a folder on another disk"
        )


def _fetch(artifact: Artifact, cache: Path, repositories: Repositories | None) -> Artifact:
    target = artifact.path(cache)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(target.parent) as scratch:
        downloaded = _download(artifact, scratch, repositories)
        found = sha256_of(downloaded)
        if found != artifact.sha256:
            raise ArtifactError(
                f"{artifact.file_name}: the repository serves a file with sha256 {found} for {artifact.coordinate}, "
                f"expected {artifact.sha256}; nothing was installed. Check the proxy, if you use one; if you changed "
                "the version on purpose, run `python -m infra.stack.artifacts lock`"
            )
        downloaded.replace(target)
    return artifact


def _download(artifact: Artifact, scratch: Path, repositories: Repositories | None) -> Path:
    """Downloads a file into a scratch folder: the resolver writes to the final name before the file is complete."""
    import requests
    import urllib3

    failure: Exception | None = None
    for attempt in range(ATTEMPTS_MAX):
        try:
            return resolve(artifact.coordinate, scratch / str(attempt), repositories)
        except (requests.RequestException, urllib3.exceptions.HTTPError, zlib.error) as error:
            failure = error
        except RuntimeError as error:  # No repository has the file.
            raise ArtifactError(f"{artifact.coordinate}: {error}") from error
    raise ArtifactError(
        f"{artifact.coordinate}: download failed {ATTEMPTS_MAX} times, last with {failure}; check the network "
        "(HTTPS_PROXY sets a proxy) and run the command again; finished files are kept"
    ) from failure


def resolve(coordinate: str, folder: Path, repositories: Repositories | None = None) -> Path:
    """Downloads a file by its Maven coordinate into a folder."""
    from jgo.maven import MavenContext

    group, name, packaging, *classifier, version = coordinate.split(":")
    context = MavenContext(repo_cache=folder, remote_repos=repositories, timeout=TIMEOUT_S)
    component = context.project(group, name).at_version(version)
    return component.artifact("".join(classifier), packaging).resolve()


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    """Provides a temporary folder on the file system of its parent."""
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=parent) as folder:
        yield Path(folder)


def write_lock(lock: Path = LOCK_FILE) -> None:
    """Resolves the broker with its run-time dependencies, and pins the files that the repository serves now."""
    from jgo.maven import Dependency, MavenContext

    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), timeout=TIMEOUT_S)
        group, name, _, version = BROKER.split(":")
        broker = Dependency(context.project(group, name).at_version(version).artifact())
        direct, transitive = context.resolver.resolve([broker])
        jars = {f"{d.groupId}:{d.artifactId}:{d.type}:{d.version}" for d in direct + transitive}
        lines = ["# sha256, bytes, group:artifact:packaging[:classifier]:version; written by infra/stack/artifacts.py"]
        for coordinate in sorted(jars) + list(STANDALONE):
            path = resolve(coordinate, Path(folder))
            lines.append(f"{sha256_of(path)} {path.stat().st_size} {coordinate}")
            print(lines[-1], file=sys.stderr)
    temporary = lock.with_suffix(".new")
    temporary.write_text("\n".join(lines) + "\n")
    os.replace(temporary, lock)


if __name__ == "__main__":
    if sys.argv[1:] == ["lock"]:
        write_lock()
    elif sys.argv[1:] == ["fetch"]:
        ensure_artifacts(read_lock(), get_settings().paper_cache, lambda text: print(text, file=sys.stderr))
    else:
        sys.exit("usage: python -m infra.stack.artifacts lock|fetch")
