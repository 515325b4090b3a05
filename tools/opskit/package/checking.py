"""Check a package before it is called good: in the runtime's interpreter, with nothing beside it.

It imports everything that the function imports, so that a name that a stub lacks is found here and
not in the cloud; then the function handles a scale-out hook against localcloud.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from opskit import local
from opskit.world import REGION, TOPIC, world_of
from provisioner.model import Request
from provisioner.triggers import decode

from . import lazy_models
from .runtimes import PackageFailedError

EVENT = Path(__file__).parents[3] / "events" / "ess_hook.in-mns-topic.json"

# Each gets the folder of the package as its argument.
_IMPORT_ALL = f"""
import importlib, pkgutil, sys, warnings
warnings.simplefilter("error")  # a library that doubts a stub's version warns
sys.path.insert(0, sys.argv[1])
import index, provisioner
for module in pkgutil.walk_packages(provisioner.__path__, "provisioner."):
    importlib.import_module(module.name)
import mns.queue  # imported when the first dead letter is sent
for name in {lazy_models.PACKAGES!r}:
    models = importlib.import_module(name)
    for model in models.__all__:
        getattr(models, model)
"""
_HANDLE = """
import sys
sys.path.insert(0, sys.argv[1])
import index

class Context:
    request_id = "package-check"

index.initialize(Context)
answer = index.handler(sys.stdin.buffer.read(), Context)
index.pre_stop(Context)
print(answer)
"""


def check(python: str, code: Path) -> None:
    """Check the package that is unpacked in `code`. Raises PackageFailedError."""
    _run(python, _IMPORT_ALL, code, {})
    try:
        output = _handle_event(python, code)
    except local.LocalCloudFailedError as error:
        raise PackageFailedError(f"the package could not be checked: {error}") from error
    answer = json.loads(output.splitlines()[-1])
    if [outcome["outcome"] for outcome in answer["outcomes"]] != ["provisioned"]:
        raise PackageFailedError(f"the packaged function did not provision a group:\n{output}")


def _handle_event(python: str, code: Path) -> str:
    """Return what the function wrote: its log, and its answer in the last line."""
    payload = EVENT.read_bytes()
    world = world_of(item for item in decode(payload) if isinstance(item, Request))
    with local.localcloud(empty=True) as cloud:
        cloud.seed(world.seed())
        environ = {
            **dict.fromkeys(("SLB_ENDPOINT", "ESS_ENDPOINT", "MNS_ENDPOINT"), cloud.url),
            "ALIBABA_CLOUD_ACCESS_KEY_ID": local.ACCESS_KEY_ID,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": local.ACCESS_KEY_SECRET,
            "REGION_ID": REGION,
            "RESULT_TOPIC": TOPIC,
            "BINDINGS": json.dumps(list(world.bindings.values())),
        }
        return _run(python, _HANDLE, code, environ, payload)


def _run(
    python: str, program: str, code: Path, environ: Mapping[str, str], payload: bytes = b""
) -> str:
    ran = subprocess.run(  # noqa: S603 - an interpreter that was found, and our own program
        (python, "-I", "-S", "-B", "-c", program, str(code)),
        env=environ,
        input=payload,
        capture_output=True,
        check=False,
    )
    if ran.returncode:
        error = ran.stderr.decode("utf-8", "replace").strip()
        raise PackageFailedError(f"the package does not run in {python}:\n{error}")
    return ran.stdout.decode("utf-8")
