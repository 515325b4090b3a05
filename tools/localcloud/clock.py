"""The cloud's clock: real time plus an offset that a test may move.

Visibility, delays, hook time-outs and the Date header follow it. Signatures do not: they are
checked against real time, or moving the clock would lock every client out.
"""

import time
from datetime import datetime, timezone

_FORM = "%Y-%m-%dT%H:%M:%SZ"


class Clock:
    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        return time.time() + self._offset

    def set(self, moment: float) -> None:
        self._offset = moment - time.time()


def timestamp(moment: float) -> str:
    """The form SLB and ESS use: YYYY-MM-DDThh:mm:ssZ."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime(_FORM)


def timestamp_ms(moment: float) -> str:
    """The form events use: with milliseconds."""
    text = datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def moment(text: str) -> float:
    """The inverse of timestamp(); ValueError if the text has another form."""
    return datetime.strptime(text, _FORM).replace(tzinfo=timezone.utc).timestamp()
