//! What each command does: no arguments, no printing.

pub mod verify;
