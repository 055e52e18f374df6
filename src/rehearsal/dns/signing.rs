//! Signed zones: the key that a rehearsal makes for one, its signatures, and what a resolver that checks makes of them.
//!
//! Keys, digests and signatures are hickory's; `tests/contract_opinions.rs` puts BIND's `delv` beside the verdicts. Must
//! not prove what is not there (NSEC): of an absent name or type the signature of the SOA is looked at, and absence itself
//! is believed.

use std::time::Duration;

use data_encoding::HEXUPPER;
use hickory_server::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_server::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use hickory_server::proto::dnssec::{Algorithm, DigestType, DnssecSigner, PublicKey, SigningKey, Verifier};
use hickory_server::proto::rr::{DNSClass, Name, RData, Record, RecordSet, SerialNumber};
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
    /// Zone file text as it was when the signer last ran; `None`: as it is served.
    pub signed_text: Option<String>,
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
        Ok(Self { pkcs8: made.secret_pkcs8_der().to_vec(), hours_left: 24 * 7, signed_text: None })
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

/// The zone's keys, of which `delegations` in the zone above vouch for one that has signed them all (RFC 4035, section
/// 5.2); `None`: there is no such one. Must be given a delegation.
pub(super) fn keys<'a>(
    zone: &Name,
    delegations: &[Record],
    set: &'a [Record],
    signatures: &[Record],
) -> Option<Vec<&'a DNSKEY>> {
    let keys = set.iter().filter_map(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) if key.zone_key() && !key.revoke() => Some(key),
        _ => None,
    });
    let keys: Vec<&DNSKEY> = keys.collect();
    let is_vouched_for = |key: &&DNSKEY| {
        delegations.iter().any(|delegation| match &delegation.data {
            RData::DNSSEC(DNSSECRData::DS(ds)) => ds.covers(zone, key).unwrap_or(false),
            _ => false,
        })
    };
    let vouched: Vec<&DNSKEY> = keys.iter().copied().filter(is_vouched_for).collect();
    is_signed(zone, &vouched, set, signatures).then_some(keys)
}

/// Whether one of `keys` has signed the set, and the signature holds now (RFC 4035, section 5.3).
pub(super) fn is_signed(zone: &Name, keys: &[&DNSKEY], set: &[Record], signatures: &[Record]) -> bool {
    let Some(first) = set.first() else { return false };
    let now = SerialNumber::new(u32::try_from(Timestamp::now().as_second().rem_euclid(1 << 32)).unwrap_or_default());
    signatures.iter().any(|record| {
        let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &record.data else { return false };
        let input = signature.input();
        let holds_now = input.sig_inception <= now && now <= input.sig_expiration;
        let is_of_zone = input.signer_name == *zone && input.type_covered == first.record_type();
        let signed_with = |key: &&&DNSKEY| {
            key.public_key().algorithm() == input.algorithm
                && key.calculate_key_tag().is_ok_and(|tag| tag == input.key_tag)
        };
        holds_now
            && is_of_zone
            && keys
                .iter()
                .filter(signed_with)
                .any(|key| key.verify_rrsig(&first.name, DNSClass::IN, signature, set.iter()).is_ok())
    })
}
