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
            "a function error is a bare 502 (documented); an answer without `statusCode` is 502 "
            "`BadResponse`; text that is not UTF-8 is binary; another method than the trigger's "
            "is 405; a call with `X-Fc-Invocation-Type: Async` shows that header in its event",
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
        "The record of a success: `condition` and `functionError` are empty, `statusCode` is 200": (
            DOCUMENTED
        ),
        "A record's `condition` is `UnhandledInvocationError`, or `FunctionResourceExhausted` "
        "without a function error": DOCUMENTED,
        "Other platform errors have their code as the condition; an event that grew too old is "
        "told with its last error": INFERRED,
        "On the event bus a record is `fc:AsyncInvoke:succeeded`": DOCUMENTED,
        "… or `fc:AsyncInvoke:failed`, from `acs:fc`, and the bus is named "
        "`acs:eventbridge:…:eventbus/default`": INFERRED,
        "A function that is its own destination is called with the record of its call, until a "
        "record is larger than 128 KB": INFERRED,
        "An HTTP trigger that is called with `X-Fc-Invocation-Type: Async` answers 202; the result "
        "goes to the destinations only": DOCUMENTED,
        "The Content-Type of a request decides `isBase64Encoded`; a GET has an empty body that is "
        "binary": DOCUMENTED,
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
        "asynchronous tasks",
        "destinations other than MNS queues, MNS topics, functions and the default event bus",
        "several requests at once in one instance",
        "limits of memory and CPU",
        "JWT on HTTP triggers, and domains of their own",
        "layers, custom runtimes and containers",
        "the PreFreeze hook",
    ),
)
