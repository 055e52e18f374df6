//! What a person does about `[degraded_mode]`.

use super::DegradedMode;
use crate::blueprint::Site;
use crate::concerns::Procedure;
use crate::concerns::answer::listed;

pub fn procedure(mode: &DegradedMode, site: &Site) -> Procedure {
    let apps: Vec<&str> = mode.apps.iter().map(|app| app.as_str()).collect();
    let set = |value: &str| match apps.as_slice() {
        [] => format!("on each machine write `default \"{value}\";` into where/mode.conf, run `nginx -t`, reload"),
        apps => format!(
            "set {}={value} in {}, then restart each: a variable alone changes nothing",
            mode.variable,
            listed(apps)
        ),
    };
    let cut: Vec<&str> = mode.cut.iter().map(|path| path.as_str()).collect();
    Procedure {
        before: vec![
            format!(
                "Agree in writing on what is cut ({}) and who may decide it; try it once on the site.",
                listed(&cut)
            ),
            "See with the app's people what the app itself does less of in this mode.".to_owned(),
        ],
        when_red: vec![
            "deg.state red: the variable and the site disagree; restart what was not restarted.".to_owned(),
            format!(
                "deg.on red: a journey that must live is cut; {} and correct the blueprint.",
                set(mode.off.as_str())
            ),
        ],
        undo: vec![
            format!("On: {}.", set(mode.on.as_str())),
            format!("Then purge the host {} at the CDN, or its copies of the cut pages live on.", site.host),
            format!("Off: {}.", set(mode.off.as_str())),
        ],
    }
}
