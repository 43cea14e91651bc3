//! AWS behind the ports, and nothing else: what the answers mean is for the domain to say.
//!
//! What an answer does not say is never guessed: every error becomes "certainly not done" or "may have been done".

pub mod calendars;
pub mod certainty;
pub mod clients;
pub mod evidence;
pub mod ledger;
pub mod messenger;
pub mod pipelines;
pub mod regional;
pub mod settings;
pub mod spokes;
mod together;
pub mod wake_ups;
