//! What each command does. Must not parse arguments nor print.

pub mod coverage;
pub mod generate;
pub mod launch;
pub mod lever;
pub mod lint;
mod plan_limits;
pub mod predict;
pub mod rehearse;
pub mod trace;
pub mod ttl;
pub mod verify;
