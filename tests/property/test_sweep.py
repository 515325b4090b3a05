"""Whatever a sweep finds: what is foreign stays as it is, and a second one finds nothing to do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployments import Deployment, a_binding, deployment, instance, servers
from provisioner.groups import naming
from provisioner.model import EventRef, ScalingActivity, SweepMode, SweepRequest
from provisioner.sweep import SweepReport, run_sweep
from provisioner.sweep.detect import GRACE

GROUP = "asg-0001"
NUMBERS = st.frozensets(st.integers(1, 9), max_size=5)
OURS = naming.build_owner_tags("mark")


def world(running: frozenset[int], gone: frozenset[int], held: frozenset[int]) -> Deployment:
    """`gone` were destroyed, whoever else they are; the group holds `held`, and so does one that
    somebody else made."""
    cloud = deployment(a_binding(), sweep=SweepMode.APPLY)
    ended = cloud.clock.now() - GRACE - 1
    destroyed = frozenset(f"i-{n:04}" for n in gone)
    cloud.scaling_groups.was(GROUP, ScalingActivity("asa-0001", ended, destroyed=destroyed))
    cloud.scaling_groups.holds(GROUP, *(instance(n, "InService") for n in running - gone))
    backends = [backend for n in sorted(held) for backend in servers(1, first=n)]
    cloud.stands(*backends, name=GROUP, tags=OURS)
    cloud.stands(*backends, name="somebody's")
    return cloud


def sweep(cloud: Deployment) -> SweepReport:
    return run_sweep(cloud.means, SweepRequest(EventRef("timer", "t")), cloud.invocation())


@given(running=NUMBERS, gone=NUMBERS, held=NUMBERS, claims=st.lists(st.integers(0, 90), max_size=3))
def test_applying_leaves_what_is_foreign_and_nothing_to_do(
    running: frozenset[int], gone: frozenset[int], held: frozenset[int], claims: list[int]
) -> None:
    cloud = world(running, gone, held)
    for number, age in enumerate(claims):
        cloud.claimed_by_another(age=age, nonce=f"{number:016x}")
    (foreign,) = cloud.load_balancers.named("somebody's")
    assert all(each.applied for each in sweep(cloud).results)
    cloud.clock.advance(50)  # what was a live claim is a stale one
    sweep(cloud)
    assert sweep(cloud).results == ()
    assert cloud.load_balancers.groups[foreign.id] == foreign
    kept = (held - gone) | (running - gone)
    assert {b.server_id for b in cloud.held(GROUP)} == {f"i-{n:04}" for n in kept}
    assert cloud.names == [GROUP, "somebody's"]


@given(running=NUMBERS, more=NUMBERS)
def test_a_healthy_world_is_only_read(running: frozenset[int], more: frozenset[int]) -> None:
    """Servers that no scaling group ever had are there by somebody's request."""
    cloud = world(running, frozenset(), running | more)
    assert sweep(cloud).results == ()
    assert cloud.writes == []
