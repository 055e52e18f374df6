//! What a person does about a concern.

/// The human side of a concern, written to `runbook/procedures.md`: the matter of a launch runbook.
#[derive(Debug, Clone)]
pub struct Procedure {
    /// Before the launch, in order.
    pub before: Vec<String>,
    /// When one of its checks is red.
    pub when_red: Vec<String>,
    /// The way back.
    pub undo: Vec<String>,
}
