//! Results as text and JSON, the keys of a blueprint as a page. Must not compute a verdict.

pub mod drills;
pub mod findings;
pub mod keys;
pub mod verify;
