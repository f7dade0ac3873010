"""Loads the compiled core: a module runs as machine code if nothing that it was compiled from has changed.

Both forms do the same, from one source (docs/decisions/0019-compiled-core.md). `paper compile` makes the compiled one.
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
SWITCH = "PAPER_COMPILED"
"""Environment variable; 0 leaves compiled code aside."""
MANIFEST = "manifest.json"
IN_CHECKOUT = Path(".venv") / "compiled"
IN_WHEEL = Path("infra") / "build" / "core"


class Build(NamedTuple):
    """A build of the core, as its manifest describes it. Paths of sources are relative to the root.

    interpreter: sys.version of the Python that it was made for.
    sources: the SHA-256 of each file that a compiled module was made from, and of all in the same folders.
    needs: by file, the files that must be unchanged and, if compiled, used as such for its compiled form to be right.
    files: the shared library of each compiled module, in the build's folder.
    key: a digest of all that the build depends on, the compiler too.
    """

    folder: Path
    interpreter: str
    sources: Mapping[str, str]
    needs: Mapping[str, Sequence[str]]
    files: Mapping[str, str]
    key: str


def read_build(folder: Path) -> Build | None:
    """Returns the build in a folder; None if there is none."""
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
        return Build(folder, **content)
    except (OSError, ValueError, TypeError):
        return None


def find_build(root: Path) -> Build | None:
    """Returns the build for this interpreter, the checkout's or the wheel's; None if there is none."""
    found = read_build(root / IN_CHECKOUT) or read_build(root / IN_WHEEL)
    return found if found and found.interpreter == sys.version else None


def stale_paths(root: Path, build: Build) -> set[str]:
    """Returns the files whose compiled form must not be used: changed ones, and all that were compiled against them.

    A compiled module calls the functions and reads the fields of the modules that it imports by address, so that it
    only works with the compiled form that it was made for.
    """
    changed = {path for path, digest in build.sources.items() if file_digest(root / path) != digest}
    changed |= {path for path, file in build.files.items() if not (build.folder / file).exists()}
    added = _added(root, build)
    if not changed and not added:
        return set()
    from infra.build.core_modules import module_name, reached, read_module

    known = {module_name(path): path for path in build.sources}
    for path in sorted((changed | added) - {path for path in changed if not (root / path).exists()}):
        with contextlib.suppress(SyntaxError):  # Its import says so.
            changed |= read_module(root, path, known).bases & build.files.keys()
    users: dict[str, list[str]] = {}
    for path, needs in build.needs.items():
        for needed in needs:
            users.setdefault(needed, []).append(path)
    return reached(changed, users)


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes; an empty text if it can't be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _added(root: Path, build: Build) -> set[str]:
    """Returns modules that came after the build, in the folders of its compiled modules."""
    folders = {os.path.dirname(path) for path in build.files}
    present = {f"{folder}/{name}" for folder in folders for name in _names(root / folder) if name.endswith(".py")}
    return present - build.sources.keys()


def _names(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


class CoreFinder(MetaPathFinder):
    """Finds modules in the build, and leaves all others to Python.

    stale: the files that run as Python although a compiled form exists.
    """

    def __init__(self, files: Mapping[str, Path], stale: frozenset[str]) -> None:
        self._files = files
        self.stale = stale

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns the spec of a compiled module; None for any other."""
        file = self._files.get(fullname)
        return spec_from_file_location(fullname, file) if file else None


def use_compiled(root: Path = ROOT) -> None:
    """Makes later imports take compiled modules from the build, except for stale ones."""
    if _finder() or os.environ.get(SWITCH) == "0":
        return
    build = find_build(root)
    if build is None:
        return
    stale = stale_paths(root, build)
    files = {}
    for path, file in build.files.items():
        if path not in stale:
            name = path.removesuffix(".py").replace("/", ".")
            # One library holds the module and what mypyc calls its shared library.
            files[name] = files[f"{name}__mypyc"] = build.folder / file
    sys.meta_path.insert(0, CoreFinder(files, frozenset(stale & build.files.keys())))


def is_compiled() -> bool:
    """Returns whether this process uses the compiled form of every module that is compiled."""
    finder = _finder()
    return finder is not None and not finder.stale


def _finder() -> CoreFinder | None:
    return next((finder for finder in sys.meta_path if isinstance(finder, CoreFinder)), None)
