//! Faults that `[proxy]` must catch.

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::Drills;

pub fn drills(_proxy: &Proxy, _site: &Site) -> Drills {
    todo!()
}
