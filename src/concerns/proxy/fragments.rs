//! Configuration that `[proxy]` asks for.

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::Fragment;

pub fn fragments(_proxy: &Proxy, _site: &Site) -> Vec<Fragment> {
    Vec::new()
}
