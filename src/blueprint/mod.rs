//! The blueprint: one TOML file, read once, kept with the place of each value.
//!
//! Model types are plain; the spans live beside them in [`spans::SpanIndex`] and are looked up by key path, so
//! that no concern carries `Spanned<T>` through its code (toml's `Spanned` does not survive `flatten` and
//! tagged enums, which would shape the model around the parser).
//!
//! This module must not judge what is wise (that is [`crate::concerns`]) nor resolve names on the network.

pub mod finding;
pub mod load;
pub mod schema;
pub mod site;
pub mod site_findings;
pub mod spans;
pub mod terraform_findings;
pub mod value;

use schemars::JsonSchema;
use serde::Deserialize;

pub use finding::{Finding, KeyPath, Level, Place};
pub use load::{LoadError, Loaded, load};
pub use site::Site;

use crate::concerns::Concern;
use crate::concerns::{
    apps::Apps, audience::Audience, database::Database, people::People, third_parties::ThirdParties,
};
use crate::concerns::{cache::Cache, cdn::Cdn, degraded_mode::DegradedMode, dns::Dns, mail::Mail, proxy::Proxy};
use crate::concerns::{rate_limits::RateLimits, redirects::Redirects, static_routes::StaticRoutes};
use crate::concerns::{waf::Waf, waiting_room::WaitingRoom};
use crate::language::Language;
use value::{HostName, Instant, Label, Text, Upstream, UrlPath, VariableName};

/// One public launch: what is promised, and to whom it belongs. Whatever is not here is not generated, checked or
/// rehearsed.
// As written; derived facts are in [`Site`].
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "blueprint")]
pub struct Blueprint {
    pub site: SiteTable,
    pub dns: Dns,
    #[serde(default)]
    pub cdn: Option<Cdn>,
    #[serde(default)]
    pub waf: Option<Waf>,
    #[serde(default)]
    pub waiting_room: Option<WaitingRoom>,
    #[serde(default)]
    pub cache: Option<Cache>,
    #[serde(default)]
    pub proxy: Option<Proxy>,
    #[serde(default)]
    pub redirects: Option<Redirects>,
    #[serde(default)]
    pub rate_limits: Option<RateLimits>,
    #[serde(default)]
    pub degraded_mode: Option<DegradedMode>,
    #[serde(default)]
    pub static_routes: Option<StaticRoutes>,
    #[serde(default)]
    pub mail: Option<Mail>,
    #[serde(default)]
    pub apps: Option<Apps>,
    #[serde(default)]
    pub database: Option<Database>,
    #[serde(default)]
    pub audience: Option<Audience>,
    #[serde(default)]
    pub third_parties: Option<ThirdParties>,
    #[serde(default)]
    pub people: Option<People>,
    #[serde(default)]
    pub terraform: Option<TerraformTable>,
}

/// What the launch is called and when the public arrives.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteTable {
    /// The folder under `generated/`, the prefix of names at providers.
    pub name: Label,
    /// For people: headings of documents.
    pub title: Text,
    /// The public host name of the site.
    pub host: HostName,
    /// The name that the public is told to type, where it is another than `host`: one of `[redirects]`.
    #[serde(default)]
    pub announced: Option<HostName>,
    /// When the public is told. Deadlines of the change requests count back from it.
    #[schemars(with = "Instant")]
    pub announcement: toml::value::Datetime,
    /// Which language the documents for people have: requests, letters, runbook. Checks and reports are English.
    #[serde(default)]
    pub language: Language,
    /// Who answers for the probes, for example an e-mail address; sent in their User-Agent.
    pub contact: Text,
    /// Pages that every visitor may see, the home page first; checks ask for them.
    #[serde(default = "home_only")]
    #[schemars(length(min = 1))]
    pub pages: Vec<UrlPath>,
    /// Further public names of the launch, each behind the same CDN and the same proxy as `host`: one for each heavy
    /// function, so that it can be cut, moved or grown alone (ALT-2).
    #[serde(default)]
    pub hosts: Vec<Host>,
}

/// One more public name of the launch.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// The name, in a zone of `[dns]`.
    pub name: HostName,
    /// Pages of this name that every visitor may see; checks ask for them.
    #[serde(default = "home_only")]
    #[schemars(length(min = 1))]
    pub pages: Vec<UrlPath>,
    /// The app behind this name, where it is another than the proxy's `upstream`.
    #[serde(default)]
    pub upstream: Option<Upstream>,
}

fn home_only() -> Vec<UrlPath> {
    vec![UrlPath::root()]
}

/// Where Terraform keeps what it knows. No concern: it promises the public nothing.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TerraformTable {
    /// The kind of backend, as Terraform names it: `s3`, `gcs`, `azurerm`, `http`, `pg`, `consul`.
    pub backend: VariableName,
    /// Its settings. No credential: those come from the environment, or from `terraform init -backend-config`.
    #[serde(default)]
    pub settings: Vec<BackendSetting>,
}

/// A setting of the backend.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendSetting {
    /// As Terraform names it.
    pub name: VariableName,
    /// Its value, as text.
    pub value: Text,
}

impl Blueprint {
    /// Every concern of this blueprint, in checklist order.
    pub fn concerns(&self) -> Vec<&dyn Concern> {
        // No `..`: a new table must not compile until it is listed here.
        let Self {
            site: _,
            dns,
            cdn,
            waf,
            waiting_room,
            cache,
            proxy,
            redirects,
            rate_limits,
            degraded_mode,
            static_routes,
            mail,
            apps,
            database,
            audience,
            third_parties,
            people,
            terraform: _,
        } = self;
        let mut present: Vec<&dyn Concern> = vec![dns];
        present.extend(cdn.as_ref().map(|c| c as &dyn Concern));
        present.extend(redirects.as_ref().map(|c| c as &dyn Concern));
        present.extend(proxy.as_ref().map(|c| c as &dyn Concern));
        present.extend(cache.as_ref().map(|c| c as &dyn Concern));
        present.extend(rate_limits.as_ref().map(|c| c as &dyn Concern));
        present.extend(degraded_mode.as_ref().map(|c| c as &dyn Concern));
        present.extend(static_routes.as_ref().map(|c| c as &dyn Concern));
        present.extend(waf.as_ref().map(|c| c as &dyn Concern));
        present.extend(waiting_room.as_ref().map(|c| c as &dyn Concern));
        present.extend(mail.as_ref().map(|c| c as &dyn Concern));
        present.extend(apps.as_ref().map(|c| c as &dyn Concern));
        present.extend(database.as_ref().map(|c| c as &dyn Concern));
        present.extend(audience.as_ref().map(|c| c as &dyn Concern));
        present.extend(third_parties.as_ref().map(|c| c as &dyn Concern));
        present.extend(people.as_ref().map(|c| c as &dyn Concern));
        present
    }

    /// Keys of the tables that this blueprint leaves out, so that they are named and not silently absent.
    pub fn left_out(&self) -> Vec<&'static str> {
        let Self {
            site: _,
            dns: _,
            cdn,
            waf,
            waiting_room,
            cache,
            proxy,
            redirects,
            rate_limits,
            degraded_mode,
            static_routes,
            mail,
            apps,
            database,
            audience,
            third_parties,
            people,
            terraform: _,
        } = self;
        [
            ("cdn", cdn.is_none()),
            ("waf", waf.is_none()),
            ("waiting_room", waiting_room.is_none()),
            ("cache", cache.is_none()),
            ("proxy", proxy.is_none()),
            ("redirects", redirects.is_none()),
            ("rate_limits", rate_limits.is_none()),
            ("degraded_mode", degraded_mode.is_none()),
            ("static_routes", static_routes.is_none()),
            ("mail", mail.is_none()),
            ("apps", apps.is_none()),
            ("database", database.is_none()),
            ("audience", audience.is_none()),
            ("third_parties", third_parties.is_none()),
            ("people", people.is_none()),
        ]
        .into_iter()
        .filter_map(|(key, absent)| absent.then_some(key))
        .collect()
    }
}
