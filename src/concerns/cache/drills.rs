//! Faults that `[cache]` must catch.

use super::Cache;
use crate::blueprint::Site;
use crate::concerns::Drills;

pub fn drills(_cache: &Cache, _site: &Site) -> Drills {
    todo!()
}
