//! Reading a blueprint: bytes to [`super::Blueprint`] and [`super::Site`], or every finding at once.

use std::path::Path;

use super::{Blueprint, Finding, Site};

/// A blueprint that was read and understood.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub blueprint: Blueprint,
    pub site: Site,
}

pub fn load(_path: &Path) -> Result<Loaded, Vec<Finding>> {
    todo!()
}
