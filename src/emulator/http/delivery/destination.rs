//! How a destination is written: `file:PATH`, `http://…`, `eventbridge:http://…`.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hyper::Uri;
use serde_json::Value;

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A file, to which each event is added as a line.
    File(PathBuf),
    /// Each event is the body of a POST.
    Url(Address),
    /// Each event is one entry of a `PutEvents`.
    EventBridge(Address),
}

/// An address that plain HTTP reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Uri);

impl Address {
    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }

    /// Host and port, as a connection and the `Host` header want them.
    pub(super) fn authority(&self) -> String {
        let host = self.0.host().unwrap_or_default();
        format!("{host}:{}", self.0.port_u16().unwrap_or(80))
    }
}

/// Why a text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidDestination(String);

impl FromStr for Destination {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<Self, InvalidDestination> {
        if let Some(path) = text.strip_prefix("file:") {
            if path.is_empty() {
                return Err(InvalidDestination("`file:` needs a path, as in `file:events.jsonl`".to_owned()));
            }
            return Ok(Self::File(PathBuf::from(path)));
        }
        if let Some(address) = text.strip_prefix("eventbridge:") {
            return Ok(Self::EventBridge(address_of(address)?));
        }
        if text.contains("://") {
            return Ok(Self::Url(address_of(text)?));
        }
        Err(InvalidDestination(format!(
            "`{text}` is none of `file:PATH`, `http://HOST:PORT/PATH` and `eventbridge:http://HOST:PORT`"
        )))
    }
}

fn address_of(text: &str) -> Result<Address, InvalidDestination> {
    if text.starts_with("https://") {
        return Err(InvalidDestination(format!(
            "`{text}` needs TLS, and events are only sent over plain `http://`"
        )));
    }
    let uri = text.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("http"));
    let uri = uri.filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    uri.map(Address).ok_or_else(|| {
        InvalidDestination(format!("`{text}` is not an address such as `http://127.0.0.1:4566`"))
    })
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Url(address) => write!(f, "{}", address.0),
            Self::EventBridge(address) => write!(f, "eventbridge:{}", address.0),
        }
    }
}

impl Destination {
    /// Finds out early whether a file can be written.
    pub fn try_out(&self) -> io::Result<()> {
        match self {
            Self::File(path) => OpenOptions::new().create(true).append(true).open(path).map(|_| ()),
            Self::Url(_) | Self::EventBridge(_) => Ok(()),
        }
    }
}

/// Adds a line.
pub(super) fn append(path: &Path, event: &Value) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{event}\n").as_bytes())
}
