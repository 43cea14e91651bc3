//! A function that does nothing with what it gets, on the same runtime and the same kind of executor as the product.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(lambda_runtime::run(service_fn(handle)))
}

async fn handle(_: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(json!({}))
}
