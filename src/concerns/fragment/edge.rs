//! What a Cloudflare zone is told beyond its cache and its redirects: filters, lists, the waiting room, the balancer
//! over the origins, the certificate, headers.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use super::Expression;
use crate::blueprint::value::{HeaderName, HostName, Label, PathPrefix, Text, UrlPath};
use crate::language::Language;

/// A rule of the phase `http_request_firewall_custom`. Those that let somebody through come first, the others in the
/// order in which they were asked for; the first that blocks or challenges decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomRule {
    /// Stable `ref`, unique within the phase.
    pub name: String,
    pub description: String,
    pub expression: Expression,
    pub action: RuleAction,
    /// `false`: a lever, which somebody switches on; an apply of Terraform leaves the switch as it is.
    pub enabled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleAction {
    /// Past the rest of this phase, the limits, the managed rules and the bot fight.
    Skip,
    Block,
    /// A managed challenge: a page that browsers pass and programs do not.
    Challenge,
    /// Only told in the log of events.
    Log,
}

impl RuleAction {
    /// As Cloudflare's API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleAction::Skip => "skip",
            RuleAction::Block => "block",
            RuleAction::Challenge => "managed_challenge",
            RuleAction::Log => "log",
        }
    }
}

/// One of Cloudflare's own rulesets, executed in the phase `http_request_firewall_managed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedRules {
    pub which: Managed,
    pub expression: Expression,
}

/// A ruleset that Cloudflare keeps up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Managed {
    /// Cloudflare's own signatures.
    Cloudflare,
    /// The OWASP core rule set, which adds up scores.
    Owasp,
}

impl Managed {
    pub fn as_str(self) -> &'static str {
        match self {
            Managed::Cloudflare => "cloudflare",
            Managed::Owasp => "owasp",
        }
    }

    /// Identifier, the same in every account (Cloudflare docs, waf/managed-rules).
    pub fn id(self) -> &'static str {
        match self {
            Managed::Cloudflare => "efb7b8c949ac4650a09736fc376e9aee",
            Managed::Owasp => "4814384a9e5d4991b9815dcfc25d2f1f",
        }
    }
}

/// A list of addresses, kept in the account and named by rules of its zones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressList {
    /// Lower-case letters, digits and `_`; unique in the account, which may hold other sites.
    pub name: String,
    pub description: String,
    pub items: Vec<IpNet>,
}

/// Who may come in at once, and where the others wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRoom {
    pub name: Label,
    pub host: HostName,
    pub path: UrlPath,
    pub limits: RoomLimits,
    /// Other limits are ready to be taken on the night.
    pub has_steps: bool,
    pub session_minutes: u32,
    pub method: QueueingMethod,
    /// Status of the waiting page.
    pub status: u16,
    /// Programs that ask for JSON are told in JSON.
    pub json: bool,
    pub suspended: bool,
    /// Of Cloudflare's own waiting page.
    pub language: Language,
    /// Who never waits; `None`: everybody does.
    pub bypass: Option<Expression>,
    pub events: Vec<RoomEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomLimits {
    pub total_active_users: u32,
    pub new_users_per_minute: u32,
}

/// Whom the room lets in next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QueueingMethod {
    /// Who came first.
    Fifo,
    /// Anybody who waits, by lot.
    Random,
    /// Everybody: the room counts and lets pass, and is there when an event starts.
    Passthrough,
    /// Nobody waits: whoever is too many is sent away.
    Reject,
}

impl QueueingMethod {
    pub fn as_str(self) -> &'static str {
        match self {
            QueueingMethod::Fifo => "fifo",
            QueueingMethod::Random => "random",
            QueueingMethod::Passthrough => "passthrough",
            QueueingMethod::Reject => "reject",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomEvent {
    pub name: Label,
    /// From when visitors are gathered, to be let in by lot when it starts.
    pub prequeue: Option<Timestamp>,
    pub start: Timestamp,
    pub end: Timestamp,
    pub limits: RoomLimits,
}

/// Several origins behind proxied names, each watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    /// The first one's health is asked for.
    pub hosts: Vec<HostName>,
    pub origins: Vec<IpAddr>,
    /// Asked over https of each origin.
    pub health_path: UrlPath,
    /// Seconds between two such questions.
    pub interval_seconds: u32,
    /// Cloudflare's names of regions (`WEU`); empty: as the plan has it.
    pub check_regions: Vec<&'static str>,
}

/// The name of the pool of origins of a host; unique in the account.
pub fn pool_name(host: &str) -> String {
    format!("{}-origins", host.replace('.', "-"))
}

/// An edge certificate ordered by name and not left to Cloudflare's choice (Advanced Certificate Manager).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePack {
    pub authority: CertificateAuthority,
    pub validity_days: u32,
    /// The zone's apex among them: without it the order is placed anew at each apply.
    pub hosts: Vec<HostName>,
}

/// Who signs the edge certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateAuthority {
    /// Google Trust Services: 14, 30 or 90 days.
    Google,
    /// Let's Encrypt: 90 days.
    LetsEncrypt,
    /// SSL.com: 14, 30 or 90 days; 365 on the plan "enterprise".
    SslCom,
}

impl CertificateAuthority {
    pub fn as_str(self) -> &'static str {
        match self {
            CertificateAuthority::Google => "google",
            CertificateAuthority::LetsEncrypt => "lets_encrypt",
            CertificateAuthority::SslCom => "ssl_com",
        }
    }
}

/// A response header that the edge sets or removes on every answer of the site, whatever the app sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHeader {
    pub name: HeaderName,
    /// `None`: removed.
    pub value: Option<Text>,
}

/// What a condition on a path of the blueprint looks like.
pub fn under_any(starts: &[PathPrefix]) -> Expression {
    Expression::Any(starts.iter().map(|start| Expression::PathStartsWith(start.as_str().to_owned())).collect())
}
