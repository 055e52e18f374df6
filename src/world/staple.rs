//! What a stapled OCSP answer says of the certificate (RFC 6960, section 4.2.1): its status and no more. Must not
//! verify it: who must be believed is the business of those who believe.
//!
//! Read with the ASN.1 reader that x509-parser already brings; a crate for OCSP would bring a second one.

use x509_parser::asn1_rs::{Any, Class, Enumerated, FromDer, OctetString, Tag};

use crate::probe::Staple;

/// The status of the first certificate that is spoken of; a server staples the answer about its own alone.
pub(super) fn status(der: &[u8]) -> Staple {
    read(der).unwrap_or(Staple::Garbled)
}

/// `None`: no OCSP answer.
fn read(der: &[u8]) -> Option<Staple> {
    let response = contents(der, Tag::Sequence)?;
    let (rest, code) = Enumerated::from_der(response).ok()?;
    if code.0 != 0 {
        // The authority's server was asked, and had no answer.
        return Some(Staple::Unknown);
    }
    // responseBytes [0] EXPLICIT SEQUENCE { responseType, response }
    let (_, bytes) = Any::from_der(rest).ok()?;
    is_tagged(&bytes, 0).then_some(())?;
    let (typed, _kind) = Any::from_der(contents(bytes.data, Tag::Sequence)?).ok()?;
    let (_, basic) = OctetString::from_der(typed).ok()?;
    // BasicOCSPResponse, its tbsResponseData, and there the responses, before which stand a version and a time.
    let data = contents(contents(basic.as_ref(), Tag::Sequence)?, Tag::Sequence)?;
    let mut rest = data;
    loop {
        let (after, field) = Any::from_der(rest).ok()?;
        if field.header.class() == Class::Universal && field.header.tag() == Tag::Sequence {
            return of_first(field.data);
        }
        rest = after;
    }
}

/// SingleResponse: the certificate's id, then `[0]` good, `[1]` revoked or `[2]` unknown.
fn of_first(responses: &[u8]) -> Option<Staple> {
    let (status, _id) = Any::from_der(contents(responses, Tag::Sequence)?).ok()?;
    let (_, status) = Any::from_der(status).ok()?;
    let statuses = [Staple::Good, Staple::Revoked, Staple::Unknown];
    (0..).zip(statuses).find(|(number, _)| is_tagged(&status, *number)).map(|(_, status)| status)
}

fn contents(der: &[u8], tag: Tag) -> Option<&[u8]> {
    let (_, any) = Any::from_der(der).ok()?;
    (any.header.class() == Class::Universal && any.header.tag() == tag).then_some(any.data)
}

fn is_tagged(any: &Any<'_>, number: u32) -> bool {
    any.header.class() == Class::ContextSpecific && any.header.tag() == Tag(number)
}
