//! Something else holds what is needed, and lets go of it by itself; or it holds it for good.

use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::{Configuration, Conflict, Unknown};

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "exists-already",
        Configuration,
        "what is to be made exists already, outside of this deployment",
        &[
            r"\b(?:EntityAlreadyExists|\w*AlreadyExists(?:Exception|Fault)?|BucketAlreadyOwnedByYou)\b",
            r"\balready exists?\b",
            r"\bcannot re-use a name that is still in use\b|\bname is already (?:in use|taken)\b",
            r"\bcannot publish over the previously published\b|\btag .*\bimmutable\b|\bImageTagAlreadyExists\w*\b",
        ],
    )
    .unless(&[r"\bcontinuing\b|\bskipp|\balready exists and\b|\balready exists, \w+ing\b"]),
    cause(
        "held-by-dependents",
        Configuration,
        "other resources depend on it and have to go first",
        &[
            r"\bDependencyViolation\b|\bhas (?:a )?dependent object\b|\bDeleteConflict\b|\bcannot be deleted while in use\b|\bas it is in use by\b",
            r"\bbucket you tried to delete is not empty\b|\bcannot be updated as it is in use\b|\bcannot update a stack when a custom-named\b",
        ],
    ),
    cause(
        "stack-in-progress",
        Conflict,
        "the stack is being changed by something else, which ends by itself",
        &[
            r"\b(?:CREATE|UPDATE|DELETE|IMPORT|ROLLBACK|CLEANUP|COMPLETE_CLEANUP)_IN_PROGRESS\b(?:'|`)? state\b",
            r"\bis in (?:the )?'?[A-Z_]+_IN_PROGRESS\b",
            r"\b(?:cannot|can ?not|can't|unable to|non-terminal|wait (?:for|until))\b.*\b\w+_IN_PROGRESS\b|\b\w+_IN_PROGRESS\b.*\b(?:cannot|can ?not|can't|wait (?:for|until))\b",
            r"\boperation on this change ?set is (?:currently )?in progress\b|\bInvalidChangeSetStatus\b.*\bin progress\b",
            r"\bOperationInProgressException\b|\bstack is (?:currently )?being (?:updated|created|deleted)\b",
        ],
    )
    .unless(&[r"\bREVIEW_IN_PROGRESS\b"]),
    cause(
        "deployment-in-progress",
        Conflict,
        "another deployment to the same place runs, and ends by itself",
        &[
            r"\balready deploying deployment\b|\bdeployment (?:is )?already in progress\b|\bdeployment is in progress\b|\balready has an active deployment\b",
            r"\binvalid state for this operation\. must be ready\b|\benvironment\b.*\bmust be ready\b",
            r"\b(?:an?other|concurrent|previous|pending) (?:update|deployment|change|operation|workflow|build)\b.*\b(?:in progress|running|under ?way)\b",
            r"\benvironment\b.*\bis (?:currently |still |already )(?:updating|launching|not ready)\b",
            r"\binstance refresh is already in progress\b",
            r"\bupdate is in progress for resource\b|\boperation cannot be performed at this time\b",
            r"\bis currently in the following state: pending\b|\bfunction is currently\b.{0,40}\bpending\b",
        ],
    )
    .unless(&[r"\(install/upgrade/rollback\)"]),
    cause(
        "helm-release-held",
        Unknown,
        "another operation holds the release: one that runs, or one that was killed and holds it until somebody helps",
        &[r"\banother operation \(install/upgrade/rollback\) is in progress\b"],
    ),
    cause(
        "state-locked",
        Conflict,
        "another run holds the lock of the state, and lets go of it when it ends",
        &[r"\berror acquiring the state lock\b|\berror locking state\b|\bstate (?:is )?(?:already )?locked\b|\bstack is currently locked\b"],
    )
    // Terraform says so of whatever keeps it from the lock, and then what that is.
    .without(&[r"^error message: .*\b(?:not found|no such|does(?:n't| not) exist|denied|forbidden|not authorized|credentials?|invalid)\b"]),
    cause(
        "lock-held",
        Conflict,
        "another process holds a lock, and lets go of it when it ends",
        &[
            r"\bcould not get lock\b|\bunable to (?:acquire|lock) (?:the )?(?:dpkg|administration|\S*lock)\b|\bapt\b.{0,40}\block\b",
            r"\btimeout waiting to lock\b|\bcurrently holding the \w+ lock\b|\block (?:is )?(?:currently )?held by (?:another|process)\b|\blocked by another process\b|\berror creating overlay mount\b.*\bbusy\b|\bcould not (?:acquire|obtain|get) .{0,40}\block\b|\block wait timeout exceeded\b|\bdeadlock found when\b|(?:error|DeadlockDetected): +deadlock detected\b",
            r"\bwaiting for exclusive access to\b",
            r"\bcannot lock ref\b.*\bis at\b.*\bbut expected\b",
            r"\bcan't create transaction lock on\b|\bexisting lock \S+: another copy is running\b|\bother CLIs .{0,30}are currently (?:reading|writing)\b|\banother \S+ process is currently\b",
            r"\bdatabase is locked\b|\bis being used by another process\b|\bEBUSY\b|\btext file busy\b",
        ],
    ),
    cause(
        "changed-meanwhile",
        Conflict,
        "something else changed it at the same moment",
        &[
            r"\bConcurrentModification(?:Exception)?\b|\bOptimisticLock\w*\b|\bTransactionConflict\w*\b|\bTransactionInProgressException\b|\bPriorRequestNotComplete\b",
            r"\b(?:request|update|operation|deployment|change|replication|modification|creation|deletion) (?:to \S+ .*|for .*|on .*|of .*)?\bis (?:already |currently |still )?in progress\b",
            r"\bInvalid(?:DBInstance|DBCluster|Cluster|ReplicationGroup|CacheCluster|Volume)State(?:Fault)?\b|\bnot in (?:an? )?(?:the )?(?:available|active|ready) state\b",
            r"\bservice that is still draining\b|\bUpdateInProgress(?:Exception)?\b|\bResourceNotReady(?:Exception)?\b|\bRevision ?Id provided does not match\b|\bPreconditionFailed(?:Exception)?\b|\bInvalidIfMatchVersion\b",
            r"\bobject has been modified; please apply your changes\b",
            r"\bconflicting conditional operation is currently in progress\b|\bOperationAborted\b",
            r"\bongoing (?:conflicting )?(?:operation|deployment|update|change)\b|\binitializing\b.{0,60}\bwill be ready\b",
            r"\bconcurrent(?:ly)? (?:updates?|modif|request|operation|change)\w*\b.*",
            r"\btry again after (?:the|that|it|some)\b.*\b(?:complete|finish|done)\w*\b|\bis (?:currently |already |still )*being (?:created|updated|deleted|modified|processed)\b",
            r"\bResourceInUse(?:Exception|Fault)?\b.*\b(?:being|in progress|creating|updating|deleting|currently)\b",
            r"\bResourceConflictException\b.*\b(?:in progress|cannot be performed|being)\b",
        ],
    )
    .unless(&[r"\bConcurrentModificationException\s*$", r"\(install/upgrade/rollback\)"]),
    symptom(
        "held-at-the-moment",
        Conflict,
        "something else holds the resource at the moment",
        &[
            r"\b(?:is|currently) (?:being )?(?:in progress|locked by|held by)\b|\b(?:already|another|still)\b.*\bin progress\b|\bin progress\b.*\b(?:try again|retry|wait)\b",
            r"\bHandlerErrorCode: ResourceConflict\b|\bwhile (?:it is|it's|another|the) .{0,40}\b(?:updating|modifying|creating|deleting|pending)\b",
        ],
    )
    .unless(&[r"\(install/upgrade/rollback\)"]),
];
