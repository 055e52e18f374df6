//! Offline remarks on `[redirects]`.

use super::Redirects;
use crate::blueprint::{Finding, Site};

pub fn findings(_redirects: &Redirects, _site: &Site) -> Vec<Finding> {
    Vec::new()
}
