"""Builds the wheel: the packages, and the compiled core if this machine has a C compiler."""

import shutil
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from infra.build.compile import CompileError, compile_core, compiler  # noqa: E402
from infra.build.compiled import IN_WHEEL  # noqa: E402


class BuildWithCore(build_py):
    """Adds the compiled core to the built packages."""

    def run(self) -> None:
        """Copies the packages, then compiles; without a compiler the wheel works all the same, only slower."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / IN_WHEEL
        try:
            compile_core(ROOT, target)
        except CompileError as error:
            shutil.rmtree(target, ignore_errors=True)
            self.warn(f"the core is not compiled and runs two to four times slower: {error}")


class PlatformDistribution(Distribution):
    """A distribution whose wheel is for one platform if it has compiled code."""

    def has_ext_modules(self) -> bool:
        """Returns whether the wheel will have machine code."""
        return compiler() is not None


setup(cmdclass={"build_py": BuildWithCore}, distclass=PlatformDistribution)
