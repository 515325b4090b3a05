"""Which servers a VServer group takes.

| Type | ServerId                        | refused with                                          |
| ---- | ------------------------------- | ----------------------------------------------------- |
| ecs  | of an ECS instance, `i-…`       | InvalidServerId.NotExist unknown; ObtainIpFail down   |
| eni  | of a network interface, `eni-…` | ResourceNotFound.vServers: unknown, or an instance's  |
| eci  | of a container group, `eci-…`   | as an ECS instance                                    |

An id that this world does not know is refused only where StrictInstances says so; another kind of
server's id always is.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from localcloud.services.ecs.model import ECI, ECS, ENI
from localcloud.services.slb.backends import refused
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localcloud.services.ecs.model import Compute
    from localcloud.services.slb.backends import Backend


def check_server(compute: Compute, backend: Backend) -> None:
    kind, known = backend.type or ECS, compute.kind_of(backend.server_id)
    if known is None and not compute.settings.strict_instances and not _is_foreign(kind, backend):
        known = kind
    if kind == ENI and (known != ENI or backend.server_id in compute.released):  # doc
        message = "the specified enis do not exist"
        raise ApiError(HTTPStatus.NOT_FOUND, "ResourceNotFound.vServers", message)
    if known != kind:
        raise refused("InvalidServerId.NotExist", "The specified ServerId does not exist.")
    if compute.is_down(backend.server_id):
        raise server_down()


def check_address(compute: Compute, backend: Backend, others: Iterable[Backend]) -> None:
    """Refuses an address and port that another ENI or ECI of the group still has."""
    if backend.type in (None, ECS):
        return
    address = _address(compute, backend)
    for other in others:
        same = (_address(compute, other), other.port) == (address, backend.port)
        if same and address and other.type != ECS and other.server_id != backend.server_id:
            # doc: the code; inferred: when
            message = f"The ServerIp {address} belongs to another backend server."
            raise refused("InvalidBackendServers.ServerIpConflict", message)


def server_down() -> ApiError:
    # doc
    return refused("ObtainIpFail", "The backend server is missing or not running.")


def _is_foreign(kind: str, backend: Backend) -> bool:
    """Whether the id's prefix is that of another kind of server."""
    prefixes = {ECS: "i-", ENI: "eni-", ECI: "eci-"}
    return any(
        backend.server_id.startswith(prefix) for name, prefix in prefixes.items() if name != kind
    )


def _address(compute: Compute, backend: Backend) -> str:
    return backend.ip or compute.address_of(backend.server_id)
