//! The fault catalogue: everything that AWS and the way to it are known to do wrong, each fault one row of data, through
//! the real SDK and a proxy on loopback.
//!
//! A row says whether the server carries the request out all the same, and what must be said of it. It is held against
//! the adapter, whose answer is compared with what is found behind the proxy, and then against the whole function, which
//! handles a failure while the fault lasts: nothing is done twice, nothing is lost, the tokens are right, and no word of
//! an error's message is logged.

mod adapter;
mod burst;
mod catalogue;
mod codepipeline;
mod dynamodb;
mod end_to_end;
mod gateway;
mod lane;
mod runs;
mod telling;
mod wake_ups;
