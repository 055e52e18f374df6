//! What must be observable when `[dns]` is live.

use super::Dns;
use crate::blueprint::Site;
use crate::concerns::{Check, OneOrMore};

pub fn checks(_dns: &Dns, _site: &Site) -> OneOrMore<Check> {
    todo!()
}
