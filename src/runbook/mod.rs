//! Runbooks: what people and golive do, in which order, and the journal of what was done.
//!
//! ```text
//! runbooks/launch.toml -> Runbook --+
//!             Blueprint, Site ------+-> Plan -> items
//!                 journal -> facts -----------> State -> what is next, what blocks the vote
//! ```
//!
//! Everything but [`journal`] is pure. Must not ask a person or a server: [`crate::ops::launch`] and [`crate::cli`] do.

pub mod due;
pub mod fact;
pub mod journal;
pub mod plan;
pub mod read;
pub mod state;
pub mod timeline;
