"""What localcloud covers of Elastic Compute Service (ECS): a part of docs/emulator-coverage.md."""

from localcloud.fidelity import DOCUMENTED, EMULATOR_ONLY, INFERRED, Coverage, Covered

COVERAGE = Coverage(
    actions={
        "DescribeInstances": Covered(
            INFERRED,
            "only instances of seeds and scaling groups, and what finding their address needs",
        ),
        "DescribeNetworkInterfaces": Covered(
            DOCUMENTED,
            "only the interfaces of such instances, and seeded ones; MaxResults below 10 counts as "
            "10 and above 500 as 500; other filters than ids, addresses, networks, Type and Status "
            "answer 501",
        ),
    },
    codes={
        "DescribeInstances": ("InvalidParameter",),
        "DescribeNetworkInterfaces": ("InvalidParameter", "MissingParameter"),
    },
    behaviours={
        "An instance has a primary network interface": DOCUMENTED,
        "Its id is `eni-` and the instance's without `i-`, unless a seed gives it another": (
            EMULATOR_ONLY
        ),
        "`POST /_cloud/servers` stops, starts and releases servers; a released one leaves its "
        "scaling group, and stays a backend": EMULATOR_ONLY,
    },
    missing=("everything else of ECS",),
)
