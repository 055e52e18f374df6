//! TLS as the rehearsal's own servers offer it: HTTP/1.1, one certificate.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use super::ca::Issued;

/// Presents its certificate whatever name is asked for, as the router of a platform does.
pub fn acceptor(certificate: &Issued) -> Result<TlsAcceptor, rustls::Error> {
    let key = certificate.certified_key()?;
    acceptor_with(Arc::new(Always(key)), rustls::ALL_VERSIONS)
}

/// Presents its certificate for the names that `serves` takes, and refuses the handshake for others.
pub fn acceptor_for(
    certificate: &Issued,
    versions: &[&'static SupportedProtocolVersion],
    serves: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> Result<TlsAcceptor, rustls::Error> {
    let key = certificate.certified_key()?;
    acceptor_with(Arc::new(Only { key, serves: Box::new(serves) }), versions)
}

fn acceptor_with(
    resolver: Arc<dyn ResolvesServerCert>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

struct Only {
    key: Arc<CertifiedKey>,
    serves: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Only {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Only")
    }
}

impl ResolvesServerCert for Only {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        (self.serves)(&name).then(|| Arc::clone(&self.key))
    }
}
