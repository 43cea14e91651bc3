//! What a person ended. A rejected approval needs no signature: its category says so.

use crate::classify::signature::{Signature, person};
use crate::domain::class::Class::Stopped;

pub(super) const SIGNATURES: &[Signature] = &[
    person(
        "build-stopped",
        Stopped,
        "somebody stopped the build",
        &[r"\bbuild terminated with state: STOPPED\b"],
    ),
    person("build-stopped-status", Stopped, "somebody stopped the build", &[]).codes(&["STOPPED"]),
    person("deployment-stopped", Stopped, "somebody stopped the deployment", &[]).codes(&["MANUAL_STOP"]),
];
