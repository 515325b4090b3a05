"""Where a product of the cloud answers, as whom to ask, and how long to wait."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.core.errors import Code, ConfigurationError
from provisioner.ports import Credentials, CredentialsSource

CALL_SECONDS = 8.0  # the lease on a claim counts on it: no call hangs for longer


@dataclass(frozen=True, slots=True)
class Connection:
    """`endpoint` is a URL or a host; without one, the SDK chooses by region where it can. `seconds`
    is the time for one call, connecting included."""

    credentials: CredentialsSource
    endpoint: str = ""
    seconds: float = CALL_SECONDS

    def identity(self) -> Credentials:
        """The credentials of this moment."""
        found = self.credentials()
        if not (found.access_key_id and found.access_key_secret):
            message = "there are no credentials: give the function a role"
            raise ConfigurationError(message, code=Code.PERMISSION_MISSING)
        return found
