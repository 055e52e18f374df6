//! Results as text and JSON. Must not compute a verdict.

pub mod verify;
