//! What is measured: the product, the empty function, the boto3 handler, each as Lambda would start it.

use std::path::{Path, PathBuf};

use crate::Arguments;
use crate::aws::{Aws, Identity};
use crate::process::Program;
use crate::scene::{ACCOUNT, POLICY, REGION};

pub const PRODUCT: usize = 0;
pub const EMPTY: usize = 1;
pub const BOTO3: usize = 2;

pub struct Variants {
    pub identity: Identity,
    policy: PathBuf,
    product: PathBuf,
    empty: PathBuf,
    python: PathBuf,
    handler: PathBuf,
    authorities: PathBuf,
    boto3_authorities: PathBuf,
}

impl Variants {
    pub fn new(arguments: &Arguments) -> Self {
        let identity = Identity::new();
        let policy = arguments.folder.join("policy.yaml");
        std::fs::write(&policy, POLICY).expect("a folder that can be written to");
        let whole = |path: &PathBuf| std::path::absolute(path).expect("a path");
        Self {
            authorities: identity.beside(&arguments.authorities, &arguments.folder, "authorities.pem"),
            boto3_authorities: identity.beside(
                &arguments.boto3_authorities,
                &arguments.folder,
                "boto3-authorities.pem",
            ),
            identity,
            policy: whole(&policy),
            product: whole(&arguments.product),
            empty: whole(&arguments.empty),
            python: whole(&arguments.python),
            handler: whole(&arguments.handler),
        }
    }

    /// All of them, in the order of the constants above.
    pub fn all(&self, aws: &Aws) -> [Program; 3] {
        [self.product(aws), self.empty(), self.boto3(aws)]
    }

    pub fn product(&self, aws: &Aws) -> Program {
        let policy = self.policy.display().to_string();
        let own = [
            ("RETRIER_QUEUE_URL", format!("{}/{ACCOUNT}/retrier", aws.endpoint)),
            ("RETRIER_SCHEDULE_GROUP", "retrier".to_owned()),
            ("RETRIER_SCHEDULER_ROLE_ARN", format!("arn:aws:iam::{ACCOUNT}:role/retrier-scheduler")),
            ("RETRIER_POLICY", policy),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        Program {
            name: "product",
            path: self.product.clone(),
            arguments: Vec::new(),
            environment: common(aws, &self.authorities).into_iter().chain(own).collect(),
        }
    }

    fn empty(&self) -> Program {
        Program { name: "empty", path: self.empty.clone(), arguments: Vec::new(), environment: Vec::new() }
    }

    fn boto3(&self, aws: &Aws) -> Program {
        let handler = self.handler.display().to_string();
        let own = [
            ("PYTHONPATH", handler.clone()),
            // What is deployed cannot be written to.
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
            ("LAMBDA_TASK_ROOT", handler),
            ("_HANDLER", "handler.handle".to_owned()),
            ("PATH", "/usr/bin:/bin".to_owned()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        Program {
            name: "boto3",
            path: self.python.clone(),
            arguments: ["-m", "awslambdaric", "handler.handle"].map(str::to_owned).to_vec(),
            environment: common(aws, &self.boto3_authorities).into_iter().chain(own).collect(),
        }
    }
}

/// What all need that speak with AWS.
fn common(aws: &Aws, authorities: &Path) -> Vec<(String, String)> {
    let common = [
        ("RETRIER_TABLE", "retrier".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIDBENCHMARK".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_SESSION_TOKEN", "token".to_owned()),
        ("AWS_ENDPOINT_URL", aws.endpoint.clone()),
        ("AWS_CA_BUNDLE", authorities.display().to_string()),
    ];
    common.map(|(name, value)| (name.to_owned(), value)).to_vec()
}
