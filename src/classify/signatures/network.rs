//! Connections, names and handshakes that failed, and what took too long, whoever was asked.

use super::hosts::{own_hosts, public_hosts};
use crate::classify::signature::{Signature, cause, symptom};
use crate::domain::class::Class::{Configuration, Network, Timeout, Unknown};

/// What says that a name has no address.
macro_rules! unresolved {
    () => {
        concat!(
            r"(?:(?:could not|couldn't|cannot|failed to|unable to) resolve (?:the )?(?:host|hostname|address|proxy|'[\w.-]+'(?:\s|$))|getaddrinfo|ENOTFOUND|EAI_AGAIN|no such host",
            r"|name or service not known|nodename nor servname|temporary failure (?:in name resolution|resolving)|unknownhost",
            r"|failed to lookup address|name resolution|server misbehaving)"
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
        &[r"\btemporary failure (?:in name resolution|resolving)\b", r"\bEAI_AGAIN\b[^.]*\.", r"\bserver misbehaving\b", r"\bSERVFAIL\b"],
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
        r"\btemporary failure\b|\bEAI_AGAIN\b|\bserver misbehaving\b",
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
            r"\bunexpected EOF in archive\b|\bgzip: stdin: unexpected end of file\b|\bzlib: unexpected end of file\b|\bempty reply from server\b|\b(?:recv|send) failure\b|\bfailed sending data to the peer\b",
            r"\bIncompleteRead\b|\bremote end closed connection\b|\bconnection broken\b",
            r"\bcurl: \((?:6|7|18|28|35|52|55|56|92)\)",
            r"\binvalid response body while trying to fetch\b",
            r"\bthe remote end hung up (?:unexpectedly|upon initial contact)\b",
        ],
    )
    .unless(&[own_hosts!(), r"\bcurl: \(6\)|\bHTTP 4\d\d\b"]),
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
            r"\bnetwork (?:error|connectivity)\b|\bERR_SOCKET\w*\b",
            r"\bHandlerErrorCode: NetworkFailure\b",
            r"\bfailed to establish a new connection\b|\bfetch failed\b|\bSSL connection could not be established\b|\ban error occurred while sending the request\b|\btransport is closing\b|\bcode = Unavailable\b",
            r"\bunexpected EOF\b|\bconnection failed \[IP|\bclient error \(Connect\)",
        ],
    )
    .unless(&[own_hosts!(), r"\bunexpected EOF (?:while looking|in)\b|\b(?:syntax|parse|lex)\w* error\b"]),
    symptom(
        "connection-refused",
        Network,
        "a known host refused the connection",
        &[
            concat!(r"\b", public_hosts!(), r"\S*.*\b(?:connection refused|ECONNREFUSED)"),
            concat!(r"\b(?:connection refused|ECONNREFUSED)\b.*", public_hosts!()),
            r"\bfailed to connect to [\w.-]+\.(?:org|com|io|net|dev) port (?:443|80)\b",
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
        &[r"\bUnixHTTPConnectionPool\b.*\bread timed out\b|\bCOMPOSE_HTTP_TIMEOUT\b"],
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
            r"\bcontext deadline exceeded\b|\bdeadline exceeded\b",
            r"\bexecution expired\b|\bNet::(?:Open|Read)Timeout\b",
            r"\bmax retries exceeded with url\b|\bUND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT\b|\bunable to return a response in the time allotted\b",
            r"\btimed? ?out (?:while |when )?(?:waiting for|trying to|connecting|reading|downloading|fetching)\b.*\b(?:server|response|connection|host|registry|download|reply)\b",
        ],
    )
    .unless(&[
        own_hosts!(),
        r"\bplease check your task network\b|\bcheck your network configuration\b",
        r"\bstack\b.*\btimed out\b|\bwait(?:ing)? for (?:the )?condition\b",
        r"\bexceeded its progress deadline\b|\bProxyError\b",
    ]),
];
