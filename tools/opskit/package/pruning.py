"""What libraries bring along and the function never loads.

Only what is certain: everything that an import statement of the function's own libraries reaches
stays, even where the function does without it. A test imports all of it from the package.
"""

from __future__ import annotations

from pathlib import PurePosixPath

# Where in the tree, and why it goes.
NEVER_LOADED = {
    "bin": "commands for a shell",
    "Crypto": "pycryptodome: only the tests of other clients' signatures need it",
    "alibabacloud_tea_util": "required by the older SDKs; these import darabonba instead",
    "cffi": "generates bindings; those that exist need _cffi_backend only",
    "fc2": "Function Compute's own client: for who calls the function",
    "pycparser": "cffi's",
    "wrapt-stubs": "types",
    "aws_lambda_powertools/event_handler": "routes of AWS's gateways",
    "aws_lambda_powertools/metrics/provider/datadog": "another vendor's metrics",
    "aws_lambda_powertools/utilities/auth_alpha": "tokens for AWS's gateways",
    "aws_lambda_powertools/utilities/batch": "AWS's queues and streams",
    "aws_lambda_powertools/utilities/circuit_breaker": "keeps its state in DynamoDB",
    "aws_lambda_powertools/utilities/data_classes": "AWS's events",
    "aws_lambda_powertools/utilities/data_masking": "needs AWS's encryption SDK",
    "aws_lambda_powertools/utilities/feature_flags": "needs AWS AppConfig",
    "aws_lambda_powertools/utilities/idempotency": "needs DynamoDB or Redis",
    "aws_lambda_powertools/utilities/kafka": "AWS's events",
    "aws_lambda_powertools/utilities/metadata": "of AWS's functions",
    "aws_lambda_powertools/utilities/parameters": "AWS's parameter stores",
    "aws_lambda_powertools/utilities/parser": "needs pydantic",
    "aws_lambda_powertools/utilities/streaming": "needs S3",
    "aws_lambda_powertools/utilities/validation": "needs fastjsonschema",
    "charset_normalizer/cli": "a command for a shell",
    "jsonschema/benchmarks": "measures it",
    "multidict/_testcapi": "its own tests",
}
# Folders, wherever they are.
_FOLDERS = {"tests", "test", "SelfTest", "testing", "__pycache__"}
# Sources of what is compiled, and types.
_SUFFIXES = {".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".typed", ".hash", ".tmpl"}
# What `python -m` runs.
_COMMAND = "__main__.py"
# importlib.metadata reads the first two; the licences have to go where the code goes.
_METADATA = {"METADATA", "entry_points.txt"}


def is_needed(path: PurePosixPath) -> bool:
    """A file, relative to the root of the package."""
    if any(PurePosixPath(*path.parts[:depth]) in _GONE for depth in range(1, len(path.parts))):
        return False
    if path.parts[0].endswith(".dist-info"):
        return _is_metadata(path)
    if _FOLDERS & set(path.parts[:-1]) or path.suffix in _SUFFIXES or path.name == _COMMAND:
        return False
    return not (path.suffix == ".so" and path.with_name(path.name.partition(".")[0]) in _GONE)


def _is_metadata(path: PurePosixPath) -> bool:
    if PurePosixPath(path.parts[0].partition("-")[0]) in _DISTRIBUTIONS_GONE:
        return False
    licence = path.name.upper().startswith(("LICEN", "NOTICE", "COPYING", "AUTHORS"))
    return licence or path.name in _METADATA


_GONE = frozenset(map(PurePosixPath, NEVER_LOADED))
_DISTRIBUTIONS_GONE = frozenset(
    map(PurePosixPath, ("aliyun_fc2", "alibabacloud_tea_util", "pycparser", "pycryptodome"))
)
