"""What localcloud covers of Security Token Service (STS): a part of docs/emulator-coverage.md."""

from localcloud.fidelity import EMULATOR_ONLY, INFERRED, Coverage, Covered

COVERAGE = Coverage(
    actions={
        "AssumeRole": Covered(
            inferred="`EntityNotExist.Role` is 404, `NoPermission` 403; no policy of a session"
        ),
        "GetCallerIdentity": Covered(inferred="every key but a role's is a RAM user's"),
    },
    behaviours={
        "Load balancers are reached by the keys of their own account only (`Account` in a seed)": (
            INFERRED
        ),
        "Every other service takes a role of another account for one of this account": (
            EMULATOR_ONLY
        ),
        "Roles come from a seed (`Roles`), each with the accounts that it trusts": EMULATOR_ONLY,
        "The journal knows such a caller as `acs:ram::{account}:assumed-role/{role}/{session}`": (
            EMULATOR_ONLY
        ),
    },
    codes={
        "AssumeRole": (
            "EntityNotExist.Role",
            "InvalidParameter.DurationSeconds",
            "InvalidParameter.RoleSessionName",
            "MissingParameter",
            "NoPermission",
        ),
    },
    missing=("everything else of STS", "ExternalId, and conditions of trust policies"),
)
