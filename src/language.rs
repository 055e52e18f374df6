//! The languages in which golive speaks to people outside the team: documents, procedures, runbooks. Must not be used for
//! what the program says of itself (findings, verdicts, errors), which is English, nor for comments in configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English
    #[default]
    En,
    /// French
    Fr,
}

/// A text that exists in every language: half a translation does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub en: String,
    pub fr: String,
}

impl Said {
    pub fn new(en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self { en: en.into(), fr: fr.into() }
    }

    pub fn told_in(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Fr => &self.fr,
        }
    }
}
