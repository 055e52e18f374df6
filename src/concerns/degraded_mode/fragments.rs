//! Configuration that `[degraded_mode]` asks for: the variable in each app, and the switch in nginx.

use super::DegradedMode;
use crate::blueprint::Site;
use crate::concerns::Fragment;
use crate::concerns::fragment::{AppVariable, ModeSwitch};

pub fn fragments(mode: &DegradedMode, site: &Site) -> Vec<Fragment> {
    let mut fragments = vec![Fragment::ModeSwitch(ModeSwitch {
        variable: mode.variable.clone(),
        on: mode.on.clone(),
        off: mode.off.clone(),
        marker: mode.marker.clone(),
        cut: mode.cut.clone(),
        retry_after: mode.retry_after_seconds,
    })];
    // A name that is no variable of the platform's was refused when it was read.
    let Ok(name) = mode.variable.as_str().parse() else { return fragments };
    let variable = AppVariable {
        app: site.name.clone(),
        name,
        value: mode.off.to_string(),
        switched: true,
        why: format!("{} is the degraded mode, {} the normal one", mode.on, mode.off),
    };
    fragments.extend(
        mode.apps.iter().map(|app| Fragment::AppVariable(AppVariable { app: app.clone(), ..variable.clone() })),
    );
    fragments
}
