//! A runbook resolved for one site: every step and every task of every concern as an item that is either run or asked.
//!
//! Pure: the same blueprint and runbook give the same items. Must not know what was answered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::concerns::people::Role;
use crate::language::Language;

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub title: String,
    pub language: Language,
    pub phases: Vec<PlannedPhase>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedPhase {
    pub id: String,
    pub title: String,
    pub items: Vec<Item>,
}

/// One line of the checklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Names the item in the journal: the step's id, followed for one task of several by `/` and the start of its text's
    /// hash, so that a task which is added before it changes nothing.
    pub key: String,
    /// For people: `3.2`.
    pub number: String,
    /// The step that it comes from.
    pub step: String,
    pub title: String,
    pub role: Role,
    /// Who that is, as the blueprint says; empty: nobody is named.
    pub holder: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due: Option<Timestamp>,
    /// Steps that must be settled first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub needs: Vec<String>,
    pub work: ItemWork,
    /// Not to be skipped.
    pub gate: bool,
    /// The way back.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub undo: Vec<String>,
    /// Why it is there: a story's id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub story: Option<String>,
    /// SHA-256 over all that an answer depends on; what was said of another one is void.
    pub fingerprint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemWork {
    /// golive asks the site: the ids of the checks.
    Checks(Vec<String>),
    /// Somebody does it, and says so.
    Do(String),
    /// Somebody looks, and says so.
    Ask(String),
    /// A switch for a crisis, known by its name: it must have been tried.
    Lever(String),
    /// The go/no-go poll: who is asked, and whose no is enough.
    Vote { criteria: String, roles: Vec<Role>, veto: Vec<Role> },
}

impl Plan {
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.phases.iter().flat_map(|phase| &phase.items)
    }
}

/// SHA-256 over parts that no two different lists share, in lower-case hexadecimal.
pub fn hash_of(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    data_encoding::HEXLOWER.encode(&hasher.finalize())
}
