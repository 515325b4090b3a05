"""Which service a request is for. A new service is a new line here."""

from localcloud.call import Call, Connection
from localcloud.services.eci.api import SERVICE as ECI
from localcloud.services.ecs.api import SERVICE as ECS
from localcloud.services.ess.api import SERVICE as ESS
from localcloud.services.eventbridge.api import SERVICE as EVENTBRIDGE
from localcloud.services.fc.api import SERVICE as FC
from localcloud.services.mns.api import SERVICE as MNS
from localcloud.services.oss.api import SERVICE as OSS
from localcloud.services.oss.api import VERSION as OSS_VERSION
from localcloud.services.ros.api import SERVICE as ROS
from localcloud.services.slb.api import SERVICE as SLB
from localcloud.services.sts.api import SERVICE as STS
from localcloud.wire import fc, mns, oss, rpc
from localcloud.wire.message import HttpRequest
from localcloud.wire.parameters import Parameters

SERVICES = (SLB, ESS, ECS, ECI, MNS, EVENTBRIDGE, FC, STS, ROS, OSS)
_BY_VERSION = {version: service for service in SERVICES for version in service.versions}


def identify(request: HttpRequest, connection: Connection) -> Call:
    """Never refuses: what is unknown has no service, and is answered as such."""
    if oss.is_meant(request):
        return _oss(request, connection)
    if request.path.startswith(("/queues", "/topics")):
        return _mns(request, connection)
    if request.path.startswith(fc.PREFIXES):
        return _fc(request, connection)
    return _rpc(request, connection)


def _mns(request: HttpRequest, connection: Connection) -> Call:
    action, parameters = mns.route(request) or ("", Parameters())
    version = request.headers.get("x-mns-version", mns.VERSION)
    return Call(request, connection, MNS, mns, version, action, parameters)


def _fc(request: HttpRequest, connection: Connection) -> Call:
    action, parameters = fc.route(request)
    version = fc.GENERATION_2 if request.path.startswith(fc.PREFIXES[0]) else fc.GENERATION_3
    return Call(request, connection, FC, fc, version, action, parameters)


def _oss(request: HttpRequest, connection: Connection) -> Call:
    action, parameters = oss.route(request)
    return Call(request, connection, OSS, oss, OSS_VERSION, action, parameters)


def _rpc(request: HttpRequest, connection: Connection) -> Call:
    parameters = rpc.parameters(request)
    # sdk: signature version 3 has them in headers only.
    action = request.headers.get("x-acs-action") or parameters.text("Action") or ""
    version = request.headers.get("x-acs-version") or parameters.text("Version") or ""
    service = _BY_VERSION.get(version) if request.path == "/" else None
    return Call(request, connection, service, rpc, version, action, parameters)
