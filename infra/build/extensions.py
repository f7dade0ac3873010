"""Turns modules into shared libraries with mypyc and the C compiler; runs where mypyc is installed.

Each module becomes a library of its own, so that an edit costs the compilation of what it touches. mypyc's runtime is
compiled once for all. A library is named by the C code that it was made from: if the cache has it, no compiler runs.
"""

import functools
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from mypy.version import __version__ as mypy_version
from mypyc.build import generate_c_extension_shim, include_dir, mypyc_build
from mypyc.common import RUNTIME_C_FILES
from mypyc.options import CompilerOptions

OPTIONS = (
    *("--explicit-package-bases", "--ignore-missing-imports", "--config-file="),
    # Type errors are `paper check`'s to report; here other packages only lend their types.
    "--follow-imports=silent",
    # All C code is generated anew, in ten seconds: from its cache mypyc misses how a change elsewhere affects a module.
    f"--cache-dir={os.devnull}",
)
GENERATED = Path("c")
FLAGS = (
    *("-O3", "-fPIC", "-pthread", "-fwrapv", "-DNDEBUG", "-w"),
    # A call within a library, or to Python, need not go through a table in which others could replace its target.
    *("-fvisibility=hidden", "-fno-semantic-interposition", "-fno-plt"),
)
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


class Unit(NamedTuple):
    """A library to be made: the module's C code, its header search path, and the files of mypyc's runtime."""

    module: str
    sources: tuple[Path, Path]
    runtime: tuple[Path, ...]
    folders: tuple[Path, ...]


def build(sources: list[str], cache: Path) -> dict[str, str]:
    """Compiles modules of the working folder that the cache lacks; returns each one's file there, by its path.

    Raises:
        subprocess.CalledProcessError: the C compiler failed.
    """
    units = _units(sources)
    flags = (*FLAGS, f"-I{sysconfig.get_path('include')}")
    toolchain = " ".join([sys.version, mypy_version, _compiler_version(), *FLAGS])
    found = {unit.module: cache / _library_name(unit, toolchain) for unit in units}
    missing = [unit for unit in units if not found[unit.module].exists()]
    with tempfile.TemporaryDirectory(dir=cache) as folder, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        scratch = Path(folder)
        runtime = _archive(missing, scratch, flags, pool)
        list(pool.map(lambda unit: _compile(unit, found[unit.module], runtime, scratch, flags), missing))
    print(f"compiled {len(missing)} of {len(units)} modules", file=sys.stderr)
    for file in found.values():
        os.utime(file)
    return {f"{module.replace('.', '/')}.py": file.name for module, file in found.items()}


def _units(sources: list[str]) -> list[Unit]:
    """Generates the C code of all modules."""
    options = CompilerOptions(separate=True, target_dir=str(GENERATED), include_runtime_files=False)
    # A method that no class overrides is called directly. mypyc gives that up for separate libraries, because a later
    # module could override it; but then the module of the base class is compiled anew, or runs as Python.
    options.global_opts = True
    groups, generated, needed = mypyc_build([*OPTIONS, *sources], compiler_options=options, separate=True)
    library = Path(include_dir())
    runtime = tuple(library / name for name in (*RUNTIME_C_FILES, *(item.path for item in needed)))
    folders = (library, GENERATED, *sorted({library / name for item in needed for name in item.include_dirs}))
    units = []
    for ((source,), group), (files, _) in zip(groups, generated, strict=True):
        module = source.module
        shim = generate_c_extension_shim(module, module.split(".")[-1], str(GENERATED), group or module)
        units.append(Unit(module, (Path(files[0]), Path(shim)), runtime, folders))
    return units


def _library_name(unit: Unit, toolchain: str) -> str:
    """Returns a name that changes with everything that the library is made from."""
    digest = hashlib.sha256(toolchain.encode())
    for path in (*unit.sources, *_headers(unit)):
        digest.update(f"{path} {_read(path)[0]}\n".encode())
    return f"{unit.module}.{digest.hexdigest()[:24]}.so"


def _headers(unit: Unit) -> list[Path]:
    """Returns the generated headers that the C code includes, directly or not; mypyc's own come with its version."""
    found: set[Path] = set()
    waiting = list(unit.sources)
    while waiting:
        path = waiting.pop()
        for name in _read(path)[1]:
            for folder in (path.parent, GENERATED):
                header = Path(os.path.normpath(folder / name))
                if header.is_file() and header not in found:
                    found.add(header)
                    waiting.append(header)
    return sorted(found)


@functools.cache
def _read(path: Path) -> tuple[str, list[str]]:
    """Returns the SHA-256 of a generated file and the names that it includes."""
    content = path.read_bytes()
    return hashlib.sha256(content).hexdigest(), INCLUDE.findall(content.decode())


def _archive(units: Iterable[Unit], scratch: Path, flags: tuple[str, ...], pool: ThreadPoolExecutor) -> Path:
    """Compiles mypyc's runtime, of which each library takes what it calls."""
    archive = scratch / "runtime.a"
    folders = {path: unit.folders for unit in units for path in unit.runtime}
    objects = list(pool.map(lambda item: _object(item[0], scratch, (*flags, *_search(item[1]))), folders.items()))
    if objects:
        _run("ar", "rcs", str(archive), *map(str, objects))
    return archive


def _compile(unit: Unit, target: Path, runtime: Path, scratch: Path, flags: tuple[str, ...]) -> None:
    """Makes a library: whole under its name, or not there."""
    objects = [_object(path, scratch, (*flags, *_search(unit.folders))) for path in unit.sources]
    made = scratch / target.name
    _run(*_words("LDSHARED"), *map(str, objects), str(runtime), "-o", str(made))
    made.replace(target)


def _object(source: Path, scratch: Path, flags: tuple[str, ...]) -> Path:
    target = scratch / f"{'.'.join(source.with_suffix('').parts)}.o"
    _run(*_compiler(), *flags, "-c", str(source), "-o", str(target))
    return target


def _search(folders: Iterable[Path]) -> list[str]:
    return [f"-I{folder}" for folder in folders]


def _compiler() -> list[str]:
    return shlex.split(os.environ["CC"]) if "CC" in os.environ else _words("CC")


def _words(variable: str) -> list[str]:
    return shlex.split(sysconfig.get_config_var(variable) or "cc")


def _compiler_version() -> str:
    command = _compiler()
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    return f"{shutil.which(command[0])} {done.stdout.splitlines()[:1]}"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)


if __name__ == "__main__":
    request = json.load(sys.stdin)
    output = sys.stdout
    sys.stdout = sys.stderr  # mypyc prints its warnings.
    try:
        answer = build(request["sources"], Path(request["cache"]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{shlex.join(error.cmd)}\n{error.stderr}")
    json.dump(answer, output)
