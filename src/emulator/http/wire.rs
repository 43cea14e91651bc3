//! One HTTP exchange, of JSON 1.1 or of the query protocol: what a request asks, how a reply is written, and the limits on both. It carries nothing
//! out.

use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::error::{ApiError, Reply};
use super::providers::query;

/// Largest body of a request, in bytes.
const LARGEST_BODY: usize = 1024 * 1024;
/// Longest time that a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// What operations are called behind.
const TARGET: &str = "CodePipeline_20150709.";
/// The type of a form.
const FORM: &str = "application/x-www-form-urlencoded";
const XML: HeaderValue = HeaderValue::from_static("text/xml");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// A request, read.
pub struct Asked {
    pub operation: String,
    pub body: Bytes,
    pub caller: String,
    /// The Region that it is signed for.
    pub region: Option<String>,
    pub protocol: Protocol,
}

/// How a request is spoken, and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JSON 1.1.
    Json,
    /// Forms, answered in XML.
    Query,
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
    let target = header("x-amz-target").unwrap_or_default();
    let operation = target.strip_prefix(TARGET).unwrap_or(target).to_owned();
    let is_form = header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with(FORM));
    let protocol = if target.is_empty() && is_form { Protocol::Query } else { Protocol::Json };
    let signed = header(AUTHORIZATION.as_str()).and_then(credential);
    let caller = signed.map_or("anonymous", |(caller, _)| caller).to_owned();
    let region = signed.and_then(|(_, region)| region).map(str::to_owned);
    let body = Limited::new(request.into_body(), LARGEST_BODY).collect();
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => {
            let body = body.to_bytes();
            let (operation, body) = match protocol {
                Protocol::Json => (operation, body),
                Protocol::Query => {
                    let (target, members) = query::read(&body);
                    (target, Bytes::from(Value::Object(members).to_string()))
                }
            };
            Ok(Asked { operation, body, caller, region, protocol })
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unasked::Refused(ApiError {
            name: "RequestEntityTooLargeException",
            message: format!("The body is larger than {LARGEST_BODY} bytes"),
            status: 413,
        })),
        Ok(Err(_)) | Err(_) => Err(Unasked::Gone),
    }
}

/// The access key and the Region of a signature: `AWS4-HMAC-SHA256 Credential=KEY/20261122/REGION/…`.
fn credential(authorization: &str) -> Option<(&str, Option<&str>)> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let mut parts = credential.split('/');
    let key = parts.next().filter(|key| !key.is_empty())?;
    Some((key, parts.nth(1).filter(|region| !region.is_empty())))
}

/// Writes a reply to a target in XML. `None` closes the connection.
pub fn write_query(reply: &Reply, target: &str, request_id: &str) -> Option<Response<Full<Bytes>>> {
    let mut response = Response::new(Full::new(Bytes::from(query::write(reply, target, request_id)?)));
    if let Reply::Refused(error) = reply {
        *response.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, XML);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    Some(response)
}

/// Writes a reply in JSON. `None` closes the connection.
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
