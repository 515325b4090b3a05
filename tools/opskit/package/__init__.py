"""The zip that Function Compute runs: function and libraries, made the same way anywhere."""

from .building import Package, PackageFailedError, build
from .runtimes import RUNTIMES

__all__ = ["RUNTIMES", "Package", "PackageFailedError", "build"]
