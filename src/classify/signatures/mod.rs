//! The built-in signatures, by theme. Of two that weigh the same and are both of failures that stay, or both of failures
//! that pass, the one further up decides: the more specific themes and signatures come first.

mod builds;
mod capacity;
mod configuration;
mod conflicts;
mod deployments;
mod hosts;
mod missing;
mod network;
mod permissions;
mod persons;
mod quotas;
mod registries;
mod services;
mod tests;
mod throttling;
mod wrappers;

use super::signature::Signature;

/// The themes with their signatures, most specific first.
pub const THEMES: &[(&str, &[Signature])] = &[
    ("What a person ended", persons::SIGNATURES),
    ("Deployments", deployments::SIGNATURES),
    ("Quotas", quotas::SIGNATURES),
    ("Conflicts", conflicts::SIGNATURES),
    ("Throttling", throttling::SIGNATURES),
    ("Capacity", capacity::SIGNATURES),
    ("Registries and package managers", registries::SIGNATURES),
    ("Permissions", permissions::SIGNATURES),
    ("Tests", tests::SIGNATURES),
    ("Builds", builds::SIGNATURES),
    ("Missing resources", missing::SIGNATURES),
    ("Configuration", configuration::SIGNATURES),
    ("Network and time", network::SIGNATURES),
    ("Service faults", services::SIGNATURES),
    ("What only tells that something failed", wrappers::SIGNATURES),
];

/// Every built-in signature in its order.
pub fn all() -> impl Iterator<Item = &'static Signature> {
    THEMES.iter().flat_map(|(_, signatures)| *signatures)
}
