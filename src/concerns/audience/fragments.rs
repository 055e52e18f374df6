//! Configuration that `[audience]` asks for: the sheet.

use crate::blueprint::Site;
use crate::capacity;
use crate::concerns::Fragment;
use crate::concerns::fragment::CapacitySheet;

pub fn fragments(site: &Site) -> Vec<Fragment> {
    let Some(audience) = &site.audience else { return Vec::new() };
    let sheet = capacity::of(site).map(|capacity| CapacitySheet { source: audience.source.clone(), capacity });
    sheet.into_iter().map(Fragment::CapacitySheet).collect()
}
