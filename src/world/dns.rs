//! One DNS question to one server: UDP, twice, then TCP. Must not follow aliases, choose among authoritative
//! servers or keep answers.
//!
//! hickory reads and writes the messages; the sockets are ours. hickory's resolver chases aliases and turns what an
//! authoritative server says into errors; its UDP client drops malformed answers and retries on a schedule of its
//! own, so that garbage, silence and a closed port all end as "timed out".

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use data_encoding::HEXLOWER;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData};
use hickory_resolver::proto::dnssec::{DigestType, PublicKey};
use hickory_resolver::proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType as WireType};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::failure::{Unanswered, failed, not_asked};
use super::{Allowed, Place, World, policy};
use crate::probe::{
    DnsAnswer, DnsProbe, DnsRecord, DnsServer, Dnssec, Failure, FailureKind, Observation, Rcode, RecordData,
    RecordType, Signatures, Soa,
};

/// What a UDP answer may measure without being cut into fragments (DNS flag day 2020). Bytes.
const UDP_PAYLOAD: u16 = 1232;

/// Why one attempt brought no answer.
struct Miss(FailureKind, String);

impl From<io::Error> for Miss {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self(FailureKind::Refused, "nobody listens on the port".to_owned()),
            io::ErrorKind::UnexpectedEof => {
                Self(FailureKind::Unreachable, "the connection was closed without an answer".to_owned())
            }
            _ => Self(FailureKind::Unreachable, error.to_string()),
        }
    }
}

impl World {
    pub(super) async fn dns(&self, probe: &DnsProbe) -> Result<Observation, Unanswered> {
        let name = Name::from_ascii(format!("{}.", probe.name))
            .map_err(|error| not_asked(format!("`{}` cannot be asked for: {error}", probe.name.escape_debug())))?;
        let query = Query::query(name, wire_type(probe.record_type));
        match probe.server {
            DnsServer::Authoritative(address) => {
                let refusal = format!("{address} is no name server of the blueprint");
                let place = self.route(address, 53, Allowed::has_address, &refusal)?;
                self.dns_exchange(&place, &query, false, probe.signatures).await
            }
            DnsServer::Named(address) => {
                let refusal = format!("{address} is no resolver of the blueprint");
                let place = self.route(address, 53, Allowed::has_resolver, &refusal)?;
                self.dns_exchange(&place, &query, true, probe.signatures).await.map_err(|failure| of_our_side(*failure))
            }
            DnsServer::Resolver => {
                let mut last = failed(FailureKind::Unreachable, "this run has no resolver (see --resolver)");
                for &resolver in &self.resolvers {
                    if self.routed_only && !resolver.ip().is_loopback() {
                        last = failed(FailureKind::Unreachable, format!("{resolver} is not part of the rehearsal"));
                        continue;
                    }
                    let place = Place { public: resolver, real: resolver };
                    match self.dns_exchange(&place, &query, true, probe.signatures).await {
                        Ok(answer) => return Ok(answer),
                        Err(failure) => last = of_our_side(*failure),
                    }
                }
                Err(last)
            }
        }
    }

    async fn dns_exchange(
        &self,
        place: &Place,
        query: &Query,
        recurse: bool,
        signatures: Signatures,
    ) -> Result<Observation, Unanswered> {
        let mut message = Message::query();
        message.metadata.recursion_desired = recurse;
        message.metadata.checking_disabled = signatures == Signatures::Unchecked;
        message.add_query(query.clone());
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_PAYLOAD);
        edns.set_dnssec_ok(signatures != Signatures::NotAsked);
        message.set_edns(edns);
        let asked =
            message.to_vec().map_err(|error| not_asked(format!("{} cannot be asked for: {error}", query.name())))?;

        let mut misses = Vec::new();
        for _ in 0..policy::UDP_TRIES {
            match self.within(over_udp(place.real, &message, &asked)).await {
                Ok(answer) if answer.metadata.truncation => break,
                Ok(answer) => return Ok(observe(place, answer)),
                Err(miss) => {
                    let again = matches!(miss.0, FailureKind::TimedOut | FailureKind::Garbage);
                    misses.push(miss);
                    if !again {
                        break;
                    }
                }
            }
        }
        match self.within(over_tcp(place.real, &message, &asked)).await {
            Ok(answer) => return Ok(observe(place, answer)),
            Err(miss) => misses.push(miss),
        }
        // Of several misses, the one that says most about the server.
        let told = |kind| misses.iter().position(|miss| miss.0 == kind);
        let telling = told(FailureKind::Garbage).or_else(|| told(FailureKind::Refused));
        let Miss(kind, cause) = misses.swap_remove(telling.unwrap_or(0));
        Err(failed(kind, format!("name server {}: {cause}", place.public)))
    }

    async fn within(&self, attempt: impl Future<Output = Result<Message, Miss>>) -> Result<Message, Miss> {
        tokio::time::timeout(self.timeout, attempt)
            .await
            .unwrap_or_else(|_| Err(Miss(FailureKind::TimedOut, "no answer in time, over UDP and TCP".to_owned())))
    }
}

/// A resolver that refuses or talks garbage is the fault of where we ask from, and says nothing about the site.
fn of_our_side(failure: Observation) -> Unanswered {
    match failure {
        Observation::Failed(Failure { kind: FailureKind::Refused | FailureKind::Garbage, message }) => {
            failed(FailureKind::Unreachable, message)
        }
        other => Box::new(other),
    }
}

async fn over_udp(server: SocketAddr, query: &Message, asked: &[u8]) -> Result<Message, Miss> {
    let any_port: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any_port).await?;
    // A connected socket hears this server alone, and that its port is closed.
    socket.connect(server).await?;
    socket.send(asked).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = read(&buffer[..length])?;
        // An answer to something else, late or forged: the real one may still come.
        if answers(&answer, query) {
            return Ok(answer);
        }
    }
}

async fn over_tcp(server: SocketAddr, query: &Message, asked: &[u8]) -> Result<Message, Miss> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(asked.len()).map_err(|_| Miss(FailureKind::Unreachable, "too long".to_owned()))?;
    let framed = [&length.to_be_bytes()[..], asked].concat();
    stream.write_all(&framed).await?;
    loop {
        let length = stream.read_u16().await?;
        let mut buffer = vec![0; usize::from(length)];
        stream.read_exact(&mut buffer).await?;
        let answer = read(&buffer)?;
        if answers(&answer, query) {
            // There is no third way to ask, and what is left of it must not pass for the whole.
            return match answer.metadata.truncation {
                true => Err(Miss(FailureKind::Garbage, "an answer that is cut over TCP too".to_owned())),
                false => Ok(answer),
            };
        }
    }
}

fn read(bytes: &[u8]) -> Result<Message, Miss> {
    Message::from_vec(bytes)
        .map_err(|error| Miss(FailureKind::Garbage, format!("{} bytes that are no DNS message ({error})", bytes.len())))
}

fn answers(answer: &Message, query: &Message) -> bool {
    // REFUSED, FORMERR and the like may leave the question out.
    let same_question = answer.queries == query.queries
        || (answer.queries.is_empty() && answer.metadata.response_code != ResponseCode::NoError);
    answer.metadata.id == query.metadata.id && answer.metadata.message_type == MessageType::Response && same_question
}

fn observe(place: &Place, answer: Message) -> Observation {
    Observation::Dns(DnsAnswer {
        at: Timestamp::now(),
        server: place.public.ip().to_string(),
        rcode: match answer.metadata.response_code {
            ResponseCode::NoError => Rcode::NoError,
            ResponseCode::NXDomain => Rcode::NxDomain,
            ResponseCode::ServFail => Rcode::ServFail,
            ResponseCode::Refused => Rcode::Refused,
            other => Rcode::Other(other.into()),
        },
        authoritative: answer.metadata.authoritative,
        authenticated: answer.metadata.authentic_data,
        answers: answer.answers.iter().map(record_of).collect(),
        authority: answer.authorities.iter().map(record_of).collect(),
        additional: answer.additionals.iter().map(record_of).collect(),
    })
}

fn record_of(record: &Record) -> DnsRecord {
    let data = match &record.data {
        RData::A(address) => RecordData::A(address.0),
        RData::AAAA(address) => RecordData::Aaaa(address.0),
        RData::CNAME(name) => RecordData::Cname(plain(&name.0)),
        RData::NS(name) => RecordData::Ns(plain(&name.0)),
        RData::PTR(name) => RecordData::Ptr(plain(&name.0)),
        RData::SOA(soa) => RecordData::Soa(soa_of(soa)),
        RData::TXT(txt) => RecordData::Txt(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        RData::MX(mx) => RecordData::Mx { preference: mx.preference, exchange: plain(&mx.exchange) },
        RData::CAA(caa) => RecordData::Caa {
            critical: caa.issuer_critical,
            tag: caa.tag.to_ascii_lowercase(),
            value: String::from_utf8_lossy(&caa.value).into_owned(),
        },
        RData::SRV(srv) => {
            RecordData::Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: plain(&srv.target) }
        }
        RData::DNSSEC(DNSSECRData::DS(ds)) => RecordData::Dnssec(Dnssec::Delegation {
            key_tag: ds.key_tag(),
            algorithm: ds.algorithm().into(),
            digest_type: ds.digest_type().into(),
            digest: HEXLOWER.encode(ds.digest()),
        }),
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => match key.calculate_key_tag() {
            Ok(key_tag) => RecordData::Dnssec(key_of(&record.name, key, key_tag)),
            Err(error) => RecordData::Other(format!("DNSKEY that cannot be read: {error}")),
        },
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => {
            let input = signature.input();
            RecordData::Dnssec(Dnssec::Signature {
                covers: input.type_covered.to_string(),
                algorithm: input.algorithm.into(),
                key_tag: input.key_tag,
                ends: input.sig_expiration.get(),
            })
        }
        other => RecordData::Other(format!("{} {other}", record.record_type())),
    };
    DnsRecord { name: plain(&record.name), ttl: record.ttl, data }
}

fn key_of(owner: &Name, key: &DNSKEY, key_tag: u16) -> Dnssec {
    let types = [DigestType::SHA1, DigestType::SHA256, DigestType::SHA384];
    let digest = |kind| Some((u8::from(kind), HEXLOWER.encode(key.to_digest(owner, kind).ok()?.as_ref())));
    Dnssec::Key {
        key_tag,
        algorithm: key.public_key().algorithm().into(),
        signs: key.zone_key() && !key.revoke(),
        digests: types.into_iter().filter_map(digest).collect(),
    }
}

fn soa_of(soa: &hickory_resolver::proto::rr::rdata::SOA) -> Soa {
    Soa {
        primary: plain(&soa.mname),
        serial: soa.serial,
        // hickory reads the timers as signed; on the wire they are 32 bits without a sign (RFC 1035, section 3.3.13).
        refresh: soa.refresh.cast_unsigned(),
        retry: soa.retry.cast_unsigned(),
        expire: soa.expire.cast_unsigned(),
        minimum: soa.minimum,
    }
}

/// Lower case, no final dot, `.` for the root; odd bytes stay escaped as in zone files.
fn plain(name: &Name) -> String {
    let ascii = name.to_ascii().to_ascii_lowercase();
    match ascii.strip_suffix('.') {
        Some("") | None => ascii,
        Some(name) => name.to_owned(),
    }
}

fn wire_type(record_type: RecordType) -> WireType {
    match record_type {
        RecordType::A => WireType::A,
        RecordType::Aaaa => WireType::AAAA,
        RecordType::Caa => WireType::CAA,
        RecordType::Cname => WireType::CNAME,
        RecordType::Dnskey => WireType::DNSKEY,
        RecordType::Ds => WireType::DS,
        RecordType::Https => WireType::HTTPS,
        RecordType::Mx => WireType::MX,
        RecordType::Ns => WireType::NS,
        RecordType::Ptr => WireType::PTR,
        RecordType::Soa => WireType::SOA,
        RecordType::Srv => WireType::SRV,
        RecordType::Txt => WireType::TXT,
    }
}
