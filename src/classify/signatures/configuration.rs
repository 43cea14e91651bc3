//! Pipelines, projects, templates and manifests that are set up wrongly.

use super::hosts::aws_region;
use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::Configuration;

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "buildspec-invalid",
        Configuration,
        "the build specification is wrong",
        &[
            r"\bYAML_FILE_ERROR\b|\binvalid buildspec\b|\bbuildspec\b.*\b(?:invalid|missing|expected|wrong|error|not found|does not)\b|\bdid not find expected\b|\bmapping values are not allowed\b|\bcould not find expected\b|\bcannot unmarshal\b|\bwrong (?:container|number of container)\b",
            r"\bno matching (?:artifact|base directory|report)? ?paths?\b|\bno matching base directory\b|\bunable to (?:find|expand) artifact\b",
            r"\bno matching build image\b|\bunknown runtime (?:name|version)\b|\bthis build image does not support selecting runtime\b|\bunknown runtime\b",
        ],
    ),
    cause(
        "template-invalid",
        Configuration,
        "the template is wrong, or its parameters are",
        &[
            r"\btemplate (?:format|validation|error)\b|\btemplate is (?:invalid|not valid)\b|\binvalid template\b|\bunresolved resource dependenc|\bcircular dependency\b",
            r"\bmust have values\b|\brequires capabilities\b|\bInsufficientCapabilities\w*\b|\bparameters? .*\b(?:must|do not exist in the template|invalid)\b|\bencountered unsupported property\b|\bproperty validation failure\b|\bmodel validation failed\b|\bextraneous key\b|\brequired key\b.*\bnot found\b|\bfailed to transform\b|\btransform .*\bfailed\b|\bunrecognized resource types?\b",
            r"\bMalformedPolicy\w*\b|\binvalid principal\b|\bhas prohibited field\b|\bexport .+\bcannot be (?:deleted|updated)\b|\bin use by\b",
            r"\bExports? .*\bis already exported\b|\bvalue of property .+ must be\b|\bmodules? .*\bnot installed\b",
        ],
    )
    .unless(&[r"\bcurrently in use by another\b"]),
    cause(
        "infrastructure-code-invalid",
        Configuration,
        "the infrastructure's code or manifest is wrong",
        &[
            r"\bunsupported (?:argument|attribute|block type)\b|\bmissing required argument\b|\bno configuration files\b|\bundeclared (?:resource|input variable|local)\b|\breference to undeclared\b|\bno value for required variable\b|\binvalid (?:function argument|for_each argument|provider configuration)|\bError: invalid (?:index|expression)\b|\binconsistent dependency lock file\b|\bbackend (?:initialization required|configuration changed)\b|\bsaved plan is stale\b|\bError: (?:cycle|duplicate)\b",
            r"\berror validating data\b|\bunable to recognize\b|\bno matches for kind\b|\berror converting yaml\b|\bfield is immutable\b|\bvalues don't meet the specifications\b|\bexecution error at\b|\bspec\.\S+: (?:invalid|required|forbidden|duplicate)|\bunknown field\b|\bhas no deployed releases\b|\bcannot patch\b|\bchart\b.*\b(?:requires|not found|missing)\b",
            r"\bcannot determine (?:region|account)\b|\bmust specify a region\b|\bno region (?:was )?(?:specified|found|configured)\b|\bneed to perform aws calls for account\b|\bhas(?:n't| not) been bootstrapped\b|\bbootstrap (?:stack )?version\b.*\b(?:required|needed|found)\b|\bcloud assembly schema version mismatch\b|\bcould not connect to the endpoint url\b|\bUnknownEndpoint\b|\binaccessible host\b",
        ],
    )
    .unless(&[concat!(r"\bcould not connect to the endpoint url\b.*", aws_region!())]),
    cause(
        "push-rejected",
        Configuration,
        "the repository takes no such push: it has moved on, or is protected",
        &[r"\bnon-fast-forward\b|\bfetch first\b|\bupdates were rejected\b|\bprotected branch hook declined\b|\bmerge conflict\b|\bautomatic merge failed\b|\bCONFLICT \("],
    ),
    cause(
        "request-invalid",
        Configuration,
        "the service says that the request itself is wrong",
        &[
            r"\bHandlerErrorCode: (?:InvalidRequest|NotUpdatable|AlreadyExists)\b|\binvalid request provided\b|\bparameter validation failed\b|\binvalid action configuration\b",
            r"\bis not (?:supported|valid|allowed|available) (?:in|for|with|by)\b|\bnot supported in your requested\b|\binvalid (?:value|parameter|argument|option|choice|input|type|format|configuration|json|yaml)\b|\bmust (?:be|contain|match|have|not|specify|provide)\b.*|\bcannot be blank\b|\bis required\b|\bis not a valid\b|\bis (?:too (?:large|long)|longer than)\b|\bexceeds? the (?:maximum|allowed|limit)|\bmaximum .{0,40}size\b|\bunzipped size\b",
            r"\bexception while trying to read the (?:task definition|appspec|image)\b|\bdid not find the .{0,40}\bfile\b|\bno such action\b|\bUnsupportedAvailabilityZone\w*|\bdeployment configuration\b.*\binvalid\b|\bmalformed\b|\bcannot deserialize\b|\bunknown options?\b|\bunrecognized (?:option|argument|arguments)\b",
        ],
    )
    .unless(&[r"\bmust be ready\b|\bRetry\(|\bfor this operation\b|\bor cannot be reached\b|\bin-progress\b"]),
    symptom(
        "request-refused",
        Configuration,
        "the service says by its error's name that the request itself is wrong",
        &[
            r"\b(?:InvalidParameter(?:Value|Combination|Exception|ValueException)?|InvalidInput(?:Exception)?|InvalidArgument(?:Exception)?|ParamValidationError|InvalidRequest(?:Exception)?|InvalidRevision\w*|BadRequest(?:Exception)?|MalformedQueryString|MissingParameter|Unsupported(?:Operation|UserEdition)?(?:Exception)?|InvalidAction|InvalidVPC\w*|InvalidSubnet\w*|ClientException|InvalidConfigurationRequest\w*|UnsupportedArgument)\b(?:[):;,]| when calling|\s*$|\.)",
            r"\b(?:ValidationError|ValidationException)\b(?:[):;,]| when calling)",
        ],
    )
    .unless(&[r"\bmust be ready\b"]),
    symptom(
        "settings-wrong",
        Configuration,
        "a setting is missing or wrong",
        &[
            r"\benvironment variable\b.*\b(?:not set|missing|required|undefined|empty)\b|\bunbound variable\b|\bparameter (?:null or )?not set\b|\bmissing (?:required )?(?:environment|variable|parameter|argument|option|config\w*)\b",
            r"\binvalid\b.*\b(?:template|specification|definition|manifest|version|reference|name|path|arn)\b|\bversion mismatch\b|\bunsupported\b",
            r"\balarm\b.*\b(?:state|activated|active)\b",
        ],
    ),
];
