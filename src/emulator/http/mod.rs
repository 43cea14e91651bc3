//! CodePipeline's own protocol, JSON 1.1 over HTTP, in front of a world, and beside it what CodeBuild, CloudWatch Logs,
//! CodeDeploy and CloudFormation tell of failed actions: for the AWS CLI, the SDKs, and whatever speaks as they do.
//!
//! [`Service`] is the protocol without a network, [`Server`] the network around it. Signatures are not checked, and nothing
//! but the loopback interface is ever listened on.

mod declarations;
mod delivery;
mod directory;
mod error;
mod model;
mod operations;
mod page;
mod providers;
mod request;
mod server;
mod service;
mod shown;
mod wire;

pub use delivery::{Destination, InvalidDestination, Tell};
pub use error::{ApiError, Reply};
pub use operations::operation_names;
pub use providers::provider_targets;
pub use server::{Driver, Server, Setup};
pub use service::{Call, Service};
