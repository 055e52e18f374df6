//! Name servers of the rehearsal, and the recursive resolver that stands in for a visitor's.
//!
//! Sockets, framing, EDNS and truncation are hickory's; what is answered is decided by [`zone::Zone`]. Must not
//! resolve anything outside the staged zones.

pub mod signing;
pub mod zone;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::dnssec::rdata::DNSKEY;
use hickory_server::proto::op::{Edns, Header, HeaderCounts, Metadata, OpCode, ResponseCode};
use hickory_server::proto::rr::{LowerName, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::serve;
use super::staging::DnsManner;
use signing::Security;
use zone::{Found, LONGEST_CHAIN, Zone};

/// A TCP client that asks nothing for so long is dropped.
const TCP_IDLE: Duration = Duration::from_secs(5);

/// What one name server holds.
pub struct ServerData {
    pub zones: Vec<HeldZone>,
    pub manner: DnsManner,
}

/// A zone that a server was given; one that it could not read is held too, and answered with SERVFAIL.
pub enum HeldZone {
    Good(Box<Zone>),
    Broken(LowerName),
}

impl HeldZone {
    fn origin(&self) -> &LowerName {
        match self {
            HeldZone::Good(zone) => zone.origin(),
            HeldZone::Broken(origin) => origin,
        }
    }
}

/// A message to be, without the question.
#[derive(Debug, Default)]
struct Reply {
    code: Option<ResponseCode>,
    authoritative: bool,
    /// The signatures on the way were looked at, and good.
    authenticated: bool,
    answers: Vec<Record>,
    authority: Vec<Record>,
    additional: Vec<Record>,
}

impl Reply {
    fn failed(code: ResponseCode) -> Self {
        Self { code: Some(code), ..Self::default() }
    }

    fn signed(&mut self, zone: &Zone, name: &LowerName, asked: Asked) {
        if asked.signatures {
            self.answers.extend(zone.signatures(name, asked.kind));
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
struct Asked {
    kind: RecordType,
    /// Signatures are wanted along (DO).
    signatures: bool,
    /// A resolver that checks is to check (no CD).
    checks: bool,
}

impl ServerData {
    /// The zone with the longest name that answers for `name`; who vouches for a zone stands in the one above.
    fn zone_of(&self, name: &LowerName, kind: RecordType) -> Option<&HeldZone> {
        let holds = |zone: &&HeldZone| zone.origin().zone_of(name) && (kind != RecordType::DS || zone.origin() != name);
        self.zones.iter().filter(holds).max_by_key(|zone| zone.origin().num_labels())
    }

    /// What an authoritative server answers: aliases are followed through its own zones and no further.
    fn answer(&self, name: &LowerName, asked: Asked) -> Reply {
        let kind = asked.kind;
        let mut reply = Reply { authoritative: true, ..Reply::default() };
        let mut name = name.clone();
        for step in 0..LONGEST_CHAIN {
            // A server without the zone above says of a DS that its own zone has none.
            let zone = match self.zone_of(&name, kind).or_else(|| self.zone_of(&name, RecordType::SOA)) {
                Some(HeldZone::Good(zone)) => zone,
                Some(HeldZone::Broken(_)) => return Reply::failed(ResponseCode::ServFail),
                None if step == 0 => return Reply::failed(ResponseCode::Refused),
                None => return reply,
            };
            match zone.find(&name, kind) {
                Found::Answer(records) => {
                    reply.answers.extend(records);
                    reply.signed(zone, &name, asked);
                }
                Found::Alias(record, target) => {
                    reply.answers.push(record);
                    reply.signed(zone, &name, Asked { kind: RecordType::CNAME, ..asked });
                    name = target;
                    continue;
                }
                Found::Delegated(servers) => {
                    reply.authoritative = step != 0;
                    reply.additional = zone.glue(&servers);
                    reply.authority = servers;
                }
                Found::NoData(soa) => reply.authority.push(soa),
                Found::NoName(soa) => {
                    reply.code = Some(ResponseCode::NXDomain);
                    reply.authority.push(soa);
                }
            }
            return reply;
        }
        reply
    }
}

/// Every server of the staged world, in the order of the blueprint, as a resolver finds them.
pub struct Internet {
    pub servers: Vec<Arc<ServerData>>,
}

impl Internet {
    /// The copy of the most specific zone for `name` at the first of its servers that answers. `Err`: there is such a
    /// zone, and nobody who answers for it.
    fn zone_of(&self, name: &LowerName, kind: RecordType) -> Result<Option<&Zone>, ()> {
        let holders = || self.servers.iter().filter_map(|server| Some((server, server.zone_of(name, kind)?)));
        let Some(most_specific) = holders().map(|(_, zone)| zone.origin().num_labels()).max() else { return Ok(None) };
        let mut answering = holders().filter(|(server, _)| server.manner == DnsManner::Answers);
        let good = answering.find_map(|(_, zone)| match zone {
            HeldZone::Good(zone) if zone.origin().num_labels() == most_specific => Some(&**zone),
            _ => None,
        });
        good.map(Some).ok_or(())
    }

    /// What the zones above make of this one, and its keys where they vouch for them. A zone above that nobody vouches
    /// for stands for one that everybody believes: the rehearsal's registry has no key.
    fn security<'a>(&self, zone: &'a Zone) -> (Security, Vec<&'a DNSKEY>) {
        let above = self.zone_of(zone.origin(), RecordType::DS).ok().flatten();
        let Some((above, Found::Answer(delegations))) =
            above.map(|above| (above, above.find(zone.origin(), RecordType::DS)))
        else {
            return (Security::Unsigned, vec![]);
        };
        let is_believed = match self.security(above) {
            (Security::Unsigned, _) => true,
            (Security::Good, keys) => above.is_signed(&keys, &delegations),
            (Security::Bogus, _) => false,
        };
        match zone.keys(&delegations).filter(|_| is_believed) {
            Some(keys) => (Security::Good, keys),
            None => (Security::Bogus, vec![]),
        }
    }

    /// Follows aliases across all zones. SERVFAIL where no server of a zone answers, where the zone is not what the one
    /// above vouches for, and where a signature does not hold.
    fn resolve(&self, name: &LowerName, asked: Asked) -> Reply {
        let kind = asked.kind;
        let mut reply = Reply { authenticated: true, ..Reply::default() };
        let mut name = name.clone();
        for _ in 0..LONGEST_CHAIN {
            let zone = match self.zone_of(&name, kind) {
                Ok(zone) => zone,
                Err(()) => return Reply::failed(ResponseCode::ServFail),
            };
            let Some(zone) = zone else {
                // A name of nobody's: the rest of the Internet does not exist here.
                reply.authenticated = false;
                reply.code = Some(ResponseCode::NXDomain);
                return reply;
            };
            let found = zone.find(&name, kind);
            // Of signatures themselves there is nothing to check.
            if asked.checks && !matches!(kind, RecordType::RRSIG | RecordType::ANY) {
                match self.security(zone) {
                    (Security::Unsigned, _) => reply.authenticated = false,
                    (Security::Good, keys) if zone.is_signed(&keys, found.set()) => {}
                    (Security::Good | Security::Bogus, _) => return Reply::failed(ResponseCode::ServFail),
                }
            } else {
                reply.authenticated = false;
            }
            match found {
                Found::Answer(records) => {
                    reply.answers.extend(records);
                    reply.signed(zone, &name, asked);
                }
                Found::Alias(record, target) => {
                    reply.answers.push(record);
                    reply.signed(zone, &name, Asked { kind: RecordType::CNAME, ..asked });
                    name = target;
                    continue;
                }
                Found::NoData(soa) => reply.authority.push(soa),
                Found::NoName(soa) => {
                    reply.code = Some(ResponseCode::NXDomain);
                    reply.authority.push(soa);
                }
                // Delegated to servers that are not part of the world.
                Found::Delegated(_) => return Reply::failed(ResponseCode::ServFail),
            }
            return reply;
        }
        // A loop of aliases.
        Reply::failed(ResponseCode::ServFail)
    }
}

enum Role {
    Authoritative(Arc<ServerData>),
    Resolver(Internet),
}

#[async_trait::async_trait]
impl RequestHandler for Role {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut handle: R) -> ResponseInfo {
        let reply = match request.request_info() {
            _ if request.metadata.op_code != OpCode::Query => Reply::failed(ResponseCode::NotImp),
            Ok(info) => {
                let signatures = request.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
                let checks = !request.metadata.checking_disabled;
                let asked = Asked { kind: info.query.query_type(), signatures, checks };
                match self {
                    Role::Authoritative(data) => data.answer(info.query.name(), asked),
                    Role::Resolver(internet) => internet.resolve(info.query.name(), asked),
                }
            }
            Err(_) => Reply::failed(ResponseCode::FormErr),
        };
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = reply.code.unwrap_or(ResponseCode::NoError);
        metadata.authoritative = reply.authoritative;
        let signatures = request.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
        metadata.authentic_data = reply.authenticated && signatures;
        metadata.recursion_available = matches!(self, Role::Resolver(_));
        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(asked.max_payload().clamp(512, 1232));
            edns.set_dnssec_ok(asked.flags().dnssec_ok);
            edns
        });
        let message = MessageResponseBuilder::new(&request.queries, edns.as_ref()).build(
            metadata,
            &reply.answers,
            &reply.authority,
            [],
            &reply.additional,
        );
        match handle.send_response(message).await {
            Ok(info) => info,
            // The client is gone; the value is only for hickory's own log.
            Err(_) => ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() }),
        }
    }
}

/// A running server, on the same port over UDP and TCP. Dropped, it is gone.
pub struct Running {
    pub address: SocketAddr,
    tasks: Tasks,
}

enum Tasks {
    Hickory(Server<Role>),
    Own(JoinSet<()>),
}

impl Running {
    /// Stops it and waits until its sockets are closed.
    pub async fn stop(self) {
        match self.tasks {
            // An error says that a task ended badly, and it has ended.
            Tasks::Hickory(mut server) => server.shutdown_gracefully().await.unwrap_or_default(),
            Tasks::Own(mut set) => set.shutdown().await,
        }
    }
}

pub async fn serve_zones(data: Arc<ServerData>) -> io::Result<Running> {
    match data.manner {
        DnsManner::Answers => serve_role(Role::Authoritative(data)).await,
        DnsManner::Silent => serve_badly(false).await,
        DnsManner::Garbage => serve_badly(true).await,
    }
}

pub async fn serve_resolver(internet: Internet) -> io::Result<Running> {
    serve_role(Role::Resolver(internet)).await
}

async fn serve_role(role: Role) -> io::Result<Running> {
    let (listener, socket, address) = bind_both().await?;
    let mut server = Server::new(role);
    server.register_socket(socket);
    server.register_listener(listener, TCP_IDLE, 32);
    Ok(Running { address, tasks: Tasks::Hickory(server) })
}

/// TCP on a free port, then UDP on the same number; somebody else's UDP may sit there, hence the few tries.
async fn bind_both() -> io::Result<(TcpListener, UdpSocket, SocketAddr)> {
    let mut last = io::Error::other("no port");
    for _ in 0..20 {
        let (listener, address) = serve::listen().await?;
        match UdpSocket::bind((Ipv4Addr::LOCALHOST, address.port())).await {
            Ok(socket) => return Ok((listener, socket, address)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A server that receives and says nothing, or (with `speaks`) bytes that are no DNS message.
async fn serve_badly(speaks: bool) -> io::Result<Running> {
    let (listener, socket, address) = bind_both().await?;
    let mut set = JoinSet::new();
    set.spawn(async move {
        let mut buffer = [0; 4096];
        loop {
            // An ICMP error of an earlier answer surfaces here; the next question is unharmed.
            let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
            if speaks {
                let _ = socket.send_to(&garbage(&buffer[..length]), peer).await;
            }
        }
    });
    set.spawn(serve::accept_forever(listener, move |stream, _| async move {
        // The client's going away ends it, either way.
        let _ = answer_badly(stream, speaks).await;
    }));
    Ok(Running { address, tasks: Tasks::Own(set) })
}

async fn answer_badly(mut stream: TcpStream, speaks: bool) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await?;
        if speaks {
            let answer = garbage(&question);
            stream.write_u16(u16::try_from(answer.len()).unwrap_or(u16::MAX)).await?;
            stream.write_all(&answer).await?;
        }
    }
}

/// The question's own id, so that it is not dropped as a stranger's answer, then bytes that cannot be parsed.
fn garbage(question: &[u8]) -> Vec<u8> {
    let mut bytes = question.get(..2).unwrap_or(&[0, 0]).to_vec();
    bytes.extend([0xff; 30]);
    bytes
}
