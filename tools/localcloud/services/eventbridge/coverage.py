"""What localcloud covers of EventBridge: a part of docs/emulator-coverage.md."""

from localcloud.fidelity import DOCUMENTED, EMULATOR_ONLY, INFERRED, Coverage

COVERAGE = Coverage(
    actions={},
    behaviours={
        "A stream or timer that fails in a way nobody foresaw shows its messages again and goes "
        "on after a second; `Triggers[].Failures` and `LastFailure` in the state tell of it": (
            EMULATOR_ONLY
        ),
        (
            "MNS topic trigger: STREAM and JSON events, filter tag, both retry strategies; one "
            "asynchronous call for each message"
        ): DOCUMENTED,
        "The trigger is a subscription of the topic, named `{function}-{trigger}`": EMULATOR_ONLY,
        (
            "MNS queue trigger: an array of CloudEvents even for one message; `event-driven`: one"
            " object; batches by count and time; a failed call repeats the whole batch"
        ): DOCUMENTED,
        (
            "RawData is an array too; a body that is not Base64 stays as it is in spite of "
            "`IsBase64Decode`"
        ): INFERRED,
        "Messages that a stream holds are hidden for as long as the queue keeps them": INFERRED,
        (
            "`errorsTolerance` NONE stops the stream for good and shows its messages again; ALL "
            "sends one message for each event to the dead-letter queue, or discards"
        ): DOCUMENTED,
        (
            "A rule matches lists of `source` (`acs.x` and `acs:x` alike), `type`, `subject`, and"
            " calls its function with one object"
        ): DOCUMENTED,
        (
            "`asyncInvocationType` is taken by its name: false calls synchronously and tries "
            "again by the trigger's strategy"
        ): INFERRED,
        "Timers: six fields or `@every`, in UTC; a tick that cannot be delivered is lost": INFERRED,
        "A move of the clock over several ticks of a timer is one call": EMULATOR_ONLY,
        "A trigger's function need not be there when it is seeded": EMULATOR_ONLY,
    },
    missing=(
        "PutEvents and every other call of EventBridge",
        "other event sources than MNS and the default bus",
        "batches by size (32 MB)",
        "time zones of timers",
    ),
)
