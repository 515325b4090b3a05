"""What localcloud covers of Elastic Compute Service (ECS): a part of docs/emulator-coverage.md."""

from localcloud.fidelity import INFERRED, Coverage, Covered

COVERAGE = Coverage(
    actions={
        "DescribeInstances": Covered(
            INFERRED,
            "only instances of seeds and scaling groups, and what finding their address needs",
        ),
    },
    codes={
        "DescribeInstances": ("InvalidParameter",),
    },
    missing=("everything else of ECS",),
)
