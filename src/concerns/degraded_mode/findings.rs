//! Offline remarks on `[degraded_mode]`.

use super::DegradedMode;
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::fragment::is_under;
use crate::concerns::rules;

fn at(key: &str) -> KeyPath {
    KeyPath::of(["degraded_mode"]).key(key)
}

pub fn findings(mode: &DegradedMode, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !site.has_proxy {
        findings.push(Finding::error(
            &rules::DEGRADED_NEEDS_PROXY,
            at("cut"),
            "this blueprint has no [proxy]: nobody answers for the paths that are cut",
            "add [proxy], whose nginx cuts them",
        ));
    }
    if mode.on == mode.off {
        findings.push(Finding::error(
            &rules::DEGRADED_SAME_VALUE,
            at("on"),
            format!("`{}` means both modes", mode.on),
            "give `on` and `off` different values",
        ));
    }
    for (key, empty) in [("essential", mode.essential.is_empty()), ("cut", mode.cut.is_empty())] {
        if empty {
            findings.push(Finding::error(
                &rules::DEGRADED_NOTHING,
                at(key),
                format!("`{key}` is empty: the mode would be no other than the normal one, or no check could tell"),
                "name what must live, and what is cut",
            ));
        }
    }
    for (index, path) in mode.essential.iter().enumerate() {
        if is_under(&mode.cut, path.as_str()) {
            findings.push(Finding::error(
                &rules::DEGRADED_CUTS_ESSENTIAL,
                at("essential").index(index),
                format!("`{path}` must live, and lies under a path that is cut"),
                "make the cut narrower",
            ));
        }
    }
    if let Some(health) = site.health_path.as_ref().filter(|health| is_under(&mode.cut, health.as_str())) {
        findings.push(Finding::error(
            &rules::DEGRADED_CUTS_ESSENTIAL,
            at("cut"),
            format!("the health path `{health}` is cut: the platform would take the site for dead"),
            "make the cut narrower",
        ));
    }
    for (index, app) in mode.apps.iter().enumerate() {
        if !site.apps.iter().any(|known| known.name == *app) {
            findings.push(Finding::error(
                &rules::DEGRADED_UNKNOWN_APP,
                at("apps").index(index),
                format!("no app of `[[apps.apps]]` is called `{app}`"),
                "name an app of the platform",
            ));
        }
    }
    findings
}
