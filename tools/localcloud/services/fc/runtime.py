"""The inside of an instance: run as a script by the function's own interpreter, so standard library
only, nothing of localcloud, and Python 3.9.

It speaks over one descriptor, given as its argument: a frame is the lengths of a JSON header and of
a body, then both. Every frame it is sent has one answer. The descriptor ends when localcloud does,
however that happens, and the process with it, whatever the function is doing.

Headers in: kind (initialize, invoke, wsgi, pre_stop), context, environ (credentials that rotate);
initialize also names handler and initializer, pre_stop its hook. Out: error (what a log says of it;
empty if there is none), memory (MB); of WSGI also status and headers.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import os
import queue
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

LENGTHS = struct.Struct("!II")
UNHANDLED = "Unhandled function error"

Frame = tuple[dict[str, Any], bytes]


class Channel:
    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self.inbox: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, header: dict[str, Any], body: bytes) -> None:
        text = json.dumps(header).encode()
        rest = memoryview(LENGTHS.pack(len(text), len(body)) + text + body)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def _listen(self) -> None:
        while True:
            header, body = LENGTHS.unpack(self._read(LENGTHS.size))
            self.inbox.put((json.loads(self._read(header)), self._read(body)))

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            try:
                part = os.read(self._descriptor, min(size, 1 << 20))
            except OSError:
                part = b""
            if not part:
                os._exit(0)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class Record:
    """Attributes from a mapping, all the way down: what the function sees as its context."""

    logger: logging.Logger | None

    def __init__(self, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            setattr(self, name, Record(value) if isinstance(value, dict) else value)


class LoadError(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Function:
    def __init__(self) -> None:
        self._handler: Callable[..., Any] = _missing

    def answer(self, header: dict[str, Any], body: bytes) -> Frame:
        os.environ.update(header["environ"])
        context = Record(header["context"])
        if header["context"]["logger"]:
            context.logger = logging.getLogger()
        _RequestId.now = header["context"]["request_id"]
        try:
            told, reply = getattr(self, header["kind"])(header, body, context)
        except Exception as error:  # noqa: BLE001 - whatever the function raises is its answer
            error.__traceback__ = _outside(error.__traceback__)
            traceback.print_exception(type(error), error, error.__traceback__)
            told, reply = {"error": UNHANDLED}, json.dumps(_document(error)).encode()
        sys.stdout.flush()
        sys.stderr.flush()
        return {"error": "", **told, "memory": _peak_memory()}, reply

    def initialize(self, header: dict[str, Any], _body: bytes, context: Record) -> Frame:
        self._handler = load(header["handler"])
        if header["initializer"]:
            load(header["initializer"])(context)
        return {}, b""

    def invoke(self, _header: dict[str, Any], body: bytes, context: Record) -> Frame:
        returned = self._handler(body, context)
        if isinstance(returned, str):
            return {}, returned.encode()
        if isinstance(returned, (bytes, bytearray)):
            return {}, bytes(returned)
        return {}, json.dumps(returned, indent=4, sort_keys=True).encode()  # seen, rt

    def wsgi(self, header: dict[str, Any], body: bytes, context: Record) -> Frame:
        started: dict[str, Any] = {}
        written: list[bytes] = []

        def start_response(status: str, headers: list[Any], _exc_info: Any = None) -> Any:
            started.update(status=int(status.split(maxsplit=1)[0]), headers=_pairs(headers))
            return written.append

        environ = {**os.environ, **header["request"], **_wsgi(body), "fc.context": context}
        chunks = self._handler(environ, start_response)
        try:
            written.extend(chunks)
        finally:
            getattr(chunks, "close", bool)()
        if not started:
            raise RuntimeError("the handler did not call start_response")
        return started, b"".join(written)

    def pre_stop(self, header: dict[str, Any], _body: bytes, context: Record) -> Frame:
        load(header["hook"])(context)
        return {}, b""


def load(name: str) -> Callable[..., Any]:
    """seen, rt: split at the last dot; the module may hold `/` and `.`"""
    path, dot, attribute = name.rpartition(".")
    if not dot or not path or not attribute:
        raise LoadError("InvalidHandleName", f"Invalid handler '{name}'")
    try:
        module = importlib.import_module(path.replace("/", "."))
    except SyntaxError as error:
        raise LoadError("UserCodeSyntaxError", f"Syntax error in module '{path}'") from error
    except ImportError as error:
        raise LoadError("ImportModuleError", f"Unable to import module '{path}'") from error
    except Exception as error:
        raise LoadError("UserCodeError", f"Module initialization error: {error}") from error
    found: Callable[..., Any] | None = getattr(module, attribute, None)
    if found is None:
        message = f"Handler '{attribute}' is missing on module '{path}'"
        raise LoadError("HandlerNotFound", message)
    return found


def _document(error: Exception) -> dict[str, Any]:
    kind = error.kind if isinstance(error, LoadError) else type(error).__name__
    return {"errorMessage": str(error), "errorType": kind, "stackTrace": _stack(error)}


def _stack(error: Exception) -> list[Any]:
    if isinstance(error, LoadError):  # seen, rt: flat
        cause = error.__cause__
        return _flat(cause) if cause else []
    return [
        [f'File "{frame.filename}"', f"line {frame.lineno}", f"in {frame.name}", frame.line or ""]
        for frame in traceback.extract_tb(error.__traceback__)
    ]


def _outside(trace: TracebackType | None) -> TracebackType | None:
    """Without the frames of this file."""
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _flat(error: BaseException) -> list[str]:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return [line for part in lines for line in part.splitlines()]


def _pairs(headers: list[Any]) -> list[tuple[str, str]]:
    pairs = [(name, value) for name, value in headers]
    if not all(isinstance(part, str) for pair in pairs for part in pair):
        raise TypeError("a header is a pair of strings")  # PEP 3333
    return pairs


def _wsgi(body: bytes) -> dict[str, Any]:
    return {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _missing(*_arguments: object) -> NoReturn:
    raise LoadError("HandlerNotFound", "The function was not loaded")


def _peak_memory() -> int:
    """MB. Not getrusage: that begins with what the parent had."""
    try:
        with Path("/proc/self/status").open(encoding="ascii") as status:
            peak = next(line for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0
    return -(-int(peak.split()[1]) // 1024)


class _RequestId(logging.Filter):
    now = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = self.now
        return True


def _log_to_stdout() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(_RequestId())
    form = "%(asctime)s.%(msecs)03dZ %(request_id)s [%(levelname)s] %(message)s"
    formatter = logging.Formatter(form, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def main() -> None:
    channel = Channel(int(sys.argv.pop()))
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    # seen, rt: the code, then layers; the first entry is this script's folder, and no function's.
    sys.path[:1] = [
        os.environ["FC_FUNC_CODE_PATH"],
        f"/opt/python/lib/python{version}/site-packages",
        "/opt/python",
    ]
    _log_to_stdout()
    function = Function()
    while True:
        channel.send(*function.answer(*channel.inbox.get()))


if __name__ == "__main__":
    main()
