"""What localcloud covers of Elastic Container Instance: a part of docs/emulator-coverage.md."""

from localcloud.fidelity import INFERRED, Coverage, Covered

COVERAGE = Coverage(
    actions={
        "DescribeContainerGroups": Covered(
            INFERRED,
            "only container groups of seeds and scaling groups, with their Status and IntranetIp; "
            "filters by ids and Status, others answer 501; one that was released is left out",
        ),
    },
    codes={
        "DescribeContainerGroups": ("InvalidParameter", "MissingParameter"),
    },
    missing=("everything else of ECI",),
)
