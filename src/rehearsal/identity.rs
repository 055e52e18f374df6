//! Who a connection comes from. On the loopback every client has the same address, so the edge registers each
//! of its connections to an origin before it opens it; whatever was not registered is a visitor.
//!
//! A second loopback address would say the same, but only Linux answers on one that nobody configured.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpSocket, TcpStream};

/// The public address of every client that is not the edge: a documentation address (RFC 5737).
pub const VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 250));

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
        self.lock().insert(local, public);
        let registered = Registered { identities: self.clone(), local };
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok((stream, registered))
    }

    /// The public address behind a peer.
    pub fn of(&self, peer: SocketAddr) -> IpAddr {
        self.lock().get(&peer).copied().unwrap_or(VISITOR)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, IpAddr>> {
        // Nothing panics while holding it; a map is whole in any case.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.identities.lock().remove(&self.local);
    }
}
