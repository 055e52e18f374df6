//! What a person does about `[dns]`.

use super::Dns;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(_dns: &Dns, _site: &Site) -> Procedure {
    todo!()
}
