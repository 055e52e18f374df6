//! What a person does about `[redirects]`.

use super::Redirects;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(_redirects: &Redirects, _site: &Site) -> Procedure {
    todo!()
}
