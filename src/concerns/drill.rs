//! A drill: one fault, injected into the staged world before it starts, and the checks it must turn red.

use super::OneOrMore;
use crate::rehearsal::staging::Staging;

/// One fault of the catalogue.
pub struct Drill {
    /// Number in the fault catalogue, or `None` for a fault of golive's own.
    pub number: Option<u16>,
    /// Stable id for the command line, words with hyphens.
    pub id: &'static str,
    /// The fault in one line, as it happens to teams.
    pub fault: &'static str,
    /// Check ids that must turn red (fail, or warn), and no others may.
    pub reddens: Vec<&'static str>,
    /// Edits the staged world. An edit that changes nothing is an error: `Err` says what was not found.
    pub inject: Inject,
}

/// The edit of a drill.
pub type Inject = Box<dyn Fn(&mut Staging) -> Result<(), String> + Send + Sync>;

/// "No drill" is a decision; its reason is printed.
pub enum Drills {
    Run(OneOrMore<Drill>),
    None { because: &'static str },
}
