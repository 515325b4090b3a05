"""What localcloud covers of Resource Orchestration Service (ROS): a part of
docs/emulator-coverage.md.
"""

from localcloud.fidelity import DOCUMENTED, EMULATOR_ONLY, INFERRED, Coverage, Covered

COVERAGE = Coverage(
    actions={
        "CreateStack": Covered(),
        "UpdateStack": Covered(inferred="a change of any property is made in place"),
        "DeleteStack": Covered(inferred="what is gone already is taken as deleted"),
        "GetStack": Covered(),
        "ListStacks": Covered(inferred="at most 50 stacks, filtered by StackName only"),
        "ListStackEvents": Covered(),
        "PreviewStack": Covered(inferred="`Action` is None, Add, Modify or Remove"),
        "ValidateTemplate": Covered(),
    },
    codes={
        "CreateStack": ("StackExists", "StackValidationFailed"),
        "UpdateStack": (
            "ActionInProgress",
            "NotSupported",
            "StackNotFound",
            "StackValidationFailed",
        ),
        "DeleteStack": ("StackNotFound",),
        "GetStack": ("StackNotFound",),
        "ListStackEvents": ("StackNotFound",),
        "PreviewStack": ("StackNotFound", "StackValidationFailed"),
        "ValidateTemplate": ("StackValidationFailed",),
    },
    behaviours={
        "Resources are made after those that they refer to or depend on": DOCUMENTED,
        "Ref, GetAtt, Sub, If, Not, Equals, NoValue, conditions, constraints": DOCUMENTED,
        "Topics, queues, functions, triggers and hooks of a stack are those of their services": (
            DOCUMENTED
        ),
        "Roles are kept in the state, and permit everything; log projects are kept by name": (
            EMULATOR_ONLY
        ),
        "What fails is rolled back, always: DisableRollback is not looked at": INFERRED,
    },
    missing=(
        "other resource types than those of the two templates; other template functions",
        "TemplateURL, templates and change sets, nested stacks, tags, deletion policies, drift",
    ),
)
