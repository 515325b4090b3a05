"""Build the zip that Function Compute runs: the function with its libraries."""

from .building import Package, build, install_plain_libraries
from .runtimes import RUNTIMES, PackageFailedError

__all__ = ["RUNTIMES", "Package", "PackageFailedError", "build", "install_plain_libraries"]
