//! What a person does about a concern, in both languages.

use super::people::Role;
use crate::language::Said;

/// The human side of a concern, written to `runbook/procedures.md`: the matter of a launch runbook.
#[derive(Debug, Clone)]
pub struct Procedure {
    /// Before the launch, in order.
    pub before: Vec<Task>,
    /// When one of its checks is red.
    pub when_red: Vec<Said>,
    /// The way back.
    pub undo: Vec<Said>,
}

/// Something to do before the launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Who does it.
    pub role: Role,
    /// What, as an order.
    pub text: Said,
}

impl Task {
    pub fn new(role: Role, en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self { role, text: Said::new(en, fr) }
    }
}
