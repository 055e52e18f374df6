//! Faults that `[redirects]` must catch.

use super::Redirects;
use crate::blueprint::Site;
use crate::concerns::Drills;

pub fn drills(_redirects: &Redirects, _site: &Site) -> Drills {
    todo!()
}
