//! No machine, address or slot was free.

use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::Capacity;

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "build-queue-full",
        Capacity,
        "CodeBuild runs and queues as many builds as the account may have at once; one ends sooner or later",
        &[
            r"\bcannot have more than [1-9]\d* (?:active )?builds? in queue\b",
            r"\bmaximum number of (?:queued|concurrent) builds\b",
        ],
    ),
    cause(
        "no-instance-capacity",
        Capacity,
        "AWS has no machine of that kind free there at the moment",
        &[
            r"\bInsufficient(?:Instance|Host|ReservedInstance|DBInstance|CacheCluster|Cluster)?Capacity(?:Exception|Error|Fault)?\b",
            r"\bdo(?:es)? not (?:currently )?have (?:sufficient|enough) .*\bcapacity\b",
            r"\bcapacity (?:is|was) (?:currently )?(?:unavailable|not available)\b",
            r"\bno spot capacity\b|\bUnfulfillableCapacity\b",
            r"\binsufficient (?:\w+ )?capacity\b|\bno hosts available\b",
            r"\black of (?:available )?capacity\b|\bout of capacity\b",
        ],
    )
    .unless(&[r"\bUnsupportedAvailabilityZone\w*"]),
    cause(
        "host-taken-away",
        Capacity,
        "AWS took the machine away that it ran on",
        &[
            r"\bspot (?:task|instance|request|node|capacity)s?\b.{0,40}\b(?:interrupt|reclaim|terminat|preempt)|\bSpot ?Interruption\b|\bis going to be interrupted\b",
            r"\bhost EC2 \(instance .{0,40}\) (?:terminated|stopped)\b|\bscheduled for (?:retirement|termination)\b",
        ],
    ),
    cause(
        "network-interface-late",
        Capacity,
        "the network interface or the storage of a task was not made in time",
        &[
            r"\btimeout waiting for (?:network interface|ephemeral ?storage|EBS|volume)\b.{0,40}\b(?:provisioning|attach)",
        ],
    ),
    cause(
        "cluster-full",
        Capacity,
        "the cluster has no room for another task at the moment",
        &[
            r"\bhas insufficient (?:CPU|memory)(?: units)? available\b",
            r"\bRESOURCE:(?:CPU|MEMORY|FARGATE)\b",
            r"\bnodes are available: .*\binsufficient (?:cpu|memory|pods|ephemeral-storage)\b",
            r"\btoo many pods\b",
        ],
    ),
    symptom("cluster-full-code", Capacity, "the code of the failure says that the cluster has no room", &[])
        .codes(&["RESOURCE:FARGATE", "RESOURCE:CPU", "RESOURCE:MEMORY"]),
    cause(
        "no-browser-slot",
        Capacity,
        "the browser grid had no session free",
        &[
            r"\bno free slots?\b|\ball slots (?:are )?busy\b|\bqueue limit reached\b|\bno (?:free|available) (?:browser|session|node)s?\b",
            r"\b(?:could not|unable to) (?:start|create) a? ?new (?:remote )?session\b.*\b(?:timed out|timeout|queue)\b",
            r"\bcould not create a session\b.{0,20}\btimed out\b|\bnew session request timed out\b|\bsession request.{0,40}\bqueue\b",
            r"\b(?:all parallel tests|parallel (?:test )?(?:sessions?|limit)).*\b(?:in use|reached|exceeded)\b",
            r"\b(?:exceeded|reached|over) (?:your |the )?(?:maximum )?(?:concurrency|parallel\w*)(?: \w+)? ?limit\b|\bconcurrency limit\b.{0,20}\b(?:reached|exceeded|hit)\b",
        ],
    ),
    cause(
        "browser-crashed",
        Capacity,
        "the browser died under the test, as it does when the machine is short of memory",
        &[
            r"\brenderer process (?:just )?crashed\b",
            r"\btab crashed\b|\bpage crashed\b|\bbrowser (?:has )?crashed\b",
            r"\bbrowser (?:was )?(?:unexpectedly|suddenly) (?:closed|disconnected|exited)\b|\bbrowser (?:closed|exited) unexpectedly\b",
            r"\bnot connected to DevTools\b|\bchrome not reachable\b|\bUnreachableBrowserException\b|\bchrome (?:instance exited|failed to start: crashed)\b|\b(?:edge|firefox|chrome|browser) process (?:has )?crashed\b",
            r"\bTarget\.createTarget\b.{0,20}\btarget closed\b|\bbrowserType\.launch\w*: (?:target|browser)\b.{0,40}\bclosed\b|\bconnection to the Chrome DevTools\b",
            r"\bfailed to (?:make a connection to (?:the )?|connect to )(?:chrome|firefox|edge|browser)\b|\bprotocolTimeout\b|\bsession closed\. most likely the page has been closed\b",
            r"\bTargetClosedError\b|\btarget page, context or browser has been closed\b|\bbrowser closed\b|\boperation was aborted when running .{0,20}\bsession\b",
            r"\bunable to connect to renderer\b|\bdisconnected from renderer\b|\bunable to receive message from renderer\b",
        ],
    ),
    cause(
        "addresses-used-up",
        Capacity,
        "the subnet has no address free until something that holds one ends",
        &[
            r"\binsufficient ?free ?(?:ip ?)?addresses\b",
            r"\bnot (?:have )?enough free (?:ip )?addresses\b",
            r"\bRESOURCE:ENI\b",
        ],
    ),
];
