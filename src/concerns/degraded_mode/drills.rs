//! Faults that `[degraded_mode]` must catch.

use serde_json::json;

use super::DegradedMode;
use crate::blueprint::Site;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::probe::ApiProvider;
use crate::rehearsal::staging::StagedNode;

pub fn drills(mode: &DegradedMode, site: &Site) -> Drills {
    let (on, off) = (mode.on.to_string(), mode.off.to_string());
    let mut more = Vec::new();
    if let Some(app) = mode.apps.first() {
        let (path, variable, value) = (format!("/apps/{app}/variables"), mode.variable.to_string(), on.clone());
        more.push(Drill {
            number: Some(62),
            id: "mode-set-not-restarted",
            fault: "the variable is set, and nothing that reads it is restarted",
            reddens: vec!["deg.marker", "deg.state"],
            inject: Box::new(move |staging| {
                let answers = staging.apis.get_mut(&ApiProvider::Scalingo).ok_or("the platform has no API here")?;
                let answer = answers.get_mut(&path).ok_or_else(|| format!("{path} is not staged"))?;
                let all = answer["variables"].as_array_mut().ok_or("no list of variables")?;
                all.retain(|one| one["name"] != variable.as_str());
                all.push(json!({ "id": "golive", "name": variable, "value": value }));
                proxies(staging.nodes.iter_mut(), |node| node.misses_value = Some(value.clone()))
            }),
        });
    }
    if let (Some(essential), Some(cut)) = (mode.essential.iter().find(|path| path.as_str() != "/"), mode.cut.first()) {
        let (essential, cut) = (regex::escape(essential.as_str()), regex::escape(cut.as_str()));
        more.push(Drill {
            number: Some(63),
            id: "mode-cuts-essential",
            fault: "the degraded mode cuts a journey that must live",
            reddens: vec!["deg.on"],
            inject: Box::new(move |staging| {
                let escaped = |text: &str| text.replace('\\', "\\\\");
                let (from, to) = (escaped(&cut), escaped(&format!("{essential}|{cut}")));
                staging.edit_proxy(&format!("\"~^1:(?:{from}"), &format!("\"~^1:(?:{to}"))
            }),
        });
    }
    more.push(Drill {
        number: None,
        id: "mode-stays",
        fault: "after the way back a machine was not restarted, and stays in the mode",
        reddens: vec!["deg.off"],
        inject: Box::new(move |staging| {
            proxies(staging.nodes.iter_mut(), |node| node.misses_value = Some(off.clone()))
        }),
    });
    if site.origin_addresses() > 1 {
        more.push(Drill {
            number: None,
            id: "one-machine-not-restarted",
            fault: "one machine was not restarted when the mode was switched on",
            reddens: vec!["deg.time"],
            inject: Box::new(move |staging| {
                proxies(staging.nodes.iter_mut().filter(|node| node.role.is_proxy()).skip(1), |node| {
                    node.misses_value = Some(on.clone());
                })
            }),
        });
    }
    let first = Drill {
        number: None,
        id: "nobody-decides",
        fault: "nobody is named who may decide the degraded mode",
        reddens: vec!["deg.who"],
        inject: Box::new(|staging| {
            let facts = staging.site.degraded.as_mut().ok_or("no degraded mode")?;
            facts.decided_by.clear();
            Ok(())
        }),
    };
    Drills::Run(OneOrMore(first, more))
}

fn proxies<'a>(nodes: impl Iterator<Item = &'a mut StagedNode>, edit: impl Fn(&mut StagedNode)) -> Result<(), String> {
    let mut found = false;
    for node in nodes.filter(|node| node.role.is_proxy()) {
        edit(node);
        found = true;
    }
    if found { Ok(()) } else { Err("no machine runs the proxy".to_owned()) }
}
