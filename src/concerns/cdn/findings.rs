//! Offline remarks on `[cdn]`.

use super::Cdn;
use crate::blueprint::{Finding, Site};

pub fn findings(_cdn: &Cdn, _site: &Site) -> Vec<Finding> {
    Vec::new()
}
