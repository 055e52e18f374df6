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

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;

    // Made with `openssl ocsp -respout`, by an authority of the test's own, without certificates.
    const GOOD: &str = "MIH6CgEAoIH0MIHxBgkrBgEFBQcwAQEEgeMwgeAwgYehDjAMMQowCAYDVQQDDAF0GA8yMDI2MTEyMjIwNDcyN1owZDBiMDowCQYFKw4DAhoFAAQUdrO29Ajkp/AAa0MCEVleF61hrQ8EFPmmGBk5cEJGbLIOMnEuRwHHEzyGAgEBgAAYDzIwMjYxMTIyMjA0NzI3WqARGA8yMDM2MTExOTIwNDcyN1owCgYIKoZIzj0EAwIDSAAwRQIhAPILeBF2fseeFIUYlIWd1/3A2fwf6nXa1dotl7hQOCjRAiBYc+6gDuA9ET5aK1y21iaP14AYvbvFId4vHwwCTVVWPg==";
    const REVOKED: &str = "MIIBDQoBAKCCAQYwggECBgkrBgEFBQcwAQEEgfQwgfEwgZihDjAMMQowCAYDVQQDDAF0GA8yMDI2MTEyMjIwNDcyN1owdTBzMDowCQYFKw4DAhoFAAQUdrO29Ajkp/AAa0MCEVleF61hrQ8EFPmmGBk5cEJGbLIOMnEuRwHHEzyGAgECoREYDzIwMjYwMTAxMDAwMDAwWhgPMjAyNjExMjIyMDQ3MjdaoBEYDzIwMzYxMTE5MjA0NzI3WjAKBggqhkjOPQQDAgNIADBFAiEAi05Rl1/Ve1gjxlkjheFRW0QTm634xMzw34hTrW/Zn9QCIHUugOmlZqSOf3XBSLHD1bqVnPXHCe+sWErpYYPZYg58";
    const UNKNOWN: &str = "MIH6CgEAoIH0MIHxBgkrBgEFBQcwAQEEgeMwgeAwgYehDjAMMQowCAYDVQQDDAF0GA8yMDI2MTEyMjIwNDcyN1owZDBiMDowCQYFKw4DAhoFAAQUdrO29Ajkp/AAa0MCEVleF61hrQ8EFPmmGBk5cEJGbLIOMnEuRwHHEzyGAgEDggAYDzIwMjYxMTIyMjA0NzI3WqARGA8yMDM2MTExOTIwNDcyN1owCgYIKoZIzj0EAwIDSAAwRQIgVtJ7hw54VavGYbawMpKNH1RtL2NpmVq4HymTSUPx/YgCIQCa+mEPrRnEDFqge4wv6HGYd3qVtWLKm5BCZjKKO4FNxA==";

    #[test]
    fn the_status_is_that_of_the_authority() {
        for (staple, wanted) in [(GOOD, Staple::Good), (REVOKED, Staple::Revoked), (UNKNOWN, Staple::Unknown)] {
            assert_eq!(status(&BASE64.decode(staple.as_bytes()).expect("base64")), wanted);
        }
        // tryLater
        assert_eq!(status(&[0x30, 3, 0x0a, 1, 3]), Staple::Unknown);
        assert_eq!(status(b"no OCSP"), Staple::Garbled);
        assert_eq!(status(&[]), Staple::Garbled);
    }

    #[test]
    fn cut_or_changed_anywhere_it_is_no_good_and_no_harm() {
        let good = BASE64.decode(GOOD.as_bytes()).expect("base64");
        for length in 0..good.len() {
            assert_eq!(status(&good[..length]), Staple::Garbled, "{length} bytes");
            let mut changed = good.clone();
            changed[length] ^= 0xff;
            status(&changed);
        }
    }
}
