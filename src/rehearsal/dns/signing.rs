//! Signed zones: the key that a rehearsal makes for one, its signatures, and whether the zone above vouches for it.
//!
//! Must not judge more than a visitor's resolver would notice at once: one key a zone, signatures of what is there and
//! no proofs of what is not (NSEC), so that absence is believed unproven.

use std::time::Duration;

use data_encoding::HEXUPPER;
use hickory_server::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_server::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use hickory_server::proto::dnssec::{Algorithm, DigestType, DnssecSigner, SigningKey};
use hickory_server::proto::rr::{DNSClass, Name, RData, Record, RecordSet};
use jiff::Timestamp;
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::zone::absolute;

/// Life of a signature, in days; a usual one.
const LIFE_DAYS: u64 = 14;

/// The key of a signed zone, made anew for each rehearsal, and how its signer does.
#[derive(Clone)]
pub struct StagedKey {
    pkcs8: Vec<u8>,
    /// Hours from now until the signatures end.
    pub hours_left: i64,
}

impl std::fmt::Debug for StagedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StagedKey({} h left)", self.hours_left)
    }
}

impl StagedKey {
    /// # Errors
    ///
    /// No random numbers on this machine.
    pub fn new() -> Result<Self, String> {
        let made = EcdsaSigningKey::generate_pkcs8(Algorithm::ECDSAP256SHA256).map_err(|error| error.to_string())?;
        Ok(Self { pkcs8: made.secret_pkcs8_der().to_vec(), hours_left: 24 * 7 })
    }

    fn key(&self) -> Result<EcdsaSigningKey, String> {
        let der = PrivatePkcs8KeyDer::from(self.pkcs8.as_slice());
        EcdsaSigningKey::from_pkcs8(&der, Algorithm::ECDSAP256SHA256).map_err(|error| error.to_string())
    }

    /// The data of the DS record by which the zone above vouches for this key.
    ///
    /// # Errors
    ///
    /// When `zone` is no name.
    pub fn delegation(&self, zone: &str) -> Result<String, String> {
        let key = self.key()?.to_public_key().map_err(|error| error.to_string())?;
        let ds = DS::from_key(&key, &absolute(zone)?, DigestType::SHA256).map_err(|error| error.to_string())?;
        let (algorithm, digest_type) = (u8::from(ds.algorithm()), u8::from(ds.digest_type()));
        Ok(format!("{} {algorithm} {digest_type} {}", ds.key_tag(), HEXUPPER.encode(ds.digest())))
    }

    /// The key as the zone publishes it.
    pub(super) fn dnskey(&self) -> Result<RData, String> {
        let key = self.key()?.to_public_key().map_err(|error| error.to_string())?;
        Ok(RData::DNSSEC(DNSSECRData::DNSKEY(DNSKEY::from_key(&key))))
    }

    /// The signature of one set.
    pub(super) fn sign(&self, zone: &Name, set: &[Record]) -> Result<Option<Record>, String> {
        let Some(first) = set.first() else { return Ok(None) };
        let key = self.key()?;
        let public = key.to_public_key().map_err(|error| error.to_string())?;
        let life = Duration::from_secs(LIFE_DAYS * 86_400);
        let signer = DnssecSigner::new(DNSKEY::from_key(&public), Box::new(key), zone.clone(), life);
        let mut records = RecordSet::with_ttl(first.name.clone(), first.record_type(), first.ttl);
        for record in set {
            records.insert(record.clone(), 0);
        }
        let ends = Timestamp::now().as_second() + self.hours_left * 3600;
        let begins = Duration::from_secs(u64::try_from(ends).unwrap_or(0)).saturating_sub(life);
        // The date type belongs to a crate that golive does not name: rcgen's own epoch plus a duration reaches it.
        let begins = rcgen::date_time_ymd(1970, 1, 1) + begins;
        let signature =
            RRSIG::from_rrset(&records, DNSClass::IN, begins, &signer).map_err(|error| error.to_string())?;
        Ok(Some(Record::from_rdata(first.name.clone(), first.ttl, RData::DNSSEC(DNSSECRData::RRSIG(signature)))))
    }
}

/// What a resolver that checks makes of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// The zone above vouches for nothing.
    Unsigned,
    Good,
    /// Vouched for, and not as it is.
    Bogus,
}

/// Whether `keys` and `signatures` (of the SOA) at `zone` are what `delegations` in the zone above vouch for.
pub(super) fn security(zone: &Name, delegations: &[Record], keys: &[Record], signatures: &[Record]) -> Security {
    if delegations.is_empty() {
        return Security::Unsigned;
    }
    let is_vouched_for = delegations.iter().any(|delegation| match &delegation.data {
        RData::DNSSEC(DNSSECRData::DS(ds)) => keys.iter().any(|key| match &key.data {
            RData::DNSSEC(DNSSECRData::DNSKEY(key)) => ds.covers(zone, key).unwrap_or(false),
            _ => false,
        }),
        _ => false,
    });
    let now = Timestamp::now().as_second();
    let is_alive = signatures.iter().any(|signature| match &signature.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => i64::from(signature.input().sig_expiration.get()) > now,
        _ => false,
    });
    if is_vouched_for && is_alive { Security::Good } else { Security::Bogus }
}
