//! `[apps]`: the apps on the platform, their containers, their environment, where their code comes from (JVA-3, JVA-4,
//! JVA-9). golive's own nginx, where it runs on the platform, is one of them.

mod checks;
mod drills;
mod findings;
mod fragments;
mod levers;
mod procedure;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::blueprint::site::AppFacts;
use crate::blueprint::value::{Count, HostName, Label, Mailbox, Network, Repository, Text, UrlPath, VariableName};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

/// The apps on the platform.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Apps {
    /// Who runs the apps.
    pub platform: Platform,
    /// Where they run.
    pub region: Region,
    /// The project that holds them; its name at the platform.
    pub project: Label,
    /// Each app by itself.
    #[schemars(length(min = 1))]
    pub apps: Vec<App>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    Scalingo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Region {
    /// Paris, open to everybody.
    OscFr1,
    /// Paris, SecNumCloud, on request.
    OscSecnumFr1,
}

impl Region {
    pub fn as_str(self) -> &'static str {
        match self {
            Region::OscFr1 => "osc-fr1",
            Region::OscSecnumFr1 => "osc-secnum-fr1",
        }
    }
}

/// An app on the platform.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Its name at the platform, 6 to 40 characters; part of its default host name, so it stays.
    pub name: Label,
    /// This app is the nginx that golive generates (`nginx/scalingo/`): it stands before the others.
    #[serde(default)]
    pub front: bool,
    /// Where the code comes from. Left out: it is pushed by hand.
    #[serde(default)]
    pub source: Option<Source>,
    /// The system below the app.
    #[serde(default)]
    pub stack: Stack,
    /// A page of the app that is 200 only while what it needs, its database above all, answers, and that names the build:
    /// `build` or `version` in JSON, or a header `x-build`. Asked through the CDN; must not be stored.
    #[serde(default)]
    pub health_path: Option<UrlPath>,
    /// A page that is 200 to who is logged in and to nobody else, in a class with `store = false`. It is asked with the
    /// session of a test account.
    #[serde(default)]
    pub logged_in_path: Option<UrlPath>,
    /// Proxies whose word on the client's address the app believes: those before it (JVA-8). Given to the app in
    /// `trusted_proxies_variable`, commas between.
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    /// The variable in which the app reads `trusted_proxies`.
    #[serde(default)]
    pub trusted_proxies_variable: Option<VariableName>,
    /// Variables whose value anybody may read: they stand in files.
    #[serde(default)]
    pub environment: Vec<Variable>,
    /// Names of variables whose value nobody may read: a Terraform variable each, without value.
    #[serde(default)]
    pub secrets: Vec<VariableName>,
    /// Names that the platform's router sends to this app, each with a certificate of its own.
    #[serde(default)]
    pub domains: Vec<HostName>,
    /// What runs, by type.
    #[schemars(length(min = 1))]
    pub containers: Vec<Container>,
    /// Containers of one type that the platform allows this app; more than 10 only if its support said so.
    #[serde(default = "ten")]
    pub containers_allowed: Count,
    /// Who hears what happens to the app.
    #[serde(default)]
    pub notify: Vec<Notifier>,
    /// When they hear of too much load.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    /// Where the log goes too.
    #[serde(default)]
    pub log_drain: Option<LogDrain>,
}

fn ten() -> Count {
    Count::new(10)
}

/// A repository, and what is deployed from it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// At GitHub, once connected in the platform's dashboard.
    pub repository: Repository,
    /// The branch that is deployed.
    pub branch: Branch,
    /// Each commit of the branch is deployed; somebody turns it off for a freeze, and Terraform leaves that alone.
    #[serde(default)]
    pub auto_deploy: bool,
}

/// 1 to 200 letters, digits and `._/-`; no `..`, no `//`, neither `/` nor `.` nor `-` at an end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    title = "branch",
    extend("maxLength" = 200, "pattern" = r"^(?!.*(\.\.|//))[A-Za-z0-9_]([A-Za-z0-9._/-]*[A-Za-z0-9_])?$")
)]
pub struct Branch(String);

impl TryFrom<String> for Branch {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let end = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let good = text.len() <= 200
            && text.starts_with(end)
            && text.ends_with(end)
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/-".contains(&b))
            && !text.contains("..")
            && !text.contains("//");
        if good { Ok(Self(text)) } else { Err(format!("`{}` is not the name of a branch", text.escape_debug())) }
    }
}

impl Branch {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
pub enum Stack {
    /// Ends on 1 June 2027.
    #[serde(rename = "scalingo-22")]
    Scalingo22,
    #[serde(rename = "scalingo-24")]
    Scalingo24,
    /// The platform's own default since June 2026.
    #[default]
    #[serde(rename = "scalingo-26")]
    Scalingo26,
}

impl Stack {
    pub fn as_str(self) -> &'static str {
        match self {
            Stack::Scalingo22 => "scalingo-22",
            Stack::Scalingo24 => "scalingo-24",
            Stack::Scalingo26 => "scalingo-26",
        }
    }
}

/// A variable that is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// As the app reads it.
    pub name: VariableName,
    /// What it holds.
    pub value: Text,
}

/// One type of process, and how many of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// As the app's Procfile names it; `web` alone gets requests.
    #[serde(rename = "type")]
    pub kind: Label,
    /// How many run before the public comes; servers that are started by load come too late (DOC-2).
    pub count: Count,
    /// How large each is.
    pub size: Size,
    /// Lets the platform add containers by load.
    #[serde(default)]
    pub autoscale: Option<Autoscale>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum Size {
    /// 256 MB of memory, little processor.
    S,
    /// 512 MB.
    M,
    /// 1 GB.
    L,
    /// 2 GB, much processor.
    #[serde(rename = "XL")]
    Xl,
    /// 4 GB.
    #[serde(rename = "2XL")]
    Xl2,
    /// 8 GB.
    #[serde(rename = "3XL")]
    Xl3,
}

impl Size {
    pub fn as_str(self) -> &'static str {
        match self {
            Size::S => "S",
            Size::M => "M",
            Size::L => "L",
            Size::Xl => "XL",
            Size::Xl2 => "2XL",
            Size::Xl3 => "3XL",
        }
    }
}

/// How the platform adds containers: one a minute, or several by `rpm_per_container`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Autoscale {
    /// Never fewer, 2 at least.
    pub min: Count,
    /// Never more.
    pub max: Count,
    /// What is watched.
    pub metric: Metric,
    /// What the metric is kept at: per cent for `cpu`, `memory` and `swap`, requests a minute, milliseconds, or
    /// errors a minute.
    pub target: Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Per cent of the processor.
    Cpu,
    /// Per cent of the memory.
    Memory,
    /// Per cent of the swap.
    Swap,
    /// Requests a minute to each container.
    RpmPerContainer,
    /// 95th percentile of the time to answer, in milliseconds.
    P95ResponseTime,
    /// Answers of the 5xx class a minute.
    #[serde(rename = "5XX")]
    Errors,
}

impl Metric {
    pub fn as_str(self) -> &'static str {
        match self {
            Metric::Cpu => "cpu",
            Metric::Memory => "memory",
            Metric::Swap => "swap",
            Metric::RpmPerContainer => "rpm_per_container",
            Metric::P95ResponseTime => "p95_response_time",
            Metric::Errors => "5XX",
        }
    }

    /// Whether the platform wants a ratio.
    pub fn is_share(self) -> bool {
        matches!(self, Metric::Cpu | Metric::Memory | Metric::Swap)
    }
}

/// Who hears what happens to the app: a web hook, whose address is a Terraform variable, or mailboxes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notifier {
    /// What it is called at the platform; each once an app.
    pub name: Label,
    /// Mailboxes that hear. None: a web hook, whose address is a Terraform variable since whoever knows it may post
    /// there.
    #[serde(default)]
    pub emails: Vec<Mailbox>,
    /// What they hear of, beside all alerts.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// Events of the platform that matter on the night. Unknown names vanish there without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Containers die again and again.
    AppCrashedRepeated,
    /// A deployment ended.
    AppDeployed,
    /// Somebody, or the autoscaler, changed the number of containers.
    AppScaled,
    /// The database changed its plan.
    AddonPlanChanged,
    /// Somebody changed the environment.
    VariableEdited,
    /// A name was taken from the app.
    DomainRemoved,
    /// No backup was made.
    DatabaseBackupFailed,
}

impl Event {
    pub fn as_str(self) -> &'static str {
        match self {
            Event::AppCrashedRepeated => "app_crashed_repeated",
            Event::AppDeployed => "app_deployed",
            Event::AppScaled => "app_scaled",
            Event::AddonPlanChanged => "addon_plan_changed",
            Event::VariableEdited => "variable_edited",
            Event::DomainRemoved => "domain_removed",
            Event::DatabaseBackupFailed => "database_backup_failed",
        }
    }
}

/// Word to every notifier of the app when a metric leaves its band (DOC-11).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// The type of container that is watched.
    pub container: Label,
    /// What is watched.
    pub metric: Metric,
    /// The limit, in the metric's unit (see `autoscale.target`).
    pub limit: Count,
    /// For how many minutes before anybody hears.
    pub after_minutes: Count,
    /// Below the limit, and not above.
    #[serde(default)]
    pub below: bool,
}

/// A second place for the log, since the platform's own is not kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogDrain {
    /// What kind of place.
    #[serde(rename = "type")]
    pub kind: DrainKind,
    /// Its name, for `syslog` and `ovh-graylog`.
    #[serde(default)]
    pub host: Option<HostName>,
    /// Its port, for `syslog`.
    #[serde(default)]
    pub port: Option<Port>,
}

/// 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(!try_from, title = "port", extend("minimum" = 1, "maximum" = 65535))]
pub struct Port(u16);

impl TryFrom<i64> for Port {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match u16::try_from(number) {
            Ok(port) if port > 0 => Ok(Self(port)),
            _ => Err(format!("{number} is not a port from 1 to 65535")),
        }
    }
}

impl Port {
    pub fn get(self) -> u16 {
        self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DrainKind {
    /// Needs `host` and `port`.
    Syslog,
    /// Its address, which holds a password, is a Terraform variable.
    Elk,
    /// Its token is a Terraform variable.
    Datadog,
    /// Needs `host`; its token is a Terraform variable.
    OvhGraylog,
    /// Its token is a Terraform variable.
    Betterstack,
}

impl DrainKind {
    pub fn as_str(self) -> &'static str {
        match self {
            DrainKind::Syslog => "syslog",
            DrainKind::Elk => "elk",
            DrainKind::Datadog => "datadog",
            DrainKind::OvhGraylog => "ovh-graylog",
            DrainKind::Betterstack => "betterstack",
        }
    }
}

impl Apps {
    pub fn facts(&self) -> Vec<AppFacts> {
        self.apps.iter().map(|app| AppFacts { name: app.name.clone() }).collect()
    }
}

impl App {
    /// The variables that are no secret and that `[apps]` itself asks for, in order.
    pub fn plain_variables(&self) -> Vec<(String, String)> {
        let declared = self.environment.iter().map(|one| (one.name.to_string(), one.value.to_string()));
        let proxies = self.trusted_proxies_variable.iter().map(|name| {
            let proxies: Vec<String> = self.trusted_proxies.iter().map(|network| network.get().to_string()).collect();
            (name.to_string(), proxies.join(","))
        });
        declared.chain(proxies).collect()
    }

    /// The containers of one type.
    pub fn container(&self, kind: &Label) -> Option<&Container> {
        self.containers.iter().find(|container| container.kind == *kind)
    }
}

impl Container {
    /// The most that run at the same time, a deployment aside.
    pub fn most(&self) -> u32 {
        self.autoscale.as_ref().map_or(self.count.get(), |autoscale| autoscale.max.get().max(self.count.get()))
    }
}

impl Concern for Apps {
    fn key(&self) -> &'static str {
        "apps"
    }
    fn findings(&self, site: &Site) -> Vec<Finding> {
        findings::findings(self, site)
    }
    fn fragments(&self, _site: &Site) -> Vec<Fragment> {
        fragments::fragments(self)
    }
    fn checks(&self, site: &Site) -> OneOrMore<Check> {
        checks::checks(self, site)
    }
    fn procedure(&self, _site: &Site) -> Procedure {
        procedure::procedure(self)
    }
    fn drills(&self, site: &Site) -> Drills {
        drills::drills(self, site)
    }
    fn levers(&self, site: &Site) -> Vec<Lever> {
        levers::levers(self, site)
    }
}
