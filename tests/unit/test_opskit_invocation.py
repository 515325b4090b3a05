"""How long `opskit invoke` waits for a function's answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from time import monotonic

import pytest

from canned import Canned, Reply, canned
from opskit.cloud import Cloud
from opskit.ending import UnusableError
from opskit.invocation import Answer, Target, generation_2, generation_3
from provisioner.ports import Credentials
from worlds import forget_connections

LONGEST_TIMEOUT = 86_400  # seconds, of a function
SILENCE = 8.0  # seconds: less than the 10 that the SDK of generation 3 waits by itself

Send = Callable[[Cloud, Target, bytes], Answer]


class Impatient(Target):
    @property
    def seconds(self) -> int:
        return 1


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canned]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with canned() as script:
        yield script
    forget_connections()


@pytest.mark.parametrize("send", [generation_2, generation_3])
def test_a_function_that_does_not_answer_in_time_is_given_up_and_called_once(
    server: Canned, send: Send
) -> None:
    given_up = Event()
    server.replies.append(Reply("{}", before=lambda: given_up.wait(SILENCE)))
    began = monotonic()
    cloud = Cloud("cn-hangzhou", "1", Credentials("id", "secret"), {"fc": server.url})

    with pytest.raises(UnusableError, match="no readable answer"):
        send(cloud, Impatient("fn", service="svc"), b"{}")

    given_up.set()
    assert monotonic() - began >= 1
    assert len(server.asked) == 1


def test_an_answer_is_awaited_longer_than_any_function_may_take() -> None:
    assert Target("fn").seconds > LONGEST_TIMEOUT


def test_what_is_only_queued_is_accepted_at_once() -> None:
    assert Target("fn", asynchronous=True).seconds == 10
