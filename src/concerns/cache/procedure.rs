//! What a person does about `[cache]`.

use super::Cache;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(_cache: &Cache, _site: &Site) -> Procedure {
    todo!()
}
