//! What a person does about `[cdn]`.

use super::Cdn;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(_cdn: &Cdn, _site: &Site) -> Procedure {
    todo!()
}
