//! Configuration that `[cache]` asks for.

use super::Cache;
use crate::blueprint::Site;
use crate::concerns::Fragment;

pub fn fragments(_cache: &Cache, _site: &Site) -> Vec<Fragment> {
    Vec::new()
}
