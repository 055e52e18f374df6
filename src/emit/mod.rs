//! Fragments composed into artifacts: one composer an output, all quoting, order, merging and clashes.
//!
//! Must not decide what a site needs.

use crate::blueprint::{Blueprint, Site};

/// One generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Path below `generated/<site>/`, `/`-separated.
    pub path: String,
    pub text: String,
}

/// Two fragments that cannot both be obeyed, or a value that an output has no way to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Clash(pub String);

/// Every artifact of the site, in path order. Pure: same blueprint, same bytes.
///
/// # Errors
///
/// All clashes at once, each naming the concerns and the values.
pub fn compose(_blueprint: &Blueprint, _site: &Site) -> Result<Vec<Artifact>, Vec<Clash>> {
    todo!()
}
