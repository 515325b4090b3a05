"""EventBridge on the wire: nothing yet. Its rules and streams run beside the requests."""

from localcloud.call import Service
from localcloud.services.triggers.keeping import keep_running
from localcloud.wire import rpc

SERVICE = Service(
    name="eventbridge",
    dialect=rpc,
    operations={},
    versions=(),
    background=(keep_running,),
)
