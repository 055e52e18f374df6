//! Configuration that `[cdn]` asks for.

use super::Cdn;
use crate::blueprint::Site;
use crate::concerns::Fragment;

pub fn fragments(_cdn: &Cdn, _site: &Site) -> Vec<Fragment> {
    Vec::new()
}
