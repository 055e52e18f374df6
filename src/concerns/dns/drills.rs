//! Faults that `[dns]` must catch.

use super::Dns;
use crate::blueprint::Site;
use crate::concerns::Drills;

pub fn drills(_dns: &Dns, _site: &Site) -> Drills {
    todo!()
}
