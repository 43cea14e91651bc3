//! Sources that do not build.

use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::{BuildError, Configuration};

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "disk-full",
        Configuration,
        "the disk is full: what is built takes more room than the machine has",
        &[r"\bno space left on device\b|\bENOSPC\b|\bdisk quota exceeded\b|\bnot enough (?:free )?(?:disk )?space\b|\bdisk (?:is )?full\b|\binsufficient disk space\b|\bnot enough space on the disk\b"],
    ),
    cause(
        "compiler-error",
        BuildError,
        "a compiler or linter points at the source",
        &[
            r"^error\[[A-Z]+\d+\]|\berror (?:TS|CS|MSB|LNK|FS|BC|C)\d{3,5}\b|^TS\d{4}:|\bcould not compile\b|\baborting due to\b",
            r"^\s*(?:\./|[\w@.~+-]*[/\\])*[\w@.+-]+\.(?:c|cc|cpp|cxx|h|hpp|m|mm|swift|rs|kts?|java|scala|cs|[cm]?[jt]sx?|dart|proto)[:(]\[?\d+(?:[:,]\d+)?[\]):]*\s*(?:-\s*)?(?:fatal )?error\b",
            r"^\s*(?:\./|[\w@.~+-]*[/\\])*[\w@.+-]+\.go:\d+:\d+: ",
            r"[\w./\\-]+\.(?:java|kts?|scala):\[\d+,\d+\]|^e: (?:file:)?\S+\.kts?\b|\bcompilation (?:error|failed|failure)\b|\bfailed to compile\b|\bcompile(?:Java|Kotlin|TestJava|TestKotlin|Scala)?\b' ?\.?.{0,20}\bfailed\b",
            r"\bundefined reference to\b|\bundefined symbols? for\b|\bcollect2: error\b|\blinker command failed\b|\bunresolved external symbol\b|\bfatal error: .+: no such file\b|\bcannot find symbol\b|\bundefined: \w+",
            r"\b(?:Syntax|Indentation|Tab|Reference|Name|Type|Attribute|Key|Index|Import|ModuleNotFound|Parse|NoMethod|Load|Range)Error\b(?::|\s\()|\bunexpected token\b|\bparse error\b|\bsyntax error\b",
            r"\bcannot find (?:module|package|type definition|name|crate|file)\b|\bmodule not found\b|\bcan't resolve '|\bcould not resolve \S*['./]\S*\b.{0,40}\bfrom\b|\bno module named\b|\bno required module provides package\b|\bis not in (?:GOROOT|std)\b|\bpackage .+ does not exist\b|\bclass ['\\\w]+ not found\b|\bunable to resolve (?:module|path)\b",
            r"^\s+\d+:\d+\s+error\s|[1-9]\d* problems? \([1-9]\d* errors?|\bfound [1-9]\d* errors?\b|\b[1-9]\d* errors? (?:generated|found)\b|\bBuild FAILED\b.{0,40}\berrors?\b|\bcode style issues?\b|\brun prettier\b|\bwould reformat\b|\bcheckstyle violations\b|\blint errors?\b",
        ],
    )
    // What the fetch of Node.js throws whenever a request fails.
    .unless(&[r"\bTypeError: (?:fetch failed|failed to fetch|terminated)\b"]),
    cause(
        "image-build-error",
        BuildError,
        "the image's build file or what it copies is wrong",
        &[
            r"\bfailed to compute cache key\b.*\bnot found\b|\bCOPY failed\b|\bADD failed\b|\bfailed to calculate checksum of ref\b|\bforbidden path outside the build context\b",
            r"\bdockerfile parse error\b|\bunknown instruction\b|\bfailed to read dockerfile\b|\bcannot locate (?:specified )?dockerfile\b|\binvalid reference format\b|\btarget stage .* could not be found\b|\bno build stage in current context\b|\bunknown flag\b",
        ],
    ),
    cause(
        "command-or-file-missing",
        BuildError,
        "a command or file that the build uses is not there",
        &[
            r"\bcommand not found\b|\bis not recognized as an internal or external command\b|\bexecutable file not found\b|: not found\s*$|\b(?:sh|bash): .+: not found\b|\bunknown command\b|\bmissing script\b|\bno rule to make target\b|\bno such command\b|\bno such task\b|\btask '.+' not found\b",
            r"\bno such file or directory\b|\bENOENT\b|\bcannot stat\b|\bcan't open file\b|\bcannot open\b.*\bfor (?:reading|input)\b|\bfile not found\b|\bFileNotFound(?:Error|Exception)\b|\bfile does not exist\b",
        ],
    )
    .unless(&[r"\.sock\b|\bwhen calling the \w+ operation\b"]),
    symptom(
        "build-tool-failed",
        BuildError,
        "the build tool gave up in the middle of the build",
        &[
            r"\bexecution failed for task ':(?:\w+:)*(?:compile|lint|check|ktlint|detekt|spotless|checkstyle|assemble|bundle|jar|minify|process)\w*'",
            r"\bfailed to execute goal org\.apache\.maven\.plugins:maven-(?:compiler|checkstyle|enforcer|javadoc|shade|jar)-plugin\b",
            r"\bwebpack\b.{0,40}\berrors?\b|\bvite\b.{0,40}\berror\b|\brollup\b.{0,40}\berror\b|\bsegmentation fault\b|\bcore dumped\b|\bpanic: runtime error\b|\binternal compiler error\b|\bUnhandledPromiseRejection\b",
        ],
    ),
];
