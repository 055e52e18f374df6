//! Configuration that `[dns]` asks for.

use super::Dns;
use crate::blueprint::Site;
use crate::concerns::Fragment;

pub fn fragments(_dns: &Dns, _site: &Site) -> Vec<Fragment> {
    Vec::new()
}
