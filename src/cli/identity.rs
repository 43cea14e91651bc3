//! Who works with the command, for what stays on record: whom the credentials belong to, as AWS STS says it.

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

use crate::aws::settings::variable;

/// Longest name that is kept, in characters.
pub(super) const LONGEST: usize = 256;
/// How long STS may take: the name is worth no more.
const PATIENCE: Duration = Duration::from_secs(3);

/// The ARN of the caller; where STS does not tell it, the user's name on this machine.
pub(super) async fn caller(shared: &SdkConfig) -> String {
    let config = aws_sdk_sts::config::Builder::from(shared)
        .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build())
        .retry_config(RetryConfig::disabled())
        .build();
    let answer = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await;
    let name = answer.ok().and_then(|identity| identity.arn).or_else(|| {
        let user = ["USER", "USERNAME", "LOGNAME"].into_iter().find_map(variable);
        user.map(|user| format!("{user} (name on their machine)"))
    });
    let name = name.unwrap_or_else(|| "somebody".to_owned());
    name.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}
