//! One handshake that accepts any certificate, then verification of what was shown, so that a bad chain is an
//! observation and not an error. Must not judge dates.
//!
//! Verification is webpki's, with the system's roots read by rustls-native-certs. The alternative,
//! rustls-platform-verifier, hands the chain to the operating system on macOS and Windows, which may fetch a missing
//! intermediate (AIA) that many visitors' software does not.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::asn1_rs::oid;
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_OCSP;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use super::failure::{Unanswered, failed, from_error, not_asked};
use super::{Place, Roots, World, policy, staple};
use crate::probe::{Certificate, FailureKind, Observation, Staple, TlsAnswer, TlsProbe};

/// # Errors
///
/// No root at all, or a given one that is no certificate.
pub(crate) fn verifier(roots: Roots) -> anyhow::Result<Arc<WebPkiServerVerifier>> {
    let mut store = RootCertStore::empty();
    let (system, given) = match roots {
        Roots::System => (true, Vec::new()),
        Roots::Only(given) => (false, given),
        Roots::SystemAnd(given) => (true, given),
    };
    let mut unread = Vec::new();
    if system {
        let loaded = rustls_native_certs::load_native_certs();
        // A system store often holds a few certificates that webpki has no use for.
        store.add_parsable_certificates(loaded.certs);
        unread = loaded.errors;
    }
    for root in given {
        store.add(root).context("a root certificate cannot be read")?;
    }
    if store.is_empty() {
        let causes: String = unread.iter().map(|error| format!(" ({error})")).collect();
        bail!("no root certificate to verify against: install the system's ca-certificates, or give --ca{causes}");
    }
    Ok(WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::new(ring::default_provider())).build()?)
}

/// For HTTP probes and providers' APIs: no resumption, so that each probe sees the certificate anew.
pub(crate) fn verifying_config(verifier: Arc<WebPkiServerVerifier>) -> anyhow::Result<ClientConfig> {
    config(verifier)
}

fn config(verifier: Arc<dyn ServerCertVerifier>) -> anyhow::Result<ClientConfig> {
    config_for(verifier, rustls::ALL_VERSIONS)
}

fn config_for(
    verifier: Arc<dyn ServerCertVerifier>,
    versions: &[&'static SupportedProtocolVersion],
) -> anyhow::Result<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// For one version alone, whatever certificate is shown.
pub(super) fn offering(version: &'static SupportedProtocolVersion) -> anyhow::Result<ClientConfig> {
    config_for(Arc::new(Onlooker::default()), &[version])
}

impl World {
    pub(super) async fn tls(&self, probe: &TlsProbe) -> Result<Observation, Unanswered> {
        let place = self.place(&probe.name, probe.to, 443).await?;
        let name = ServerName::try_from(probe.name.clone())
            .map_err(|_| not_asked(format!("`{}` cannot be a server name", probe.name.escape_debug())))?;
        let whom = format!("{} at {}", probe.name, place.public);
        policy::again_after_silence(async || {
            self.take_turn().await?;
            tokio::time::timeout(self.timeout, self.handshake(&place, name.clone(), &whom))
                .await
                .unwrap_or_else(|_| Err(failed(FailureKind::TimedOut, format!("{whom}: no handshake in time"))))
        })
        .await
    }

    async fn handshake(&self, place: &Place, name: ServerName<'static>, whom: &str) -> Result<Observation, Unanswered> {
        let seen = Arc::new(Onlooker::default());
        let config = config(seen.clone()).map_err(|error| failed(FailureKind::Tls, error.to_string()))?;
        let stream = TcpStream::connect(place.real).await.map_err(|error| from_error(whom, &error))?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name.clone(), stream)
            .await
            .map_err(|error| from_error(whom, &error))?;
        let protocol = stream.get_ref().1.protocol_version();
        let chain = std::mem::take(&mut *seen.chain.lock().unwrap_or_else(PoisonError::into_inner));
        let verify_error = match chain.split_first() {
            None => Some("the server shows no certificate".to_owned()),
            Some((leaf, others)) => self
                .verifier
                .verify_server_cert(leaf, others, &name, &[], UnixTime::now())
                .err()
                .map(|error| error.to_string()),
        };
        Ok(Observation::Tls(TlsAnswer {
            at: Timestamp::now(),
            connected: place.public.to_string(),
            protocol: match protocol.and_then(|version| version.as_str()) {
                Some("TLSv1_3") => "TLSv1.3".to_owned(),
                Some("TLSv1_2") => "TLSv1.2".to_owned(),
                other => other.unwrap_or("unknown").to_owned(),
            },
            verify_error,
            leaf: chain.first().and_then(|leaf| certificate(leaf)),
            chain_length: chain.len(),
            staple: std::mem::take(&mut *seen.staple.lock().unwrap_or_else(PoisonError::into_inner)),
        }))
    }
}

/// `None` for what is no certificate; [`TlsAnswer::verify_error`] then says so.
fn certificate(der: &CertificateDer) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let subject_alternative_names = names
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes).ok().map(|v4| std::net::Ipv4Addr::from(v4).to_string()),
                16 => <[u8; 16]>::try_from(*bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    Some(Certificate {
        subject_alternative_names,
        issuer: parsed.issuer().to_string(),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
        sha256: HEXLOWER.encode(&Sha256::digest(der)),
        ocsp_url: ocsp_url(&parsed),
        must_staple: must_staple(&parsed),
    })
}

/// The first address of the authority's OCSP server (RFC 5280, section 4.2.2.1).
fn ocsp_url(certificate: &X509Certificate) -> Option<String> {
    let access = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(access),
        _ => None,
    })?;
    access.accessdescs.iter().find_map(|description| match &description.access_location {
        GeneralName::URI(url) if description.access_method == OID_PKIX_ACCESS_DESCRIPTOR_OCSP => {
            Some((*url).to_owned())
        }
        _ => None,
    })
}

/// Whether the TLS feature extension holds `status_request`: id-pe-tlsfeature, a sequence of numbers, of which 5
/// (RFC 7633, section 4; RFC 6066, section 8).
fn must_staple(certificate: &X509Certificate) -> bool {
    const STATUS_REQUEST: u32 = 5;
    let feature = oid!(1.3.6.1.5.5.7.1.24);
    let extension = certificate.extensions().iter().find(|extension| extension.oid == feature);
    let numbers = extension.and_then(|extension| Vec::<u32>::from_der(extension.value).ok());
    numbers.is_some_and(|(_, numbers)| numbers.contains(&STATUS_REQUEST))
}

/// Accepts any certificate and keeps the chain. Signatures of the handshake are still verified: whoever shows a
/// certificate must hold its key.
#[derive(Debug)]
struct Onlooker {
    provider: CryptoProvider,
    chain: Mutex<Vec<CertificateDer<'static>>>,
    staple: Mutex<Option<Staple>>,
}

impl Default for Onlooker {
    fn default() -> Self {
        Self { provider: ring::default_provider(), chain: Mutex::default(), staple: Mutex::default() }
    }
}

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain: Vec<CertificateDer<'static>> =
            std::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned()).collect();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let staple = (!ocsp_response.is_empty()).then(|| staple::judge(ocsp_response, &chain, now));
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        *self.staple.lock().unwrap_or_else(PoisonError::into_inner) = staple;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
