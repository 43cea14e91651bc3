//! Something that is referred to does not exist.

use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::MissingResource;

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "aws-resource-missing",
        MissingResource,
        "AWS says that something which is referred to does not exist",
        &[
            r"\b(?:ResourceNotFound|NoSuchKey|NoSuchBucket|NoSuchEntity|NoSuchUpload|NotFoundException|ParameterNotFound|ClusterNotFound|ServiceNotFound|RepositoryNotFound|ImageNotFound|ChangeSetNotFound|StackNotFound|QueueDoesNotExist|DBInstanceNotFound|NoSuchHostedZone|TargetGroupNotFound|LoadBalancerNotFound|FileDoesNotExist|BranchDoesNotExist|CommitDoesNotExist|RepositoryDoesNotExist)\w*\b",
            r"\(404\) when calling the \w+ operation\b|\bInvalid\w+\.NotFound\b|\bInvalid\w+ID\.(?:NotFound|Malformed)\b|\bHandlerErrorCode: NotFound\b",
            r"\bproject cannot be found\b|\bno bucket with the name\b|\bspecified (?:key|bucket|log ?group|queue|secret|stack|repository) does not exist\b|\bno export named\b|\bno branch named\b|\bno stack named\b",
            r"\b(?:change ?set|stack|role|bucket|table|function|cluster|service|task definition|subnet|vpc|security group|secret|parameter|key ?pair|image|repository|branch|tag|application|deployment group|alias|queue|topic|log group|certificate|domain|hosted zone|namespace|environment)\b.*\b(?:does not exist|doesn't exist|do not exist|could not be found|cannot be found|was not found|not found|can't find)\b",
            r"\bcan't find the specified secret value\b|\bunable to find (?:a |the )?(?:stack|role|function|bucket|cluster|artifact)\b",
        ],
    )
    .unless(&[r"\b(?:unable to find image .* locally|continuing|skipping)\b"]),
    cause(
        "git-reference-missing",
        MissingResource,
        "the repository, branch or commit does not exist",
        &[
            r"\bcouldn't find remote ref\b|\bremote branch .+ not found\b|\bpathspec .+ did not match\b|\breference is not a tree\b|\bnot our ref\b|\bunknown revision or path\b|\bremote: repository not found\b|\brepository .+ not found\b|\bdid not contain (?:the )?(?:commit|revision)\b",
            r"\bdoes not appear to be a git repository\b|\bnot a git repository\b|\bno url found for submodule path\b|\bbad object\b",
        ],
    ),
    symptom(
        "not-found",
        MissingResource,
        "something that is referred to was not found",
        &[r"\b404\b[\s:)-]{1,3}not found\b|\bstatus(?:[ _]code)?[\s:=(]{1,3}404\b|\berror: 404\b|\b404 client error\b", r"\bdoes not exist\b|\bdoesn't exist\b"],
    ),
];
