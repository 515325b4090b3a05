"""What a function finds when it runs: its environment variables, and its context, in the shape of
its generation and runtime.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from localcloud.services.fc.model import LATEST, Function

if TYPE_CHECKING:
    from localcloud.cloud import World
    from localcloud.wire.signature import Key

# Of this machine, a process keeps only what it needs to run at all: no proxy, no credential.
_INHERITED = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_NEWEST = "python3.12"


def variables(function: Function, world: World, instance_id: str, code: str) -> dict[str, str]:
    """All documented ones but the credentials, which rotate."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    version = "FC_FUNCTION_VERSION" if function.runtime == _NEWEST else "FC_VER_ID"
    own = {
        "FC_FUNC_CODE_PATH": f"{code}/",
        "FC_ACCOUNT_ID": world.account,
        "FC_FUNCTION_NAME": function.short_name,
        "FC_FUNCTION_HANDLER": function.handler,
        "FC_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "FC_REGION": world.region,
        "FC_INSTANCE_ID": instance_id,
        "FC_CUSTOM_LISTEN_PORT": "9000",
        version: LATEST,
    }
    if function.service:
        own |= {"FC_SERVICE_NAME": function.service, "FC_QUALIFIER": LATEST}
    return {"LANG": "C.UTF-8", **inherited, **function.variables, **own}


def credentials(function: Function, key: Key) -> dict[str, str]:
    """As environment variables (doc)."""
    named = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": key.security_token,
    }
    if function.service:
        named |= {
            "accessKeyID": key.access_key_id,
            "accessKeySecret": key.access_key_secret,
            "securityToken": key.security_token,
        }
    return named


def context(
    function: Function, world: World, key: Key, request_id: str, retries: int
) -> dict[str, Any]:
    common = {
        "request_id": request_id,
        "region": world.region,
        "account_id": world.account,
        "retry_count": str(retries),
    }
    described = {
        "name": function.short_name,
        "handler": function.handler,
        "memory": function.memory_size,
    }
    own = _newest(function) if function.runtime == _NEWEST else _older(function, key)
    return common | own | {"function": described | own["function"]}


def _newest(function: Function) -> dict[str, Any]:
    versions = {"version_id": LATEST, "qualifier": LATEST}
    return {
        "function": {"timeout": function.timeout, **versions},
        "log_project": "",
        "log_store": "",
        "logger": True,  # the process puts its root logger there
    }


def _older(function: Function, key: Key) -> dict[str, Any]:
    return {
        # doc: str or int; the older runtimes give the less convenient one here
        "function": {"timeout": str(function.timeout)},
        "credentials": {
            "access_key_id": key.access_key_id,
            "access_key_secret": key.access_key_secret,
            "security_token": key.security_token,
        },
        "service": {
            "name": function.service,
            "log_project": "",
            "log_store": "",
            "qualifier": LATEST,
            "version_id": LATEST,
        },
        "tracing": {"span_context": "", "jaeger_endpoint": ""},
        "logger": None,  # which it may be
    }
