"""Where the time goes: of a cold start, what each import takes by itself, by whose it is; of a warm
event, what each method of the SDKs takes, and what is left.
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
OURS = "ours: decoding, asking, mapping, checking, the protocol, the result"
LOG = "ours: the log"
_OF = {
    "the function's own modules": ("index", "provisioner"),
    "the SDKs": ("Tea", "alibabacloud_", "darabonba", "mns"),
    "their transport": ("certifi", "charset_normalizer", "idna", "requests", "urllib3"),
    "powertools, for the log": ("aws_lambda_powertools",),
}
_REST = "the standard library and typing_extensions"
_LINE = re.compile(r"import time:\s*(\d+) \|\s*\d+ \| *(\S+)")


def imports(package: Package, runs: int) -> Mapping[str, float]:
    """Milliseconds by owner, medians of what the interpreter reports, which takes its part."""
    taken = [_by_owner(package) for _ in range(runs)]
    return {owner: median(each[owner] for each in taken) for owner in (BARE, *_OF, _REST)}


def spent(told: Sequence[Sample], quiet: Sequence[Sample]) -> Mapping[str, float]:
    """Milliseconds of CPU, of samples with a log and without one: medians, by method of the SDKs,
    in falling order; then our own share, as it is without a log and what the log adds."""
    methods = {
        method: median(sample.methods.get(method, 0.0) for sample in told) * 1000
        for method in {method for sample in told for method in sample.methods}
    }
    own, bare = (median(each.own for each in samples) * 1000 for samples in (told, quiet))
    log = max(own - bare, 0.0)
    ordered = sorted(methods.items(), key=lambda item: -item[1])
    return {**dict(ordered), OURS: own - log, LOG: log}


def _by_owner(package: Package) -> Mapping[str, float]:
    before = microseconds(package, "pass")
    by: Counter[str] = Counter()
    for name, spent in microseconds(package, "import index").items():
        if name not in before:
            by[_owner(name)] += spent
    by[BARE] = sum(before.values())
    return {owner: spent / 1000 for owner, spent in by.items()}


def microseconds(package: Package, code: str) -> Counter[str]:
    command = (package.python, "-X", "importtime", "-c", code)
    environ = {"PYTHONPATH": os.pathsep.join(package.paths), "PYTHONDONTWRITEBYTECODE": "1"}
    with on(MEASURED):
        started = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
    with started as process:
        told = process.communicate()[1]
    if process.returncode:
        raise SystemExit(f"the package cannot be imported: {told}")
    return Counter({name: int(spent) for spent, name in _LINE.findall(told)})


def _owner(module: str) -> str:
    found = (owner for owner, prefixes in _OF.items() if module.startswith(prefixes))
    return next(found, _REST)
