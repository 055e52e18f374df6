//! What must be observable when `[redirects]` is live.

use super::Redirects;
use crate::blueprint::Site;
use crate::concerns::{Check, OneOrMore};

pub fn checks(_redirects: &Redirects, _site: &Site) -> OneOrMore<Check> {
    todo!()
}
