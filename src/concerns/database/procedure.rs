//! What a person does about `[database]`.

use super::Database;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(database: &Database, _site: &Site) -> Procedure {
    Procedure {
        before: vec![
            "Restore the last backup to another database, and read it: a backup that nobody restored is a hope. Note \
             the day as `restore_tried_on`."
                .to_owned(),
            "Order point-in-time recovery days before: its first base copy may take a day, and a restore starts the \
             window anew."
                .to_owned(),
            "Load the tables as full as they will be on the night before the load test: an index that is missing shows \
             only then (JVA-9)."
                .to_owned(),
        ],
        when_red: vec![
            format!(
                "Too many connections: lower the pool of each container below {}, then restart; fewer connections are \
                 often faster.",
                database.connections_per_container
            ),
            "A larger plan of the same class needs no stop; from `starter` to `business` neither. Processor, not \
             memory, was the limit (JVA-5)."
                .to_owned(),
            "No backup in a day: make one by hand before anything else, then ask the platform why.".to_owned(),
        ],
        undo: vec![
            "Point-in-time recovery stops the database and resets the window: only on the lead's word, with the moment \
             written down."
                .to_owned(),
        ],
    }
}
