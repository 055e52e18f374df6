//! What must be observable when `[cache]` is live.

use super::Cache;
use crate::blueprint::Site;
use crate::concerns::{Check, OneOrMore};

pub fn checks(_cache: &Cache, _site: &Site) -> OneOrMore<Check> {
    todo!()
}
