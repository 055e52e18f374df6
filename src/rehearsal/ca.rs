//! The private certification authority of a rehearsal: root, intermediate, leaves, all made anew at each start.
//!
//! Must not write to disk: only nginx needs files, and [`super::nginx`] writes them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::staging::StagedCertificate;

pub struct Authority {
    root: CertificateDer<'static>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key, as a server presents it.
pub struct Issued {
    /// Leaf first, then the intermediate where the server sends it; never the root.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivatePkcs8KeyDer<'static>,
    /// The chain and the key as nginx reads them.
    pub chain_pem: String,
    pub key_pem: String,
}

/// id-pe-tlsfeature (RFC 7633, section 4).
const TLS_FEATURE: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 24];
/// The sequence of the one number 5, `status_request`, in DER.
const STATUS_REQUEST: [u8; 5] = [0x30, 3, 2, 1, 5];
/// Life of the authority's own certificates, around now.
const AUTHORITY_DAYS: i64 = 3650;
/// A leaf is this old when it is issued, or older where it ended in the past.
const LEAF_AGE_DAYS: i64 = 1;

impl Authority {
    pub fn new() -> Result<Self, rcgen::Error> {
        let root = CertifiedIssuer::self_signed(authority("golive rehearsal root")?, KeyPair::generate()?)?;
        let intermediate =
            CertifiedIssuer::signed_by(authority("golive rehearsal intermediate")?, KeyPair::generate()?, &root)?;
        Ok(Self { root: root.der().clone(), intermediate })
    }

    /// The one certificate that clients of the rehearsal believe.
    pub fn root(&self) -> CertificateDer<'static> {
        self.root.clone()
    }

    /// # Errors
    ///
    /// When a name cannot stand in a certificate.
    pub fn issue(&self, wanted: &StagedCertificate) -> Result<Issued, rcgen::Error> {
        let mut params = CertificateParams::new(wanted.names.clone())?;
        params.distinguished_name = named(wanted.names.first().map_or("nobody", String::as_str));
        live(&mut params, wanted.days_left.min(0).saturating_sub(LEAF_AGE_DAYS), wanted.days_left);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        if wanted.must_staple {
            params.custom_extensions.push(CustomExtension::from_oid_content(&TLS_FEATURE, STATUS_REQUEST.to_vec()));
        }
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.intermediate)?;
        let mut chain = vec![leaf.der().clone()];
        let mut chain_pem = leaf.pem();
        if wanted.with_intermediate {
            chain.push(self.intermediate.der().clone());
            chain_pem.push_str(&self.intermediate.pem());
        }
        Ok(Issued {
            chain,
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
            chain_pem,
            key_pem: key.serialize_pem(),
        })
    }
}

impl Issued {
    /// What rustls presents; the provider is named, so that no process-wide default has to be installed.
    pub fn certified_key(&self) -> Result<Arc<rustls::sign::CertifiedKey>, rustls::Error> {
        let key = PrivateKeyDer::Pkcs8(self.key.clone_key());
        let signer = rustls::crypto::ring::sign::any_supported_type(&key)?;
        Ok(Arc::new(rustls::sign::CertifiedKey::new(self.chain.clone(), signer)))
    }
}

fn authority(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    live(&mut params, -AUTHORITY_DAYS, AUTHORITY_DAYS);
    Ok(params)
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    // A common name holds 64 characters at most (RFC 5280, appendix A.1).
    name.push(DnType::CommonName, common_name.chars().take(64).collect::<String>());
    name
}

/// Life from and until so many days from now.
fn live(params: &mut CertificateParams, from_days: i64, until_days: i64) {
    let now = Timestamp::now().as_second();
    let since_epoch = |days: i64| {
        let days = days.clamp(-AUTHORITY_DAYS, AUTHORITY_DAYS);
        Duration::from_secs(u64::try_from(now + days * 86_400).unwrap_or(0))
    };
    // The date type belongs to a crate that golive does not name: rcgen's own epoch plus a duration reaches it.
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(from_days);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(until_days);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(with_intermediate: bool, days_left: i64) -> Issued {
        let names = vec!["www.example.org".to_owned()];
        let wanted = StagedCertificate { with_intermediate, days_left, ..StagedCertificate::healthy(names) };
        Authority::new().expect("an authority").issue(&wanted).expect("a leaf")
    }

    #[test]
    fn the_intermediate_is_sent_only_when_asked_for_and_the_root_never() {
        assert_eq!(issue(true, 90).chain.len(), 2);
        assert_eq!(issue(false, 90).chain.len(), 1);
    }

    #[test]
    fn days_left_are_counted_from_now_also_backwards() {
        for days in [90, 1, -3] {
            let issued = issue(true, days);
            let (_, leaf) = x509_parser::parse_x509_certificate(&issued.chain[0]).expect("a certificate");
            let left = leaf.validity().not_after.timestamp() - Timestamp::now().as_second();
            assert!((left - days * 86_400).abs() < 60, "{days} days wanted, {left} s given");
            assert!(leaf.validity().not_before.timestamp() < leaf.validity().not_after.timestamp());
        }
    }

    #[test]
    fn a_client_that_trusts_the_root_accepts_the_chain_and_refuses_the_bare_leaf() {
        let authority = Authority::new().expect("an authority");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.root()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .expect("a verifier");
        let verdict = |with_intermediate| {
            let names = vec!["www.example.org".to_owned()];
            let wanted = StagedCertificate { with_intermediate, ..StagedCertificate::healthy(names) };
            let chain = authority.issue(&wanted).expect("a leaf").chain;
            let name = "www.example.org".try_into().expect("a name");
            let now = rustls::pki_types::UnixTime::now();
            rustls::client::danger::ServerCertVerifier::verify_server_cert(
                &*verifier,
                &chain[0],
                &chain[1..],
                &name,
                &[],
                now,
            )
        };
        assert!(verdict(true).is_ok());
        assert!(verdict(false).is_err());
    }
}
