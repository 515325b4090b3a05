"""Whatever is asked for, of whichever service: what is refused has changed nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refusals import QUIET, VALUES, WRITES, unchanged, world

Call = tuple[tuple[str, str], dict[str, str]]
VERSIONS = {"slb": "2014-05-15", "ess": "2022-02-22", "sts": "2015-04-01"}
STRICTNESS = {"StrictInstances": st.booleans(), "ProcessingSeconds": st.sampled_from([0, 0, 60])}


@st.composite
def requests(draw: st.DrawFn, target: tuple[str, str]) -> dict[str, str]:
    """One that could be answered, but for as many as two of its parameters."""
    names = WRITES[target]
    wrong = draw(st.sets(st.sampled_from(names), max_size=2))
    return {name: draw(st.sampled_from(VALUES[name][name in wrong])) for name in names}


def named(target: tuple[str, str]) -> st.SearchStrategy[Call]:
    return st.tuples(st.just(target), requests(target))


@pytest.mark.parametrize("target", sorted(WRITES), ids="-".join)
@settings(max_examples=12, **QUIET)
@given(data=st.data())
def test_a_refused_write_changes_nothing(control: Any, target: Any, data: st.DataObject) -> None:
    control.send("POST", "/_cloud/reset")
    world(control)
    control.seed(Settings=data.draw(st.fixed_dictionaries(STRICTNESS)))
    earlier = st.lists(st.sampled_from(sorted(WRITES)).flatmap(named), max_size=1)
    for (service, action), parameters in [*data.draw(earlier), data.draw(named(target))]:
        before = unchanged(control)
        common = {"Action": action, "Version": VERSIONS[service], "Format": "JSON"}
        answer = control.v1("POST", form=True, **common, **parameters)
        assert answer.status < 500, answer.body
        assert answer.status == 200 or unchanged(control) == before, answer.body
