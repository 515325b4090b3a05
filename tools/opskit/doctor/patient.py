"""What is examined, and how its cloud is asked: every refusal is a code, never a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mns.mns_exception import MNSExceptionBase, MNSServerException

from opskit import sdk
from opskit.cloud import Cloud
from opskit.deployed import Deployed
from provisioner.aliyun.client import Connection
from provisioner.aliyun.clock import SystemClock
from provisioner.aliyun.sts import AssumedRole
from provisioner.model import Binding
from provisioner.settings import Settings

T = TypeVar("T")

_FORBIDDEN = ("Forbidden", "Forbbiden", "NoPermission", "AccessDenied", "UnauthorizedOperation")


class RefusedError(Exception):
    """`code` is empty where no readable answer came."""

    def __init__(self, code: str) -> None:
        super().__init__(code or "no readable answer")
        self.code = code

    @property
    def is_of_permission(self) -> bool:
        return self.code.startswith(_FORBIDDEN)


@dataclass(frozen=True, slots=True)
class Patient:
    """`settings` is None where the environment cannot work, `deployed` where no function was named.
    `cloud` has the endpoints that the function uses."""

    cloud: Cloud
    environ: Mapping[str, str]
    settings: Settings | None
    deployed: Deployed | None = None

    @property
    def bindings(self) -> tuple[Binding, ...]:
        return self.settings.config.bindings if self.settings else ()

    def region_of(self, binding: Binding) -> str:
        return binding.region_id or (self.settings.config.region_id if self.settings else "")

    def slb(self) -> Any:
        """With the keys of the role, where the load balancers are another account's."""
        from alibabacloud_slb20140515.client import Client  # noqa: PLC0415 - slow

        return Client(self.owner().config("slb"))

    def ess(self) -> Any:
        from alibabacloud_ess20220222.client import Client  # noqa: PLC0415 - slow

        return Client(self.cloud.config("ess"))

    def owner(self) -> Cloud:
        """Raises `Retryable` where the role cannot be assumed."""
        arn = self.settings.slb_role_arn if self.settings else ""
        if not arn:
            return self.cloud
        connection = Connection(lambda: self.cloud.credentials, self.cloud.endpoint("sts"))
        role = AssumedRole(connection, arn, self.cloud.region, SystemClock())
        return replace(self.cloud, credentials=role())


def asked(call: Callable[[], T]) -> T:
    """Raises `RefusedError`."""
    try:
        return call()
    except sdk.ERRORS as error:
        raise RefusedError(sdk.code_of(error)) from error
    except MNSServerException as error:
        raise RefusedError(str(error.type)) from error
    except (MNSExceptionBase, OSError) as error:
        raise RefusedError("") from error
