//! The world and the runs of checks, against servers on loopback. One binary, since linking costs more than running.

// clippy.toml exempts test functions alone, not what they call.
#![allow(clippy::unwrap_used)]

mod apis;
#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod runs;
mod sockets;
mod support;
