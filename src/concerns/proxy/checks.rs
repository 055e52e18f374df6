//! What must be observable when `[proxy]` is live.

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::{Check, OneOrMore};

pub fn checks(_proxy: &Proxy, _site: &Site) -> OneOrMore<Check> {
    todo!()
}
