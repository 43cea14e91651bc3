//! A thousand secrets of many formats in lines as builds print them, none of which may be shown.

use codepipeline_retrier::classify::redact;

/// Small, seeded, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn word(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| letters[self.roll(letters.len())]).collect()
    }
}

const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE62: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PASSWORD: &str = "ABCDEFGHJKLMabcdefghjkm23456789!$%&*-_,;:.?/#+";

/// A format: its name, the secret, and lines in which `{}` is where it stands.
type Format = (&'static str, fn(&mut Dice) -> String, &'static [&'static str]);

/// Lines for what is recognised by its own form.
const ANYWHERE: &[&str] = &[
    "error: request failed for {} with 403",
    "using {}, 3 files",
    "{}",
    "2026-01-05T10:00:00Z [ERROR] refused \"{}\"",
    "curl -s https://example.com/download/{} -o out.zip",
];

const FORMATS: &[Format] = &[
    ("AWS access key id", |d| format!("AKIA{}", d.word(UPPER, 16)), ANYWHERE),
    ("AWS temporary key id", |d| format!("ASIA{}", d.word(UPPER, 16)), ANYWHERE),
    (
        "AWS secret key",
        |d| d.word(BASE64, 40),
        &[
            "AWS_SECRET_ACCESS_KEY={}",
            "aws_secret_access_key = {}",
            "\"SecretAccessKey\": \"{}\",",
            "secret: {}",
        ],
    ),
    (
        "AWS session token",
        |d| format!("IQoJb3JpZ2lu{}", d.word(BASE64, 300)),
        &["AWS_SESSION_TOKEN={}", "export {} ok", "\"SessionToken\": \"{}\""],
    ),
    ("GitHub token", |d| format!("ghp_{}", d.word(BASE62, 36)), ANYWHERE),
    (
        "GitHub fine-grained token",
        |d| format!("github_pat_{}_{}", d.word(BASE62, 22), d.word(BASE62, 59)),
        ANYWHERE,
    ),
    ("GitLab token", |d| format!("glpat-{}", d.word(BASE62, 20)), ANYWHERE),
    ("npm token", |d| format!("npm_{}", d.word(BASE62, 36)), ANYWHERE),
    ("PyPI token", |d| format!("pypi-AgEIcHlwaS5vcmc{}", d.word(BASE62, 80)), ANYWHERE),
    ("Slack token", |d| format!("xoxb-{}-{}", d.word("0123456789", 12), d.word(BASE62, 24)), ANYWHERE),
    (
        "Slack web hook",
        |d| format!("T{}/B{}/{}", d.word(UPPER, 8), d.word(UPPER, 8), d.word(BASE62, 24)),
        &["POST https://hooks.slack.com/services/{} failed: 404"],
    ),
    ("Stripe key", |d| format!("sk_live_{}", d.word(BASE62, 24)), ANYWHERE),
    ("Google key", |d| format!("AIza{}", d.word(BASE62, 35)), ANYWHERE),
    ("Google client secret", |d| format!("GOCSPX-{}", d.word(BASE62, 28)), ANYWHERE),
    ("Azure client secret", |d| format!("{}8Q~{}", d.word(BASE62, 3), d.word(BASE62, 34)), ANYWHERE),
    (
        "Azure storage key",
        |d| format!("{}==", d.word(BASE64, 86)),
        &["DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={};EndpointSuffix=core.windows.net"],
    ),
    (
        "JSON web token",
        |d| format!("eyJ{}.eyJ{}.{}", d.word(BASE62, 30), d.word(BASE62, 60), d.word(BASE62, 43)),
        ANYWHERE,
    ),
    (
        "password in an address",
        |d| d.word(PASSWORD, 16),
        &[
            "fatal: unable to access 'https://deploy:{}@git.example.com/shop.git/': 403",
            "postgres://shop:{}@db:5432/shop",
        ],
    ),
    (
        "header",
        |d| d.word(BASE62, 32),
        &[
            "> Authorization: Bearer {}",
            "-H 'Authorization: Basic {}'",
            "x-api-key: {}",
            "Cookie: session={}; a=b",
        ],
    ),
    (
        "password",
        |d| d.word(PASSWORD, 14),
        &[
            "DB_PASSWORD={}",
            "password: {}",
            "\"password\": \"{}\", \"user\": \"shop\"",
            "{\\\"dbPassword\\\": \\\"{}\\\"}",
            "Server=db;Uid=shop;Pwd={}",
            "+ deploy --password {} --stage prod",
            "mysql -h db -u shop -p{} shop",
            "curl -u shop:{} https://example.com",
            "export CI_JOB_TOKEN='{}'",
        ],
    ),
    (
        "Docker credentials",
        |d| format!("{}==", d.word(BASE64, 42)),
        &["{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"{}\"}}}"],
    ),
    (
        "private key",
        |d| d.word(BASE64, 64),
        &["-----BEGIN RSA PRIVATE KEY----- {}", "-----BEGIN OPENSSH PRIVATE KEY-----\\n{}\\n", "{}"],
    ),
    ("hexadecimal key", |d| d.word(HEX, 40), ANYWHERE),
    ("SendGrid key", |d| format!("SG.{}.{}", d.word(BASE62, 22), d.word(BASE62, 43)), ANYWHERE),
    ("Vault token", |d| format!("hvs.{}", d.word(BASE62, 90)), ANYWHERE),
];

/// Longest piece of a secret that may be seen.
const PIECE: usize = 8;

/// A secret, and a line that shows it.
pub struct Spilled {
    /// What kind of secret.
    pub format: &'static str,
    secret: String,
    pub line: String,
}

impl Spilled {
    /// Whether a piece of the secret is in a text.
    pub fn is_in(&self, text: &str) -> bool {
        let secret = self.secret.as_str();
        let length = PIECE.min(secret.len());
        (0..=secret.len() - length).any(|from| text.contains(&secret[from..from + length]))
    }
}

/// A thousand of them, always the same.
pub fn a_thousand() -> Vec<Spilled> {
    let mut dice = Dice(20_261_122);
    let one = |number: usize| {
        let (format, secret, lines) = FORMATS[number % FORMATS.len()];
        let secret = secret(&mut dice);
        let line = lines[dice.roll(lines.len())].replace("{}", &secret);
        Spilled { format, secret, line }
    };
    (0..1_000).map(one).collect()
}

#[test]
fn a_thousand_secrets_are_taken_out() {
    let mut leaked = Vec::new();
    for spilled in a_thousand() {
        let shown = redact(&spilled.line);
        if spilled.is_in(&shown) {
            leaked.push(format!("{}: {}\n  {shown}", spilled.format, spilled.line));
        }
    }
    assert!(leaked.is_empty(), "{} leaked:\n{}", leaked.len(), leaked.join("\n"));
}

#[test]
fn formats_are_many() {
    assert!(FORMATS.len() >= 20);
}
