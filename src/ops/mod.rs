//! What each command does, without arguments and without printing.

pub mod rehearse;
pub mod verify;
