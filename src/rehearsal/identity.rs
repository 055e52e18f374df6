//! Who a connection comes from. On the loopback every client has the same address, so whoever wants to be somebody
//! registers a connection before it opens it, as the edge does with those to an origin. Whatever was not registered is
//! one of a crowd of visitors, each connection another one: limits count by visitor, and a checklist run in two seconds
//! would else trip them all as one.
//!
//! A second loopback address would say the same, but only Linux answers on one that nobody configured.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::net::{TcpSocket, TcpStream};

use crate::probe::Visitor;

/// Where the edge believes every visitor to be.
pub const VISITOR_COUNTRY: &str = "FR";

#[derive(Debug, Clone, Default)]
pub struct Identities(Arc<Mutex<HashMap<SocketAddr, IpAddr>>>);

/// Takes the identity back when the connection is over.
pub struct Registered {
    identities: Identities,
    local: SocketAddr,
}

impl Identities {
    /// Connects as `public`.
    pub async fn connect_as(&self, public: IpAddr, to: SocketAddr) -> io::Result<(TcpStream, Registered)> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let local = socket.local_addr()?;
        let registered = self.register(local, public);
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok((stream, registered))
    }

    /// Makes the client at this local address `public`.
    pub fn register(&self, local: SocketAddr, public: IpAddr) -> Registered {
        self.lock().insert(local, public);
        Registered { identities: self.clone(), local }
    }

    /// The public address behind a peer.
    pub fn of(&self, peer: SocketAddr) -> IpAddr {
        self.lock().get(&peer).copied().unwrap_or_else(|| in_benchmark_range(19, peer.port().to_be_bytes()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, IpAddr>> {
        // Nothing panics while holding it; a map is whole in any case.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address of a visitor that a probe names.
pub fn address_of(visitor: &Visitor) -> IpAddr {
    match visitor {
        Visitor::At(address) => *address,
        Visitor::Own(word) => {
            let hash = Sha256::digest(word);
            // The lower half holds the site's own address where the blueprint has no CDN.
            in_benchmark_range(18, [hash[0] | 0x80, hash[1]])
        }
    }
}

/// Visitors are of the range for benchmarks (RFC 2544), which no blueprint may name.
fn in_benchmark_range(second: u8, [third, fourth]: [u8; 2]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, second, third, fourth))
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.identities.lock().remove(&self.local);
    }
}
