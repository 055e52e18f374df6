//! Offline remarks on `[proxy]`.

use super::Proxy;
use crate::blueprint::{Finding, Site};

pub fn findings(_proxy: &Proxy, _site: &Site) -> Vec<Finding> {
    Vec::new()
}
