//! What a stapled OCSP answer says of the certificate, and whether a client may believe it (RFC 6960, sections 3.2 and
//! 4.2). Must not ask anybody: the certificates are those that came with the handshake and with the answer.
//!
//! Read with the ASN.1 reader that x509-parser already brings, signatures verified by its own function; a crate for OCSP
//! would bring a second reader. Whether a delegate's own certificate was revoked is not looked at: authorities mark it as
//! one of which nobody need ask (section 4.2.2.2.1).

use ring::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::{Any, BitString, Class, Enumerated, FromDer, Oid, Tag, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::time::ASN1Time;
use x509_parser::verify::verify_signature;
use x509_parser::x509::AlgorithmIdentifier;

use crate::probe::Staple;

/// How far the authority's clock may be ahead of ours, in seconds. The RFC names none; 5 minutes are usual.
const AHEAD: i64 = 300;

/// How long an answer without an end is believed, in seconds: a day. The RFC leaves "recent" to the client (section 3.2);
/// a guess.
const WITHOUT_END: i64 = 86_400;

/// Judges what was stapled to the leaf of `chain`, at `now` in Unix seconds.
pub(super) fn judge(der: &[u8], chain: &[CertificateDer<'_>], now: i64) -> Staple {
    let Some(answer) = read(der) else { return Staple::Garbled };
    let Answer::Signed(answer) = answer else { return Staple::Unknown };
    let mut shown = chain.iter().map(|der| X509Certificate::from_der(der).map(|(_, read)| read).ok());
    let Some(Some(leaf)) = shown.next() else { return Staple::Unproven };
    let is_issuer = |other: &X509Certificate<'_>| {
        other.subject() == leaf.issuer() && leaf.verify_signature(Some(other.public_key())).is_ok()
    };
    let Some(issuer) = shown.flatten().find(is_issuer) else { return Staple::Unproven };
    let Some(single) = answer.responses.iter().find(|single| single.is_about(&leaf, &issuer)) else {
        return Staple::OfAnother;
    };
    if !answer.is_signed_for(&issuer, now) {
        return Staple::Unsigned;
    }
    let ends = single.next_update.unwrap_or_else(|| single.this_update.saturating_add(WITHOUT_END));
    match single.status {
        _ if single.this_update > now.saturating_add(AHEAD) => Staple::OfTheFuture,
        _ if ends < now => Staple::Ended,
        status => status,
    }
}

enum Answer<'a> {
    /// The authority's server was asked, and had no answer: such a word is not signed (section 2.3).
    Refused,
    Signed(Box<Basic<'a>>),
}

/// BasicOCSPResponse (section 4.2.1).
struct Basic<'a> {
    /// What is signed.
    signed: &'a [u8],
    responder: Any<'a>,
    responses: Vec<Single<'a>>,
    algorithm: AlgorithmIdentifier<'a>,
    signature: BitString<'a>,
    certificates: Vec<X509Certificate<'a>>,
}

/// SingleResponse.
struct Single<'a> {
    hash: Oid<'a>,
    issuer_name: &'a [u8],
    issuer_key: &'a [u8],
    serial: &'a [u8],
    status: Staple,
    /// Unix seconds.
    this_update: i64,
    next_update: Option<i64>,
}

/// `None`: no OCSP answer.
fn read(der: &[u8]) -> Option<Answer<'_>> {
    let (rest, code) = Enumerated::from_der(sequence(der)?.1).ok()?;
    if code.0 != 0 {
        return Some(Answer::Refused);
    }
    // responseBytes [0] EXPLICIT SEQUENCE { responseType, response }
    let (_, bytes) = Any::from_der(rest).ok()?;
    is_tagged(&bytes, 0).then_some(())?;
    let (response, kind) = Oid::from_der(sequence(bytes.data)?.1).ok()?;
    // id-pkix-ocsp-basic
    (kind == oid!(1.3.6.1.5.5.7.48.1.1)).then_some(())?;
    let (_, octets) = Any::from_der(response).ok()?;
    (octets.header.class() == Class::Universal && octets.header.tag() == Tag::OctetString).then_some(())?;
    basic(octets.data).map(|answer| Answer::Signed(Box::new(answer)))
}

fn basic(der: &[u8]) -> Option<Basic<'_>> {
    let (_, contents) = sequence(der)?;
    let (rest, data) = sequence(contents)?;
    let signed = &contents[..contents.len() - rest.len()];
    let (rest, algorithm) = AlgorithmIdentifier::from_der(rest).ok()?;
    let (rest, signature) = BitString::from_der(rest).ok()?;
    let mut certificates = Vec::new();
    if let Ok((_, tagged)) = Any::from_der(rest)
        && is_tagged(&tagged, 0)
    {
        let (_, mut list) = sequence(tagged.data)?;
        while !list.is_empty() {
            let (after, certificate) = X509Certificate::from_der(list).ok()?;
            certificates.push(certificate);
            list = after;
        }
    }
    // A version may stand first, [0]; then who answers, [1] or [2]; then when.
    let (mut rest, mut responder) = Any::from_der(data).ok()?;
    if is_tagged(&responder, 0) {
        (rest, responder) = Any::from_der(rest).ok()?;
    }
    let (rest, _produced) = ASN1Time::from_der(rest).ok()?;
    let (_, mut list) = sequence(rest)?;
    let mut responses = Vec::new();
    while !list.is_empty() {
        let (after, contents) = sequence(list)?;
        responses.push(single(contents)?);
        list = after;
    }
    Some(Basic { signed, responder, responses, algorithm, signature, certificates })
}

fn single(contents: &[u8]) -> Option<Single<'_>> {
    let (rest, id) = sequence(contents)?;
    let (after, algorithm) = AlgorithmIdentifier::from_der(id).ok()?;
    let (after, issuer_name) = octets(after)?;
    let (after, issuer_key) = octets(after)?;
    let (_, serial) = Any::from_der(after).ok()?;
    (serial.header.tag() == Tag::Integer).then_some(())?;
    let (rest, status) = Any::from_der(rest).ok()?;
    // [0] good, [1] revoked, [2] unknown
    let statuses = [Staple::Good, Staple::Revoked, Staple::Unknown];
    let (_, status) = (0..).zip(statuses).find(|(number, _)| is_tagged(&status, *number))?;
    let (rest, this_update) = ASN1Time::from_der(rest).ok()?;
    let next_update = match Any::from_der(rest) {
        Ok((_, next)) if is_tagged(&next, 0) => Some(ASN1Time::from_der(next.data).ok()?.1.timestamp()),
        _ => None,
    };
    let this_update = this_update.timestamp();
    let hash = algorithm.algorithm;
    Some(Single { hash, issuer_name, issuer_key, serial: serial.data, status, this_update, next_update })
}

impl Single<'_> {
    /// Whether the certificate is the one that the answer names (CertID): by its number, and by what its issuer is called
    /// and signs with.
    fn is_about(&self, leaf: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
        let algorithm = [
            (oid!(1.3.14.3.2.26), &SHA1_FOR_LEGACY_USE_ONLY),
            (oid!(2.16.840.1.101.3.4.2.1), &SHA256),
            (oid!(2.16.840.1.101.3.4.2.2), &SHA384),
            (oid!(2.16.840.1.101.3.4.2.3), &SHA512),
        ]
        .into_iter()
        .find_map(|(known, algorithm)| (known == self.hash).then_some(algorithm));
        algorithm.is_some_and(|algorithm| {
            let is_hash = |bytes: &[u8], of: &[u8]| digest::digest(algorithm, of).as_ref() == bytes;
            self.serial == leaf.raw_serial()
                && is_hash(self.issuer_name, leaf.issuer().as_raw())
                && is_hash(self.issuer_key, &issuer.public_key().subject_public_key.data)
        })
    }
}

impl Basic<'_> {
    /// Whether the answer is signed by the issuer itself, or by somebody to whom the issuer gave that right (section
    /// 4.2.2.2), and by the one that it names.
    fn is_signed_for(&self, issuer: &X509Certificate<'_>, now: i64) -> bool {
        let delegates = self.certificates.iter().filter(|other| is_delegate(other, issuer, now));
        std::iter::once(issuer).chain(delegates).any(|signer| {
            self.names(signer)
                && verify_signature(signer.public_key(), &self.algorithm, &self.signature, self.signed).is_ok()
        })
    }

    /// ResponderID: `[1]` a name, `[2]` the SHA-1 of a key.
    fn names(&self, signer: &X509Certificate<'_>) -> bool {
        if is_tagged(&self.responder, 1) {
            return self.responder.data == signer.subject().as_raw();
        }
        let key = digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, &signer.public_key().subject_public_key.data);
        is_tagged(&self.responder, 2) && octets(self.responder.data).is_some_and(|(_, named)| named == key.as_ref())
    }
}

/// Issued by the same authority, for this purpose, and alive.
fn is_delegate(other: &X509Certificate<'_>, issuer: &X509Certificate<'_>, now: i64) -> bool {
    let purposes = other.extended_key_usage().ok().flatten();
    let alive = other.validity().not_before.timestamp()..=other.validity().not_after.timestamp();
    purposes.is_some_and(|purposes| purposes.value.ocsp_signing)
        && alive.contains(&now)
        && other.issuer() == issuer.subject()
        && other.verify_signature(Some(issuer.public_key())).is_ok()
}

/// What follows a sequence, and what is in it.
fn sequence(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, any) = Any::from_der(der).ok()?;
    (any.header.class() == Class::Universal && any.header.tag() == Tag::Sequence).then_some((rest, any.data))
}

fn octets(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, any) = Any::from_der(der).ok()?;
    (any.header.class() == Class::Universal && any.header.tag() == Tag::OctetString).then_some((rest, any.data))
}

fn is_tagged(any: &Any<'_>, number: u32) -> bool {
    any.header.class() == Class::ContextSpecific && any.header.tag() == Tag(number)
}

#[cfg(test)]
mod fixtures;

#[cfg(test)]
mod tests {
    use super::fixtures::*;
    use super::*;
    use data_encoding::BASE64;

    fn der(text: &str) -> Vec<u8> {
        BASE64.decode(text.as_bytes()).expect("base64")
    }

    fn chain() -> Vec<CertificateDer<'static>> {
        [LEAF, AUTHORITY].map(|text| CertificateDer::from(der(text))).to_vec()
    }

    fn said(staple: &str) -> Staple {
        judge(&der(staple), &chain(), NOW)
    }

    #[test]
    fn the_status_is_that_of_the_authority() {
        for (staple, wanted) in [
            (GOOD, Staple::Good),
            (REVOKED, Staple::Revoked),
            (UNKNOWN, Staple::Unknown),
            (BY_DELEGATE, Staple::Good),
            (BY_KEY_SHA256, Staple::Good),
        ] {
            assert_eq!(said(staple), wanted);
        }
        // tryLater
        assert_eq!(judge(&[0x30, 3, 0x0a, 1, 3], &chain(), NOW), Staple::Unknown);
        assert_eq!(judge(b"no OCSP", &chain(), NOW), Staple::Garbled);
        assert_eq!(judge(&[], &chain(), NOW), Staple::Garbled);
    }

    #[test]
    fn only_the_issuer_and_its_delegates_are_believed() {
        for staple in [BY_STRANGER, BY_LEAF, BY_ENDED_DELEGATE] {
            assert_eq!(said(staple), Staple::Unsigned, "{staple}");
        }
        assert_eq!(said(OF_ANOTHER), Staple::OfAnother);
        // Without the issuer there is nobody to compare with.
        assert_eq!(judge(&der(GOOD), &chain()[..1], NOW), Staple::Unproven);
        let stranger = [der(LEAF), der(STRANGER)].map(CertificateDer::from);
        assert_eq!(judge(&der(GOOD), &stranger, NOW), Staple::Unproven);
        assert_eq!(judge(&der(GOOD), &[], NOW), Staple::Unproven);
    }

    /// The fixtures begin at `NOW` and last for a week; the one without an end is believed for a day.
    #[test]
    fn an_answer_is_believed_as_long_as_it_says() {
        const WEEK: i64 = 7 * 86_400;
        for (staple, at, wanted) in [
            (GOOD, NOW - AHEAD, Staple::Good),
            (GOOD, NOW - AHEAD - 1, Staple::OfTheFuture),
            (GOOD, NOW + WEEK, Staple::Good),
            (GOOD, NOW + WEEK + 1, Staple::Ended),
            (REVOKED, NOW + WEEK + 1, Staple::Ended),
            (WITHOUT_NEXT, NOW + WITHOUT_END, Staple::Good),
            (WITHOUT_NEXT, NOW + WITHOUT_END + 1, Staple::Ended),
        ] {
            assert_eq!(judge(&der(staple), &chain(), at), wanted, "{at}");
        }
    }

    #[test]
    fn cut_or_changed_anywhere_it_is_no_good_and_no_harm() {
        for staple in [GOOD, BY_DELEGATE] {
            let good = der(staple);
            for length in 0..good.len() {
                assert_eq!(judge(&good[..length], &chain(), NOW), Staple::Garbled, "{length} bytes");
                let mut changed = good.clone();
                changed[length] ^= 0xff;
                // A certificate that is not needed is not signed over, and a tag's number may be read past.
                let _ = judge(&changed, &chain(), NOW);
            }
        }
        let good = der(GOOD);
        let signed = good.windows(2).position(|pair| pair == [0x18, 0x0f]).expect("a date");
        let mut changed = good;
        changed[signed + 6] ^= 1;
        assert_eq!(judge(&changed, &chain(), NOW), Staple::Unsigned, "the date is signed");
    }
}
