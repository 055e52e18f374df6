//! Offline remarks on `[dns]`.

use super::Dns;
use crate::blueprint::{Finding, Site};

pub fn findings(_dns: &Dns, _site: &Site) -> Vec<Finding> {
    Vec::new()
}
