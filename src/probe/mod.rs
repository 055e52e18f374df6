//! Questions to the network and the answers to them, as plain data.
//!
//! A probe is a value: equal probes are asked once and their answer shared. This module must not open a
//! socket ([`crate::world`] does) nor judge ([`crate::concerns`] do).

pub mod evidence;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Probe {
    Dns(DnsProbe),
    Http(HttpProbe),
    /// Many requests, to see a limit act (safety class S3: it trips what it tests).
    Burst(BurstProbe),
    Tls(TlsProbe),
    /// Offer one version of TLS and no other.
    TlsOffer(TlsOfferProbe),
    /// The same GET again and again, each on a connection of its own, to see how long it takes.
    Samples(SamplesProbe),
    /// Let time pass. For copies in a cache: a rehearsal ages those instead of sleeping.
    Wait(Wait),
    /// Make the origin fail, switch its mode, or let the waiting room hold everybody. Only a rehearsal obeys (safety
    /// class S4); elsewhere the answer is
    /// [`Observation::NotAsked`].
    Disturb(Disturbance),
    /// Read one thing from a provider's API.
    Api(ApiProbe),
    /// Let the CDN drop its copy of one URL: all that a probe ever changes, with consent (safety class S3).
    Purge(Purge),
}

/// Stands for text that differs from run to run, in names, paths, headers and URLs; whoever asks fills it in, so that
/// checks stay pure. It collides with nothing: a name or a path never holds a brace.
pub const NONCE: &str = "{nonce}";

/// Stands, in a header, for the session of a test account. Only [`crate::world`] fills it in, as it sends: it is a secret,
/// and a probe is printed.
pub const TEST_SESSION: &str = "{test session}";

impl Probe {
    /// The same question with [`NONCE`] filled in.
    #[must_use]
    pub fn filled(&self, nonce: &str) -> Self {
        let fill = |text: &String| text.replace(NONCE, nonce);
        let fill_http = |probe: &HttpProbe| HttpProbe {
            path: fill(&probe.path),
            headers: probe.headers.iter().map(|(name, value)| (name.clone(), fill(value))).collect(),
            ..probe.clone()
        };
        match self {
            Probe::Http(probe) => Probe::Http(fill_http(probe)),
            Probe::Samples(probe) => {
                Probe::Samples(SamplesProbe { request: fill_http(&probe.request), ..probe.clone() })
            }
            Probe::Burst(probe) => Probe::Burst(BurstProbe { request: fill_http(&probe.request), ..probe.clone() }),
            Probe::Wait(wait) => {
                Probe::Wait(Wait { copies_of: wait.copies_of.iter().map(fill).collect(), ..wait.clone() })
            }
            Probe::Dns(probe) => Probe::Dns(DnsProbe { name: fill(&probe.name), ..probe.clone() }),
            Probe::Purge(purge) => Probe::Purge(Purge { url: fill(&purge.url), ..purge.clone() }),
            Probe::Tls(_) | Probe::TlsOffer(_) | Probe::Disturb(_) | Probe::Api(_) => self.clone(),
        }
    }
}

impl Probe {
    /// How many requests of a live run's budget it takes.
    pub fn requests(&self) -> usize {
        match self {
            Probe::Http(_) | Probe::Tls(_) | Probe::TlsOffer(_) | Probe::Burst(_) => 1,
            Probe::Samples(samples) => samples.count.into(),
            Probe::Dns(_) | Probe::Wait(_) | Probe::Disturb(_) | Probe::Api(_) | Probe::Purge(_) => 0,
        }
    }
}

/// One DNS query to one server, without recursion desired unless the server is a resolver.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DnsProbe {
    pub server: DnsServer,
    /// Name without final dot.
    pub name: String,
    pub record_type: RecordType,
    pub signatures: Signatures,
    /// Distinguishes repeated questions, which must not share one answer.
    pub nth: u8,
}

/// What is asked about signatures (RFC 4035, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signatures {
    /// Nothing, as most programs do.
    NotAsked,
    /// To be sent along, and checked by a resolver that checks (DO).
    Asked,
    /// To be sent along, whether they are good or not (DO and CD).
    Unchecked,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DnsServer {
    /// An authoritative server named by the blueprint, asked with RD=0 over UDP, over TCP when truncated.
    Authoritative(IpAddr),
    /// The resolvers of this run (system's, or `--resolver`), asked with RD=1.
    Resolver,
    /// A resolver that the blueprint names, asked with RD=1.
    Named(IpAddr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    A,
    Aaaa,
    Caa,
    Cname,
    Dnskey,
    Ds,
    Https,
    Mx,
    Ns,
    Ptr,
    Soa,
    Srv,
    Txt,
}

/// The name under which an address has its own name (RFC 1035, section 3.5; RFC 3596, section 2.5).
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|octet| [octet & 0xf, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}

/// The name at which `whose` agrees to take DMARC reports on `domain` (RFC 9990).
pub fn report_permission(domain: &str, whose: &str) -> String {
    format!("{domain}._report._dmarc.{whose}")
}

/// One HTTP GET (never HEAD: a CDN may turn it into a GET), no redirect followed, no cookie kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpProbe {
    pub scheme: Scheme,
    /// Name in SNI and Host.
    pub host: String,
    /// Sent as Host instead of `host`, for probes with an alien name.
    pub host_header: Option<String>,
    /// Path and query, byte for byte as sent.
    pub path: String,
    /// Where to connect.
    pub to: Target,
    /// Further request headers, lower-case names, in order.
    pub headers: Vec<(String, String)>,
    /// Distinguishes repeated requests, which must not share one answer.
    pub nth: u8,
}

/// GETs to measure: to one address, at the pace of a polite run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SamplesProbe {
    pub request: HttpProbe,
    pub count: u16,
}

/// By this header the back office of a rehearsal says how often it has been asked for the page.
pub const FETCH_HEADER: &str = "x-golive-fetch";

/// Stands for the number of the request in the path of a burst, so that no cache answers the second from the first.
pub const NTH: &str = "{nth}";

/// One request again and again, as fast as it is answered, on one connection (on the next where the server closes it).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BurstProbe {
    pub request: HttpProbe,
    /// With an empty body. Anything but a GET is for a rehearsal: a live probe writes nothing (checks.md, rule 4).
    pub method: Method,
    /// At most so many.
    pub count: u16,
    /// Stop after so many refusals ([`BurstAnswer::refused`]): more would tell nothing. 0: never.
    pub enough_refusals: u16,
    /// What is let pass before the first one, in a rehearsal too: limits refill with time.
    pub after: Duration,
    pub visitor: Visitor,
    /// The answer header whose values are counted, in lower case.
    pub counts: Option<&'static str>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Visitor {
    /// golive itself, from wherever it runs. A rehearsal gives each of these words an address of its own, so that one
    /// check does not spend what another one is allowed.
    Own(String),
    /// Somebody else, which only a rehearsal can be.
    At(IpAddr),
}

/// A request method that a limit, or a rule of the filter, may name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    // Varnish's own, by which a page is published anew, and removed; no blueprint names them.
    #[serde(skip)]
    Refresh,
    #[serde(skip)]
    Purge,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Refresh => "REFRESH",
            Method::Purge => "PURGE",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    pub fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Where the name leads, as for any visitor.
    Resolved,
    /// This address, which the blueprint names.
    Pinned(IpAddr),
}

/// One TLS handshake that accepts any certificate and reports what it saw.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsProbe {
    /// Name in SNI, and the one the certificate must cover.
    pub name: String,
    pub to: Target,
    pub nth: u8,
}

/// Whether a server takes a client that speaks this version of TLS alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsOfferProbe {
    /// Name in SNI.
    pub name: String,
    pub to: Target,
    pub version: TlsVersion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 2246; forbidden by RFC 8996.
    Tls10,
    /// RFC 4346; forbidden by RFC 8996.
    Tls11,
    Tls12,
    Tls13,
}

impl TlsVersion {
    pub const ALL: [Self; 4] = [Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wait {
    pub duration: Duration,
    /// The URLs (`https://host/path?query`) whose cached copies are to grow older; none: time alone matters.
    pub copies_of: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disturbance {
    /// The app refuses connections.
    AppRefuses,
    /// The app answers 503 to everything.
    AppAnswers503,
    /// The app answers 500 to everything.
    AppAnswers500,
    /// The app runs and finds no database.
    DatabaseAway,
    /// Back to health, the back offices too, and the waiting room's door as it was told to be.
    AppHealthy,
    /// The variable of the degraded mode is set, and what reads it restarted.
    ModeOn,
    /// The same, back.
    ModeOff,
    /// The waiting room holds everybody (`queue_all`).
    RoomHoldsAll,
    /// The CDN's copies are purged, all of them: who asks next is a data centre that has none.
    EdgePurged,
    /// The back offices refuse connections, until all is healed.
    OfficeRefuses,
    /// The back offices answer 503 to everything, until all is healed.
    OfficeAnswers503,
}

/// One copy less at the CDN.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Purge {
    /// The CDN's zone.
    pub zone: String,
    /// Host of the URL; a name of the blueprint.
    pub host: String,
    /// Scheme, host, path and query, as visitors ask for it.
    pub url: String,
}

/// One GET of a provider's API.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ApiProbe {
    pub provider: ApiProvider,
    /// Below the provider's base. Names stand where the API wants ids that only a token's owner can look up:
    /// `/apps/NAME/containers` (Scalingo takes both), `/zones/ZONE/waiting_rooms` (Cloudflare: ZONE is a zone's name),
    /// `/accounts/ZONE/rules/lists/NAME/items` (the account that holds this zone, a list's name).
    pub path: String,
    pub nth: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiProvider {
    Cloudflare,
    Scalingo,
}

impl ApiProvider {
    pub fn as_str(self) -> &'static str {
        match self {
            ApiProvider::Cloudflare => "Cloudflare",
            ApiProvider::Scalingo => "Scalingo",
        }
    }
}

/// What came back. `probes[i]` of a check is answered by `observations[i]`.
#[derive(Debug, Clone)]
pub enum Observation {
    Dns(DnsAnswer),
    Http(HttpAnswer),
    Burst(BurstAnswer),
    Tls(TlsAnswer),
    TlsOffer(TlsOfferAnswer),
    Samples(SamplesAnswer),
    Api(ApiAnswer),
    Done,
    /// The question could not be answered: network, timeout, no route. Never evidence against the site by
    /// itself, unless the check says so.
    Failed(Failure),
    /// The question was not put: not allowed here.
    NotAsked {
        because: String,
    },
}

/// What a provider says of what it was told.
#[derive(Debug, Clone)]
pub struct ApiAnswer {
    pub at: Timestamp,
    pub status: u16,
    /// The body as the provider documents it: Cloudflare's envelope, Scalingo's object.
    pub body: serde_json::Value,
}

#[derive(Debug, Clone)]
pub struct DnsAnswer {
    /// When the answer came.
    pub at: Timestamp,
    /// The address that answered.
    pub server: String,
    pub rcode: Rcode,
    /// AA bit.
    pub authoritative: bool,
    /// AD bit: the resolver says that it checked the signatures.
    pub authenticated: bool,
    /// Answer section in order, aliases included.
    pub answers: Vec<DnsRecord>,
    /// Authority section: the SOA of a negative answer, the name servers of a referral.
    pub authority: Vec<DnsRecord>,
    /// Additional section: addresses of those servers. Without the pseudo-record of EDNS.
    pub additional: Vec<DnsRecord>,
}

impl DnsAnswer {
    /// SOA of the authority section, for negative answers.
    pub fn authority_soa(&self) -> Option<&Soa> {
        self.authority.iter().find_map(|record| match &record.data {
            RecordData::Soa(soa) => Some(soa),
            _ => None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rcode {
    NoError,
    NxDomain,
    ServFail,
    Refused,
    Other(u16),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsRecord {
    /// Owner, lower case, no final dot.
    pub name: String,
    pub ttl: u32,
    pub data: RecordData,
}

/// Record data, names in lower case without final dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordData {
    A(std::net::Ipv4Addr),
    Aaaa(std::net::Ipv6Addr),
    Cname(String),
    Ns(String),
    Ptr(String),
    Soa(Soa),
    /// Character-strings joined without a space, lossily decoded.
    Txt(String),
    Mx {
        preference: u16,
        /// `.` says that the name takes no mail (RFC 7505).
        exchange: String,
    },
    Caa {
        critical: bool,
        tag: String,
        value: String,
    },
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        /// `.` says that there is no such service (RFC 2782).
        target: String,
    },
    Dnssec(Dnssec),
    /// Present, of a type that no check reads.
    Other(String),
}

/// Records of signed zones.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dnssec {
    /// DS: which key the zone above vouches for (RFC 4034, section 5).
    Delegation {
        key_tag: u16,
        algorithm: u8,
        digest_type: u8,
        /// Lower-case hexadecimal.
        digest: String,
    },
    /// DNSKEY (RFC 4034, section 2).
    Key {
        key_tag: u16,
        algorithm: u8,
        /// Whether it signs the zone: the zone key flag is set, and it is not revoked.
        signs: bool,
        /// What a DS record of this key would hold, by digest type, for those types that are known.
        digests: BTreeMap<u8, String>,
    },
    /// RRSIG (RFC 4034, section 3).
    Signature {
        /// Mnemonic of the type that is signed.
        covers: String,
        algorithm: u8,
        key_tag: u16,
        /// End of its life in Unix seconds, modulo 2^32.
        ends: u32,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Soa {
    pub primary: String,
    pub serial: u32,
    pub refresh: u32,
    pub retry: u32,
    pub expire: u32,
    pub minimum: u32,
}

/// How long answers took, in the order in which they came.
#[derive(Debug, Clone)]
pub struct SamplesAnswer {
    /// When the last answer came.
    pub at: Timestamp,
    pub connected: String,
    pub samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Until the connection stood: one round trip between here and there.
    pub connect: Duration,
    /// From the first packet to the headers of the answer, the connection and its TLS included.
    pub total: Duration,
    /// The answer's status, or why there was none.
    pub outcome: Result<u16, FailureKind>,
}

/// The answers to a burst.
#[derive(Debug, Clone)]
pub struct BurstAnswer {
    /// When the last answer came.
    pub at: Timestamp,
    pub connected: String,
    /// In the order of the requests.
    pub statuses: Vec<u16>,
    /// From the first request to the last.
    pub sending: Duration,
    /// Headers of the first answer with each status, as in [`HttpAnswer::headers`].
    pub headers: BTreeMap<u16, Vec<(String, String)>>,
    /// How many answers had each value of [`BurstProbe::counts`]; those without one are not counted.
    pub counted: BTreeMap<String, u16>,
}

impl BurstAnswer {
    /// How many answers have this status.
    pub fn count(&self, status: u16) -> usize {
        self.statuses.iter().filter(|seen| **seen == status).count()
    }

    /// How many answers are refusals: 429, or another status than at first, which is what a limit does even where it
    /// says 503 or shows a page.
    pub fn refused(&self) -> usize {
        let first = self.statuses.first();
        self.statuses.iter().filter(|status| Some(*status) != first || **status == 429).count()
    }
}

#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// When the answer came.
    pub at: Timestamp,
    /// Address and port connected to, as the blueprint knows it (public side of the routing table).
    pub connected: String,
    pub status: u16,
    /// Lower-case names, in order, repeated as received; values lossily decoded.
    pub headers: Vec<(String, String)>,
    pub body: Body,
    pub elapsed: Duration,
}

impl HttpAnswer {
    /// First value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a header.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Clone, Default)]
pub struct Body {
    /// Bytes as sent, before decoding.
    pub wire_length: usize,
    /// SHA-256 of the decoded body, lower-case hexadecimal; `None` when it could not be decoded or was too long.
    pub sha256: Option<String>,
    /// Decoded text, lossily, at most the world's limit (1 MiB).
    pub text: String,
    /// Why the text is not the whole body, when it is not.
    pub problem: Option<BodyProblem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyProblem {
    /// It broke off, took too long, or is longer than is read: nothing against the server.
    Cut(String),
    /// It is not coded as its headers say, or in a way that nobody asked for.
    Garbled(String),
}

impl BodyProblem {
    pub fn as_str(&self) -> &str {
        match self {
            BodyProblem::Cut(text) | BodyProblem::Garbled(text) => text,
        }
    }
}

#[derive(Debug, Clone)]
pub struct TlsAnswer {
    /// When the handshake ended.
    pub at: Timestamp,
    pub connected: String,
    /// `TLSv1.3` and the like.
    pub protocol: String,
    /// Verification against this run's roots and the probed name, no AIA fetching: `None` is good.
    pub verify_error: Option<String>,
    /// The leaf certificate.
    pub leaf: Option<Certificate>,
    /// Certificates sent.
    pub chain_length: usize,
    /// What the server sent along of the authority's word on the certificate (RFC 6066, section 8); `None`: nothing.
    pub staple: Option<Staple>,
}

/// What a stapled answer says of the certificate (RFC 6960, section 2.2), or why no client believes it (section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staple {
    Good,
    Revoked,
    /// The authority does not know the certificate, or gave no answer about it.
    Unknown,
    /// Not an OCSP answer.
    Garbled,
    /// It speaks of another certificate, or of another authority's.
    OfAnother,
    /// Neither the issuer nor anybody to whom it gave the right has signed it.
    Unsigned,
    /// It begins later than now.
    OfTheFuture,
    /// Its time is over.
    Ended,
    /// The server does not show the certificate of the issuer, by which it could be verified.
    Unproven,
}

/// What became of one offered version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOfferAnswer {
    pub at: Timestamp,
    pub connected: String,
    /// The server goes on with this version.
    pub is_taken: bool,
    /// What it said instead, or the version that it took: for people.
    pub said: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub subject_alternative_names: Vec<String>,
    pub issuer: String,
    /// Unix seconds.
    pub not_before: i64,
    pub not_after: i64,
    pub sha256: String,
    /// Where its authority tells whether it is still good; `None`: nowhere, as is usual today.
    pub ocsp_url: Option<String>,
    /// It must not be believed without a stapled answer (TLS feature extension, RFC 7633).
    pub must_staple: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    /// One line, naming the host or address and the cause.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A provider's API answered, and not with what was asked: no right, too many requests, its own fault. Says nothing
    /// of the site.
    Declined,
    /// No answer in time, after the world's retries.
    TimedOut,
    /// The host answered with a refusal to connect: somebody is there and says no.
    Refused,
    /// The name does not resolve.
    Unresolved,
    /// The certificate or the handshake is not acceptable.
    Tls,
    /// Bytes that are no answer.
    Garbage,
    /// Connected, then hung up on before an answer came.
    Closed,
    /// Anything else between here and there.
    Unreachable,
}
