//! The files of `events/`, each with every value that comes out of it.

/// File and what comes out; a batch has a line for each record.
pub(super) const EXPECTED: &[(&str, &[&str])] = &[
    ("action-failed-approval.json", &["ignored action-event: an event of an action, not of a stage"]),
    ("action-failed-codebuild.json", &["ignored action-event: an event of an action, not of a stage"]),
    ("malformed-account-number.json", &["malformed: `account` is not text"]),
    ("malformed-detail-text.json", &["malformed: `detail` is not an object"]),
    ("malformed-list.json", &["malformed: the document is not an object"]),
    ("malformed-no-stage.json", &["malformed: `detail.stage` is missing"]),
    ("malformed-null-execution.json", &["malformed: `detail.execution-id` is missing"]),
    (
        "malformed-pipeline-name.json",
        &["malformed: `detail.pipeline` is not a valid pipeline name: 1 to 100 of A-Z a-z 0-9 . @ - _"],
    ),
    ("malformed-retry-due-sequence.json", &["malformed: `wake-up.sequence` is not a whole number"]),
    (
        "malformed-retry-due-version.json",
        &["malformed: `retrier` is a version of the format that is not known"],
    ),
    ("malformed-time.json", &["malformed: `time` is not an instant such as `2026-11-22T10:13:02Z`"]),
    ("malformed-truncated.json", &["malformed: the document is not readable as JSON at line 10, column 30"]),
    ("malformed-two-accounts.json", &["malformed: `resources[0]` does not agree with `account`"]),
    (
        "malformed-wrong-partition.json",
        &["malformed: `resources[0]` does not agree with the Region's partition"],
    ),
    (
        "notification-rule-stage-failed.json",
        &[
            "ignored notification-rule: an event as notification rules send it; the product listens to EventBridge itself",
        ],
    ),
    ("other-source.json", &["ignored other-source: an event of source `aws.codebuild`"]),
    ("pipeline-failed.json", &["ignored pipeline-event: an event of a pipeline execution, not of a stage"]),
    (
        "retry-due.json",
        &[
            "wake-up arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test sequence 3",
        ],
    ),
    ("scheduled.json", &["ignored scheduled: a scheduled event without a wake-up"]),
    (
        "sqs-batch-with-a-broken-record.json",
        &[
            "a40c7d19-3be2-4f65-8c0d-000000000004 First malformed: the document is not readable as JSON at line 1, column 20",
            "a40c7d19-3be2-4f65-8c0d-000000000005 First malformed: `body` is missing",
            " Again malformed: `record` is not an object",
            "a40c7d19-3be2-4f65-8c0d-000000000006 Again malformed: the document is not an object",
            " First malformed: `messageId` is missing",
            "a40c7d19-3be2-4f65-8c0d-000000000008 First malformed: `eventSource` is not `aws:sqs`",
            "a40c7d19-3be2-4f65-8c0d-000000000009 Again Failed arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:31:55Z key 2/2026-11-22T10:15:00.305Z",
        ],
    ),
    (
        "sqs-batch.json",
        &[
            "a40c7d19-3be2-4f65-8c0d-000000000001 First Failed arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:13:02Z key 1/",
            "a40c7d19-3be2-4f65-8c0d-000000000002 Again wake-up arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test sequence 3",
            "a40c7d19-3be2-4f65-8c0d-000000000003 First ignored pipeline-event: an event of a pipeline execution, not of a stage",
        ],
    ),
    (
        "stage-canceled-after-retry.json",
        &[
            "Canceled arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:24:59Z key 2/2026-11-22T10:15:00.305Z",
        ],
    ),
    (
        "stage-failed-after-retry.json",
        &[
            "Failed arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:31:55Z key 2/2026-11-22T10:15:00.305Z",
        ],
    ),
    (
        "stage-failed-china.json",
        &[
            "Failed arn:aws-cn:codepipeline:cn-northwest-1:444455556666:warehouse/b7d20f6e-1c58-4e93-a6f4-0c9d83e7a215/Deploy at 2026-11-22T18:05:10Z key 1/",
        ],
    ),
    (
        "stage-failed-extra-fields.json",
        &[
            "Failed arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:13:02Z key 1/",
        ],
    ),
    (
        "stage-failed-float-version.json",
        &[
            "Failed arn:aws:codepipeline:eu-central-1:111122223333:billing-api/b7d20f6e-1c58-4e93-a6f4-0c9d83e7a215/Build at 2026-11-22T10:20:47Z key 0/",
        ],
    ),
    (
        "stage-failed-govcloud.json",
        &[
            "Failed arn:aws-us-gov:codepipeline:us-gov-west-1:777788889999:permits/64a9e1c0-7f32-4b8d-95e6-d2c17b40f8a3/Deploy-East at 2026-11-22T18:05:10Z key 1/",
        ],
    ),
    (
        "stage-failed-no-resources.json",
        &[
            "Failed arn:aws-cn:codepipeline:cn-north-1:444455556666:warehouse/b7d20f6e-1c58-4e93-a6f4-0c9d83e7a215/Deploy at 2026-11-22T18:05:10Z key 1/",
        ],
    ),
    (
        "stage-failed-no-start-time.json",
        &[
            "Failed arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:13:02Z key 1/",
        ],
    ),
    (
        "stage-failed-old-arn.json",
        &[
            "Failed arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:13:02Z key 1/",
        ],
    ),
    (
        "stage-failed-string-numbers.json",
        &[
            "Failed arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:13:02Z key 2/",
        ],
    ),
    (
        "stage-failed.json",
        &[
            "Failed arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:13:02Z key 1/",
        ],
    ),
    (
        "stage-resumed.json",
        &[
            "Resumed arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:15:00Z key 2/2026-11-22T10:15:00.305Z",
        ],
    ),
    ("stage-started.json", &["ignored stage-state: a stage in state `STARTED`"]),
    (
        "stage-stopped-after-retry.json",
        &[
            "Stopped arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:22:18Z key 2/2026-11-22T10:15:00.305Z",
        ],
    ),
    (
        "stage-succeeded-after-retry.json",
        &[
            "Succeeded arn:aws:codepipeline:eu-central-1:111122223333:web-shop/3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41/Test at 2026-11-22T10:29:30Z key 2/2026-11-22T10:15:00.305Z",
        ],
    ),
    (
        "stage-succeeded-first-try.json",
        &["ignored never-retried: a stage in state `SUCCEEDED` that was never retried"],
    ),
    ("sweep.json", &["Scheduled { every: 15m }"]),
];
