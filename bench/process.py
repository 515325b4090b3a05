"""A process that is measured: one handler on one interpreter, which gets events one at a time."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.cloud import Cloud
from bench.cores import MEASURED, on
from bench.package import Package

_PROBE = Path(__file__).with_name("probe.py")


@dataclass(frozen=True)
class Sample:
    """Seconds; memory in MiB at its peak."""

    cpu: float
    wall: float
    memory: float
    connections: int = 0
    total: float = 0.0  # CPU since the process started
    resident: float = 0.0  # MiB, now
    own: float = 0.0  # CPU that was not the SDKs'
    methods: Mapping[str, float] = field(default_factory=dict)  # CPU of each of the SDKs' methods


class Process:
    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self._popen = popen

    @property
    def pid(self) -> int:
        return self._popen.pid

    def wait_until_ready(self) -> Sample:
        """Wait until the handler is loaded and initialized."""
        return self._sample()

    def handle(self, event: bytes) -> Sample:
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{event.hex()}\n")
        self._popen.stdin.flush()
        return self._sample()

    def _sample(self) -> Sample:
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        if not line:
            raise SystemExit("a measured process ended; set BENCH_VERBOSE=1 to see its output")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error"):
            raise SystemExit(f"a measured handler raised {answer['error']}")
        numbers = {
            name: answer.get(name, 0.0) for name in ("cpu", "wall", "connections", "total", "own")
        }
        memory, resident = answer["memory"] / 1024, answer["resident"] / 1024
        methods = answer.get("methods", {})
        return Sample(memory=memory, resident=resident, methods=methods, **numbers)


@contextmanager
def running(package: Package, module: str, cloud: Cloud, **environ: str) -> Iterator[Process]:
    with on(MEASURED):
        started = subprocess.Popen(
            [package.python, str(_PROBE), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("BENCH_VERBOSE") else subprocess.DEVNULL,
            env={
                "PYTHONPATH": os.pathsep.join(package.list_paths(module)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "FC_FUNC_CODE_PATH": f"{package.folder}/",
                "LANG": "C.UTF-8",
                **cloud.environ(),
                **environ,
            },
            text=True,
        )
    with started as popen:
        try:
            yield Process(popen)
        finally:
            assert popen.stdin is not None
            popen.stdin.close()
            popen.wait()


def cold_start(package: Package, module: str, cloud: Cloud, event: bytes) -> Sample:
    """Measure from the start of the process to the first handled event."""
    start = time.perf_counter()
    with running(package, module, cloud) as process:
        process.wait_until_ready()
        done = process.handle(event)
        return Sample(done.total, time.perf_counter() - start, done.memory)


def initialize(package: Package, module: str, cloud: Cloud) -> Sample:
    start = time.perf_counter()
    with running(package, module, cloud) as process:
        done = process.wait_until_ready()
        return Sample(done.total, time.perf_counter() - start, done.memory)
