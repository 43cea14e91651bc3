//! Registries and package managers: what they say when they cannot deliver, and when they are asked for the impossible.

use super::hosts::{own_hosts, public_hosts};
use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::{
    Configuration, Dependency, MissingResource, Network, ServiceFault, Timeout,
};

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "versions-contradict",
        Configuration,
        "the versions that are asked for contradict each other",
        &[
            r"\bERESOLVE\b|\bpeer dependency conflict\b|\bconflicting peer dependenc|\bupstream dependency conflict\b|\bunable to resolve dependency tree\b",
            r"\bResolutionImpossible\b|\bconflicting dependencies\b|\bversion solving failed\b|\bSolverProblemError\b",
            r"\bfailed to select a version\b|\bversion conflict\b|\bcould not find compatible versions\b|\bconflicting requirements\b",
            r"\brequirements could not be resolved to an installable set\b|\bunmet dependencies\b|\bunsatisfiable constraints\b",
            r"\bEBADENGINE\b|\bengine .*\bis incompatible\b|\brequires (?:a different )?(?:python|node|php|ruby|rustc)\b",
            r"\bNU1(?:10[1-9]|605|202|010)\b|\bbut it is not going to be installed\b|\bheld broken packages\b",
        ],
    )
    // What an index that could not be read does not list.
    .without(&[r"\btemporary error \(try again later\)|\bsome index files failed to download\b"]),
    cause(
        "lock-file-out-of-step",
        Configuration,
        "the lock file does not fit the manifest",
        &[
            r"\bcan only install packages when your package(?:\.json|-lock)|\bpackage\.json and package-lock\.json\b.*\bin sync\b|\bEUSAGE\b",
            r"\block ?file\b.*\b(?:out of date|not up to date|outdated|needs to be updated|would have been modified|out of sync|is not compatible)\b",
            r"\bcannot install with .?frozen-lockfile\b|\bmissing go\.sum entry\b|\bupdates to go\.(?:mod|sum) needed\b|\bYN0028\b|^npm error .{0,20}\bEINTEGRITY\b|\bverifying .+: checksum mismatch\b|\bTHESE PACKAGES DO NOT MATCH THE HASHES\b",
            r"\binconsistent vendoring\b|\bGemfile\.lock\b.*\b(?:frozen|deployment)\b",
        ],
    ),
    cause(
        "mirror-out-of-step",
        Network,
        "a mirror was changed while it was read, and is whole again after a while",
        &[
            r"\bhash sum mismatch\b|\bmirror sync in progress\b|\bfile has unexpected size\b|\bclearsigned file isn't valid\b",
            r"\brepomd\.xml\b.*\b(?:mismatch|does not match|checksum)\b|\bBAD signature\b|\bpackage temporarily unavailable\b|\btemporary error \(try again later\)",
        ],
    ),
    cause(
        "retries-used-up",
        Network,
        "the package manager tried again as often as it may, and never reached its registry",
        &[r"\bRetry\(total=0\b", r"\bmax retries exceeded with url\b.*\bCaused by (?:NewConnection|ConnectTimeout|ReadTimeout|Protocol|Response)\w*"],
    )
    .without(&[concat!(r"^looking in indexes: .*", own_hosts!())])
    .unless(&[r"\blocalhost\b|\b127\.0\.0\.1\b|\bconnection refused\b|\bProxyError\b|\bSSLError\b|\bname or service not known\b|\bnodename nor servname\b"])
    .any_line(),
    cause(
        "package-registry-timeout",
        Timeout,
        "the registry did not answer the package manager in time",
        &[
            r"^npm error .*\b(?:ETIMEDOUT|ESOCKETTIMEDOUT|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|network timeout at)\b",
            r"\bReadTimeoutError\b|\bConnectTimeoutError\b|\[28\] (?:Timeout|Operation)|\bESOCKETTIMEDOUT\b",
            r"\b(?:could not transfer|could not get resource|could not (?:GET|HEAD)|failed to download|failed to fetch|error downloading|error pulling|failed to resolve source metadata|failed to copy|failed to do request|failed to authorize|failed to fetch (?:oauth|anonymous) token)\b.*\b(?:timed? ?out|timeout|deadline exceeded|i/o timeout|awaiting headers)\b",
            concat!(public_hosts!(), r".*\b(?:timed? ?out|TLS handshake timeout|i/o timeout|awaiting headers|deadline exceeded)\b"),
            concat!(r"\btimed? ?out\b.*\b", public_hosts!()),
        ],
    ),
    cause(
        "package-registry-unreachable",
        Network,
        "the connection between package manager and registry broke",
        &[
            r"^npm error .{0,40}\b(?:ECONNRESET|ECONNABORTED|ERR_SOCKET|EPIPE|ENETUNREACH|socket hang ?up|network aborted|network (?:request|read|socket|connect|tunnel|invalid))\b",
            r"\berror an unexpected error occurred: .*\b(?:ECONNRESET|ETIMEDOUT|ESOCKETTIMEDOUT|socket hang ?up|ENOTFOUND)\b",
            r"\bERR_PNPM_(?:META_)?FETCH\w*(?:FAIL|5\d\d)\w*|\bFetchError: request to\b.*\bfailed\b",
            r"\b(?:could not transfer|could not get resource|could not (?:GET|HEAD)|failed to download|failed to fetch|error downloading|error pulling|failed to resolve source metadata|failed to copy|failed to do request|failed to authorize|failed to fetch (?:oauth|anonymous) token)\b.*\b(?:connection reset|connection (?:was )?(?:closed|aborted|refused|terminated)|unexpected EOF|premature|SSL peer|handshake|remote host|broken pipe|http2: )",
            concat!(r"(?:fatal: unable to access\b.{0,40}|", r"\bfailed to connect to .{0,20})", public_hosts!(), r".*\b(?:connect|timed? ?out|TLS|SSL|recv|empty reply|reset|operation)\b"),
            r"\bNU1301\b|\bunable to load the service index for source\b|\bfailed to retrieve information about\b.*\bfrom remote source\b",
            r"\bGem::RemoteFetcher::FetchError\b|\bBundler::HTTPError\b|\bcould not fetch specs from\b|\bCondaHTTPError\b|\bcould not fetch specs\b",
            r"\bgpg: keyserver (?:receive|search) failed\b|\bcurl error \(?(?:6|7|16|18|28|35|52|55|56|92)\)?|\[(?:6|7|16|18|35|52|55|56|92)\] (?:couldn't|SSL|server|send|failure|stream|transferred|HTTP)",
            r"\bnetwork failure seems to have happened\b|\bserver aborted the SSL handshake\b|\btransfer closed with outstanding read data\b|\bfile could not be downloaded\b.*\b(?:5\d\d|failed to open stream|timed out)\b",
            r"\bthe request failed after \d+ attempts\b|\bcould not query provider registry\b.*\bfailed\b",
            r"\bspurious network error\b.{0,40}\(0 tries\b",
            concat!(public_hosts!(), r".*\b(?:ECONNRESET|connection reset|connection refused|connection (?:was )?closed|socket hang ?up|unexpected EOF|ECONNREFUSED)\b"),
        ],
    )
    .unless(&[r"\bcould not resolve\b|\bERR_PNPM_FETCH_40[134]\b"]),
    cause(
        "package-source-unreachable",
        Network,
        "the package manager could not read its source",
        &[r"\berror NU1301\b.*\b(?:unable to load the service index|failed to retrieve|timed out)"],
    )
    .any_line(),
    cause(
        "package-registry-fault",
        ServiceFault,
        "the registry failed on its own side",
        &[
            r"\b(?:could not transfer|could not get resource|could not (?:GET|HEAD)|failed to download|failed to fetch|error downloading|failed to (?:resolve|copy|do request|authorize|push|fetch)|error pulling|received unexpected HTTP status|unexpected status|error parsing HTTP)\b.*\b(?:50[0-4]|52\d|bad gateway|gateway time-?out|service unavailable|internal server error)\b",
            r"^npm error .{0,40}\b(?:E?50[0-4]|E52\d)\b",
            concat!(public_hosts!(), r".*\b(?:50[0234]|bad gateway|gateway time-?out|service unavailable|internal server error)\b"),
            concat!(r"\b(?:returned error: |error: |status: ?|HTTP )?50[0234]\b.*", public_hosts!()),
            r"\binvalid status response 416\b|\bblob upload (?:invalid|unknown)\b|\bfailed to (?:push|upload)\b.*\b(?:EOF|5\d\d)\b.{0,20}after\b",
        ],
    )
    .unless(&[r"\bhealth checks? failed\b"]),
    cause(
        "package-version-missing",
        MissingResource,
        "the registry does not have that package or version",
        &[
            r"\bETARGET\b|\bno matching version found\b|^npm error .{0,20}\b(?:E?404)\b|\bis not in (?:this|the npm) registry\b|\bERR_PNPM_(?:FETCH_404|NO_MATCHING_VERSION)\b",
            r"\bno matching distribution found\b|\bcould not find a version that satisfies\b",
            r"\bcould not find artifact\b|\bcould not find [\w.-]+:[\w.-]+:\S+|\bcould not find method\b|\bfailure to find\b",
            r"\bunable to locate package\b|\bhas no installation candidate\b|\bno package .*available\b|\bno match for argument\b|\bunable to find a match\b|\bversion '.*' for '.*' was not found\b",
            r"\bno matching package (?:named|found)\b|\bunknown revision\b|\bmodule .*\bnot found\b|\bcould not find gem\b|\bcouldn't find any (?:versions|package)\b|\bcould not find package\b",
            r"\bmanifest (?:unknown|for .* not found)\b|\bname unknown\b|\bfailed to resolve source metadata\b.*\bnot found\b|: not found: manifest\b",
            r"\bfailed to fetch .*\b404\b|\breturned error: 404\b|\bthe repository .*\b(?:does not have|no longer has) a release file\b",
            concat!(public_hosts!(), r".*\b(?:404 not found|410 gone|status code: 404)\b"),
        ],
    )
    .without(&[r"\bRetry\(total=0\b"]),
    cause(
        "registry-needs-encryption",
        Configuration,
        "the registry no longer answers that kind of request",
        &[r"\b501\b.{0,40}\bHTTPS required\b", r"\bblocked mirror for repositories\b"],
    ),
    symptom(
        "dependency-not-had-in-time",
        Network,
        "a package could not be fetched after the network had failed again and again",
        &[r"\bfailed to get `\S+` as a dependency\b|\bfailed to download (?:from )?`\S+`"],
    )
    .beside(&[r"\bspurious network error\b"]),
    symptom(
        "dependency-not-had",
        Dependency,
        "a package could not be fetched, and nothing says that it does not exist",
        &[
            r"\bthe following packages? (?:could not be|failed to) download(?:ed)?\b|\bsome index files failed to download\b",
            r"\bunable to fetch some archives\b|\bcannot (?:download|retrieve)\b.*\b(?:all mirrors were (?:already )?tried|repomd)",
            r"\bone of the configured repositories failed\b|\bdoesn't have enough cached data to continue\b",
            r"\bsome packages could not be fetched\b|\bfailed to download metadata for repo\b|\bno more mirrors to try\b",
        ],
    )
    .without(&[r"\bcannot find a valid baseurl\b"]),
];
