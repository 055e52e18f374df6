//! Results as text and JSON. Must not compute a verdict.

pub mod drills;
pub mod findings;
pub mod verify;
