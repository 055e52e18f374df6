//! Configuration that `[third_parties]` asks for: letters.

use super::ThirdParties;
use crate::concerns::Fragment;
use crate::concerns::fragment::Letter;

pub fn fragments(parties: &ThirdParties) -> Vec<Fragment> {
    let vendors = parties.vendors.iter().cloned().map(Letter::Vendor);
    let partners = parties.partners.iter().cloned().map(Letter::Partner);
    vendors.chain(partners).map(Fragment::Letter).collect()
}
