//! How large a policy may be. The limits bound time and memory on hostile input; nothing sensible comes near them.

/// Largest file, in bytes.
pub const FILE_BYTES: usize = 64 * 1024;
/// Most rules.
pub const RULES: usize = 200;
/// Most patterns in all rules and classifiers together: of names, tags and codes, and expressions.
pub const PATTERNS: usize = 200;
/// Longest pattern, in bytes.
pub const PATTERN_BYTES: usize = 512;
/// Longest key of a tag, in characters (CodePipeline API reference, `Tag`).
pub const TAG_KEY: usize = 128;
/// Most budgets of one rule: each is an item of the one transaction that claims a retry.
pub const BUDGETS: usize = 10;
/// Deepest nesting of lists and maps; the format itself needs 5.
pub(super) const DEPTH: usize = 16;
/// Most values after aliases are expanded; a file within its own limit has fewer without aliases.
pub(super) const NODES: usize = FILE_BYTES;
