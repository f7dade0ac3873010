"""The package: its dependencies are those of the locks, and its wheel has all that an installed `paper` reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.settings import REPOSITORY
from streams import __version__

PACKAGES = ("infra", "schemas", "streams")
NOT_SHIPPED = (
    "infra/docker/",
    "infra/clickhouse/users.d/",
    "infra/kubernetes/",
    "infra/systemd/",
    "infra/peers/requirements.in",
)
"""Files that a checkout brings: of docker-compose.yml, Kubernetes and systemd, and the source of a lock."""


def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def locked(lock: str) -> dict[str, set[str]]:
    """Returns the versions of each package in a lock; there are several if they differ by Python version."""
    versions: dict[str, set[str]] = {}
    for line in (REPOSITORY / lock).read_text().splitlines():
        name, found, rest = line.partition("==")
        if found and not line.startswith(" "):
            versions.setdefault(canonicalize_name(name.split("[")[0]), set()).add(rest.split()[0])
    return versions


def required(*extras: str) -> list[Requirement]:
    """Returns the requirements of a user, and of the extras."""
    table = project()["project"]
    texts = [*table["dependencies"], *(text for extra in extras for text in table["optional-dependencies"][extra])]
    return [requirement for requirement in map(Requirement, texts) if requirement.name != table["name"]]


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.lock", ()),
        ("requirements-live.lock", ("live",)),
        ("requirements-files.lock", ("files",)),
        ("requirements-notify.lock", ("notify",)),
        ("requirements-top.lock", ("top",)),
        ("requirements-dev.lock", ("test", "live", "notify", "top", "dev")),
    ],
)
def test_a_lock_has_what_the_package_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    versions = locked(lock)
    for requirement in required(*extras):
        found = versions.get(canonicalize_name(requirement.name))
        assert found, f"{lock} lacks {requirement}"
        assert all(requirement.specifier.contains(version) for version in found), f"{requirement}: {found}"


def test_the_locks_agree() -> None:
    """`./paper test` adds the second to the first, and a build of the core uses the compiler that checks use."""
    dev = locked("requirements-dev.lock")
    extras = ("live", "files", "notify", "top", "compile")
    locks = ("requirements.lock", *(f"requirements-{extra}.lock" for extra in extras))
    for lock in locks:
        for name, versions in locked(lock).items():
            assert versions <= dev[name], name


def test_a_user_gets_no_tools() -> None:
    assert (
        not {"apprise", "ccxt", "mypy", "pytest", "ruff", "scipy", "hypothesis", "testcontainers"}
        & locked("requirements.lock").keys()
    )


def test_wheels_are_compiled_by_the_locked_compiler() -> None:
    wheel = {text for text in project()["build-system"]["requires"] if "==" in text}
    assert wheel == set(project()["dependency-groups"]["compile"])
    for requirement in map(Requirement, wheel):
        (version,) = locked("requirements-compile.lock")[requirement.name]
        assert requirement.specifier.contains(version)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; the other packages it takes from this one."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, source / package, ignore=ignore)
    for file in REPOSITORY.iterdir():
        if file.is_file() and file.name != ".env":
            shutil.copy(file, source)
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel], check=True, cwd=folder)
    (site_packages(environment) / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment


def site_packages(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))


def run(installed: Path, folder: Path, *command: str) -> str:
    """Returns what a command of the environment prints outside the checkout."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(
        [installed / "bin" / command[0], *command[1:]],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_has_a_working_command(installed: Path, tmp_path: Path) -> None:
    assert __version__ in run(installed, tmp_path, "paper", "--version")
    assert "Usage" in run(installed, tmp_path, "paper", "--help")
    home = "from infra.settings import get_settings as s; print(s().paper_home, s().reference_data.is_file())"
    assert run(installed, tmp_path, "python", "-c", home).split() == [str(tmp_path / ".paper"), "True"]


@pytest.mark.slow
def test_the_wheel_has_every_data_file(installed: Path) -> None:
    shipped = 0
    for package in PACKAGES:
        for file in (REPOSITORY / package).rglob("*"):
            name = file.relative_to(REPOSITORY).as_posix()
            if file.is_file() and "__pycache__" not in name and not name.startswith(NOT_SHIPPED):
                copy = site_packages(installed) / name
                assert copy.is_file(), f"the wheel lacks {name}: see package-data in pyproject.toml"
                assert copy.read_bytes() == file.read_bytes(), name
                shipped += copy.suffix != ".py"
    assert shipped > 100


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(os.environ.get("CC", "cc")) is None, reason="no C compiler")
def test_the_wheel_is_compiled(installed: Path, tmp_path: Path) -> None:
    tell = "import streams; from infra.build.compiled import is_compiled; print(is_compiled())"
    assert run(installed, tmp_path, "python", "-c", tell).strip() == "True"
    where = "import schemas.avro.codec as module; print(module.__file__)"
    assert run(installed, tmp_path, "python", "-c", where).strip().endswith(".so")
