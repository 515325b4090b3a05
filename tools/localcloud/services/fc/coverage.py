"""What localcloud covers of Function Compute (FC): a part of docs/emulator-coverage.md."""

from localcloud.fidelity import DOCUMENTED, EMULATOR_ONLY, INFERRED, Coverage, Covered

COVERAGE = Coverage(
    actions={
        "InvokeFunction": Covered(
            inferred="2023-03-30 reaches a function of generation 2 as `service$function`; "
            "429 is `ResourceExhausted`; each path takes either signature",
        ),
        "TriggerByHttp": Covered(
            inferred="`/_http/{function}/…` stands for the trigger's own domain (emulator-only); "
            "a function error is 502 with the error's document, and so is an answer without "
            "`statusCode` (`BadResponse`); a body that is not UTF-8 is binary; another method "
            "than the trigger's is 405",
        ),
        "GetFunction": Covered(
            inferred="2023-03-30 only; what a seed says of it, without a qualifier"
        ),
        "ListTriggers": Covered(
            inferred="2023-03-30 only, all of them in one page; an HTTP trigger of a seed is none"
        ),
    },
    codes={
        "InvokeFunction": (
            "EntityTooLarge",
            "FunctionNotFound",
            "InternalError",
            "InvalidArgument",
            "MissingRequiredHeader",
            "ResourceExhausted",
        ),
        "TriggerByHttp": (
            "AccessDenied",
            "BadResponse",
            "FunctionNotFound",
            "InvalidArgument",
            "MethodNotAllowed",
            "TriggerNotFound",
        ),
    },
    behaviours={
        "Each instance is a process of the runtime's interpreter, takes one request at a time, and "
        "ends with localcloud, however that ends": DOCUMENTED,
        "Environment variables and context per runtime and generation, import path, return values, "
        "error documents, log lines": DOCUMENTED,
        "`Interpreter` names the interpreter of a function: 3.11, which is no runtime of the "
        "platform, runs that way, and gets the context of the `Runtime` beside it": EMULATOR_ONLY,
        "A WSGI handler's headers are carried through one by one, so that two cookies are two": (
            INFERRED
        ),
        "A call that a reset overtakes while its instance starts is answered `InternalError`, and "
        "never gets keys": EMULATOR_ONLY,
        "Of the host's environment a function sees PATH, TMPDIR and LD_LIBRARY_PATH, so no proxy "
        "and no credentials": EMULATOR_ONLY,
        "Up to 3.10 `context.function.timeout` is a string and `context.logger` is None": INFERRED,
        "Credentials in the environment are renewed before each call": INFERRED,
        "Code is loaded, and the initializer run, outside the function's timeout and within "
        "`InitializationTimeout` (60 s by default); `PreStopTimeout` is 30 s": EMULATOR_ONLY,
        "A timeout is told by SIGTERM, and a second later SIGKILL": INFERRED,
        "An instance whose code cannot be loaded, or whose initializer fails, is not used again": (
            DOCUMENTED
        ),
        "`InstanceLimit` (10 by default) instances; beyond them 429": DOCUMENTED,
        "Idle instances end after `IdleSeconds` (300 by default), pre_stop first": EMULATOR_ONLY,
        "Asynchronous calls: attempts, age, destinations, 429 backing off from 0.5 s": DOCUMENTED,
        "A function error is tried again after 0.5 s, doubling": INFERRED,
        "A success's `condition` is `Success`; an event that grew too old is told with its last "
        "error": INFERRED,
        "An event that waits for a function which is deleted is told to nobody": INFERRED,
        "A destination that cannot be reached gets nothing; the log of localcloud says so": (
            INFERRED
        ),
        "Functions come from a seed or `POST /_cloud/functions`, logs from "
        "`GET /_cloud/functions/{name}/logs`": EMULATOR_ONLY,
    },
    missing=(
        "functions by API (CreateFunction and the rest, but GetFunction and ListTriggers)",
        "versions and aliases",
        "asynchronous tasks, and asynchronous calls of WSGI handlers",
        "destinations other than MNS queues, MNS topics and functions",
        "several requests at once in one instance",
        "limits of memory and CPU",
        "JWT on HTTP triggers, and domains of their own",
        "layers, custom runtimes and containers",
        "the PreFreeze hook",
    ),
)
