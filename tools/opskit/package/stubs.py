"""Replace third-party parts that the function never runs by stubs, so that a cold start is short.

The SDKs import at module level what only asynchronous calls, WebSockets and other sources of
credentials need: about half of the time and of the memory of a cold start. A stub has the names
that these imports ask for; any use of one of them raises `UnusedPartError`. There is no stub of a
module of the standard library: it belongs to the runtime.

The package is checked with its stubs: `checking` imports all that the function imports, and lets it
handle an event. A name that a stub lacks fails the build. An error may run what a good event never
does (the SDK reads an error in XML, for example), so a test in `tests/shipping` runs the adapters'
tests on the package: they must pass with a new stub.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_WEBSOCKET = "calls over WebSocket"
_GATEWAY = "interceptors of a gateway"
_SIGNATURES = "RSA signatures"


@dataclass(frozen=True, slots=True)
class Stub:
    """`names` are the names that other modules import or read while they are imported; `values`
    are names with a value that is really used."""

    purpose: str
    names: tuple[str, ...] = ()
    values: Mapping[str, str] | None = None


STUBS: Mapping[str, Stub] = {
    "aiohttp": Stub("asynchronous calls", ("ClientResponse", "ClientSession")),
    "alibabacloud_credentials.client": Stub(
        "sources of credentials; the runtime gives the function those of its role", ("Client",)
    ),
    "alibabacloud_gateway_spi.client": Stub(_GATEWAY, ("Client",)),
    "alibabacloud_gateway_spi.models": Stub(_GATEWAY, ("AttributeMap",)),
    "alibabacloud_tea_openapi.websocket_utils": Stub(_WEBSOCKET),
    "attr.validators": Stub("checks of attributes; the classes of jsonschema have none"),
    "aws_lambda_powertools.metrics": Stub("metrics of AWS", ("Metrics", "single_metric")),
    "aws_lambda_powertools.tracing": Stub("traces of AWS", ("Tracer",)),
    "aws_lambda_powertools.utilities.jmespath_utils": Stub("queries of AWS's events"),
    # requests asks for the version, and then for one from 2 to 3.
    "charset_normalizer": Stub(
        "guesses the encoding of text; JSON and XML declare theirs", values={"__version__": "3.0.0"}
    ),
    "cryptography.hazmat.primitives": Stub(_SIGNATURES, ("hashes",)),
    "cryptography.hazmat.primitives.asymmetric": Stub(_SIGNATURES, ("padding",)),
    "cryptography.hazmat.primitives.serialization": Stub(_SIGNATURES, ("load_pem_private_key",)),
    "darabonba.websocket": Stub(
        _WEBSOCKET,
        (
            "get_web_socket_enable_reconnect",
            "get_web_socket_handshake_timeout",
            "get_web_socket_max_reconnect_times",
            "get_web_socket_ping_interval",
            "get_web_socket_pong_timeout",
            "get_web_socket_reconnect_interval",
            "get_web_socket_write_timeout",
            "new_websocket_client_and_connect",
        ),
    ),
}

_HELPER = "unused_part"
_HELPER_SOURCE = '''\
"""What the stubs in this package are made of. `opskit package` writes them and this file."""


class UnusedPartError(ImportError):
    """The function used a part that its package does not contain."""

    def __init__(self, part, name, purpose):
        super().__init__(
            f"{part}.{name} was used, and this package has only a stub of {part} ({purpose}): "
            "tools/opskit/package/stubs.py lists the stubs",
            name=part,
        )


class UnusedPart:
    """Has the place of one name of a part. Any use of it raises UnusedPartError."""

    def __init__(self, *about):
        self._about = about

    def __getattr__(self, attribute):
        if attribute.startswith("__"):  # Python itself asks objects for such names
            raise AttributeError(attribute)
        self._refuse()

    def _refuse(self, *_arguments, **_named):
        raise UnusedPartError(*self._about)

    __call__ = __mro_entries__ = __instancecheck__ = __subclasscheck__ = _refuse
'''
_STUB_SOURCE = '''\
"""Has the place of {part}, which the function never runs: {purpose}.

`opskit package` writes this file.
"""

from unused_part import UnusedPart, UnusedPartError

{assignments}

def __getattr__(name):
    if name.startswith("__"):  # Python itself asks modules for such names
        raise AttributeError(name)
    raise UnusedPartError({part!r}, name, {purpose!r})
'''


def write_stubs(tree: Path, stubs: Mapping[str, Stub] = STUBS) -> None:
    """Write each stub as a package into the tree, which must not contain the replaced part."""
    (tree / f"{_HELPER}.py").write_text(_HELPER_SOURCE, "utf-8")
    for part, stub in stubs.items():
        folder = tree.joinpath(*part.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").write_text(_write_source(part, stub), "utf-8")


def _write_source(part: str, stub: Stub) -> str:
    about = ", ".join(map(repr, (part, "{name}", stub.purpose)))
    lines = [f"{name} = {value!r}" for name, value in (stub.values or {}).items()]
    lines += [f"{name} = UnusedPart({about.format(name=name)})" for name in stub.names]
    return _STUB_SOURCE.format(part=part, purpose=stub.purpose, assignments="\n".join(lines))
