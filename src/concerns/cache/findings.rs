//! Offline remarks on `[cache]`.

use super::Cache;
use crate::blueprint::{Finding, Site};

pub fn findings(_cache: &Cache, _site: &Site) -> Vec<Finding> {
    Vec::new()
}
