"""What reads see while they lag writes (settings: ReadLag).

Each change of a VServer group is recorded with what the group was before it. A read undoes, newest
first, the changes that it may not see yet: those younger than the lag. With `others`, an access key
reads from a replica that has everything up to its own last write. Load balancers, listeners and
rules do not lag.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.call import Call
    from localcloud.services.slb.groups import VServerGroup
    from localcloud.settings import Settings


class Write(NamedTuple):
    at: float
    writer: str  # an AccessKeyId
    group_id: str
    before: VServerGroup | None  # None: the group did not exist


@dataclass
class Replicas:
    settings: Settings
    writes: list[Write] = field(default_factory=list)  # oldest first

    def record(self, write: Write) -> None:
        lag = self.settings.read_lag.seconds
        recent = [item for item in self.writes if item.at > write.at - lag]
        self.writes = [*recent, write] if lag else []

    def view(
        self, groups: Mapping[str, VServerGroup], reader: str, now: float
    ) -> Mapping[str, VServerGroup]:
        """The groups by id, as this reader sees them."""
        hidden = self._hidden(reader, now)
        if not hidden:
            return groups
        seen = dict(groups)
        for write in reversed(hidden):
            if write.before is None:
                seen.pop(write.group_id, None)
            else:
                seen[write.group_id] = write.before
        return seen

    def _hidden(self, reader: str, now: float) -> list[Write]:
        lag = self.settings.read_lag
        own = lag.readers == "others"
        visible = [
            index
            for index, write in enumerate(self.writes)
            if write.at <= now - lag.seconds or (own and write.writer == reader)
        ]
        return self.writes[visible[-1] + 1 if visible else 0 :]


def reader_of(call: Call) -> str:
    """The AccessKeyId of the caller: each instance of a function has one of its own."""
    return call.identity.access_key_id if call.identity else ""
