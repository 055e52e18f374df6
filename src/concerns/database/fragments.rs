//! Configuration that `[database]` asks for.

use super::Database;
use crate::blueprint::Site;
use crate::concerns::Fragment;
use crate::concerns::fragment::DatabaseAddon;

pub fn fragments(database: &Database, _site: &Site) -> Vec<Fragment> {
    vec![Fragment::DatabaseAddon(DatabaseAddon {
        app: database.app.clone(),
        engine: database.engine,
        plan: database.plan,
    })]
}
