//! The real binary over TLS, which is how it reaches AWS and how nothing else here reaches anything: with a certificate that
//! it is told to believe, and with one that it is not.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::process::{FunctionProcess, settings};
use super::runtime_api::End;
use super::starts::{event, policy};
use crate::ministack::tool;

/// Ends with its input, which is dropped with it.
struct EncryptedAws {
    process: Child,
    url: String,
    certificate: PathBuf,
}

impl EncryptedAws {
    fn start(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("encrypted").join(test);
        fs::create_dir_all(&folder).unwrap();
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ])
            .args(["-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success(), "openssl makes the certificate");
        let mut process = Command::new(tool("ministack/bin/python"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/encrypted_aws.py"))
            .args([&certificate, &key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, url: format!("https://127.0.0.1:{}", port.trim()), certificate }
    }

    fn settings(&self) -> Vec<(String, String)> {
        settings(&policy(), "ledger", "http://127.0.0.1/1/retrier", &self.url, &self.url)
    }
}

impl Drop for EncryptedAws {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[test]
fn it_works_over_tls_with_a_certificate_that_it_is_told_to_believe() {
    let aws = EncryptedAws::start("believed");
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let mut settings = aws.settings();
        settings.push((variable.to_owned(), aws.certificate.to_str().unwrap().to_owned()));
        let function = FunctionProcess::start(&settings);
        let End::Response(document) = function.invoke(&event("stage-failed")) else {
            panic!("{:?}", function.log(1))
        };
        assert_eq!((&document["reason"], &document["final"]), (&json!("pipeline-gone"), &json!(true)));
    }
}

/// Amazon's authorities are believed, and nobody else's.
#[test]
fn it_tells_nothing_to_whom_it_does_not_believe() {
    let aws = EncryptedAws::start("not-believed");
    let function = FunctionProcess::start(&aws.settings());
    let End::Error(kind, _) = function.invoke(&event("stage-failed")) else { panic!("an error") };
    assert_eq!(kind, "LedgerUnavailable");
}
