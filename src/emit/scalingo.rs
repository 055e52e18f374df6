//! Scalingo: apps, containers, the database, and what belongs to them, as Terraform for provider 2.7.
//!
//! The provider lets much pass that the platform refuses, or undoes, or drops without a word; what is written here
//! avoids it by its form, and `tests/traps_scalingo.rs` names each trap.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::hcl::{Block, Right, block, data, reference, resource};
use super::terraform::Part;
use super::{Asked, Clash, Slots};
use crate::blueprint::value::VariableName;
use crate::concerns::apps::{Alert, App, Container, DrainKind, LogDrain, Metric, Notifier, Source};
use crate::concerns::fragment::{DatabaseAddon, PlatformApp};

/// Provider version that the generated Terraform was checked against.
const PROVIDER_VERSION: &str = "2.7.4";
/// What makes an app an nginx (Scalingo docs, nginx buildpack).
const NGINX_BUILDPACK: &str = "https://github.com/Scalingo/nginx-buildpack.git";

/// Scalingo's part of the module; nothing without apps.
///
/// # Errors
///
/// Two values for one variable of an app, or a name that no variable can have.
pub fn terraform(slots: &Slots) -> (Option<Part>, Vec<Clash>) {
    let Some(first) = slots.apps.first() else { return Default::default() };
    let mut clashes = Vec::new();
    let mut variables = Vec::new();
    let mut blocks = vec![provider(&first.what), project(&first.what)];
    blocks.extend(lookups(&slots.apps));
    for asked in &slots.apps {
        let app = &asked.what.app;
        let (environment, switched, more) = environment(app, slots);
        clashes.extend(more);
        for name in &app.secrets {
            variables.push(secret(secret_name(app, name), format!("{name} of the app {}", app.name)));
        }
        blocks.push(app_resource(app, environment, &switched));
        blocks.extend(containers(app));
        blocks.extend(app.domains.iter().map(|domain| {
            let attributes = vec![
                app_id(app),
                text("common_name", domain.as_str()),
                // Said from the start: a later change is planned and never sent.
                data("letsencrypt_enabled", json!(true)),
            ];
            let name = format!("{}__{}", app.name.identifier(), domain.as_str().replace('.', "_"));
            resource("scalingo_domain", name, attributes)
        }));
        if let Some(source) = &app.source {
            blocks.push(repo_link(app, source));
        }
        for database in slots.databases.iter().filter(|database| database.what.app == app.name) {
            blocks.push(addon(&database.what));
        }
        for notifier in &app.notify {
            if notifier.emails.is_empty() {
                let what =
                    format!("Where the platform posts what happens to {}; whoever knows it may post there", app.name);
                variables.push(secret(hook_name(app, notifier), what));
            }
            blocks.push(notify(app, notifier));
        }
        let names = alert_names(app);
        blocks.extend(app.alerts.iter().zip(names).map(|(alert, name)| alert_resource(app, alert, name)));
        if let Some(drain) = &app.log_drain {
            if let Some((_, what)) = drain_secret(drain.kind) {
                variables.push(secret(drain_name(app), format!("{what} of the log drain of {}", app.name)));
            }
            blocks.push(log_drain(app, drain));
        }
    }
    let part = Part {
        provider: "scalingo",
        source: "Scalingo/scalingo",
        version: PROVIDER_VERSION,
        token: "SCALINGO_API_TOKEN",
        variables,
        blocks,
    };
    (Some(part), clashes)
}

fn text(key: &str, value: &str) -> (String, Right) {
    (key.to_owned(), Right::Data(json!(value)))
}

fn app_id(app: &App) -> (String, Right) {
    reference("app", format!("scalingo_app.{}.id", app.name.identifier()))
}

fn lookup(kind: &str, name: &str, attributes: Vec<(String, Right)>) -> Block {
    block("data", vec![kind.to_owned(), name.to_owned()], attributes)
}

fn lifecycle(attributes: Vec<(String, Right)>) -> Block {
    block("lifecycle", vec![], attributes)
}

fn secret(name: String, description: String) -> Block {
    let attributes =
        vec![text("description", &description), reference("type", "string".to_owned()), data("sensitive", json!(true))];
    block("variable", vec![name], attributes)
}

/// A label holds no double hyphen, so two underscores cannot be part of one.
fn secret_name(app: &App, name: &VariableName) -> String {
    format!("{}__{name}", app.name.identifier())
}

fn hook_name(app: &App, notifier: &Notifier) -> String {
    format!("webhook_url__{}__{}", app.name.identifier(), notifier.name.identifier())
}

fn drain_name(app: &App) -> String {
    format!("log_drain__{}", app.name.identifier())
}

fn provider(app: &PlatformApp) -> Block {
    block("provider", vec!["scalingo".to_owned()], vec![text("region", app.region.as_str())])
}

fn project(app: &PlatformApp) -> Block {
    resource("scalingo_project", "main".to_owned(), vec![text("name", app.project.as_str())])
}

/// What the platform numbers and people name.
fn lookups(apps: &[Asked<PlatformApp>]) -> Vec<Block> {
    let apps = || apps.iter().map(|asked| &asked.what.app);
    let stacks: BTreeSet<&str> = apps().map(|app| app.stack.as_str()).collect();
    let hosts: BTreeSet<&str> =
        apps().filter_map(|app| app.source.as_ref()).map(|source| source.repository.integration()).collect();
    let platforms: BTreeSet<&str> = apps().flat_map(|app| &app.notify).map(notification_platform).collect();
    let mut blocks: Vec<Block> = Vec::new();
    for stack in stacks {
        blocks.push(lookup("scalingo_stack", &stack.replace('-', "_"), vec![text("name", stack)]));
    }
    for host in hosts {
        blocks.push(lookup("scalingo_scm_integration", host, vec![text("scm_type", host)]));
    }
    for platform in platforms {
        blocks.push(lookup("scalingo_notification_platform", platform, vec![text("name", platform)]));
    }
    blocks
}

fn notification_platform(notifier: &Notifier) -> &'static str {
    if notifier.emails.is_empty() { "webhook" } else { "email" }
}

type Environment = BTreeMap<String, (&'static str, Right, String)>;

/// All variables of an app, whoever asks for them; the names of those that somebody switches; clashes.
fn environment(app: &App, slots: &Slots) -> (Vec<(String, Right)>, Vec<String>, Vec<Clash>) {
    let mut all: Environment = BTreeMap::new();
    let mut clashes = Vec::new();
    let mut add = |name: &str, by: &'static str, right: Right, shown: String| {
        let place = format!("the variable {name} of the app {}", app.name);
        match all.get(name) {
            Some((other, _, value)) if *value != shown => {
                clashes.push(Clash(format!("{place}: {other} wants {value}, {by} {shown}")));
            }
            Some(_) => {}
            None if name.parse::<VariableName>().is_err() => {
                clashes.push(Clash(format!("{place}: {by} asks for it, and no variable can be called so")));
            }
            None => {
                all.insert(name.to_owned(), (by, right, shown));
            }
        }
    };
    let mut plain = |name: &str, by: &'static str, value: &str| {
        add(name, by, Right::Data(json!(value)), format!("{value:?}"));
    };
    for variable in &app.environment {
        plain(variable.name.as_str(), "apps", variable.value.as_str());
    }
    if let Some(name) = &app.trusted_proxies_variable {
        let proxies: Vec<String> = app.trusted_proxies.iter().map(|network| network.get().to_string()).collect();
        plain(name.as_str(), "apps", &proxies.join(","));
    }
    if app.front {
        plain("BUILDPACK_URL", "apps", NGINX_BUILDPACK);
    }
    let asked = || slots.app_variables.iter().filter(|asked| asked.what.app == app.name);
    for variable in asked() {
        plain(variable.what.name.as_str(), variable.by, &variable.what.value);
    }
    for name in &app.secrets {
        let right = Right::Reference(format!("var.{}", secret_name(app, name)));
        add(name.as_str(), "apps", right, "a secret".to_owned());
    }
    let mut switched: Vec<String> =
        asked().filter(|asked| asked.what.switched).map(|asked| asked.what.name.to_string()).collect();
    switched.sort();
    switched.dedup();
    (all.into_iter().map(|(name, (_, right, _))| (name, right)).collect(), switched, clashes)
}

fn app_resource(app: &App, environment: Vec<(String, Right)>, switched: &[String]) -> Block {
    let mut attributes = vec![
        text("name", app.name.as_str()),
        // Left out, each plan wants to take the app out of its project, and no apply does.
        reference("project_id", "scalingo_project.main.id".to_owned()),
        reference("stack_id", format!("data.scalingo_stack.{}.id", app.stack.as_str().replace('-', "_"))),
        data("force_https", json!(true)),
        data("router_logs", json!(true)),
        // Its cookie on every answer would keep them from every cache.
        data("sticky_session", json!(false)),
    ];
    if !environment.is_empty() {
        attributes.push(("environment".to_owned(), Right::Map(environment)));
    }
    let mut keep = vec![data("prevent_destroy", json!(true))];
    if !switched.is_empty() {
        let switched: Vec<String> =
            switched.iter().map(|name| format!("environment[{}]", super::hcl::quoted(name))).collect();
        keep.push(reference("ignore_changes", format!("[{}]", switched.join(", "))));
    }
    let resource = resource("scalingo_app", app.name.identifier(), attributes);
    Block { blocks: vec![lifecycle(keep)], ..resource }
}

fn container_name(app: &App, container: &Container) -> String {
    format!("{}__{}", app.name.identifier(), container.kind.identifier())
}

/// One after the other: while an app scales the platform refuses a second change, and the provider does not wait.
fn containers(app: &App) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut earlier: Option<String> = None;
    for container in &app.containers {
        let name = container_name(app, container);
        let mut attributes = vec![
            app_id(app),
            text("name", container.kind.as_str()),
            data("amount", json!(container.count.get())),
            // Left out, the plan is never empty.
            text("size", container.size.as_str()),
        ];
        if let Some(earlier) = &earlier {
            attributes.push(reference("depends_on", format!("[{earlier}]")));
        }
        earlier = Some(format!("scalingo_container_type.{name}"));
        let mut block = resource("scalingo_container_type", name.clone(), attributes);
        if let Some(autoscale) = &container.autoscale {
            // Else each apply scales back to this number, and so switches the autoscaler off.
            block.blocks.push(lifecycle(vec![reference("ignore_changes", "[amount]".to_owned())]));
            blocks.push(block);
            let attributes = vec![
                app_id(app),
                reference("container_type", format!("scalingo_container_type.{name}.name")),
                data("min_containers", json!(autoscale.min.get())),
                data("max_containers", json!(autoscale.max.get())),
                text("metric", autoscale.metric.as_str()),
                data("target", in_unit(autoscale.metric, autoscale.target.get())),
            ];
            blocks.push(resource("scalingo_autoscaler", name.clone(), attributes));
            earlier = Some(format!("scalingo_autoscaler.{name}"));
        } else {
            blocks.push(block);
        }
    }
    blocks
}

/// The platform counts shares from 0 to 1.
fn in_unit(metric: Metric, number: u32) -> Value {
    if metric.is_share() { json!(f64::from(number) / 100.0) } else { json!(number) }
}

fn repo_link(app: &App, source: &Source) -> Block {
    let attributes = vec![
        app_id(app),
        reference(
            "auth_integration_uuid",
            format!("data.scalingo_scm_integration.{}.id", source.repository.integration()),
        ),
        text("source", source.repository.as_str()),
        text("branch", source.branch.as_str()),
        data("auto_deploy_enabled", json!(source.auto_deploy)),
        // Sent only with review apps: left at its default it differs at every plan.
        data("delete_on_close_enabled", json!(false)),
    ];
    let resource = resource("scalingo_scm_repo_link", app.name.identifier(), attributes);
    let keep = lifecycle(vec![reference("ignore_changes", "[auto_deploy_enabled]".to_owned())]);
    let remark = "Somebody turns it off for a freeze (ppl.freeze): no apply turns it on again.".to_owned();
    Block { remark: Some(remark), blocks: vec![keep], ..resource }
}

fn addon(database: &DatabaseAddon) -> Block {
    let name = format!("{}__{}", database.app.identifier(), database.engine.as_str());
    let attributes = vec![
        reference("app", format!("scalingo_app.{}.id", database.app.identifier())),
        text("provider_id", database.engine.as_str()),
        text("plan", &database.plan.to_string()),
    ];
    let keep = lifecycle(vec![data("prevent_destroy", json!(true))]);
    Block { blocks: vec![keep], ..resource("scalingo_addon", name, attributes) }
}

fn notifier_name(app: &App, notifier: &Notifier) -> String {
    format!("{}__{}", app.name.identifier(), notifier.name.identifier())
}

fn notify(app: &App, notifier: &Notifier) -> Block {
    let platform = notification_platform(notifier);
    let mut attributes = vec![
        app_id(app),
        text("name", notifier.name.as_str()),
        reference("platform_id", format!("data.scalingo_notification_platform.{platform}.id")),
    ];
    attributes.push(if notifier.emails.is_empty() {
        reference("webhook_url", format!("var.{}", hook_name(app, notifier)))
    } else {
        data("emails", notifier.emails.iter().map(|email| json!(email.as_str())).collect())
    });
    attributes.push(data("active", json!(true)));
    attributes.push(data("send_all_alerts", json!(true)));
    attributes.push(data("selected_events", notifier.events.iter().map(|event| json!(event.as_str())).collect()));
    resource("scalingo_notifier", notifier_name(app, notifier), attributes)
}

/// After what is watched; a number only where two watch the same.
fn alert_names(app: &App) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let name = |alert: &Alert| {
        let metric = alert.metric.as_str().to_ascii_lowercase();
        let metric = if metric.starts_with(|c: char| c.is_ascii_digit()) { "errors".to_owned() } else { metric };
        format!("{}__{}__{metric}", app.name.identifier(), alert.container.identifier())
    };
    app.alerts
        .iter()
        .map(|alert| {
            let name = name(alert);
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            if *count == 1 { name } else { format!("{name}__{count}") }
        })
        .collect()
}

fn alert_resource(app: &App, alert: &Alert, name: String) -> Block {
    let notifiers: Vec<String> =
        app.notify.iter().map(|notifier| format!("scalingo_notifier.{}.id", notifier_name(app, notifier))).collect();
    let attributes = vec![
        app_id(app),
        text("container_type", alert.container.as_str()),
        text("metric", alert.metric.as_str()),
        data("limit", in_unit(alert.metric, alert.limit.get())),
        // As Go prints it: `2m` differs at every plan.
        text("duration_before_trigger", &duration(alert.after_minutes.get())),
        data("send_when_below", json!(alert.below)),
        reference("notifiers", format!("[{}]", notifiers.join(", "))),
    ];
    resource("scalingo_alert", name, attributes)
}

/// Go's own spelling of so many minutes.
fn duration(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}m0s"),
        (hours, minutes) => format!("{hours}h{minutes}m0s"),
    }
}

/// The attribute that holds a secret, and what it is.
fn drain_secret(kind: DrainKind) -> Option<(&'static str, &'static str)> {
    match kind {
        DrainKind::Syslog => None,
        DrainKind::Elk => Some(("url", "The address, password included,")),
        DrainKind::Datadog | DrainKind::OvhGraylog | DrainKind::Betterstack => Some(("token", "The token")),
    }
}

fn log_drain(app: &App, drain: &LogDrain) -> Block {
    let mut attributes = vec![app_id(app), text("type", drain.kind.as_str())];
    if let Some(host) = &drain.host {
        attributes.push(text("host", host.as_str()));
    }
    if let Some(port) = drain.port {
        attributes.push(text("port", &port.get().to_string()));
    }
    if let Some((attribute, _)) = drain_secret(drain.kind) {
        attributes.push(reference(attribute, format!("var.{}", drain_name(app))));
    }
    resource("scalingo_log_drain", app.name.identifier(), attributes)
}
