//! Faults that `[cdn]` must catch.

use super::Cdn;
use crate::blueprint::Site;
use crate::concerns::Drills;

pub fn drills(_cdn: &Cdn, _site: &Site) -> Drills {
    todo!()
}
