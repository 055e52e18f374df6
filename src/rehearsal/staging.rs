//! The world to be, as plain data: the artifacts as each machine holds them, and how the parts around them
//! behave. A drill edits this value; nothing here opens a socket.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use super::apis;
pub use super::dns::signing::StagedKey;
use crate::blueprint::Site;
use crate::blueprint::site::{Foreign, PublicHost, ZoneFacts};
use crate::blueprint::value::HostName;
use crate::concerns::cdn::Setup;
use crate::concerns::fragment::RunsOn;
use crate::emit::{Artifact, transport_policy_path};
use crate::probe::{ApiProvider, RecordData, report_permission, reverse_name};

/// A provider's pool of shared addresses: one that no sending address of a blueprint is in.
const PROVIDER_SPF: &str = "v=spf1 ip6:2001:db8:ffff::/48 -all";
/// The public key of RFC 8463, appendix A.2.
const PROVIDER_DKIM: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// Everything a rehearsal world is started from.
#[derive(Debug, Clone)]
pub struct Staging {
    /// The site, announced a day from now.
    pub site: Site,
    /// Authoritative name servers of the blueprint's zones, by public address.
    pub name_servers: Vec<StagedNameServer>,
    /// Servers of the zones above those, by public address: they hold the delegations. One without an address is asked
    /// by resolvers alone.
    pub parent_servers: Vec<StagedNameServer>,
    /// Public resolvers that the blueprint names.
    pub resolvers: Vec<StagedResolver>,
    /// Keys of the zones that are signed.
    pub keys: BTreeMap<String, StagedKey>,
    /// Zones of others that the site leans on, zone name to zone file text: what the mail provider publishes, the
    /// reverse zones of the sending addresses. golive generates none of it; a resolver finds it.
    pub foreign_zones: BTreeMap<String, String>,
    /// The CDN: generated payloads, by artifact path (`cloudflare/...json`), as deployed.
    pub cdn_files: BTreeMap<String, String>,
    /// Certificate presented at the edge for the site's host.
    pub edge_certificate: StagedCertificate,
    /// Machines that run nginx with generated files, by public address.
    pub nodes: Vec<StagedNode>,
    pub app: StagedApp,
    /// Whoever runs what the zones' own records make aliases of.
    pub vendor: StagedVendor,
    /// The Varnish behind the proxy; `None`: the blueprint publishes nothing as static.
    pub varnish: Option<StagedVarnish>,
    /// The rules of mail domains, as whoever serves them has them.
    pub policies: Vec<StagedPolicy>,
    /// What the providers' APIs answer, path to body, as after an apply of the generated files. A provider that is
    /// not here is not staged at all; a path that is not here answers 404.
    pub apis: BTreeMap<ApiProvider, BTreeMap<String, serde_json::Value>>,
    /// The CDN's API takes a purge and drops nothing here: it was another zone's.
    pub purges_elsewhere: bool,
}

#[derive(Debug, Clone)]
pub struct StagedNameServer {
    pub name: String,
    pub address: IpAddr,
    /// Zone name to zone file text: this server's own copy of the generated `dns/<zone>.zone`.
    pub zones: BTreeMap<String, String>,
    pub manner: DnsManner,
}

#[derive(Debug, Clone)]
pub struct StagedResolver {
    pub address: IpAddr,
    /// Old copies that it has not forgotten yet, zone name to zone file text.
    pub old_zones: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsManner {
    Answers,
    /// Receives and never answers.
    Silent,
    /// Answers with bytes that are no DNS message.
    Garbage,
}

#[derive(Debug, Clone)]
pub struct StagedNode {
    pub address: IpAddr,
    pub role: NodeRole,
    /// Generated files of this machine, by path below its folder (`nginx.conf`, `where/listen.conf`).
    pub files: BTreeMap<String, String>,
    pub certificate: StagedCertificate,
    /// In front of the Scalingo flavour, the platform's router sends any Host to the app (the real one refuses
    /// names that were not added to the app).
    pub router_passes_any_host: bool,
    /// How many copies of the proxy answer behind this address.
    pub containers: u32,
    /// Environment variables of those, beside the platform's own.
    pub environment: BTreeMap<String, String>,
    /// A value that a variable is given without a restart, which alone would let nginx see it.
    pub misses_value: Option<String>,
    /// How long each connection to a redirect machine waits for its first byte.
    pub answers_after: Duration,
    /// The last of the containers gets no request.
    pub starves_one: bool,
    /// Two of three connections end as soon as they are there.
    pub flaps: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeRole {
    /// The proxy as a Scalingo app: a router that terminates TLS, then `nginx/scalingo/servers.conf.erb`.
    ScalingoProxy,
    /// The proxy on a plain machine: `nginx/proxy/`.
    ServerProxy,
    /// A redirect machine: `nginx/redirect-<first name>/`.
    Redirect,
    /// The app itself behind its platform's router, where the blueprint has no proxy: nothing of golive's runs there.
    App,
}

/// Where the site's name leads when the blueprint has no CDN and so does not say it. Of the range for benchmarks
/// (RFC 2544), which no blueprint may name.
pub const SITE_ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 18, 0, 10));

impl NodeRole {
    /// Whether the machine stands between CDN and app.
    pub fn is_proxy(self) -> bool {
        matches!(self, NodeRole::ScalingoProxy | NodeRole::ServerProxy)
    }

    /// The file that says what nginx does there, below the machine's folder.
    pub fn main_file(self) -> Option<&'static str> {
        match self {
            NodeRole::ScalingoProxy => Some("servers.conf.erb"),
            NodeRole::ServerProxy | NodeRole::Redirect => Some("nginx.conf"),
            NodeRole::App => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedCertificate {
    pub names: Vec<String>,
    /// Whether the server sends the intermediate certificate along.
    pub with_intermediate: bool,
    /// Days from now until it ends.
    pub days_left: i64,
    /// It was ordered so that nobody believes it without a stapled answer (RFC 7633); no server here staples.
    pub must_staple: bool,
}

/// One vendor for all aliases of the zones' own records.
#[derive(Debug, Clone)]
pub struct StagedVendor {
    /// Our names, which its certificate covers; empty: no alias, and nobody listens.
    pub names: Vec<String>,
    /// It still has a customer of that name.
    pub knows_us: bool,
}

/// Where vendors are. Of the range for benchmarks (RFC 2544), which no blueprint may name.
pub const VENDOR_ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 18, 0, 80));

/// An MTA-STS policy where it is served.
#[derive(Debug, Clone)]
pub struct StagedPolicy {
    pub host: String,
    pub address: IpAddr,
    /// The generated file.
    pub text: String,
}

/// The Varnish of all machines of the proxy: one, wherever it is deployed, since the pages are the same.
#[derive(Debug, Clone)]
pub struct StagedVarnish {
    /// What it runs, a path of [`Self::files`].
    pub main_file: String,
    /// Generated files below `varnish/`.
    pub files: BTreeMap<String, String>,
}

/// The app behind the proxy, as badly behaved as the blueprint admits: by default it sends no cache header
/// and sets no cookie on pages (JVA-6, JVA-7).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StagedApp {
    /// Every page answer starts a session.
    pub session_cookie_on_pages: bool,
    /// Pages greet the person whose session cookie came along.
    pub personal_pages: bool,
    /// `Vary: Cookie` on pages.
    pub vary_cookie_on_pages: bool,
    /// Pages link assets without a hash in their names.
    pub plain_asset_names: bool,
    /// Reflects `X-Forwarded-Host` in pages when it is given one.
    pub reflects_forwarded_host: bool,
    /// Asks everybody for a password, on every path.
    pub basic_auth: bool,
    /// `X-Robots-Tag: noindex` on pages.
    pub noindex: bool,
    /// Pages that are not there show where in the code they were looked for.
    pub debug: bool,
    /// No health page.
    pub without_health: bool,
    /// The health page says that all is well, whatever became of the database.
    pub health_blind: bool,
    /// The health page does not say which build answers.
    pub health_without_build: bool,
    /// The app's own limiter counts everybody as one visitor, the proxy, and says so in X-RateLimit-Remaining.
    pub limiter_counts_proxy: bool,
    /// The switch of the app's own cache is read by nothing.
    pub read_cache_unwired: bool,
    /// Each container keeps sessions in its own memory.
    pub sessions_in_memory: bool,
}

impl Staging {
    /// The healthy world of a site, with its artifacts as they were generated. `runs_on` says where its proxy runs,
    /// if it has one.
    ///
    /// # Errors
    ///
    /// Names the artifact that a machine needs and that was not generated.
    pub fn new(site: Site, runs_on: RunsOn, artifacts: &[Artifact]) -> Result<Self, String> {
        let mut name_servers = name_servers(&site, artifacts)?;
        let cdn_files = below("cloudflare/", artifacts)
            .into_iter()
            .filter(|(name, _)| name.ends_with(".json"))
            .map(|(name, text)| (format!("cloudflare/{name}"), text))
            .collect();
        let hosts: Vec<String> = site.hosts.iter().map(|host| host.name.to_string()).collect();
        let (role, folder) = match (site.has_proxy, runs_on) {
            (false, _) => (NodeRole::App, None),
            (true, RunsOn::Scalingo) => (NodeRole::ScalingoProxy, Some("nginx/scalingo/")),
            (true, RunsOn::Server) => (NodeRole::ServerProxy, Some("nginx/proxy/")),
        };
        let (each, more) = (site.proxies / site.origin_addresses(), site.proxies % site.origin_addresses());
        let origins = match &site.cdn {
            Some(cdn) => cdn.origins.clone(),
            None => {
                publish_site(&site, &mut name_servers);
                vec![SITE_ADDRESS]
            }
        };
        let mut nodes = Vec::new();
        for (position, address) in (0..).zip(origins) {
            let containers = (each + u32::from(position < more)).max(1);
            let platform_name = site.platform_name().filter(|_| role == NodeRole::ScalingoProxy);
            let names = hosts.iter().cloned().chain(platform_name.map(|name| name.to_string())).collect();
            let node = staged_node(address, role, folder, names, artifacts)?;
            let environment = match &site.degraded {
                Some(degraded) => BTreeMap::from([(degraded.variable.to_string(), degraded.off.to_string())]),
                None => BTreeMap::new(),
            };
            nodes.push(StagedNode { containers, environment, ..node });
        }
        for redirected in &site.redirected {
            let names: Vec<String> = redirected.names.iter().map(|name| name.as_str().to_owned()).collect();
            let Some(first) = names.first() else { continue };
            let folder = format!("nginx/redirect-{first}/");
            for address in &redirected.addresses {
                nodes.push(staged_node(*address, NodeRole::Redirect, Some(&folder), names.clone(), artifacts)?);
            }
        }
        let keys = site
            .zones
            .iter()
            .filter(|zone| zone.is_signed)
            .map(|zone| Ok((zone.name.to_string(), StagedKey::new()?)))
            .collect::<Result<_, String>>()?;
        let parent_servers = parent_servers(&site, &keys, &mut name_servers)?;
        let resolvers = site.resolvers.iter().map(|(_, address)| *address);
        let resolvers = resolvers.map(|address| StagedResolver { address, old_zones: BTreeMap::new() }).collect();
        let policies = policies(&site, artifacts)?;
        let edge_certificate = StagedCertificate::healthy(hosts);
        let foreign_zones = foreign_zones(&site);
        let aliases =
            site.zones.iter().flat_map(ZoneFacts::aliases).filter(|(name, _)| name.parse::<HostName>().is_ok());
        let vendor = StagedVendor { names: aliases.map(|(name, _)| name.to_owned()).collect(), knows_us: true };
        let app = StagedApp::default();
        let apis = apis::answers(artifacts)?;
        let files = below("varnish/", artifacts);
        let main_file = format!("{}.vcl", site.name);
        let varnish = files.contains_key(&main_file).then_some(StagedVarnish { main_file, files });
        let mut staging = Self {
            site,
            name_servers,
            parent_servers,
            resolvers,
            keys,
            foreign_zones,
            cdn_files,
            edge_certificate,
            nodes,
            app,
            varnish,
            policies,
            apis,
            vendor,
            purges_elsewhere: false,
        };
        staging.read_back_cdn();
        Ok(staging)
    }

    /// Edits one generated payload as JSON.
    ///
    /// # Errors
    ///
    /// When the file is absent or no JSON, or the edit says so.
    pub fn edit_cdn(
        &mut self,
        path: &str,
        edit: impl FnOnce(&mut serde_json::Value) -> Result<(), String>,
    ) -> Result<(), String> {
        let text = self.cdn_files.get_mut(path).ok_or_else(|| format!("{path} was not generated"))?;
        let mut value = serde_json::from_str(text).map_err(|error| format!("{path}: {error}"))?;
        edit(&mut value)?;
        *text = serde_json::to_string_pretty(&value).map_err(|error| format!("{path}: {error}"))?;
        self.read_back_cdn();
        Ok(())
    }

    /// Cloudflare's API tells what Cloudflare was told.
    fn read_back_cdn(&mut self) {
        if let Some(cdn) = &self.site.cdn {
            let zone = self.site.zones.iter().find(|zone| zone.name == cdn.zone);
            let assigned: Vec<&str> =
                zone.iter().flat_map(|zone| &zone.servers).map(|(name, _)| name.as_str()).collect();
            let itself = match cdn.setup {
                Setup::Full => json!({ "type": "full", "status": "active", "name_servers": assigned }),
                Setup::Partial => json!({ "type": "partial", "status": "active" }),
            };
            let bodies = apis::cloudflare::bodies(cdn.zone.as_str(), itself, &self.cdn_files);
            self.apis.insert(ApiProvider::Cloudflare, bodies);
        }
    }
}

pub(super) fn replace_once(text: &mut String, place: &str, from: &str, to: &str) -> Result<(), String> {
    match text.matches(from).count() {
        1 => {
            *text = text.replace(from, to);
            Ok(())
        }
        0 => Err(format!("{place} does not hold `{from}`")),
        n => Err(format!("{place} holds `{from}` {n} times")),
    }
}

impl StagedCertificate {
    /// As an authority issues it today: 90 days, with its intermediate.
    pub fn healthy(names: Vec<String>) -> Self {
        Self { names, with_intermediate: true, days_left: 90, must_staple: false }
    }
}

fn policies(site: &Site, artifacts: &[Artifact]) -> Result<Vec<StagedPolicy>, String> {
    let domains = site.mail.iter().flat_map(|mail| &mail.table.domains);
    let served = domains.filter_map(|domain| Some((domain, domain.policy_host()?)));
    served
        .map(|(domain, (host, address))| {
            let path = transport_policy_path(domain.name.as_str());
            let artifact = artifacts.iter().find(|artifact| artifact.path == path);
            let text =
                artifact.map(|artifact| artifact.text.clone()).ok_or_else(|| format!("{path} was not generated"))?;
            Ok(StagedPolicy { host, address, text })
        })
        .collect()
}

fn name_servers(site: &Site, artifacts: &[Artifact]) -> Result<Vec<StagedNameServer>, String> {
    let mut servers: Vec<StagedNameServer> = Vec::new();
    for zone in &site.zones {
        let path = format!("dns/{}.zone", zone.name);
        let artifact = artifacts.iter().find(|artifact| artifact.path == path);
        let text = artifact.map(|artifact| &artifact.text).ok_or_else(|| format!("{path} was not generated"))?;
        for (name, address) in &zone.servers {
            let position = servers.iter().position(|server| server.address == *address);
            let position = position.unwrap_or_else(|| {
                servers.push(StagedNameServer {
                    name: name.as_str().to_owned(),
                    address: *address,
                    zones: BTreeMap::new(),
                    manner: DnsManner::Answers,
                });
                servers.len() - 1
            });
            servers[position].zones.insert(zone.name.as_str().to_owned(), text.clone());
        }
    }
    Ok(servers)
}

/// The delegations of the site's zones, as the zones above hold them. Where the blueprint runs that one too, its own
/// records delegate, and only the word for a signed zone's key is added.
fn parent_servers(
    site: &Site,
    keys: &BTreeMap<String, StagedKey>,
    name_servers: &mut [StagedNameServer],
) -> Result<Vec<StagedNameServer>, String> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut servers: BTreeMap<IpAddr, StagedNameServer> = BTreeMap::new();
    for zone in &site.zones {
        let Some((_, above)) = zone.name.as_str().split_once('.') else { continue };
        let vouched = match keys.get(zone.name.as_str()) {
            Some(key) => format!("{}. 3600 IN DS {}\n", zone.name, key.delegation(zone.name.as_str())?),
            None => String::new(),
        };
        let is_above = |other: &&ZoneFacts| other.name != zone.name && zone.name.is_within(&other.name);
        if let Some(own) = site.zones.iter().filter(is_above).max_by_key(|other| other.name.as_str().len()) {
            for text in name_servers.iter_mut().filter_map(|server| server.zones.get_mut(own.name.as_str())) {
                text.push_str(&vouched);
            }
            continue;
        }
        let text = texts.entry(above.to_owned()).or_insert_with(|| {
            format!(
                "{above}. 3600 IN SOA ns.registry.example. dns.registry.example. 1 7200 900 1209600 300\n\
                 {above}. 3600 IN NS ns.registry.example.\n"
            )
        });
        for (name, address) in &zone.servers {
            text.push_str(&format!("{}. 3600 IN NS {name}.\n", zone.name));
            if name.is_within(&zone.name) {
                text.push_str(&format!("{name}. 3600 IN {} {address}\n", if address.is_ipv4() { "A" } else { "AAAA" }));
            }
        }
        text.push_str(&vouched);
        let nowhere = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let unnamed = zone.is_signed.then_some(("ns.registry.example", nowhere));
        let named = zone.parent_servers.iter().map(|(name, address)| (name.as_str(), *address));
        for (name, address) in named.chain(unnamed.filter(|_| zone.parent_servers.is_empty())) {
            let server = servers.entry(address).or_insert_with(|| StagedNameServer {
                name: name.to_owned(),
                address,
                zones: BTreeMap::new(),
                manner: DnsManner::Answers,
            });
            server.zones.insert(above.to_owned(), String::new());
        }
    }
    let mut servers: Vec<StagedNameServer> = servers.into_values().collect();
    for (zone, text) in servers.iter_mut().flat_map(|server| &mut server.zones) {
        text.clone_from(texts.get(zone).ok_or("no delegation")?);
    }
    Ok(servers)
}

/// Of somebody else, who takes mail or answers for a zone.
const TAKES_MAIL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 25));

fn is_below(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// One zone a foreign name: nobody says where the cuts between them are, and none of the checks asks.
fn foreign_zones(site: &Site) -> BTreeMap<String, String> {
    let mut records: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in site.mail.iter().flat_map(|mail| &mail.leaned_on) {
        let (name, data) = match record {
            Foreign::SpfPolicy(name) => (name.to_string(), format!("TXT \"{PROVIDER_SPF}\"")),
            Foreign::DkimKey(name) => (name.to_string(), format!("TXT \"{PROVIDER_DKIM}\"")),
            Foreign::Exchange(name) => (name.to_string(), format!("A {TAKES_MAIL}")),
            Foreign::Reverse(address, name) => (reverse_name(*address), format!("PTR {name}.")),
            Foreign::TakesReportsOn(domain, whose) => {
                (report_permission(domain.as_str(), whose.as_str()), "TXT \"v=DMARC1\"".to_owned())
            }
        };
        records.entry(name).or_default().push(data);
    }
    // Whatever our own records lead to exists.
    for (_, data) in site.zones.iter().flat_map(|zone| &zone.records) {
        let (target, address) = match data {
            RecordData::Cname(target) => (target, VENDOR_ADDRESS),
            RecordData::Mx { exchange: target, .. } | RecordData::Ns(target) if target != "." => (target, TAKES_MAIL),
            _ => continue,
        };
        if !site.zones.iter().any(|zone| is_below(target, zone.name.as_str())) {
            records.entry(target.clone()).or_default().push(format!("A {address}"));
        }
    }
    // The platform's name for the app before the others leads to where the CDN finds it.
    let origin = site.cdn.iter().flat_map(|cdn| &cdn.origins).next();
    if let (Some(name), Some(address)) = (site.platform_name(), origin) {
        let kind = if address.is_ipv4() { "A" } else { "AAAA" };
        records.entry(name.to_string()).or_default().push(format!("{kind} {address}"));
    }
    // A name server has an address, wherever its name is.
    for (name, address) in site.zones.iter().flat_map(|zone| &zone.servers) {
        if site.zone_of(name).is_none() {
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            records.entry(name.to_string()).or_default().push(format!("{kind} {address}"));
        }
    }
    records
        .into_iter()
        .map(|(name, mut data)| {
            data.sort();
            data.dedup();
            let mut text = format!(
                "{name}. 3600 IN SOA ns.provider.example. dns.provider.example. 1 7200 900 1209600 300\n\
                 {name}. 3600 IN NS ns.provider.example.\n"
            );
            for data in data {
                text.push_str(&format!("{name}. 3600 IN {data}\n"));
            }
            (name, text)
        })
        .collect()
}

/// Adds the records that no artifact holds: with no CDN to point to, the site's names are their owner's affair.
fn publish_site(site: &Site, name_servers: &mut [StagedNameServer]) {
    for PublicHost { name, .. } in &site.hosts {
        let Some(zone) = site.zone_of(name) else { continue };
        for text in name_servers.iter_mut().filter_map(|server| server.zones.get_mut(zone.name.as_str())) {
            text.push_str(&format!("{name}. {} IN A {SITE_ADDRESS}\n", site.lowered_ttl));
        }
    }
}

fn staged_node(
    address: IpAddr,
    role: NodeRole,
    folder: Option<&str>,
    names: Vec<String>,
    artifacts: &[Artifact],
) -> Result<StagedNode, String> {
    let files = folder.map(|folder| below(folder, artifacts)).unwrap_or_default();
    if let Some(folder) = folder
        && files.is_empty()
    {
        return Err(format!("{folder} was not generated, and {address} has nothing to run"));
    }
    let certificate = StagedCertificate::healthy(names);
    Ok(StagedNode {
        address,
        role,
        files,
        certificate,
        router_passes_any_host: false,
        containers: 1,
        environment: BTreeMap::new(),
        starves_one: false,
        flaps: false,
        misses_value: None,
        answers_after: Duration::ZERO,
    })
}

/// Texts of the artifacts below a folder, by path within it.
fn below(folder: &str, artifacts: &[Artifact]) -> BTreeMap<String, String> {
    artifacts
        .iter()
        .filter_map(|artifact| Some((artifact.path.strip_prefix(folder)?.to_owned(), artifact.text.clone())))
        .collect()
}
