//! Typed pieces of configuration, each bound for a slot of one output.
//!
//! A fragment says what; [`crate::emit`] says how it is quoted, ordered and merged, and refuses clashes. Every
//! composer matches on [`Fragment`] without `_`, so that a new kind names the places that must know it.

mod edge;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use regex::Regex;

pub use edge::{
    AddressList, CertificateAuthority, CertificatePack, CustomRule, LoadBalancer, Managed, ManagedRules,
    QueueingMethod, ResponseHeader, RoomEvent, RoomLimits, RuleAction, WaitingRoom, pool_name, under_any,
};

use crate::blueprint::Site;
use crate::blueprint::value::{
    CookieName, Country, HostName, Label, OwnHeader, PathPrefix, Seconds, Text, Upstream, UrlPath, VariableName, Word,
};
use crate::capacity::Capacity;
use crate::concerns::apps::{App, Region};
use crate::concerns::database::{Engine, Plan};
use crate::concerns::people::{People, Role};
use crate::concerns::third_parties::{PartnerTable, Vendor};
use crate::language::Said;
use crate::probe::RecordData;

#[derive(Debug, Clone)]
pub enum Fragment {
    /// A record as the public must see it, in a zone of the blueprint.
    Record(ZoneRecord),
    /// A record kept inside the CDN's copy of the zone (where a proxied name leads).
    CdnRecord(CdnRecord),
    /// One setting of the Cloudflare zone.
    ZoneSetting(ZoneSetting),
    /// One rule of the phase `http_request_cache_settings`.
    CacheRule(CacheRule),
    /// One rule of the phase `http_request_dynamic_redirect`.
    RedirectRule(RedirectRule),
    /// The nginx between CDN and app.
    ProxyServer(ProxyServer),
    /// How that nginx marks the answers of one class of routes.
    ResponseClass(ResponseClass),
    /// An nginx that only redirects, on addresses of its own.
    RedirectServer(RedirectServer),
    /// A page of the announced name that has moved.
    MovedPath(MovedPath),
    /// What is asked of whoever sends the mail, and of whoever owns the sending addresses.
    MailProvider(MailProvider),
    /// The rules for whoever brings mail.
    TransportPolicy(TransportPolicy),
    /// How often one client may ask, at the proxy or at the CDN.
    RateLimit(RateLimit),
    /// An environment variable of an app on the platform.
    AppVariable(AppVariable),
    /// How the proxy is switched to a site with less to do.
    ModeSwitch(ModeSwitch),
    /// One rule of the phase `http_request_firewall_custom`.
    CustomRule(CustomRule),
    /// One rule of the phase `http_request_firewall_managed`.
    ManagedRules(ManagedRules),
    /// Addresses that rules of the CDN name.
    AddressList(AddressList),
    /// Where visitors wait.
    WaitingRoom(WaitingRoom),
    /// The origins of a proxied name, watched.
    LoadBalancer(LoadBalancer),
    /// The certificate of the edge.
    CertificatePack(CertificatePack),
    /// One header of the phase `http_response_headers_transform`.
    ResponseHeader(ResponseHeader),
    /// An app on the platform, with all that belongs to it.
    PlatformApp(PlatformApp),
    /// The database that belongs to an app.
    DatabaseAddon(DatabaseAddon),
    /// A letter to somebody outside.
    Letter(Letter),
    /// The arithmetic of the launch.
    CapacitySheet(CapacitySheet),
    /// Who does what, and when.
    PeopleSheet(PeopleSheet),
    /// A switch for a crisis, as the card on the wall has it.
    LeverCard(LeverCard),
    /// The Varnish behind the proxy, with the pages that back offices publish as static.
    StaticCache(StaticCache),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneRecord {
    pub zone: HostName,
    /// Owner, fully qualified, no final dot; may hold underscores where a type wants them.
    pub name: String,
    pub data: RecordData,
    pub ttl: Seconds,
    /// For whoever types it in: what it is for.
    pub why: Said,
    /// For how long it is needed: [`for_good`], or a condition.
    pub until: Said,
}

/// No end is planned.
pub fn for_good() -> Said {
    Said::new("for good", "sans limite de durée")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdnRecord {
    pub name: HostName,
    pub data: RecordData,
    /// Through the CDN (WAF, cache) and not DNS alone.
    pub proxied: bool,
    pub comment: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ZoneSetting {
    /// Identifier in Cloudflare's API.
    pub id: &'static str,
    pub value: SettingValue,
    /// One line: why it has this value.
    pub why: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SettingValue {
    Text(String),
    Number(u32),
    /// The `security_header` object (Strict-Transport-Security).
    Hsts {
        max_age: Seconds,
        include_subdomains: bool,
    },
}

/// A rule of the CDN's cache phase. All matching rules apply; for each setting the last match wins
/// (Cloudflare, cache rules, order), so emission order is [`CacheRule::order`], then `name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRule {
    /// Stable `ref`, unique within the phase.
    pub name: String,
    pub description: String,
    /// Low first; refusals to store go last.
    pub order: u16,
    pub expression: Expression,
    pub store: Store,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Never stored.
    No,
    Yes {
        /// `None`: as the origin says, and not at all where it says nothing (`bypass_by_default`).
        edge_ttl: Option<Seconds>,
        /// Leave the query string out of the cache key.
        ignore_query: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectRule {
    pub name: String,
    pub description: String,
    pub expression: Expression,
    /// Same host, path and query under https.
    pub to_https: bool,
    pub status: u16,
}

/// A condition of Cloudflare's rules language, as a tree: text is quoted only when it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    HostIs(HostName),
    PathStartsWith(String),
    /// Upper-case methods.
    MethodIn(Vec<String>),
    /// Where Cloudflare believes the visitor to be.
    CountryIn(Vec<Country>),
    SourceIn(Vec<IpNet>),
    /// The visitor's address is in a list of the account.
    SourceInList(String),
    /// In any case of letters.
    UserAgentContains(String),
    /// A crawler that Cloudflare has verified.
    KnownBot,
    /// The request came over plain http.
    PlainHttp,
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
}

impl Expression {
    /// The request is for a name that the site serves; a phase sees every proxied name of the zone.
    pub fn served(site: &Site) -> Self {
        let mut names: Vec<Self> = site.hosts.iter().map(|host| Self::HostIs(host.name.clone())).collect();
        match names.len() {
            1 => names.remove(0),
            _ => Self::Any(names),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyServer {
    /// The names it answers for, the announced one first.
    pub hosts: Vec<ProxiedHost>,
    /// `host:port` of the app.
    pub upstream: Upstream,
    /// Which flavour the site deploys; both are generated.
    pub runs_on: RunsOn,
    /// Ranges of the CDN, whose client-address header is believed and who alone may enter.
    pub cdn_ranges: Vec<ipnet::IpNet>,
    /// Path answered by nginx itself for the platform's probes.
    pub health_path: UrlPath,
    /// Addresses on which the plain-server flavour listens.
    pub listen: Vec<IpAddr>,
    pub connect_timeout: Seconds,
    pub read_timeout: Seconds,
    /// Largest request body, in MiB.
    pub body_limit_mib: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxiedHost {
    pub name: HostName,
    /// `None`: the proxy's.
    pub upstream: Option<Upstream>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunsOn {
    /// The Scalingo nginx buildpack.
    Scalingo,
    /// A plain machine.
    Server,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseClass {
    pub name: Label,
    pub routes: Routes,
    pub marking: Marking,
    /// `None`: the proxy keeps no copy itself.
    pub copies: Option<ProxyCopies>,
}

/// Copies that the proxy keeps of good answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyCopies {
    pub fresh: Seconds,
    /// Whoever sends this cookie is known to the app, and gets an answer of its own; `None`: whoever sends any.
    pub session_cookie: Option<CookieName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routes {
    /// What no other class takes.
    Others,
    /// Paths that start so, compared with the decoded path.
    Under(Vec<PathPrefix>),
    /// As `Under`, and the file name carries a content hash: 8 to 64 lower-case hexadecimal digits, at the start of
    /// the name or after `.`, `_` or `-`, before one or two extensions.
    FingerprintedUnder(Vec<PathPrefix>),
}

impl Routes {
    /// The decoded paths that belong here, as a regular expression; none for [`Routes::Others`].
    pub fn pattern(&self) -> Option<String> {
        match self {
            Routes::Others => None,
            Routes::Under(starts) => Some(format!("^{}", any_of(starts))),
            Routes::FingerprintedUnder(starts) => Some(fingerprinted(starts)),
        }
    }
}

/// Whether a decoded path has one of these starts.
pub fn is_under(starts: &[PathPrefix], decoded: &str) -> bool {
    starts.iter().any(|start| decoded.starts_with(start.as_str()))
}

/// Whether a decoded path has one of these starts, and a name with a content hash. By the very expression that
/// nginx is given: what it takes, lint and the checks must take.
pub fn is_fingerprinted_under(starts: &[PathPrefix], decoded: &str) -> bool {
    // Compiling costs more than all else that lint does: only where the cheap half holds.
    is_under(starts, decoded) && Regex::new(&fingerprinted(starts)).is_ok_and(|regex| regex.is_match(decoded))
}

/// Read alike by PCRE and by [`regex`].
fn fingerprinted(starts: &[PathPrefix]) -> String {
    // `\z`, since in PCRE `$` also stands before a final line feed, which a path may hold as %0a.
    format!(r"^{}(?:.*[/._-])?[0-9a-f]{{8,64}}(?:\.[0-9a-z]{{1,5}}){{1,2}}\z", any_of(starts))
}

/// A regular expression for any of these starts, taken literally.
pub fn any_of(starts: &[PathPrefix]) -> String {
    let starts: Vec<String> = starts.iter().map(|start| regex::escape(start.as_str())).collect();
    format!("(?:{})", starts.join("|"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marking {
    /// `Cache-Control: no-store`.
    NoStore,
    /// `Cache-Control: public, max-age=...`; only on good answers that set no cookie.
    Public {
        max_age: Seconds,
        /// For shared caches alone; forbids them to serve stale (RFC 9111, section 4.2.4).
        s_maxage: Option<Seconds>,
        immutable: bool,
        stale_while_revalidate: Option<Seconds>,
        stale_if_error: Option<Seconds>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectServer {
    pub names: Vec<HostName>,
    pub addresses: Vec<IpAddr>,
    pub to: HostName,
    pub status: u16,
    /// `Strict-Transport-Security: max-age`, sent on https only (RFC 6797, section 7.2).
    pub hsts_max_age: Seconds,
}

/// A path that the proxy answers with another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedPath {
    pub host: HostName,
    /// Decoded.
    pub from: String,
    pub to: UrlPath,
}

/// At most `requests` in `per` from one client, for these routes and methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    pub name: Label,
    pub at: LimitedAt,
    /// Starts of decoded paths; empty: every path that is not of a fingerprinted class.
    pub paths: Vec<PathPrefix>,
    /// Upper-case methods; empty: all.
    pub methods: Vec<String>,
    pub requests: u32,
    pub per: Seconds,
    /// Requests above the rate that are let through at once; the proxy's alone (nginx `burst`, `nodelay`).
    pub burst: u32,
    /// 429, or another status between 400 and 499.
    pub status: u16,
    pub retry_after: Seconds,
    /// Ranges that are not counted: partners, load injectors.
    pub exempt: Vec<ipnet::IpNet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LimitedAt {
    /// The nginx before the app, which counts exactly and by itself.
    Proxy,
    /// The CDN, which counts in each data centre.
    Edge,
    /// The machines that only redirect, each by itself.
    Redirects,
}

/// Varnish between the proxy and the back offices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticCache {
    /// The name under which back offices are asked, whatever name a visitor used: one page is one copy.
    pub host: HostName,
    /// Where it listens, as the proxy reaches it.
    pub at: Upstream,
    /// The first that takes a path has it.
    pub routes: Vec<StaticRoute>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticRoute {
    pub name: Label,
    pub paths: Vec<PathPrefix>,
    pub back_office: Upstream,
    pub fresh: Seconds,
    /// How long an old page is served while no new one can be had.
    pub grace: Seconds,
    /// Who may replace and remove pages.
    pub publishers: Vec<IpNet>,
}

/// Paths, as sent, that Varnish refuses: what a back office might read as another path than the proxy did.
pub const REFUSED_BY_STATIC: &str = r"(?i)(?:\.\.|//|\\|%(?:2[5ef]|5c))";

impl StaticCache {
    /// The start of every path that is published, as a regular expression for the decoded path.
    pub fn paths(&self) -> String {
        let paths: Vec<PathPrefix> = self.routes.iter().flat_map(|route| route.paths.clone()).collect();
        any_of(&paths)
    }

    /// The route that has a path, as nginx and Varnish compare it.
    pub fn route_of(&self, path: &str) -> Option<&StaticRoute> {
        self.routes.iter().find(|route| is_under(&route.paths, path))
    }

    /// Everybody who may publish something.
    pub fn publishers(&self) -> BTreeSet<IpNet> {
        self.routes.iter().flat_map(|route| route.publishers.clone()).collect()
    }
}

impl StaticRoute {
    /// `Cache-Control` of good pages. No `s-maxage`, which would forbid the CDN to serve stale (RFC 9111, section 4.2.4).
    pub fn marking(&self) -> String {
        format!("public, max-age={0}, stale-while-revalidate={0}, stale-if-error={1}", self.fresh, self.grace)
    }
}

/// An upstream as a container is told of it: a name is followed when it moves, which every deployment makes it do (nginx
/// 1.27.3; the buildpack has a newer one).
pub fn upstream_variable(upstream: &Upstream) -> String {
    let Upstream { host, port } = upstream;
    match host.parse::<IpAddr>() {
        Ok(_) => format!("{host}:{port}"),
        Err(_) => format!("{host}:{port} resolve"),
    }
}

/// An environment variable that a concern needs in an app. No secret: the value is generated text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppVariable {
    /// The app of `[[apps.apps]]`.
    pub app: Label,
    /// As the shell knows it.
    pub name: Text,
    pub value: String,
    /// Somebody switches it on the night: what Terraform applies later must not put it back.
    pub switched: bool,
    /// One line: what it is for.
    pub why: String,
}

/// A mode of the proxy, switched by a variable of its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeSwitch {
    pub variable: VariableName,
    pub on: Word,
    pub off: Word,
    /// Sent with every answer in the mode.
    pub marker: OwnHeader,
    /// Starts of decoded paths that are answered 503 in the mode.
    pub cut: Vec<PathPrefix>,
    pub retry_after: Seconds,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformApp {
    pub region: Region,
    pub project: Label,
    pub app: App,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseAddon {
    /// The app of `[[apps.apps]]`.
    pub app: Label,
    pub engine: Engine,
    pub plan: Plan,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Letter {
    /// To a service that the site calls.
    Vendor(Vendor),
    /// To an organisation that must know of the launch.
    Partner(PartnerTable),
    /// To the platform's support.
    Platform(PlatformRequest),
}

/// What the platform's support must allow, and know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRequest {
    pub region: Region,
    /// App, type of container, how many at most, what is allowed.
    pub containers: Vec<(Label, Label, u32, u32)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapacitySheet {
    pub source: Text,
    pub capacity: Capacity,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleSheet {
    pub people: People,
}

/// What a concern knows of its lever; whose it is and when it was last tried, `[people.levers]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeverCard {
    /// As `[[people.levers]]` names it.
    pub name: &'static str,
    /// Who pulls it where `[people.levers]` does not say.
    pub owner: Role,
    /// What is seen when it is time.
    pub when: Said,
    /// What it does, and how soon.
    pub does: Said,
    /// Orders, in order.
    pub pull: Vec<Said>,
    /// The way back, in order.
    pub release: Vec<Said>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailProvider {
    pub provider: Text,
    pub messages_per_day: u32,
    /// In the busiest hour.
    pub messages_per_hour: u64,
    /// The domains that send.
    pub domains: Vec<HostName>,
    pub senders: Vec<MailSender>,
}

/// An MTA-STS policy, to be served at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportPolicy {
    pub domain: HostName,
    pub text: String,
}

/// A dedicated address and the name that its reverse zone must give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSender {
    pub address: IpAddr,
    pub helo: HostName,
    pub domain: HostName,
    /// Domain of the return path.
    pub envelope: HostName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_in_file_names() {
        let starts: [PathPrefix; 2] = ["/a/".parse().unwrap(), "/build/app-".parse().unwrap()];
        for good in [
            "/a/app.3f2a9c41.js",
            "/a/b/app-3f2a9c41.css",
            "/a/app_3f2a9c41.css",
            "/a/3f2a9c41d2.png",
            "/a/app.3f2a9c41.js.map",
            "/build/app-3f2a9c41.js",
        ] {
            assert!(is_fingerprinted_under(&starts, good), "{good}");
        }
        for bad in [
            "/a/app.js",
            "/a/app.3f2a9c4.js",
            "/a/3f2a9c41/app.js",
            "/a/app3f2a9c41.js",
            "/a/app-3F2A9C41.js",
            "/a/3f2a9c41",
            "/a/app.3f2a9c41.js\n",
            "/b/app.3f2a9c41.js",
            "/a/",
            "",
        ] {
            assert!(!is_fingerprinted_under(&starts, bad), "{bad}");
        }
    }

    #[test]
    fn starts_are_literal() {
        let routes = Routes::Under(vec!["/a.b(".parse().unwrap()]);
        let pattern = Regex::new(&routes.pattern().unwrap()).unwrap();
        assert!(pattern.is_match("/a.b(c") && !pattern.is_match("/a+b(c"));
    }
}
