"""The core as machine code: used where it was compiled from exactly the present sources, else Python reads them.

Compiled and read code do the same (one source, docs/decisions/0019-compiled-core.md); `paper compile` makes it.
"""

import hashlib
import os
import sys
import sysconfig
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent.parent
SWITCH = "PAPER_COMPILED"
"""Environment variable; 0 leaves compiled code aside."""
LOCK_NAME = "requirements.lock"
FOLDERS = ("schemas/records", "streams/core")
SINGLE = (
    "schemas/avro/codec.py",
    "schemas/avro/layout.py",
    "schemas/avro/reading.py",
    "schemas/avro/writing.py",
    "streams/pipeline/journal/processor.py",
)
"""What each record passes through beside the core; the rest of their packages does I/O."""
MODELS = (
    "streams/core/accounts/authorise.py",
    "streams/core/core_config.py",
    "streams/core/reference/declarations.py",
    "streams/core/reference/fields.py",
    "streams/core/simulators/model_catalog.py",
    "streams/core/simulators/fee_models.py",
    "streams/core/simulators/fill_models.py",
    "streams/core/simulators/latency_models.py",
    "streams/core/simulators/model.py",
    "streams/core/simulators/queue_models.py",
    "streams/core/simulators/slippage_models.py",
    "streams/core/risk/account_controls.py",
    "streams/core/risk/breakers/breaker_config.py",
    "streams/core/risk/control.py",
    "streams/core/risk/limit_kinds.py",
    "streams/core/risk/limits.py",
    "streams/core/risk/order_controls.py",
    "streams/core/risk/rate_controls.py",
    "streams/core/risk/self_match.py",
)
"""pydantic makes their classes while the program runs, which mypyc can't compile."""


def sources(root: Path) -> list[str]:
    """The modules that are compiled, as paths under root."""
    found = [
        path.relative_to(root).as_posix()
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
        if path.name != "__init__.py"
    ]
    return [name for name in (*SINGLE, *found) if name not in MODELS and (root / name).exists()]


def build_folder(root: Path) -> Path:
    """Where the build of the present sources by the present interpreter and compiler is, or would be."""
    digest = hashlib.sha256(f"{sys.version} {sysconfig.get_platform()}".encode())
    digest.update((root / LOCK_NAME).read_bytes())
    for name in sources(root):
        digest.update(name.encode())
        digest.update((root / name).read_bytes())
    return root / ".venv" / "compiled" / digest.hexdigest()[:16]


class _Finder(MetaPathFinder):
    """Finds modules in the build, and leaves all others to Python."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        file = self._files.get(fullname)
        return spec_from_file_location(fullname, file) if file else None


def modules(folder: Path) -> dict[str, Path]:
    """The files of a build by module name; empty where there is none."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    return {
        ".".join(file.relative_to(folder).parts).removesuffix(suffix): file for file in folder.glob(f"**/*{suffix}")
    }


def is_compiled() -> bool:
    """Whether this process uses compiled code."""
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def use_compiled() -> None:
    """From here on modules come from the build, if there is one of exactly these sources."""
    if is_compiled() or os.environ.get(SWITCH) == "0" or not (ROOT / ".venv" / "compiled").is_dir():
        return
    files = modules(build_folder(ROOT))
    if files:
        sys.meta_path.insert(0, _Finder(files))
