//! Configuration that `[people]` asks for: the sheet.

use super::People;
use crate::concerns::Fragment;
use crate::concerns::fragment::PeopleSheet;

pub fn fragments(people: &People) -> Vec<Fragment> {
    vec![Fragment::PeopleSheet(PeopleSheet { people: people.clone() })]
}
