//! Building the questions that several concerns ask alike.

use std::net::IpAddr;
use std::time::Duration;

use crate::blueprint::Site;
use crate::blueprint::site::CdnFacts;
use crate::blueprint::value::HostName;
pub use crate::probe::NONCE;
use crate::probe::{
    ApiProbe, ApiProvider, DnsProbe, DnsServer, HttpProbe, Probe, RecordType, Scheme, Signatures, Target,
    TlsOfferProbe, TlsProbe, TlsVersion, Wait,
};

/// A GET as any visitor sends it.
pub fn get(scheme: Scheme, host: &HostName, path: &str) -> HttpProbe {
    HttpProbe {
        scheme,
        host: host.to_string(),
        host_header: None,
        path: path.to_owned(),
        to: Target::Resolved,
        headers: Vec::new(),
        nth: 0,
    }
}

impl HttpProbe {
    #[must_use]
    pub fn pinned(mut self, address: IpAddr) -> Self {
        self.to = Target::Pinned(address);
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn with_host_header(mut self, host: &str) -> Self {
        self.host_header = Some(host.to_owned());
        self
    }

    /// The same question once more, as one of its own.
    #[must_use]
    pub fn again(mut self, nth: u8) -> Self {
        self.nth = nth;
        self
    }

    /// `https://host/path?query`.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme.as_str(), self.host, self.path)
    }
}

impl From<HttpProbe> for Probe {
    fn from(probe: HttpProbe) -> Self {
        Probe::Http(probe)
    }
}

pub fn dns_at(server: IpAddr, name: &str, record_type: RecordType) -> Probe {
    dns_again(server, name, record_type, 0)
}

pub fn dns_again(server: IpAddr, name: &str, record_type: RecordType, nth: u8) -> Probe {
    dns(DnsServer::Authoritative(server), name, record_type, Signatures::NotAsked, nth)
}

pub fn dns_resolved(name: &str, record_type: RecordType) -> Probe {
    dns(DnsServer::Resolver, name, record_type, Signatures::NotAsked, 0)
}

/// At a resolver that the blueprint names.
pub fn dns_named(resolver: IpAddr, name: &str, record_type: RecordType, nth: u8) -> Probe {
    dns(DnsServer::Named(resolver), name, record_type, Signatures::NotAsked, nth)
}

/// The same questions with what is asked about signatures.
pub fn dns_signed(server: DnsServer, name: &str, record_type: RecordType, signatures: Signatures) -> Probe {
    dns(server, name, record_type, signatures, 0)
}

fn dns(server: DnsServer, name: &str, record_type: RecordType, signatures: Signatures, nth: u8) -> Probe {
    Probe::Dns(DnsProbe { server, name: name.to_owned(), record_type, signatures, nth })
}

pub fn handshake(name: &HostName, to: Target, nth: u8) -> Probe {
    Probe::Tls(TlsProbe { name: name.to_string(), to, nth })
}

/// Each version of TLS by itself.
pub fn each_version(name: &HostName, to: Target) -> Vec<Probe> {
    TlsVersion::ALL.map(|version| Probe::TlsOffer(TlsOfferProbe { name: name.to_string(), to, version })).into()
}

pub fn pause(seconds: u32) -> Probe {
    Probe::Wait(Wait { duration: Duration::from_secs(seconds.into()), copies_of: vec![] })
}

/// One read of Cloudflare's API about the site's zone, below `/zones/ZONE`; nothing where there is no CDN.
pub fn cloudflare_zone(site: &Site, below: &str) -> Vec<Probe> {
    let path = |cdn: &CdnFacts| format!("/zones/{}{below}", cdn.zone);
    site.cdn.iter().map(|cdn| api(ApiProvider::Cloudflare, path(cdn))).collect()
}

/// The rules of a phase.
pub fn cloudflare_entrypoint(site: &Site, phase: &str) -> Vec<Probe> {
    cloudflare_zone(site, &format!("/rulesets/phases/{phase}/entrypoint"))
}

/// What a list of the account holds.
pub fn cloudflare_list(site: &Site, name: &str) -> Vec<Probe> {
    cloudflare_account(site, &format!("/rules/lists/{name}/items"))
}

/// One read about the account that holds the site's zone.
pub fn cloudflare_account(site: &Site, below: &str) -> Vec<Probe> {
    let path = |cdn: &CdnFacts| format!("/accounts/{}{below}", cdn.zone);
    site.cdn.iter().map(|cdn| api(ApiProvider::Cloudflare, path(cdn))).collect()
}

fn api(provider: ApiProvider, path: String) -> Probe {
    Probe::Api(ApiProbe { provider, path, nth: 0 })
}

/// Lets the edge's copies of these URLs grow older.
pub fn age(probes: &[&HttpProbe], seconds: u32) -> Probe {
    let copies_of = probes.iter().map(|probe| probe.url()).collect();
    Probe::Wait(Wait { duration: Duration::from_secs(seconds.into()), copies_of })
}
