//! The settings: what has to be there, what is checked, and that all mistakes are told at once.

use std::collections::BTreeMap;

use super::*;

type Variables = BTreeMap<&'static str, String>;

fn complete() -> Variables {
    [
        ("RETRIER_TABLE", "retrier-ledger"),
        ("RETRIER_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/111122223333/retrier-queue"),
        ("RETRIER_SCHEDULE_GROUP", "retrier"),
        ("RETRIER_SCHEDULER_ROLE_ARN", "arn:aws:iam::111122223333:role/retrier-scheduler"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn read(variables: &Variables) -> Result<Settings, InvalidSettings> {
    Settings::read(&|name: &str| variables.get(name).cloned())
}

fn with(name: &'static str, value: &str) -> Result<Settings, Vec<String>> {
    let mut variables = complete();
    variables.insert(name, value.to_owned());
    read(&variables).map_err(|invalid| invalid.0)
}

#[test]
fn what_has_to_be_there_suffices() {
    let settings = read(&complete()).unwrap();
    assert_eq!(settings.queue_arn, "arn:aws:sqs:eu-central-1:111122223333:retrier-queue");
    assert_eq!(settings.scopes.own().to_string(), "aws/eu-central-1/111122223333");
    assert_eq!(settings.scopes.iter().count(), 1);
    assert_eq!(settings.spoke_role, SpokeRole { name: SpokeRole::NAME.to_owned(), external_id: None });
    assert_eq!((settings.mode, settings.log), (Mode::Active, LogLevel::Info));
    assert_eq!(settings.evidence, Depth::Logs);
    assert_eq!(settings.policy, PathBuf::from("policy.yaml"));
    assert_eq!((settings.dead_letter_queue_arn, settings.trust), (None, Trust::Amazon));
    assert_eq!(settings.endpoints, Endpoints::default());
    assert_eq!(settings.credentials.session_token(), None);
}

#[test]
fn everything_that_is_missing_is_told_at_once() {
    let missing = read(&Variables::new()).unwrap_err();
    let expected: Vec<_> = [
        "RETRIER_TABLE",
        "RETRIER_QUEUE_URL",
        "RETRIER_SCHEDULE_GROUP",
        "RETRIER_SCHEDULER_ROLE_ARN",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ]
    .map(|name| format!("{name} is not set"))
    .into();
    assert_eq!(missing.0, expected);
    assert_eq!(missing.to_string(), expected.join("; "));
}

#[test]
fn what_is_wrong_is_told_beside_what_is_missing() {
    let variables = [("AWS_REGION", "Frankfurt am Main"), ("RETRIER_MODE", "on"), ("RETRIER_LOG", "loud")];
    let invalid = read(&variables.map(|(name, value)| (name, value.to_owned())).into()).unwrap_err();
    for told in ["RETRIER_TABLE", "AWS_REGION", "RETRIER_MODE", "RETRIER_LOG", "AWS_ACCESS_KEY_ID"] {
        assert_eq!(
            invalid.0.iter().filter(|problem| problem.starts_with(told)).count(),
            1,
            "{told}: {invalid}"
        );
    }
}

#[test]
fn each_value_is_checked() {
    for (name, values) in [
        (
            "RETRIER_QUEUE_URL",
            &["retrier-queue", "https://", "https://host/1/", "https://host/1/queue.fifo"][..],
        ),
        ("RETRIER_DEAD_LETTER_QUEUE_ARN", &["dead", "arn:aws:sns:eu-central-1:111122223333:dead"]),
        (
            "RETRIER_SCHEDULER_ROLE_ARN",
            &[
                "role",
                "arn:aws:iam::111122223333:user/me",
                "arn:aws:iam::1:role/me",
                "arn:aws:sts::111122223333:role/me",
            ],
        ),
        ("AWS_REGION", &["eu central", "EU"]),
        ("RETRIER_SPOKE_ACCOUNTS", &["4444", "444455556666,x"]),
        ("RETRIER_SPOKE_REGIONS", &["eu-west-1,US"]),
        ("RETRIER_SPOKE_ROLE", &["a/b", "arn:aws:iam::444455556666:role/a"]),
        ("RETRIER_MODE", &["Active", "off"]),
        ("RETRIER_EVIDENCE", &["Logs", "all", "none"]),
        ("RETRIER_LOG", &["trace"]),
        ("AWS_CA_BUNDLE", &["no-such-file.pem", "Cargo.toml"]),
    ] {
        for value in values {
            let problems = with(name, value).unwrap_err();
            assert!(matches!(&*problems, [one] if one.starts_with(name)), "{name}={value}: {problems:?}");
        }
    }
}

#[test]
fn each_value_is_taken() {
    assert_eq!(with("RETRIER_MODE", "shadow").unwrap().mode, Mode::Shadow);
    assert_eq!(with("RETRIER_EVIDENCE", "details").unwrap().evidence, Depth::Details);
    assert_eq!(with("RETRIER_LOG", "DEBUG").unwrap().log, LogLevel::Debug);
    assert_eq!(with("RETRIER_POLICY", "/opt/policy.yaml").unwrap().policy, PathBuf::from("/opt/policy.yaml"));
    assert_eq!(with("LAMBDA_TASK_ROOT", "/var/task").unwrap().policy, PathBuf::from("/var/task/policy.yaml"));
    assert_eq!(with("AWS_SESSION_TOKEN", "token").unwrap().credentials.session_token(), Some("token"));
    let dead_letters = "arn:aws-cn:sqs:cn-north-1:111122223333:dead";
    let settings = with("RETRIER_DEAD_LETTER_QUEUE_ARN", dead_letters).unwrap();
    assert_eq!(settings.dead_letter_queue_arn.as_deref(), Some(dead_letters));
    let mut variables = complete();
    variables.remove("AWS_REGION");
    variables.insert("AWS_DEFAULT_REGION", "eu-west-1".to_owned());
    assert_eq!(read(&variables).unwrap().scopes.own().region.as_str(), "eu-west-1");
    let settings = with("RETRIER_SPOKE_ROLE", "my_role.1-a").unwrap();
    assert_eq!(settings.spoke_role.name, "my_role.1-a");
    let settings = with("RETRIER_SPOKE_EXTERNAL_ID", "secret").unwrap();
    assert_eq!(settings.spoke_role.external_id.as_deref(), Some("secret"));
}

#[test]
fn spokes_are_each_region_in_each_account() {
    let mut variables = complete();
    variables.insert("RETRIER_SPOKE_ACCOUNTS", "444455556666,777788889999".to_owned());
    let scopes = |variables: &Variables| {
        let settings = read(variables).unwrap();
        settings.scopes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let own = "aws/eu-central-1/111122223333";
    let in_its_region = ["aws/eu-central-1/444455556666", "aws/eu-central-1/777788889999"];
    assert_eq!(scopes(&variables), [&[own], &in_its_region[..]].concat());
    variables.insert("RETRIER_SPOKE_REGIONS", "eu-west-1".to_owned());
    assert_eq!(scopes(&variables), [own, "aws/eu-west-1/444455556666", "aws/eu-west-1/777788889999"]);
    variables.remove("RETRIER_SPOKE_ACCOUNTS");
    assert_eq!(scopes(&variables), [own], "Regions are those of the accounts listed");
}

#[test]
fn an_endpoint_of_one_service_comes_before_that_of_all() {
    let mut variables = complete();
    variables.insert("AWS_ENDPOINT_URL", "http://127.0.0.1:1".to_owned());
    variables.insert("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:2".to_owned());
    let endpoints = read(&variables).unwrap().endpoints;
    assert_eq!(endpoints.sqs.as_deref(), Some("http://127.0.0.1:2"));
    for other in [
        &endpoints.cloudformation,
        &endpoints.codebuild,
        &endpoints.codedeploy,
        &endpoints.codepipeline,
        &endpoints.dynamodb,
        &endpoints.logs,
        &endpoints.scheduler,
        &endpoints.ssm,
    ] {
        assert_eq!(other.as_deref(), Some("http://127.0.0.1:1"));
    }
    variables.insert("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:3".to_owned());
    assert_eq!(read(&variables).unwrap().endpoints.logs.as_deref(), Some("http://127.0.0.1:3"));
    variables.insert("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true".to_owned());
    assert_eq!(read(&variables).unwrap().endpoints, Endpoints::default());
}

#[test]
fn amazon_alone_is_trusted_where_its_authorities_are_all_there_are() {
    let role = "arn:aws-us-gov:iam::111122223333:role/retrier-scheduler";
    assert_eq!(with("RETRIER_SCHEDULER_ROLE_ARN", role).unwrap().trust, Trust::System);
    let Trust::Bundle(pem) = with("SSL_CERT_FILE", "src/aws/roots.pem").unwrap().trust else {
        panic!("the bundle is not read");
    };
    assert_eq!(String::from_utf8(pem).unwrap().matches("BEGIN").count(), 5);
}

#[test]
fn of_a_bundle_what_can_be_read_is_kept() {
    let roots = include_str!("../roots.pem");
    let broken = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let cut = "-----BEGIN CERTIFICATE-----\nMIID";
    let kept = readable_certificates(&format!("# ours\n{broken}{roots}{broken}{cut}"));
    assert_eq!(kept.matches("BEGIN").count(), 5);
    assert_eq!(readable_certificates(&format!("{broken}{cut}")), "");
}

#[test]
fn credentials_cannot_be_printed() {
    let printed = format!("{:?}", read(&complete()).unwrap());
    assert!(!printed.contains("hunter2"), "{printed}");
}
