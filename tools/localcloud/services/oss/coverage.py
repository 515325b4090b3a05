"""What localcloud covers of Object Storage Service (OSS): a part of docs/emulator-coverage.md."""

from localcloud.fidelity import DOCUMENTED, EMULATOR_ONLY, Coverage, Covered

COVERAGE = Coverage(
    actions={"PutObject": Covered(inferred="the refusals of a signature, but for wrong ones")},
    codes={"PutObject": ("AccessDenied", "NoSuchBucket")},
    behaviours={
        "Signature V4 in the Authorization header is verified; the body is not part of it": (
            DOCUMENTED
        ),
        "A bucket is there if a seed's `Buckets` names it; in the path, not in the host name": (
            EMULATOR_ONLY
        ),
    },
    missing=("everything else of OSS: reading, listing, buckets, signature V1",),
)
