//! Faults that `[apps]` must catch.

use serde_json::{Value, json};

use super::Apps;
use crate::blueprint::Site;
use crate::concerns::drill::Inject;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::probe::ApiProvider;
use crate::rehearsal::staging::Staging;

pub fn drills(apps: &Apps, site: &Site) -> Drills {
    let asks_health = site.health_paths().next().is_some();
    let mut gated = vec!["gate.leftover"];
    if asks_health {
        gated.push("app.health");
    }
    if site.has_waf {
        gated.push("waf.clean");
    }
    let mut rest = vec![drill(
        None,
        "noindex-left",
        "the header that kept search engines from the test site is still sent",
        vec!["gate.leftover"],
        Box::new(|staging| {
            staging.app.noindex = true;
            Ok(())
        }),
    )];
    if asks_health {
        rest.push(drill(
            None,
            "health-page-gone",
            "a release without the health page is deployed",
            vec!["app.health"],
            Box::new(|staging| {
                staging.app.without_health = true;
                Ok(())
            }),
        ));
    }
    if asks_health && apps.apps.iter().any(|app| !app.front && app.health_path.is_some()) {
        rest.push(drill(
            None,
            "health-without-build",
            "the health page no longer says which build answers, and after a deployment nobody can tell",
            vec!["app.health"],
            Box::new(|staging| {
                staging.app.health_without_build = true;
                Ok(())
            }),
        ));
        if site.database.is_some() {
            rest.push(drill(
                None,
                "health-page-blind",
                "the health page says 200 while the database is away",
                vec!["app.health"],
                Box::new(|staging| {
                    staging.app.health_blind = true;
                    Ok(())
                }),
            ));
        }
    }
    if site.session_cookie.is_some() && apps.apps.iter().any(|app| app.logged_in_path.is_some()) {
        rest.push(drill(
            None,
            "sessions-in-memory",
            "each container keeps sessions in its own memory",
            vec!["app.sessions"],
            Box::new(|staging| {
                staging.app.sessions_in_memory = true;
                Ok(())
            }),
        ));
    }
    if apps.apps.iter().any(|app| !app.front) {
        rest.push(drill(
            Some(68),
            "debug-on",
            "debug output is left on",
            vec!["app.env"],
            Box::new(|staging| {
                staging.app.debug = true;
                Ok(())
            }),
        ));
    }
    rest.extend(variables(apps));
    rest.extend(containers(apps));
    Drills::Run(OneOrMore(
        drill(
            Some(49),
            "basic-auth-left",
            "the password of the test site is left on, before the API too",
            gated,
            Box::new(|staging| {
                staging.app.basic_auth = true;
                Ok(())
            }),
        ),
        rest,
    ))
}

fn drill(
    number: Option<u16>,
    id: &'static str,
    fault: &'static str,
    reddens: Vec<&'static str>,
    inject: Inject,
) -> Drill {
    Drill { number, id, fault, reddens, inject }
}

fn variables(apps: &Apps) -> Option<Drill> {
    let app = apps.apps.iter().find(|app| !app.plain_variables().is_empty())?;
    let path = format!("/apps/{}/variables", app.name);
    let (name, _) = app.plain_variables().into_iter().next()?;
    Some(drill(
        None,
        "variable-edited",
        "somebody changes a variable in the dashboard",
        vec!["app.env"],
        Box::new(move |staging| {
            staging.edit_api(ApiProvider::Scalingo, &path, |body| {
                element(&mut body["variables"], "name", &name)?["value"] = json!("something else");
                Ok(())
            })
        }),
    ))
}

fn containers(apps: &Apps) -> Vec<Drill> {
    let all = || apps.apps.iter().flat_map(|app| app.containers.iter().map(move |container| (app, container)));
    let mut drills = Vec::new();
    if let Some((app, container)) = all().next() {
        let (path, kind) = (format!("/apps/{}/containers", app.name), container.kind.to_string());
        let other = if container.size.as_str() == "S" { "M" } else { "S" };
        drills.push(drill(
            None,
            "containers-too-small",
            "containers of another size run",
            vec!["app.size"],
            Box::new(move |staging| {
                edit_containers(staging, &path, &kind, |container| container["size"] = json!(other))
            }),
        ));
    }
    if let Some((app, container)) = all().find(|(_, container)| container.count.get() > 10) {
        let (name, kind) = (app.name.clone(), container.kind.to_string());
        let path = format!("/apps/{name}/containers");
        drills.push(drill(
            Some(67),
            "ten-containers-allowed",
            "nobody asked support, and the platform stops at ten containers",
            vec!["app.quota", "app.count"],
            Box::new(move |staging| {
                let apps = staging.site.platform.as_mut().map(|platform| &mut platform.apps);
                let app = apps.and_then(|apps| apps.iter_mut().find(|app| app.name == name));
                app.ok_or("no such app")?.containers_allowed = crate::blueprint::value::Count::new(10);
                edit_containers(staging, &path, &kind, |container| container["amount"] = json!(10))
            }),
        ));
    }
    if let Some((app, container)) = all().find(|(_, container)| container.autoscale.is_some()) {
        let (path, kind) = (format!("/apps/{}/autoscalers", app.name), container.kind.to_string());
        let off = (path.clone(), kind.clone());
        let edit = |path: String, kind: String, key: &'static str, value: Value| -> Inject {
            Box::new(move |staging| {
                staging.edit_api(ApiProvider::Scalingo, &path, |body| {
                    element(&mut body["autoscalers"], "container_type", &kind)?[key] = value.clone();
                    Ok(())
                })
            })
        };
        drills.push(drill(
            None,
            "autoscaler-max-one",
            "the autoscaler stops at fewer containers than planned",
            vec!["app.autoscale"],
            edit(path, kind, "max_containers", json!(1)),
        ));
        drills.push(drill(
            None,
            "autoscaler-off",
            "somebody scaled by hand, which switches the autoscaler off",
            vec!["app.autoscale"],
            edit(off.0, off.1, "disabled", json!(true)),
        ));
    }
    drills
}

fn edit_containers(staging: &mut Staging, path: &str, kind: &str, edit: impl Fn(&mut Value)) -> Result<(), String> {
    staging.edit_api(ApiProvider::Scalingo, path, |body| {
        edit(element(&mut body["containers"], "name", kind)?);
        Ok(())
    })
}

/// The element of a list whose `key` is `value`.
fn element<'a>(list: &'a mut Value, key: &str, value: &str) -> Result<&'a mut Value, String> {
    let items = list.as_array_mut().ok_or("no list")?;
    items.iter_mut().find(|item| item[key] == value).ok_or_else(|| format!("no {key} {value}"))
}
