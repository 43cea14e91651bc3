//! Connections, names and handshakes that failed, and what took too long, whoever was asked.

use super::hosts::{aws_region, own_hosts, public_hosts};
use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::{Configuration, Network, Timeout, Unknown};

/// What says that a name has no address.
macro_rules! unresolved {
    () => {
        concat!(
            r"(?:(?:could not|couldn't|cannot|failed to|unable to) resolve (?:the )?(?:host|hostname|address|proxy|'[\w.-]+'(?:\s|$))|getaddrinfo|ENOTFOUND|EAI_AGAIN|no such host",
            r"|name or service not known|nodename nor servname|temporary failure (?:in name resolution|resolving)|unknownhost",
            r"|failed to lookup address|name resolution|server misbehaving|bad address ')"
        )
    };
}

pub(super) const SIGNATURES: &[Signature] = &[
    cause(
        "own-service-silent",
        Unknown,
        "something on the build's own machine or network did not answer; the evidence does not tell why",
        &[
            concat!(r"\b(?:ECONNREFUSED|connection refused|could not connect|socket hang up|ECONNRESET)\b.*", own_hosts!()),
            concat!(own_hosts!(), r".*\b(?:ECONNREFUSED|connection refused|connection reset|actively refused|socket hang up|connection timed out|i/o timeout)\b"),
        ],
    ),
    cause(
        "certificate-not-trusted",
        Configuration,
        "a certificate is not trusted, has expired or is for another name",
        &[
            r"\bself[- ]signed certificate\b|\bunable to (?:get|verify).{0,20}\b(?:local issuer|first) certificate\b",
            r"\bcertificate (?:has expired|signed by unknown authority|is not (?:yet )?(?:valid|trusted))\b",
            r"\bCERTIFICATE_VERIFY_FAILED\b|\bcertificate verify failed\b|\bPKIX path building failed\b|\bCERT_HAS_EXPIRED\b",
        ],
    ),
    cause(
        "proxy-refuses",
        Configuration,
        "the proxy on the way refuses",
        &[r"\btunnel connection failed: 40[37]\b", r"\bproxy authentication required\b"],
    ),
    cause(
        "known-host-not-found",
        Network,
        "the name of a host that is known to exist was not resolved",
        &[
            concat!(unresolved!(), r".*?\b", public_hosts!(), r"(?:[^\w.-]|\.(?:\s|$)|$)"),
            concat!(r"\b", public_hosts!(), r"(?:[^\w.-].*?)?", unresolved!()),
        ],
    ),
    symptom(
        "resolver-failed",
        Network,
        "the name server did not answer",
        &[r"\btemporary failure (?:in name resolution|resolving)\b", r"\bEAI_AGAIN\b[^.]*\.", r"\bserver misbehaving\b", r"\bSERVFAIL\b",
            r"\bresolve (?:host ?)?name\b.*\btry again\b|\[errno -3\]|\bresolving timed out\b|\bDNS (?:query|lookup|resolution|request)\b.{0,40}\b(?:timed out|timeout|temporar)",
        ],
    )
    .unless(&[r"\.(?:internal|local|corp|lan|intranet|private|test|invalid|example|svc)\b|\.example\."]),
    symptom(
        "unknown-host-not-found",
        Configuration,
        "a host was not found, and it is none that is known to exist",
        &[unresolved!()],
    )
    .unless(&[
        concat!(r"\b", public_hosts!(), r"(?:[^\w.-]|$)"),
        r"\btemporary failure\b|\bEAI_AGAIN\b|\bserver misbehaving\b|: try again\b|\[errno -3\]",
    ]),
    cause(
        "download-cut-off",
        Network,
        "a download was cut off half-way",
        &[
            r"\bRPC failed; (?:curl|HTTP|result)\b",
            r"\bearly EOF\b|\bunexpected disconnect while reading sideband packet\b",
            r"\bHTTP/2 (?:framing layer|stream \d+ was not closed cleanly)\b|\bcurl 92\b",
            r"\bpremature (?:EOF|end of (?:content|chunk))|\bunexpected end of (?:file|stream) (?:from server|on http)",
            r"\bgnutls_handshake\(\) failed\b|\bGnuTLS recv error\b|\bSSL_ERROR_SYSCALL\b|\bOpenSSL SSL_(?:read|connect)\b",
            r"\bSSL: UNEXPECTED_EOF_WHILE_READING\b|\bEOF occurred in violation of protocol\b|\bSSLEOFError\b|\bbad record mac\b|\bssl3_get_record\b",
            r"\bhttp2: (?:server sent GOAWAY|client connection lost|server closed)|\bstream error: stream ID \d+; (?:INTERNAL_ERROR|REFUSED_STREAM|CANCEL)|\bERR_HTTP2_\w+|\bUND_ERR_SOCKET\b|\bother side closed\b",
            r"\bkex_exchange_identification\b|\bssh: connect to host \S+ port \d+: connection\b|\bpremature close\b|\bERR_STREAM_PREMATURE_CLOSE\b|\bZ_BUF_ERROR\b",
            r"\bunexpected EOF in archive\b|\bgzip: stdin: unexpected end of file\b|\bzlib: unexpected end of file\b|\bempty reply from server\b|\b(?:recv|send) failure\b|\b(?:failed sending data to|failure when (?:receiving data from|sending data to)) the peer\b|\btransferred a partial file\b|\bserver returned nothing\b",
            r"\bIncompleteRead\b|\bremote end closed connection\b|\bconnection broken\b",
            r"\bcurl: \((?:6|7|16|18|28|35|52|55|56|92)\)",
            r"\binvalid response body while trying to fetch\b|\bdownloaded bytes did not match\b|\bERR_PNPM_BAD_TARBALL_SIZE\b",
            r"\bssh_exchange_identification\b|\bclient_loop: send disconnect\b|\bpacket_write_wait\b|\bconnection (?:closed|reset|timed out) by \S+ port 22\b|^connection to \S+ port 22 timed out\b",
            r"\b(?:invalid index-pack output|index-pack failed|bytes of body are still expected|bad pack header)\b",
            r"\bfilesystem layer verification failed\b|\bunexpected commit digest\b|\bfailed to register layer: .{0,40}\bunexpected EOF\b",
            r"\bbytes read \d+ but wanted \d+\b|\btried to reconnect at offset\b|\berror pulling image configuration\b",
            r"\berror decoding response body\b|\brequest or response body error\b|\bIncompleteMessage\b|\bconnection closed before message completed\b",
            r"\bthe remote end hung up (?:unexpectedly|upon initial contact)\b",
        ],
    )
    .unless(&[own_hosts!(), r"\bcurl: \(6\)|\bHTTP 4\d\d\b"]),
    symptom(
        "archive-cut-off",
        Network,
        "an archive that was just downloaded ends too early",
        &[
            r"\bzip END header not found\b|\bunexpected end of (?:ZLIB|gzip|GZIP) (?:input )?stream\b|\berror in opening zip file\b",
            r"\bend-of-central-directory signature not found\b|\bunexpected end of (?:data|archive)\b|\b(?:xz|tar|bzip2|zstd): .{0,40}\bunexpected (?:EOF|end)\b",
        ],
    )
    .beside(&[r"\bwrapper\b|\bdownload|\bfetch|\bcurl\b|\bwget\b|\bcache\b|://"]),
    cause(
        "download-too-short",
        Network,
        "fewer bytes came than the other side announced",
        &[r"\bpremature end of content-length\b|\bshort read: expected \d+ bytes but got \d+\b|\bend of file before message length reached\b|\bcontent-?length\b.{0,40}\b(?:mismatch|but (?:got|received))"],
    )
    .any_line(),
    symptom(
        "downloader-gave-up",
        Network,
        "a downloader tried as often as it may, and gave up",
        &[r"^giving up\.?\s*$"],
    )
    .beside(&[r"\bfailed: (?:connection|network|operation|no route)|\bawaiting response\b|\bread error\b|\bunable to establish\b"]),
    symptom(
        "aws-endpoint-unreachable",
        Network,
        "an endpoint of AWS, in a region that there is, could not be reached",
        &[concat!(r"\bcould not connect to the endpoint url\b.*", aws_region!())],
    ),
    symptom(
        "connection-broken",
        Network,
        "a connection broke or could not be made",
        &[
            r"\b(?:ECONNRESET|ECONNABORTED|EPIPE|ENETUNREACH|EHOSTUNREACH|ENETDOWN|ERR_CONNECTION_(?:RESET|CLOSED|ABORTED)|ERR_NETWORK_CHANGED|ERR_INTERNET_DISCONNECTED)\b",
            r"\bconnection (?:was |has been |is )?(?:forcibly )?(?:reset|aborted|closed|terminated|lost)(?: by| unexpectedly|\b)",
            r"\bsocket hang ?up\b|\bsocket closed\b",
            r"\bno route to host\b|\bnetwork is unreachable\b",
            r"\bTLS (?:handshake failed|connection was non-properly terminated)\b|\bSSLHandshakeException: remote host\b|\bremote host (?:closed|terminated)",
            r"\bnetwork (?:error|connectivity|aborted)\b|\bERR_SOCKET\w*\b",
            r"\bHandlerErrorCode: NetworkFailure\b",
            r"\bfailed to establish a new connection\b|\bfetch failed\b|\bSSL connection could not be established\b|\ban error occurred while sending the request\b|\btransport is closing\b|\bcode = Unavailable\b",
            r"\bunexpected EOF\b|\bconnection failed \[IP|\bclient error \(Connect\)|\berror trying to connect\b",
            r#"\b(?:get|head|post|put|patch|delete) "?https?://[^\s"]+"?:(?: [^:]{1,40}:)* EOF\b|\berror dialing backend\b|\bunable to connect to the server: EOF\b|\b(?:handshake failed|reading from server|reading greeting|read response): EOF\b"#,
            r"\bwrite: broken pipe\b|\b(?:ssl|tls|socket|connection|http|upload\w*|push\w*)\b.{0,60}\bbroken pipe\b|\buse of closed network connection\b",
            r"\bserver ?disconnected(?:Error)?\b|\bRemoteDisconnected\b|\bRemoteProtocolError\b|\bstream was reset\b|\bStreamResetException\b|\bNoHttpResponseException\b|\b(?:server|:443|:80) failed to respond\b",
            r"\b(?:Faraday|Net::|Excon|OpenSSL|EOFError|SSL_connect|Seahorse)\S*.{0,80}\bend of file reached\b|\bcould not reach host\b|\bNetworkDownError\b|\bNetworkingError\b|\bNetworkError when attempting\b",
            concat!(r"\bunable to connect to (?:https?://)?", public_hosts!(), r"\b"),
            r"\ball attempts to connect to\b|\blost connection to (?:\S+ )?server\b|\bconnection to (?:\S+ ){1,5}was lost\b|\bHTTP (?:error )?000\b|\bfatal error in commit_refs\b|\bcould not connect to (?:the )?(?:registry|mirror|remote repository)\b|\bfailed to request discovery document\b|\btransfer failed for https?:",
            r"\bfetch https?://\S+ (?:IO|network) error\b|\bfetch https?://[^\s]+: (?:IO|network|I/O) error\b",
        ],
    )
    .unless(&[own_hosts!(), r"\bunexpected EOF (?:while looking|in)\b|\b(?:syntax|parse|lex)\w* error\b",
        r"\bnever (?:used|read)\b|\bno-unused|\bCVE-\d{4}-|\bvulnerabilit|\bGHSA-",
    ]),
    symptom(
        "connection-refused",
        Network,
        "a known host refused the connection",
        &[
            concat!(r"\b", public_hosts!(), r"\S*.*\b(?:connection refused|ECONNREFUSED)"),
            concat!(r"\b(?:connection refused|ECONNREFUSED)\b.*", public_hosts!()),
            r"\bfailed to connect to [\w.-]+\.(?:org|com|io|net|dev) port (?:443|80)\b",
            r"\bconnection to the server [\w.-]+\.[a-z]{2,}(?::\d+)? was refused\b|\bfailed calling webhook\b.*\bconnection refused\b",
        ],
    )
    .unless(&[own_hosts!()]),
    symptom(
        "session-expired",
        Timeout,
        "the run's own session with AWS ended before the run did; a new run gets a new one",
        &[r"\bsecurity token included in the request is expired\b", r"\bExpiredToken(?:Exception)?\b", r"\brequest has expired\b"],
    ),
    symptom(
        "container-engine-silent",
        Timeout,
        "the container engine on the build's machine did not answer in time, as it does when the machine is busy",
        &[r"\bUnixHTTPConnectionPool\b.*\bread timed out\b|\bCOMPOSE_HTTP_TIMEOUT\b", r"\btimed out waiting for (?:the )?(?:dockerd|docker daemon|buildkitd?)\b"],
    ),
    symptom(
        "handshake-timed-out",
        Timeout,
        "a handshake or an answer took too long",
        &[
            r"\bTLS handshake timeout\b",
            r"\bawaiting headers\b|\brequest canceled while waiting for connection\b",
            r"\bi/o timeout\b",
            r"\b(?:read|connect|connection|socket|operation|request|download|fetch|handshake|response|network)(?:[ _](?:has|attempt|was|operation))?[ -]?timed[ -]?out\b",
            r"\b(?:ETIMEDOUT|ESOCKETTIMEDOUT|EIDLETIMEOUT|ERR_SOCKET_TIMEOUT|ERR_TIMED_OUT|ERR_CONNECTION_TIMED_OUT)\b",
            r"\b(?:Read|Connect|Socket|Gateway)Timeout(?:Error|Exception)?\b(?::|\()|\bSocketTimeoutException\b",
            r"\boperation too slow\b|\btimeout was reached\b|\b(?:read|connect|connection|network|request) timeout\b",
            r"\bcontext deadline exceeded\b|\bdeadline exceeded\b|\bDEADLINE_EXCEEDED\b",
            r"\btimeout awaiting response\b|\bHttpClient\.Timeout\b|\bClient\.Timeout exceeded\b|\bhttp ?timeout\w*exception\b|\bConnectionTimeoutError\b",
            r"\bRequestTimeout(?:Exception)?\b(?:[):;,]| when calling)|\bnot read from or written to within the timeout\b|\bHandlerErrorCode: ServiceTimeout\b|\bAcquire operation took longer\b",
            r"\b(?:responder|server|host|endpoint|registry|proxy|gateway|upstream|lookup|clone|fetch|pull|push|upload) (?:has )?timed out\b",
            r"\bretriev\w+ credentials\b.*\b(?:timed out|timeout|number of retries|max\w* attempts)\b",
            r"\bexecution expired\b|\bNet::(?:Open|Read)Timeout\b",
            r"\bmax retries exceeded with url\b|\bUND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT\b|\bunable to return a response in the time allotted\b",
            r"\btimed? ?out (?:while |when )?(?:waiting for|trying to|connecting|reading|downloading|fetching)\b.*\b(?:server|response|connection|host|registry|download|reply)\b",
        ],
    )
    .unless(&[
        own_hosts!(),
        r"\bplease check your task network\b|\bcheck your network configuration\b",
        r"\bstack\b.*\btimed out\b|\bwait(?:ing)? for (?:the )?condition\b",
        r"\bexceeded its progress deadline\b|\bProxyError\b|\bcannot be cast\b|\btimeout (?:is |was )?(?:not set|missing|unset)\b",
    ]),
];
