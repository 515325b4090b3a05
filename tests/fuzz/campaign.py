"""One campaign: so many inputs from one seed, each to one reader, each within a time.

A reader answers with everything that was written because of the input; that and whatever appears on
stdout and stderr is searched for the canary. What is found is kept with the number of its input,
from which it can be made again.
"""

from __future__ import annotations

import contextlib
import io
import logging
import signal
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from random import Random

from .cloud import LocalCloud
from .corpus import BINDINGS, DOCUMENTS, PARSED
from .function import Function
from .mutations import CANARY, Mutator, words_of

LONGEST = 5.0  # seconds for one input
Reader = Callable[[Mutator], str]


class Hang(BaseException):
    """Not an Exception: nothing on the way may catch it."""


@dataclass
class Report:
    """`written` counts the characters that each reader's inputs led to, in the log or elsewhere."""

    inputs: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def run(seed: int, numbers: range) -> Report:
    with closing(LocalCloud()) as cloud:
        return held_to([*Function().readers, *cloud.readers], seed, numbers)


def held_to(
    shares: Sequence[tuple[int, Reader]], seed: int, numbers: range, longest: float = LONGEST
) -> Report:
    """Each reader has its share of the inputs; `longest` is in seconds, for one of them."""
    report = Report()
    words = words_of([*PARSED, *BINDINGS, *DOCUMENTS.values()])
    weights, readers = zip(*shares, strict=True)
    with _quiet() as output:
        for number in numbers:
            random = Random(f"{seed}:{number}")  # noqa: S311 - the same again from the same seed
            (reader,) = random.choices(readers, weights)
            report.inputs[reader.__qualname__] += 1
            found, written = _read(reader, Mutator(random, words), output, longest)
            report.written[reader.__qualname__] += len(written)
            if found:
                told = f"{reader.__qualname__}, input {seed}:{number}: {found}"
                report.violations.append(told)
    return report


def _read(reader: Reader, mutator: Mutator, output: io.StringIO, longest: float) -> tuple[str, str]:
    """The violation, if there is one, and everything that was written."""
    signal.setitimer(signal.ITIMER_REAL, longest)
    try:
        written = reader(mutator)
    except Hang:
        return f"took longer than {longest:g} s", ""
    except AssertionError as error:
        return str(error), ""
    except Exception as error:  # noqa: BLE001 - that there is none is what is being shown
        return f"untyped {type(error).__name__}: {str(error)[:300]}", ""
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    written += output.getvalue()
    output.seek(0)
    output.truncate()
    if CANARY not in written:
        return "", written
    return f"the payload is in what was written: {_around(written)}", written


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    def hang(_signal: int, _frame: object) -> None:
        raise Hang

    output = io.StringIO()
    previous = signal.signal(signal.SIGALRM, hang)
    root = logging.StreamHandler(output)
    logging.getLogger().addHandler(root)
    try:
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("error")
            yield output
    finally:
        logging.getLogger().removeHandler(root)
        signal.signal(signal.SIGALRM, previous)


def _around(text: str) -> str:
    at = text.index(CANARY)
    return text[max(0, at - 200) : at + 60]
