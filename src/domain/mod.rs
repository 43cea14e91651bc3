//! The pure core: what is decided, and how a stage run lives. Synchronous, total, without I/O, clock or random source.
//!
//! Nothing in here reads the time or an environment; `now` and jitter are arguments. It uses std and a time type only.

pub mod ahead;
pub mod backoff;
pub mod basis;
pub mod budget;
pub mod class;
pub mod classifier;
pub mod controls;
pub mod decide;
pub mod decision;
pub mod duration;
pub mod evidence;
pub mod facts;
pub mod freeze;
pub mod glob;
pub mod ids;
pub mod live;
pub mod notice;
pub mod outbox;
pub mod outlet;
pub mod pipeline;
pub mod policy;
pub mod protocol;
pub mod rollback;
pub mod scope;
pub mod screen;
pub mod stage_run;
pub mod storm;
pub mod sweep;
pub mod tags;
pub mod text;
pub mod trigger;
pub mod unread;
