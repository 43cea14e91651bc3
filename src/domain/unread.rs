//! What a newer release keeps in a document of the ledger, and this one does not know.

use std::collections::BTreeMap;

/// Members by name, each as the text that stands there. Nothing looks into them: whoever writes the document again leaves
/// them in it, so that a release which is taken back and brought again finds what it had.
pub type Unread = BTreeMap<String, String>;
