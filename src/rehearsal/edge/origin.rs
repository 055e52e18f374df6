//! The edge's way to the origin: which address, which scheme, whose certificate; and how each failure shows.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::providers::cloudflare::payload::Ssl;
use crate::rehearsal::identity::Identities;
use crate::rehearsal::serve;
use crate::world::Routes;

/// Cloudflare waits 19 s to connect and 100 s for an answer; a rehearsal's origins are on the same machine, and
/// its checks give up earlier than that.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);

/// Why no answer came from the origin (Cloudflare docs, support, 5xx errors).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Connected, and got no HTTP.
    Garbage,
    Refused,
    ConnectTimeout,
    Unreachable,
    AnswerTimeout,
    Handshake,
    Certificate,
}

impl Trouble {
    pub fn status(self) -> u16 {
        match self {
            Trouble::Garbage => 520,
            Trouble::Refused => 521,
            Trouble::ConnectTimeout => 522,
            Trouble::Unreachable => 523,
            Trouble::AnswerTimeout => 524,
            Trouble::Handshake => 525,
            Trouble::Certificate => 526,
        }
    }
}

pub struct Origins {
    routes: Routes,
    identities: Identities,
    strict: TlsConnector,
    unverified: TlsConnector,
    turn: AtomicUsize,
}

impl Origins {
    /// # Errors
    ///
    /// When the root is no certificate.
    pub fn new(routes: Routes, root: CertificateDer<'static>, identities: Identities) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(root)?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        let connector = |verifier: Arc<dyn ServerCertVerifier>| -> Result<TlsConnector, rustls::Error> {
            let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()?
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok(TlsConnector::from(Arc::new(config)))
        };
        Ok(Self {
            routes,
            identities,
            strict: connector(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)?,
            unverified: connector(Arc::new(AnyCertificate(verifier)))?,
            turn: AtomicUsize::new(0),
        })
    }

    /// One request to one of the addresses in turn; the next one is tried when there is no connection or no handshake
    /// (docs, load-balancing/understand-basics/zero-downtime-failover: 521, 522, 523, 525, 526).
    pub async fn fetch(
        &self,
        addresses: &[IpAddr],
        edge: IpAddr,
        ssl: Ssl,
        https: bool,
        host: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Trouble> {
        let encrypted = https && matches!(ssl, Ssl::Full | Ssl::Strict);
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut trouble = Trouble::Unreachable;
        for step in 0..addresses.len() {
            let address = addresses[first.wrapping_add(step) % addresses.len()];
            let public = SocketAddr::new(address, if encrypted { 443 } else { 80 });
            let next = match self.routes.get(&public) {
                Some(local) => match self.ask(*local, edge, ssl, encrypted, host, request).await {
                    Err(
                        next @ (Trouble::Refused
                        | Trouble::ConnectTimeout
                        | Trouble::Unreachable
                        | Trouble::Handshake
                        | Trouble::Certificate),
                    ) => next,
                    answer => return answer,
                },
                None => Trouble::Unreachable,
            };
            // Of several the one that says most.
            if !matches!(trouble, Trouble::Handshake | Trouble::Certificate) {
                trouble = next;
            }
        }
        Err(trouble)
    }

    async fn ask(
        &self,
        to: SocketAddr,
        edge: IpAddr,
        ssl: Ssl,
        encrypted: bool,
        host: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Trouble> {
        let connect = tokio::time::timeout(CONNECT_TIMEOUT, self.identities.connect_as(edge, to));
        let (stream, _registered) = match connect.await {
            Err(_) => return Err(Trouble::ConnectTimeout),
            Ok(Err(_)) => return Err(Trouble::Refused),
            Ok(Ok(connected)) => connected,
        };
        let request = request.clone().map(Full::new);
        let talk = async {
            if !encrypted {
                return serve::exchange(stream, request).await.map_err(|_| Trouble::Garbage);
            }
            let name = ServerName::try_from(host.to_owned()).map_err(|_| Trouble::Handshake)?;
            let connector = if ssl == Ssl::Strict { &self.strict } else { &self.unverified };
            let stream = connector.connect(name, stream).await.map_err(|error| tls_trouble(&error))?;
            serve::exchange(stream, request).await.map_err(|_| Trouble::Garbage)
        };
        tokio::time::timeout(ANSWER_TIMEOUT, talk).await.unwrap_or(Err(Trouble::AnswerTimeout))
    }
}

fn tls_trouble(error: &io::Error) -> Trouble {
    match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => Trouble::Certificate,
        _ => Trouble::Handshake,
    }
}

/// Accepts any certificate, as the mode `full` does, and still checks that the peer holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
