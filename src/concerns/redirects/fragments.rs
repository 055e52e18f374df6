//! Configuration that `[redirects]` asks for.

use super::Redirects;
use crate::blueprint::Site;
use crate::concerns::Fragment;

pub fn fragments(_redirects: &Redirects, _site: &Site) -> Vec<Fragment> {
    Vec::new()
}
