"""Decide which files of the libraries the package has.

Removed is what the function never loads: what a stub replaces, what only such a part imports, and
what no import of a used library reaches. `checking` imports what is left.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from .stubs import STUBS

# Where in the tree, and why it goes.
NEVER_LOADED = {
    "bin": "commands for a shell",
    "Crypto": "pycryptodome: only the tests of the MNS SDK need it",
    "_cffi_backend": "of cryptography, which is a stub",
    "aiofiles": "of alibabacloud_credentials.client, which is a stub",
    "aiohappyeyeballs": "of aiohttp, which is a stub",
    "aiosignal": "of aiohttp",
    "alibabacloud_credentials/credentials": "of alibabacloud_credentials.client",
    "alibabacloud_credentials/http": "of alibabacloud_credentials.client",
    "alibabacloud_credentials/provider": "of alibabacloud_credentials.client",
    "alibabacloud_credentials/providers": "of alibabacloud_credentials.client",
    "alibabacloud_credentials/utils": "of alibabacloud_credentials.client",
    "alibabacloud_credentials_api": "of alibabacloud_credentials.client",
    "alibabacloud_tea_util": "required by the older SDKs; these import darabonba instead",
    "apscheduler": "of alibabacloud_credentials.client",
    "async_timeout": "of aiohttp",
    "aws_lambda_powertools/event_handler": "routes of AWS's gateways",
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
    "cffi": "of cryptography",
    "cryptography": "of its own stubs, which name some of its modules only",
    "frozenlist": "of aiohttp",
    "jmespath": "of aws_lambda_powertools.utilities.jmespath_utils, which is a stub",
    "jsonschema/benchmarks": "measures it",
    "multidict": "of aiohttp",
    "propcache": "of aiohttp",
    "pycparser": "of cryptography",
    "tzlocal": "of alibabacloud_credentials.client",
    "websocket": "of darabonba.websocket, which is a stub",
    "wrapt-stubs": "types",
    "yarl": "of aiohttp",
}
# Distributions that are not named as their code is.
_CODE_OF = {"pycryptodome": "Crypto", "websocket_client": "websocket"}
# Folders, wherever they are.
_FOLDERS = {"tests", "test", "SelfTest", "testing", "__pycache__"}
# Sources of compiled code, and types.
_SUFFIXES = {".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".typed", ".hash", ".tmpl"}
# What `python -m` runs.
_COMMAND = "__main__.py"
# importlib.metadata reads the first two; licences have to go where the code goes.
_METADATA = {"METADATA", "entry_points.txt"}


def is_needed(path: PurePosixPath) -> bool:
    """Tell whether the package has the file with this path, relative to the package's root."""
    top = path.parts[0]
    if top.endswith(".dist-info"):
        return _is_needed_metadata(path)
    if _FOLDERS & set(path.parts[:-1]) or path.suffix in _SUFFIXES or path.name == _COMMAND:
        return False
    module = path.with_name(path.name.partition(".")[0])  # without .py or .cpython-….so
    return _REMOVED.isdisjoint((module, *path.parents))


def _is_needed_metadata(path: PurePosixPath) -> bool:
    distribution = path.parts[0].partition("-")[0]
    if PurePosixPath(_CODE_OF.get(distribution, distribution)) in _REMOVED:
        return False
    licence = path.name.upper().startswith(("LICEN", "NOTICE", "COPYING", "AUTHORS"))
    return licence or path.name in _METADATA


_REMOVED = frozenset(map(PurePosixPath, (*NEVER_LOADED, *(s.replace(".", "/") for s in STUBS))))
