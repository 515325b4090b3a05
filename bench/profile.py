"""Show where the time goes: of a cold start, by the owner of each import; of a warm event, by the
methods of the SDKs.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from bench.cores import MEASURED, on
from bench.package import Package
from bench.process import Sample

BARE = "the interpreter, before it imports anything of ours"
OURS = "the function itself, with its log"
_OWNERS = {
    "the function's own modules": ("index", "provisioner"),
    "the SDKs and their stubs": (
        *("Tea", "alibabacloud_", "darabonba", "mns"),
        *("aiohttp", "charset_normalizer", "cryptography", "unused_part"),
    ),
    "their transport": ("certifi", "idna", "requests", "urllib3"),
    "jsonschema": ("attr", "jsonschema", "referencing", "rpds"),
    "powertools, for the log": ("aws_lambda_powertools",),
}
_REST = "the standard library and typing_extensions"
_LINE = re.compile(r"import time:\s*(\d+) \|\s*\d+ \| *(\S+)")


def measure_imports(package: Package, runs: int) -> Mapping[str, float]:
    """Return milliseconds by owner: medians of what the interpreter reports, which takes time
    itself."""
    taken = [_measure_owners(package) for _ in range(runs)]
    return {owner: median(each[owner] for each in taken) for owner in (BARE, *_OWNERS, _REST)}


def split_cpu(samples: Sequence[Sample]) -> Mapping[str, float]:
    """Return milliseconds of CPU by method of the SDKs, in falling order, and then our own."""
    methods = {
        method: median(sample.methods.get(method, 0.0) for sample in samples) * 1000
        for method in {method for sample in samples for method in sample.methods}
    }
    own = median(sample.own for sample in samples) * 1000
    return {**dict(sorted(methods.items(), key=lambda item: -item[1])), OURS: own}


def _measure_owners(package: Package) -> Mapping[str, float]:
    before = read_import_times(package, "pass")
    by: Counter[str] = Counter()
    for name, microseconds in read_import_times(package, "import index").items():
        if name not in before:
            by[_find_owner(name)] += microseconds
    by[BARE] = sum(before.values())
    return {owner: microseconds / 1000 for owner, microseconds in by.items()}


def read_import_times(package: Package, code: str) -> Counter[str]:
    """Return the microseconds of each module that the code imports."""
    command = (package.python, "-X", "importtime", "-c", code)
    environ = {
        "PYTHONPATH": os.pathsep.join(package.list_paths("index")),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with on(MEASURED):
        started = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
    with started as process:
        output = process.communicate()[1]
    if process.returncode:
        raise SystemExit(f"the package cannot be imported: {output}")
    return Counter({name: int(microseconds) for microseconds, name in _LINE.findall(output)})


def _find_owner(module: str) -> str:
    found = (owner for owner, prefixes in _OWNERS.items() if module.startswith(prefixes))
    return next(found, _REST)
