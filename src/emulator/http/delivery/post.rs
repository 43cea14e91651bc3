//! One POST over plain HTTP, on a connection of its own.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Failure;
use super::destination::Address;

/// Longest time for all of it. A local function that is started by an event answers when it is done.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Posts a body, and answers what came back with a success.
pub async fn post(address: &Address, headers: &[(&str, String)], body: String) -> Result<Bytes, Failure> {
    match tokio::time::timeout(TIMEOUT, exchange(address, headers, body)).await {
        Ok(Ok((status, answer))) if status.is_success() => Ok(answer),
        Ok(Ok((status, _))) => Err(Failure {
            problem: format!("the answer is {status}"),
            may_pass: status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
        }),
        Ok(Err(problem)) => Err(Failure { problem, may_pass: true }),
        Err(_) => {
            let problem = format!("no answer within {} s", TIMEOUT.as_secs());
            Err(Failure { problem, may_pass: false })
        }
    }
}

async fn exchange(
    address: &Address,
    headers: &[(&str, String)],
    body: String,
) -> Result<(StatusCode, Bytes), String> {
    let authority = address.authority();
    let stream = TcpStream::connect(&authority).await.map_err(|error| error.to_string())?;
    let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let path = address.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path).header("host", &authority);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
    let response = client.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
    connection.abort();
    Ok((status, answer.map_err(|error| error.to_string())?.to_bytes()))
}
