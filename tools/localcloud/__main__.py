"""`python -m localcloud`: one line on stdout when it is ready, then nothing until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.cloud import Cloud
from localcloud.documents import BadDocument
from localcloud.server import DEFAULT_PORT, address, listen, serve
from localcloud.tls import Tls
from localcloud.tls import context as tls_context
from localcloud.worlds import (
    ACCESS_KEY_ID,
    ACCESS_KEY_SECRET,
    ACCOUNT,
    REGION,
    read_seed,
    served_world,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator


_EPILOG = f"""
Every service is at the address that it announces: access key {ACCESS_KEY_ID}, secret
{ACCESS_KEY_SECRET}, account {ACCOUNT}, region {REGION}; state, journal, faults and clock are under
/_cloud/. Without a seed file it is the world of the project that it came with. More in
docs/localcloud.md.
"""


def main() -> int:
    options = _options()
    with contextlib.ExitStack() as stack:
        try:
            listener = stack.enter_context(listen(options.port))
            tls = stack.enter_context(_tls(options.ca_file)) if options.tls else None
            url = address(listener, "https" if tls else "http")
            cloud = Cloud(_world(options), url, str(tls.ca_file) if tls else "")
        except (BadDocument, ImportError, OSError, OverflowError, ValueError) as error:
            sys.stderr.write(f"localcloud: {error}\n")
            return 1
        asyncio.run(_serve(cloud, listener, tls, until_stdin_closes=options.until_stdin_closes))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "localcloud", description="An offline Alibaba Cloud.", epilog=_EPILOG
    )
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"{DEFAULT_PORT}; 0 picks a free one"
    )
    world = parser.add_mutually_exclusive_group()
    world.add_argument(
        "--seed-file", type=Path, metavar="FILE", help="a world document, YAML or JSON"
    )
    world.add_argument("--empty", action="store_true", help="begin with an empty world")
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="stop when the standard input ends, so that a parent never leaves it running",
    )
    parser.add_argument("--tls", action="store_true", help="serve HTTPS")
    parser.add_argument(
        "--ca-file",
        type=Path,
        metavar="FILE",
        help="where the certificate of its authority goes (else: see /_cloud/health)",
    )
    options = parser.parse_args()
    if options.ca_file and not options.tls:
        parser.error("--ca-file is for --tls")
    return options


def _world(options: argparse.Namespace) -> Any:
    if options.empty:
        return {}
    if options.seed_file is None:
        return served_world(tls=options.tls)
    return read_seed(options.seed_file)


@contextlib.contextmanager
def _tls(ca_file: Path | None) -> Iterator[Tls]:
    with tempfile.TemporaryDirectory(prefix="localcloud-") as folder:
        file = (ca_file or Path(folder) / "ca.pem").resolve()
        yield Tls(tls_context(file), file)


async def _serve(
    cloud: Cloud, listener: socket.socket, tls: Tls | None, *, until_stdin_closes: bool
) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        watch = threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True)
        watch.start()

    def announce() -> None:
        sys.stdout.write(f"localcloud ready at {cloud.places['endpoint']}\n")
        sys.stdout.flush()

    await serve(cloud, listener, stop, announce, tls.context if tls else None)


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not sys.stdin: a reader blocked in it would hold its lock when the interpreter ends.
    with contextlib.suppress(OSError):  # closed from the beginning
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    sys.exit(main())
