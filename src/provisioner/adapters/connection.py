"""Where a product of the cloud answers, as whom to ask, and how long to wait."""

from __future__ import annotations

from provisioner.core.errors import Code, ConfigurationError
from provisioner.core.lease import CALL
from provisioner.core.values import dataclass
from provisioner.ports import Credentials, CredentialsSource

_SHORTEST_CALL = 0.5  # seconds: below, even a cloud that is well would not be heard


@dataclass(frozen=True, slots=True)
class Connection:
    """`endpoint` is a URL or a host, in which {region_id} stands for the region of the call;
    without one, the SDK chooses by region where it can. `seconds` is the time for one call,
    connecting included."""

    credentials: CredentialsSource
    endpoint: str = ""
    seconds: float = CALL

    def identity(self) -> Credentials:
        """The credentials of this moment."""
        found = self.credentials()
        if not (found.access_key_id and found.access_key_secret):
            message = "there are no credentials: give the function a role"
            raise ConfigurationError(message, code=Code.PERMISSION_MISSING)
        return found

    def timeout(self, within: float) -> float:
        """Seconds for one call, where `within` are left."""
        return min(self.seconds, max(within, _SHORTEST_CALL))
