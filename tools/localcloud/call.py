"""One request on its way through the pipeline, and what a service has to offer to answer it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from localcloud.wire.parameters import Parameters

if TYPE_CHECKING:
    from localcloud.cloud import Cloud
    from localcloud.wire.errors import ApiError
    from localcloud.wire.message import HttpAnswer, HttpRequest
    from localcloud.wire.signature import Claim, Key, Refusals

# What a call is about, for the journal: taken from the parameters, completed by the operation.
CONCERNS = (
    "LoadBalancerId",
    "VServerGroupId",
    "VServerGroupName",
    "ScalingGroupId",
    "ScalingActivityId",
    "LifecycleHookId",
    "QueueName",
    "TopicName",
    "SubscriptionName",
    "FunctionName",
)


class Connection(Protocol):
    """The caller's end, as far as an operation or a fault needs it."""

    @property
    def is_closed(self) -> bool: ...

    def reset(self) -> None: ...

    async def closed(self) -> None: ...


class Dialect(Protocol):
    """How a family of services reads signatures and words its answers (wire/rpc, wire/mns)."""

    @property
    def REFUSALS(self) -> Refusals: ...  # noqa: N802 - modules implement this; there it is a constant

    def claim(self, request: HttpRequest) -> Claim | None:
        """None: not signed, where the operation decides whether that will do."""

    def render(self, call: Call, result: Any) -> HttpAnswer: ...

    def render_error(self, call: Call, error: ApiError) -> HttpAnswer: ...


# Takes the cloud and the call; returns, or awaits and returns, what its dialect renders.
Operation = Callable[["Cloud", "Call"], Any]
# Runs beside the requests, for as long as the cloud is served.
Background = Callable[["Cloud"], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Service:
    name: str
    dialect: Dialect
    operations: Mapping[str, Operation]
    versions: tuple[str, ...]
    background: tuple[Background, ...] = ()
    # What a call is about beyond its own parameters, by the names that fault rules use in `where`.
    subjects: Callable[[Cloud, Call], Mapping[str, set[str]]] = lambda _cloud, _call: {}
    # Turns the answer of a change into that of one without effect, which is honest about it.
    actual: Callable[[Cloud, Any], Any] = lambda _cloud, answer: answer


@dataclass
class Call:
    request: HttpRequest
    connection: Connection
    service: Service | None
    dialect: Dialect
    version: str
    action: str
    parameters: Parameters = field(default_factory=Parameters)
    identity: Key | None = None  # none before the signature held
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    concerns: dict[str, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """Of the caller; empty for this world's own."""
        return self.identity.account if self.identity else ""

    def __post_init__(self) -> None:
        for name in CONCERNS:
            value = self.parameters.text(name, name[0].lower() + name[1:])
            if value is not None:
                self.concerns[name] = value
