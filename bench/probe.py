"""Run by the measured interpreter, as its first and only script: loads one handler and gives it
events, as the platform would. Standard library only, and as little of it as can be.

    probe.py MODULE

A line in: an event, in hexadecimal. A line out: a JSON object with the CPU and wall seconds that it
took, the CPU seconds of each of the SDKs' methods and those that were not the SDKs', the
connections that it opened, the peak memory and the present one in KiB, and the type of an error if
it raised.
"""

import os
import sys
import threading
import time


class Context:
    class function:  # noqa: N801 - the platform's own spelling
        timeout = 900

    request_id = "fc-bench"


def memory():
    # Not getrusage: that begins with what the parent had.
    with open("/proc/self/status", encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status)
    return {"memory": int(lines["VmHWM"].split()[0]), "resident": int(lines["VmRSS"].split()[0])}


opened, in_sdk = 0, {}
adding = threading.Lock()


def timed(name, method):
    def call(*arguments, **named):
        start = time.thread_time()  # calls may be on their way at once
        try:
            return method(*arguments, **named)
        finally:
            spent = time.thread_time() - start
            with adding:
                in_sdk[name] = in_sdk.get(name, 0.0) + spent

    return call


def watch_sdk():
    """CPU inside of the SDKs' own methods, so that a handler's own share can be told."""
    for module, owner, names in (
        ("alibabacloud_slb20140515.client", "Client", "_with_options"),
        ("alibabacloud_ess20220222.client", "Client", "_with_options"),
        ("mns.topic", "Topic", "publish_message"),
    ):
        found = getattr(sys.modules.get(module), owner, None)
        for name in [name for name in vars(found or object) if name.endswith(names)]:
            setattr(found, name, timed(name.removesuffix("_with_options"), getattr(found, name)))


def count(event, _arguments):
    global opened
    opened += event == "socket.connect"


def main():
    module = __import__(sys.argv[1])
    if hasattr(module, "initialize"):
        module.initialize(Context)
    answer({})
    watch_sdk()
    for line in sys.stdin:
        event, before = bytes.fromhex(line.strip()), opened
        in_sdk.clear()
        wall, cpu, error = time.perf_counter(), time.process_time(), ""
        try:
            module.handler(event, Context)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        taken = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        taken["own"] = taken["cpu"] - sum(in_sdk.values())
        answer({**taken, "methods": in_sdk, "connections": opened - before, "error": error})


def answer(document):
    import json

    text = json.dumps({**memory(), "total": time.process_time(), **document})
    os.write(told, f"{text}\n".encode())


if __name__ == "__main__":
    sys.addaudithook(count)
    told = os.dup(1)  # what a handler prints is not an answer
    os.dup2(2, 1)
    main()
