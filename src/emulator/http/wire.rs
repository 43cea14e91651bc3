//! One HTTP exchange of JSON 1.1: what a request asks, how a reply is written, and the limits on both. It carries nothing
//! out.

use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::error::{ApiError, Reply};

/// Largest body of a request, in bytes.
const LARGEST_BODY: usize = 1024 * 1024;
/// Longest time that a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// What operations are called behind.
const TARGET: &str = "CodePipeline_20150709.";
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// A request, read.
pub struct Asked {
    pub operation: String,
    pub body: Bytes,
    pub caller: String,
}

/// Why there is no request to carry out.
pub enum Unasked {
    /// Somebody looks whether anybody is there.
    Greeting,
    /// It cannot be one.
    Refused(ApiError),
    /// It never came whole.
    Gone,
}

/// Reads a request.
pub async fn read(request: Request<Incoming>) -> Result<Asked, Unasked> {
    if request.method() == Method::GET {
        return Err(Unasked::Greeting);
    }
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let operation = header("x-amz-target").and_then(|target| target.strip_prefix(TARGET));
    let operation = operation.unwrap_or_default().to_owned();
    let caller = header(AUTHORIZATION.as_str()).and_then(access_key).unwrap_or("anonymous").to_owned();
    let body = Limited::new(request.into_body(), LARGEST_BODY).collect();
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => Ok(Asked { operation, body: body.to_bytes(), caller }),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unasked::Refused(ApiError {
            name: "RequestEntityTooLargeException",
            message: format!("The body is larger than {LARGEST_BODY} bytes"),
            status: 413,
        })),
        Ok(Err(_)) | Err(_) => Err(Unasked::Gone),
    }
}

/// The access key of a signature: `AWS4-HMAC-SHA256 Credential=KEY/20261122/…`.
fn access_key(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split('/').next().filter(|key| !key.is_empty())
}

/// Writes a reply. `None` closes the connection.
pub fn write(reply: Reply, request_id: &str) -> Option<Response<Full<Bytes>>> {
    let (status, error, document) = match reply {
        Reply::Document(document) => (200, None, document),
        Reply::Refused(error) => (error.status, Some(error.name), error.document()),
        Reply::Lost => return None,
    };
    let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(error) = error {
        headers.insert("x-amzn-errortype", HeaderValue::from_static(error));
    }
    Some(response)
}

/// What a browser is told.
pub fn greeting(pipelines: usize) -> Response<Full<Bytes>> {
    let text = format!("an emulated CodePipeline with {pipelines} pipelines, for the AWS CLI and SDKs\n");
    let mut response = Response::new(Full::new(Bytes::from(text)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
