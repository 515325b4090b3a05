"""Simple Message Queue (MNS), API 2015-06-06: sends to the result topic and the dead-letter queue.

A message is sent at least once, and every failure that may pass is retried: consumers recognise a
message by the id in it. The SDK tells no HTTP status, so that the code alone decides. An exception
that it lets through (KeyError and others, from an answer that it cannot read) counts as no answer.
"""

from __future__ import annotations

import socket
import ssl
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from mns.auth import Credentials
from mns.mns_client import MNSClient
from mns.mns_exception import (
    MNSClientNetworkException,
    MNSClientParameterException,
    MNSServerException,
)
from mns.topic import Topic, TopicMessage

from provisioner.errors import Code, ConfigurationError, Fault, ProvisionerError, Rejected
from provisioner.ports import Clock, DeadLetters, Notifications
from provisioner.results.document import MAX_BYTES, MAX_TAG_LENGTH

from .client import Connection
from .error_mapping import (
    ApiError,
    Operation,
    Rule,
    classify,
    configuration_error,
    no_answer_error,
    rejection,
    throttling_error,
    unreachable_error,
)
from .retry import Retry

# For these two, `writes` is False: a message may be sent twice.
_PUBLISH = Operation("PublishMessage", writes=False)
_SEND = Operation("SendMessage", writes=False)
_TOPIC = configuration_error("create the result topic, or set the one that is there")
_ACCESS = configuration_error("let the function's role publish to the result topic")
_QUEUE = configuration_error("create the dead-letter queue, or set the one that is there")
_SENDING = configuration_error("let the function's role send to the dead-letter queue")
_NAME = configuration_error("set a name of a topic or queue", Code.CONFIGURATION_INVALID)
_CLOCK = configuration_error("the clock of the function's host is off", Code.CONFIGURATION_INVALID)
_MESSAGE = rejection(Fault.INVALID, "the topic or queue does not take this message")
# Codes of the API's error table (doc). A code that is not here is Retryable.
RULES = (
    Rule("TopicNotExist", _TOPIC),
    Rule("QueueNotExist", _QUEUE),
    Rule("AccessDenied", _ACCESS, operation="PublishMessage"),
    Rule("AccessDenied", _SENDING),
    Rule("TimeExpired", _CLOCK),
    Rule("InvalidRequestURL", _NAME),
    Rule("InvalidQueryString", _NAME),
    Rule("InvalidArgument", _MESSAGE),
    Rule("MalformedXML", _MESSAGE),
    Rule("QpsLimitExceeded", throttling_error),
)

_NEVER_SENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)

# After this time a connection is opened again. If the server has closed it, a request fails at once
# and is repeated. Where the instance was frozen, the network may have forgotten a connection: then
# nothing but a timeout shows that it is dead.
_IDLE_SECONDS = 60.0


class _CredentialsProvider:
    """The SDK asks it before every request, so that a connection outlives the credentials."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get_credentials(self) -> Credentials:
        found = self._connection.get_credentials()
        # The SDK would send a token of None as a header.
        return Credentials(found.access_key_id, found.access_key_secret, found.security_token or "")


class MnsNotifications(Notifications):
    def __init__(self, connection: Connection, topic: str, clock: Clock, random: Random) -> None:
        self._topic = topic
        self._messages = _MessageSender(connection, clock, random)

    def publish(self, document: str, *, tag: str, within: float) -> str:
        _check_size(document, tag)
        return self._messages.send(
            _PUBLISH,
            lambda client: Topic(self._topic, client).publish_message(TopicMessage(document, tag)),
            within,
        )

    def close(self) -> None:
        self._messages.close()


class MnsDeadLetters(DeadLetters):
    def __init__(self, connection: Connection, queue: str, clock: Clock, random: Random) -> None:
        self._queue = queue
        self._messages = _MessageSender(connection, clock, random)

    def send(self, letter: str, *, within: float) -> str:
        _check_size(letter, "")
        return self._messages.send(_SEND, lambda client: self._send(client, letter), within)

    def close(self) -> None:
        self._messages.close()

    def _send(self, client: MNSClient, letter: str) -> Any:
        from mns.queue import Message, Queue  # noqa: PLC0415 - few instances send a dead letter

        queue = Queue(self._queue, client)
        queue.set_encoding(False)  # Base64 would count towards the limit of 64 KB
        return queue.send_message(Message(letter))


class _MessageSender:
    """Sends messages with clients of the SDK, each of which is used by one thread at a time.

    A call takes a client that is idle, or makes one.
    """

    def __init__(self, connection: Connection, clock: Clock, random: Random) -> None:
        self._connection = connection
        self._clock = clock
        self._retry = Retry(clock, random)
        self._idle: deque[tuple[MNSClient, float]] = deque()

    def send(self, operation: Operation, send: Callable[[MNSClient], Any], within: float) -> str:
        """Send a message with `send` in the `within` seconds that are left; return its MessageId.

        Raises Rejected and Retryable.
        """
        return self._retry.until_answered(
            lambda left: self._send_once(operation, send, left), within=within, repeatable=True
        )

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[0].close_connection()

    def _send_once(
        self, operation: Operation, send: Callable[[MNSClient], Any], within: float
    ) -> str:
        try:
            return self._send_with_reconnect(send, self._connection.call_timeout(within))
        except ProvisionerError:  # there are no credentials
            raise
        except Exception as error:
            raise _to_provisioner_error(error, operation) from error

    def _send_with_reconnect(self, send: Callable[[MNSClient], Any], seconds: float) -> str:
        client = self._take_client()
        try:
            was_connected = bool(client.http.conn.sock)
            try:
                _set_timeout(client, seconds)
                sent = send(client)
            except MNSClientNetworkException as error:
                if not was_connected or isinstance(error.__context__, TimeoutError):
                    raise
                # The server had closed the idle connection, which only sending shows. Now the SDK
                # has closed it, too, and connects again.
                _set_timeout(client, seconds)
                sent = send(client)
            if not sent.message_id:
                raise ValueError  # noqa: TRY301 - as the SDK does for an answer it cannot read
        except BaseException:
            client.close_connection()
            raise
        self._idle.append((client, self._clock.now()))
        return str(sent.message_id)

    def _take_client(self) -> MNSClient:
        try:
            client, used_at = self._idle.pop()
        except IndexError:
            return self._new_client()
        if self._clock.now() - used_at > _IDLE_SECONDS:
            client.close_connection()  # the next request opens it again
        return client

    def _new_client(self) -> MNSClient:
        provider = _CredentialsProvider(self._connection)
        return MNSClient(self._connection.endpoint, credentials_provider=provider)


def _set_timeout(client: MNSClient, seconds: float) -> None:
    connection = client.http.conn
    connection.connection_timeout = seconds  # used when it connects over HTTP
    connection.timeout = seconds  # used when it connects over HTTPS
    if connection.sock:
        connection.sock.settimeout(seconds)


def _check_size(document: str, tag: str) -> None:
    """Raise Rejected for what the service would refuse. The SDK does not check."""
    if len(document.encode("utf-8")) > MAX_BYTES:
        raise Rejected("InvalidArgument", "a message holds at most 64 KB")
    if len(tag) > MAX_TAG_LENGTH:
        raise Rejected("InvalidArgument", f"a tag has at most {MAX_TAG_LENGTH} characters")


def _is_never_sent(error: BaseException | None) -> bool:
    """Tell whether the connection failed. Over HTTP, the SDK wraps that error, and no other, in an
    OSError."""
    return isinstance(error, _NEVER_SENT) or (
        isinstance(error, OSError) and any(isinstance(arg, OSError) for arg in error.args)
    )


def _to_provisioner_error(error: Exception, operation: Operation) -> ProvisionerError:
    if isinstance(error, MNSServerException):
        return classify(ApiError(operation, status=0, code=str(error.type)), RULES)
    if isinstance(error, MNSClientParameterException):
        message = "the endpoint or the name of the topic or queue is not one of MNS's"
        return ConfigurationError(message)
    if _is_never_sent(error.__context__):
        return unreachable_error(operation, type(error.__context__).__name__)
    return no_answer_error(operation, type(error).__name__)
