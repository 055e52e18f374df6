//! What a person does about `[proxy]`.

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(_proxy: &Proxy, _site: &Site) -> Procedure {
    todo!()
}
