//! What failures say: a text for each class, in words that signatures know, where its provider leaves them.

use jiff::SignedDuration;

use crate::domain::class::Class;
use crate::emulator::codepipeline::{BuildCause, BuildPhase, BuildStatus, Cause, Outcome, Provider};

/// A failure of that class, of an action of that provider.
pub(super) fn failure(class: Class, provider: &str, after: SignedDuration) -> Outcome {
    match Provider::of(provider) {
        Some(Provider::CodeBuild) => {
            let failed = "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, \
                          Message: Error while executing command: make. Reason: exit status 1";
            Outcome::fail(after, failed).because(Cause::Build(BuildCause {
                status: BuildStatus::Failed,
                phase: BuildPhase::Build,
                code: Some("COMMAND_EXECUTION_ERROR".into()),
                message: "Error while executing command: make. Reason: exit status 1".into(),
                log: in_a_log(class).into(),
            }))
        }
        Some(Provider::Commands) => Outcome::fail(after, "The commands failed")
            .because(Cause::Build(BuildCause::of_log(in_a_log(class).into()))),
        _ => Outcome::fail(after, in_a_message(class)),
    }
}

/// The end of the log of a build.
const fn in_a_log(class: Class) -> &'static str {
    match class {
        Class::Throttling => {
            "#4 [1/5] FROM docker.io/library/node:22\n#4 ERROR: toomanyrequests: You have reached your \
             unauthenticated pull rate limit.\nerror: failed to solve: exit status 1"
        }
        Class::Capacity => {
            "Browser Chrome cannot be opened\nSessionNotCreatedException: Could not start a new session. New session \
             request timed out"
        }
        Class::Network => "Get \"https://registry.npmjs.org/left-pad\": read tcp: connection reset by peer",
        Class::Timeout => {
            "ERROR: failed to do request: Head \"https://registry-1.docker.io/v2/library/node/manifests/22\": \
             net/http: TLS handshake timeout"
        }
        Class::ServiceFault => {
            "npm ERR! code E503\nnpm ERR! 503 Service Unavailable - GET https://registry.npmjs.org/vue"
        }
        Class::Dependency => {
            "E: Some index files failed to download. They have been ignored, or old ones used instead."
        }
        Class::Conflict => {
            "Error: Error acquiring the state lock\nLock Info:\n  Operation: OperationTypeApply"
        }
        // Nothing in a text tells that a test is flaky: a policy's own classifier may.
        Class::FlakyTest => {
            "--- FAIL: TestBasketIsEmptied (0.31s)\nAssertionError: expected the flaky basket to be empty\n\
             1 failed, 240 passed"
        }
        Class::TestFailure => {
            "--- FAIL: TestBasketAddsUp (0.02s)\nAssertionError: expected 3 items in the basket but got 2\n\
             1 failed, 240 passed"
        }
        Class::BuildError => {
            "src/http/basket.ts(42,7): error TS2322: Type 'string' is not assignable to type 'number'."
        }
        Class::Configuration => "write /var/lib/docker/tmp/layer: no space left on device",
        Class::Permission => {
            "User: arn:aws:sts::111122223333:assumed-role/build is not authorized to perform: s3:PutObject on \
             resource: arn:aws:s3:::site"
        }
        Class::MissingResource => {
            "An error occurred (NoSuchBucket) when calling the PutObject operation: The specified bucket does not exist"
        }
        Class::Quota => {
            "You have requested more vCPU capacity than your current vCPU limit of 32 allows (Error Code: \
             VcpuLimitExceeded)"
        }
        Class::ApprovalRejected | Class::Stopped | Class::Unknown => "it did not work out this time",
    }
}

/// What CodePipeline says of an action whose provider leaves no log.
const fn in_a_message(class: Class) -> &'static str {
    match class {
        Class::Throttling => {
            "Rate exceeded (Service: AmazonCloudWatch; Status Code: 400; Error Code: Throttling; Request ID: 1)"
        }
        Class::Capacity => {
            "We currently do not have sufficient c7g.xlarge capacity in the Availability Zone you requested (eu-west-1b)."
        }
        Class::ServiceFault => {
            "An error occurred (ServiceUnavailableException) when calling the CreateDeployment operation: Service is \
             unavailable"
        }
        Class::Conflict => "Stack shop is in UPDATE_IN_PROGRESS state and can not be updated.",
        Class::Configuration => {
            "Template format error: Unresolved resource dependencies [Topic] in the Resources block of the template"
        }
        Class::MissingResource => "No export named network-prod-SubnetA found",
        Class::Quota => {
            "The maximum number of internet gateways has been reached. (Service: Ec2, Status Code: 400)"
        }
        other => in_a_log(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::{Subject, classify};
    use crate::domain::evidence::{Place, Text};
    use crate::domain::pipeline::Category;
    use crate::domain::text::EvidenceText;

    #[test]
    fn the_product_recognises_every_text() {
        let all = Class::ALL.into_iter().filter(|class| class.may_be_retried());
        for class in all {
            let of_log = ("CodeBuild", Category::Build, Place::BuildLog, in_a_log(class));
            let of_message = ("CloudFormation", Category::Deploy, Place::ErrorMessage, in_a_message(class));
            for (provider, category, place, said) in [of_log, of_message] {
                let texts = [Text { place, code: None, text: EvidenceText::new(said) }];
                let found = classify(
                    &[],
                    &Subject {
                        run: None,
                        action: None,
                        provider,
                        category: Some(category),
                        code: Some("JobFailed"),
                        texts: &texts,
                    },
                );
                let expected = if class == Class::FlakyTest { Class::TestFailure } else { class };
                assert_eq!(found.class, expected, "{provider}: {said}");
            }
        }
    }
}
