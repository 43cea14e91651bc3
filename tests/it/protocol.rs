//! The protocol as a function: whatever the world answers, in whatever order, it ends, and it calls only what it may.

mod claimed;
mod contended;
mod fenced;
mod outlived;
mod properties;
mod replies;
mod scene;
mod stormy;
mod swept;
mod tags;
mod told;
mod watch;
mod worth;
