"""The pipeline: orders in, results, positions and evidence out."""

from infra.build.compiled import use_compiled

__version__ = "0.1.0"

use_compiled()
