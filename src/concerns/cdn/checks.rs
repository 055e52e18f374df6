//! What must be observable when `[cdn]` is live.

use super::Cdn;
use crate::blueprint::Site;
use crate::concerns::{Check, OneOrMore};

pub fn checks(_cdn: &Cdn, _site: &Site) -> OneOrMore<Check> {
    todo!()
}
