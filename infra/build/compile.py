"""Compiles the core with mypyc: only what changed, and nothing that another checkout here has compiled before."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from infra.build.compiled import IN_CHECKOUT, MANIFEST, ROOT, SWITCH, Build, file_digest, read_build
from infra.build.core_modules import (
    COMPILED_FILES,
    COMPILED_FOLDERS,
    PACKAGES,
    Module,
    compiled_paths,
    read_modules,
    requirements,
)
from infra.build.environment import COMPILE_LOCK_NAME, LOCK_NAME, guarded, install

CACHE_DAYS = 30
"""Age after which a library that no build has used is removed from the cache."""
IN_USE_S = 24 * 3600
"""Age after which no process is expected to load a library of an older build any more."""
LOWEST = 19
"""The lowest priority, as a nice value."""


class CompileError(Exception):
    """The core can't be compiled here; it works all the same, only slower."""


def compile_core(root: Path = ROOT, target: Path | None = None) -> bool:
    """Compiles the present sources, unless that is done; returns whether there was something to do.

    target: the folder of the build; without it the checkout's own.

    Raises:
        CompileError: there is no C compiler, or a compiler failed.
    """
    folder = (target or root / IN_CHECKOUT).resolve()
    with nullcontext() if target else guarded(root):
        modules = read_modules(root)
        planned = _plan(root, folder, modules)
        if _is_done(planned):
            return False
        cache = cache_folder()
        cache.mkdir(parents=True, exist_ok=True)
        record = _record(planned)
        files = _recorded(record)
        if files is None:
            files = _made(root, cache, compiled_paths(modules))
            _write(record, files)
        _place(planned, files)
    return True


def take_from_cache(root: Path) -> bool:
    """Puts the build of the present sources in place if the cache has it; returns whether the core is compiled."""
    with guarded(root):
        planned = _plan(root, root / IN_CHECKOUT, read_modules(root))
        if _is_done(planned):
            return True
        files = _recorded(_record(planned))
        if files is not None:
            _place(planned, files)
    return files is not None


def _plan(root: Path, folder: Path, modules: Mapping[str, Module]) -> Build:
    """Returns the build that the present sources ask for, as yet without libraries."""
    needs = requirements(modules, compiled_paths(modules))
    beside = [path for path in modules if path in COMPILED_FILES or path.startswith(COMPILED_FOLDERS)]
    sources = {path: file_digest(root / path) for path in sorted({*needs, *beside})}
    return Build(folder, sys.version, sources, needs, {}, _key(root, sources))


def _is_done(planned: Build) -> bool:
    """Returns whether the folder has the planned build."""
    present = read_build(planned.folder)
    return (
        present is not None
        and present.key == planned.key
        and all((present.folder / name).exists() for name in present.files.values())
    )


def _place(planned: Build, files: Mapping[str, str]) -> None:
    """Puts libraries of the cache into the folder of the build, and notes that they are there."""
    cache, folder = cache_folder(), planned.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in files.values():
        _put(cache / name, folder / name)
    build = planned._replace(files=files)._asdict()
    _write(folder / MANIFEST, {name: value for name, value in build.items() if name != "folder"})
    _remove_old(folder, keep=set(files.values()), age_s=IN_USE_S)
    _remove_old(cache, keep=set(files.values()), age_s=CACHE_DAYS * 24 * 3600)


def compiler() -> str | None:
    """Returns the path of the C compiler; None if there is none. PAPER_COMPILED=0 asks for no compiled code."""
    if os.environ.get(SWITCH) == "0":
        return None
    return shutil.which(os.environ.get("CC", "cc").split()[0])


def cache_folder() -> Path:
    """Returns the folder of compiled libraries that all checkouts of this user share (the setting PAPER_CACHE)."""
    return Path(os.environ.get("PAPER_CACHE", "~/.cache/paper-trading-streams")).expanduser() / "compiled"


def _key(root: Path, sources: Mapping[str, str]) -> str:
    """Returns a digest of all that a build depends on."""
    locks = [file_digest(root / name) for name in (LOCK_NAME, COMPILE_LOCK_NAME)]
    builder = [file_digest(Path(__file__).with_name(name)) for name in ("extensions.py", "core_modules.py")]
    made_of = [sys.version, sysconfig.get_platform(), os.environ.get("CC", ""), *locks, *builder, sources]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:24]


def _record(planned: Build) -> Path:
    """Returns the file of the cache that names the libraries of a build."""
    return cache_folder() / f"build-{planned.key}.json"


def _recorded(record: Path) -> dict[str, str] | None:
    """Returns the libraries of an earlier build of the same sources; None if the cache lacks one."""
    try:
        files: dict[str, str] = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return None
    if not all((record.parent / name).exists() for name in files.values()):
        return None
    for path in (record, *(record.parent / name for name in files.values())):
        os.utime(path)
    return files


def _made(root: Path, cache: Path, compiled: list[str]) -> dict[str, str]:
    """Compiles what the cache lacks; returns the library of each module."""
    if compiler() is None:
        raise CompileError("no C compiler was found; install one (Debian: apt install gcc python3-dev)")
    with tempfile.TemporaryDirectory(prefix="paper-compile-") as folder, _compiler_packages(root) as packages:
        # Only the sources: mypy must not read what else stands beside them.
        for package in PACKAGES:
            ignore = shutil.ignore_patterns("__pycache__", "*.so")
            shutil.copytree(root / package, Path(folder) / package, ignore=ignore)
        done = subprocess.run(
            [sys.executable, "-P", "-m", "infra.build.extensions"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([folder, *packages])},
            input=json.dumps({"sources": compiled, "cache": str(cache)}),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise CompileError(f"mypyc or the C compiler failed:\n{done.stderr[-4000:]}")
    print(done.stderr.splitlines()[-1], file=sys.stderr)
    files: dict[str, str] = json.loads(done.stdout)
    return files


@contextmanager
def _compiler_packages(root: Path) -> Iterator[list[str]]:
    """Yields more search paths that have mypyc: none if it is installed, else a folder that is removed afterwards."""
    if importlib.util.find_spec("mypyc") and importlib.util.find_spec("setuptools"):
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="paper-compiler-") as folder:
        print("installing mypyc for this build", file=sys.stderr, flush=True)
        try:
            install(Path(sys.executable), root / COMPILE_LOCK_NAME, "--target", folder)
        except subprocess.CalledProcessError as error:
            raise CompileError(f"mypyc can't be installed: pip failed (exit code {error.returncode})") from error
        yield [folder]


def _put(source: Path, target: Path) -> None:
    """Places a library in a build; both share the disk space if they can."""
    if target.exists():
        return
    try:
        target.hardlink_to(source)
    except OSError:
        temporary = target.with_suffix(".new")
        shutil.copyfile(source, temporary)
        temporary.replace(target)


def _write(path: Path, content: Mapping[str, object]) -> None:
    """Writes a file that other processes see whole or not at all."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(content, indent=0))
    temporary.replace(path)


def _remove_old(folder: Path, keep: set[str], age_s: float) -> None:
    """Removes libraries and records that nothing has used for a while."""
    limit = time.time() - age_s
    for path in folder.iterdir():
        if path.suffix in {".so", ".json"} and path.name not in {*keep, MANIFEST} and path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)


def give_way() -> None:
    """Lets other processes go first, also where Linux shares the processor among sessions (sched_autogroup)."""
    os.nice(LOWEST)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(LOWEST))


if __name__ == "__main__":
    if "--background" in sys.argv:
        give_way()
    try:
        compile_core()
    except CompileError as error:
        sys.exit(f"paper: the core stays as it is, two to four times slower: {error}")
