"""`python -m localcloud`: one line on stdout when it is ready, then nothing until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.cloud import Cloud
from localcloud.documents import BadDocument
from localcloud.server import DEFAULT_PORT, address, listen, serve
from localcloud.worlds import DEFAULT_WORLD

if TYPE_CHECKING:
    import socket


def main() -> int:
    options = _options()
    try:
        cloud = Cloud(_world(options))
        listener = listen(options.port)
    except (BadDocument, OSError, OverflowError, ValueError) as error:
        sys.stderr.write(f"localcloud: {error}\n")
        return 1
    asyncio.run(_serve(cloud, listener, until_stdin_closes=options.until_stdin_closes))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("localcloud", description="An offline Alibaba Cloud.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 picks a free one")
    world = parser.add_mutually_exclusive_group()
    world.add_argument("--seed-file", type=Path, metavar="FILE", help="a world document (JSON)")
    world.add_argument("--empty", action="store_true", help="begin with an empty world")
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="stop when the standard input ends, so that a parent never leaves it running",
    )
    return parser.parse_args()


def _world(options: argparse.Namespace) -> Any:
    if options.empty:
        return {}
    if options.seed_file is None:
        return DEFAULT_WORLD
    return json.loads(options.seed_file.read_text(encoding="utf-8"))


async def _serve(cloud: Cloud, listener: socket.socket, *, until_stdin_closes: bool) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        watch = threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True)
        watch.start()
    await serve(cloud, listener, stop, lambda: _announce(address(listener)))


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not sys.stdin: a reader blocked in it would hold its lock when the interpreter ends.
    with contextlib.suppress(OSError):  # closed from the beginning
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(stop.set)


def _announce(url: str) -> None:
    sys.stdout.write(f"localcloud ready at {url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
