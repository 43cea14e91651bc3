//! Stacks, containers and instances that do not come up: what the services that deploy say of it.

use crate::classify::signature::{Signature, cause, symptom, wrapper};
use crate::domain::class::Class::{Configuration, Permission, Unknown};
use crate::domain::evidence::Place;

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "stack-needs-a-person",
        Configuration,
        "the stack is in a state that no update leaves: it has to be deleted, or its rollback continued, by a person",
        &[
            r"\bis in (?:the )?'?(?:ROLLBACK_COMPLETE|ROLLBACK_FAILED|CREATE_FAILED|DELETE_FAILED|UPDATE_ROLLBACK_FAILED|UPDATE_FAILED|DELETE_COMPLETE|REVIEW_IN_PROGRESS)\b",
            r"\b(?:ROLLBACK_COMPLETE|ROLLBACK_FAILED|CREATE_FAILED|DELETE_FAILED|UPDATE_ROLLBACK_FAILED|REVIEW_IN_PROGRESS) state\b",
        ],
    ),
    cause(
        "nothing-to-update",
        Configuration,
        "there is nothing to change, and a retry finds the same",
        &[
            r"\bno updates are to be performed\b",
            r"\bsubmitted information didn't contain changes\b",
            r"\bdoes(?:n't| not) contain (?:any )?changes\b|\bno changes to deploy\b",
        ],
    ),
    cause(
        "task-has-no-way-out",
        Configuration,
        "the task cannot reach the registry or the secrets from where it runs: a subnet, route or security group",
        &[
            r"\bplease check your task network configuration\b",
            r"\bResourceInitializationError\b.*\b(?:timeout|timed out|deadline exceeded|connection refused|request canceled)\b",
            r"\bCannotPullContainerError\b.*\b(?:request canceled while waiting|i/o timeout|awaiting headers|deadline exceeded|context canceled)",
        ],
    )
    .unless(&[r"\bBUILD_CONTAINER_UNABLE\b"]),
    cause(
        "task-may-not-start",
        Permission,
        "the task's execution role may not read the image or the secrets",
        &[r"\b(?:CannotPull\w+|ResourceInitializationError)\b.*\b(?:403|forbidden|AccessDenied\w*|not authorized|pull access denied|no basic auth)\b"],
    ),
    cause(
        "image-not-usable",
        Configuration,
        "the image cannot be used: it is missing, broken or for another architecture",
        &[
            r"\bCannotPull\w+\b.*\b(?:not found|manifest unknown|does not exist|invalid reference|no matching manifest|does not contain descriptor)\b",
            r"\b(?:image manifest|manifest list).*\bdoes not contain descriptor matching platform\b|\bno match for platform\b",
            r"\bexec format error\b|\bInvalidImage(?:Name)?\b|\bCannotStartContainerError\b|\bCreateContainerConfigError\b",
            r"\bOCI runtime create failed\b|\bexec: .*executable file not found\b",
            r"\bErrImagePull\b|\bImagePullBackOff\b",
        ],
    )
    .unless(&[r"\btoomanyrequests\b|\brate limit\b"]),
    cause(
        "placement-impossible",
        Configuration,
        "no instance of the cluster has what the task asks for, and none will by itself",
        &[
            r"\bmissing an attribute required by your task\b",
            r"\bno container instances were found in your cluster\b",
            r"\balready using a port required by your task\b",
            r"\bunable to place a task.{0,20}\breason: internal error\b",
            r"\bRESOURCE:PORTS\b|\bNO ACTIVE INSTANCES\b|\bEMPTY CAPACITY PROVIDER\b",
            r"\bdidn't match (?:pod's )?node (?:affinity|selector)\b|\bhad (?:untolerated )?taint\b",
        ],
    ),
    cause(
        "never-became-healthy",
        Configuration,
        "what was deployed started and never became healthy, as the same thing will again",
        &[
            r"\bcircuit breaker\b.{0,40}\b(?:triggered|tripped)\b|\btasks failed to start\b",
            r"\bfailed (?:container|ELB|load balancer)? ?health checks?\b|\bhealth checks? failed\b|\btask failed elb health\b",
            r"\bis unhealthy in\b|\bunhealthy\b.*\btarget-?group\b|\btarget-?group\b.*\bunhealthy\b",
            r"\bessential container in task exited\b|\bCrashLoopBackOff\b|\bback-off restarting failed container\b",
            r"\bexceeded its progress deadline\b|\b(?:liveness|readiness|startup) probe failed\b",
            r"\bAPP_CRASHED\b|\bcontainer\b.*\b(?:failed to start|didn't start)\b",
            r"\bimmediately exited\b|\bworker (?:process )?failed to boot\b",
        ],
    )
    .unless(&[r"\bSubject\b"]),
    cause(
        "out-of-memory",
        Configuration,
        "it took more memory than it is given, as it will again",
        &[
            r"\bOOM-?Killed\b|\bOutOfMemoryError\b|\bout of memory\b|\bOut-?of-?memory\b",
            r"\bheap limit\b|\bheap out of memory\b|\bjava heap space\b|\bGC overhead limit\b|\bcannot allocate memory\b|\bmetaspace\b",
            r"\bbuild container found dead\b",
        ],
    ),
    cause(
        "lifecycle-script-failed",
        Configuration,
        "a script of the deployment failed or never ended, as it will again",
        &[
            r"\bscript at specified location:.*\b(?:failed|not executable|run as user|exit(?:ed)?)\b",
            r"\bscript at specified location: .*\bfailed to complete in\b",
            r"\bfile already exists at the specified destination\b|\bfile already exists at this location\b",
            r"\bdid not find an AppSpec file\b|\bappspec\b.*\b(?:invalid|not found|missing|error|cannot)\b",
            r"\bno such file or directory @ \w+",
            r"\b(?:command failed on instance|failed on instance|unsuccessful command execution)\b",
            r"\bno (?:Amazon EC2 )?instances (?:were|was)? ?(?:found|match)|\bno instances (?:found )?(?:for|in|with)\b",
        ],
    ),
    symptom(
        "lifecycle-script-code",
        Configuration,
        "a script of the deployment failed, as the code of its event says",
        &[r"^\s*(?:ScriptFailed|ScriptMissing|ScriptNotExecutable|ScriptTimedOut)\b"],
    ),
    symptom("lifecycle-script-failed-code", Configuration, "a script of the deployment failed, as the code of its event says", &[])
        .codes(&["ScriptFailed", "ScriptMissing", "ScriptNotExecutable", "ScriptTimedOut"]),
    cause(
        "custom-resource-failed",
        Unknown,
        "the function behind a custom resource failed or did not answer; the evidence does not tell why",
        &[
            r"\bcustom resource\b.*\b(?:failed to|did not)\b.{0,40}\b(?:stabilize|respond|receive)",
            r"\bdid not receive a response from your custom resource\b|\bsee the details in CloudWatch Log Stream\b",
        ],
    ),
    symptom(
        "did-not-stabilize",
        Unknown,
        "the resource was not ready in time; the evidence does not tell why",
        &[
            r"\bHandlerErrorCode: NotStabilized\b|\bexceeded attempts to wait\b|\bdid not stabilize\b|\bnot stabilized?\b",
            r"\bfailed to receive \d+ resource signal|\bWaitCondition\b.*\btimed out\b|\btimeout while waiting for state\b",
            r"\btimed out waiting for the condition\b|\bresource is not in the state\b|\bmax attempts exceeded\b",
            r"\bdeployment\b.*\btimed out\b|\bECS deployment\b.*\btime(?:d )?out\b",
        ],
    ),
    symptom(
        "too-many-instances-failed",
        Configuration,
        "the deployment failed on too many instances; what failed there decides",
        &[r"\btoo many individual instances failed\b", r"\btoo few healthy instances are available\b"],
    ),
    wrapper(
        "stack-rolled-back",
        Unknown,
        "the stack was rolled back because of another resource",
        &[
            r"\bresource (?:creation|update) cancelled\b|\bfollowing resource\(s\) failed\b|\brollback requested by user\b",
            r"\bembedded stack\b.*\bwas not successfully\b",
        ],
    )
    .places(&[Place::StackEvent, Place::ErrorMessage, Place::Summary]),
];
