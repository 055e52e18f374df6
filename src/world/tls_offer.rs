//! One version of TLS, offered alone. rustls does so for 1.2 and 1.3; the versions that RFC 8996 forbids no library of
//! ours speaks, so a ClientHello for them is made by hand and the first words of the answer are read. Must not go on
//! with such a handshake: no key is ever agreed on.

use std::io;

use jiff::Timestamp;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{Error as TlsError, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::{Unanswered, failed, from_error, not_asked};
use super::{Place, World, policy, tls};
use crate::probe::{FailureKind, Observation, TlsOfferAnswer, TlsOfferProbe, TlsVersion};

/// Bytes of a ClientHello up to and with the version that it asks for: a record's head (5), a message's head (4), the
/// version (2).
pub(crate) const START: usize = 11;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// Suites that servers of those versions have: elliptic curves first, for certificates of either kind, then what older
/// ones know, and the signal of RFC 5746, without which some refuse.
const SUITES: [u16; 13] =
    [0xc009, 0xc00a, 0xc013, 0xc014, 0x0033, 0x0039, 0x002f, 0x0035, 0xc008, 0xc012, 0x000a, 0x0005, 0x00ff];

/// Records of a server that are looked at: it may warn before it answers.
const RECORDS: usize = 8;

/// What a server said to an offer.
enum Said {
    Taken(String),
    Refused(String),
}

impl World {
    pub(super) async fn tls_offer(&self, probe: &TlsOfferProbe) -> Result<Observation, Unanswered> {
        let place = self.place(&probe.name, probe.to, 443).await?;
        let name = ServerName::try_from(probe.name.clone())
            .map_err(|_| not_asked(format!("`{}` cannot be a server name", probe.name.escape_debug())))?;
        let whom = format!("{} at {}", probe.name, place.public);
        let said = policy::again_after_silence(async || {
            self.take_turn().await?;
            tokio::time::timeout(self.timeout, offer(&place, name.clone(), probe, &whom))
                .await
                .unwrap_or_else(|_| Err(failed(FailureKind::TimedOut, format!("{whom}: no word in time"))))
        })
        .await?;
        let (is_taken, said) = match said {
            Said::Taken(said) => (true, said),
            Said::Refused(said) => (false, said),
        };
        let connected = place.public.to_string();
        Ok(Observation::TlsOffer(TlsOfferAnswer { at: Timestamp::now(), connected, is_taken, said }))
    }
}

async fn offer(
    place: &Place,
    name: ServerName<'static>,
    probe: &TlsOfferProbe,
    whom: &str,
) -> Result<Said, Unanswered> {
    let stream = TcpStream::connect(place.real).await.map_err(|error| from_error(whom, &error))?;
    let version = match probe.version {
        TlsVersion::Tls12 => &TLS12,
        TlsVersion::Tls13 => &TLS13,
        old @ (TlsVersion::Tls10 | TlsVersion::Tls11) => return by_hand(stream, &probe.name, old, whom).await,
    };
    by_library(stream, name, version, whom).await
}

async fn by_library(
    stream: TcpStream,
    name: ServerName<'static>,
    version: &'static SupportedProtocolVersion,
    whom: &str,
) -> Result<Said, Unanswered> {
    let config = tls::offering(version).map_err(|error| failed(FailureKind::Tls, error.to_string()))?;
    match TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream).await {
        Ok(_) => Ok(Said::Taken("the handshake ended well".to_owned())),
        Err(error) => {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
            match inner {
                Some(said @ (TlsError::AlertReceived(_) | TlsError::PeerIncompatible(_))) => {
                    Ok(Said::Refused(said.to_string()))
                }
                Some(_) => Err(from_error(whom, &error)),
                None => hung_up(error, whom),
            }
        }
    }
}

/// A server that does not like a version may hang up without a word.
fn hung_up(error: io::Error, whom: &str) -> Result<Said, Unanswered> {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            Ok(Said::Refused("it hung up".to_owned()))
        }
        _ => Err(from_error(whom, &error)),
    }
}

async fn by_hand(mut stream: TcpStream, name: &str, version: TlsVersion, whom: &str) -> Result<Said, Unanswered> {
    let mut random = [0; 32];
    let filled = ring::default_provider().secure_random.fill(&mut random);
    filled.map_err(|_| failed(FailureKind::Tls, "no random numbers on this machine"))?;
    let hello = client_hello(name, version, random)
        .ok_or_else(|| not_asked(format!("`{}` is too long for a server name", name.escape_debug())))?;
    if let Err(error) = stream.write_all(&hello).await {
        return hung_up(error, whom);
    }
    match answer(&mut stream, version).await {
        Ok(Some(said)) => Ok(said),
        Ok(None) => Err(failed(FailureKind::Garbage, format!("{whom}: bytes that are no TLS"))),
        Err(error) => hung_up(error, whom),
    }
}

/// Reads no more than decides. `None`: what came is no TLS.
async fn answer(stream: &mut TcpStream, asked: TlsVersion) -> io::Result<Option<Said>> {
    // Type, length and version of the ServerHello; it may be cut into records of any length.
    let mut start = Vec::with_capacity(6);
    for _ in 0..RECORDS {
        let mut head = [0; 5];
        stream.read_exact(&mut head).await?;
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        match head[0] {
            ALERT if length == 2 => {
                let mut alert = [0; 2];
                stream.read_exact(&mut alert).await?;
                // A warning: the answer is still to come.
                if alert[0] != 1 {
                    return Ok(Some(Said::Refused(alert_text(alert[1]))));
                }
            }
            HANDSHAKE if length > 0 => {
                let mut part = vec![0; length.min(6 - start.len())];
                stream.read_exact(&mut part).await?;
                start.extend(part);
                if let [kind, _, _, _, major, minor] = start[..] {
                    return Ok(match (kind, spoken(major, minor)) {
                        (SERVER_HELLO, Some(taken)) if taken == asked => {
                            Some(Said::Taken(format!("it answers with {}", taken.as_str())))
                        }
                        // A step down to what is still older, which is offered apart.
                        (SERVER_HELLO, Some(taken)) if taken < asked => {
                            Some(Said::Refused(format!("it answers with {}", taken.as_str())))
                        }
                        _ => None,
                    });
                }
            }
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// The alerts that such an offer may meet (RFC 5246, section 7.2).
fn alert_text(number: u8) -> String {
    match number {
        40 => "alert: handshake failure".to_owned(),
        70 => "alert: protocol version".to_owned(),
        71 => "alert: insufficient security".to_owned(),
        80 => "alert: internal error".to_owned(),
        112 => "alert: unrecognized name".to_owned(),
        other => format!("alert {other}"),
    }
}

fn spoken(major: u8, minor: u8) -> Option<TlsVersion> {
    match (major, minor) {
        (3, 1) => Some(TlsVersion::Tls10),
        (3, 2) => Some(TlsVersion::Tls11),
        _ => None,
    }
}

fn wire(version: TlsVersion) -> [u8; 2] {
    match version {
        TlsVersion::Tls10 => [3, 1],
        TlsVersion::Tls11 => [3, 2],
        // In messages 1.3 says 1.2 too (RFC 8446, section 4.1.2).
        TlsVersion::Tls12 | TlsVersion::Tls13 => [3, 3],
    }
}

/// A whole ClientHello (RFC 2246, section 7.4.1.2) with the server's name (RFC 6066, section 3) and curves (RFC 8422,
/// section 5.1). `None` where the name does not fit.
fn client_hello(name: &str, version: TlsVersion, random: [u8; 32]) -> Option<Vec<u8>> {
    let host = [&[0][..], &sized(name.as_bytes())?].concat();
    let curves: Vec<u8> = [0x1d_u16, 0x17, 0x18, 0x19].iter().flat_map(|curve| curve.to_be_bytes()).collect();
    let extensions =
        [extension(0, &sized(&host)?)?, extension(10, &sized(&curves)?)?, extension(11, &[1, 0])?].concat();
    let suites: Vec<u8> = SUITES.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let body = [
        &wire(version)[..],
        &random,
        // No session.
        &[0],
        &sized(&suites)?,
        // No compression.
        &[1, 0],
        &sized(&extensions)?,
    ]
    .concat();
    message(CLIENT_HELLO, TlsVersion::Tls10, &body)
}

fn extension(number: u16, data: &[u8]) -> Option<Vec<u8>> {
    Some([&number.to_be_bytes()[..], &sized(data)?].concat())
}

/// Behind its length of two bytes.
fn sized(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(bytes.len()).ok()?;
    Some([&length.to_be_bytes()[..], bytes].concat())
}

/// One handshake message in one record.
fn message(kind: u8, version: TlsVersion, body: &[u8]) -> Option<Vec<u8>> {
    let message = [&[kind, 0][..], &sized(body)?].concat();
    Some([&[HANDSHAKE][..], &wire(version), &sized(&message)?].concat())
}

/// The version of a ClientHello that asks for nothing better than TLS 1.1, by its first [`START`] bytes.
pub(crate) fn outdated(start: &[u8; START]) -> Option<TlsVersion> {
    match *start {
        [HANDSHAKE, 3, _, _, _, CLIENT_HELLO, _, _, _, major, minor] => spoken(major, minor),
        _ => None,
    }
}

/// The first word of a server that takes an outdated version.
pub(crate) fn server_hello(version: TlsVersion) -> Vec<u8> {
    // No session id; the first suite; no compression.
    let body = [&wire(version)[..], &[0; 32], &[0], &SUITES[0].to_be_bytes(), &[0]].concat();
    message(SERVER_HELLO, version, &body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_is_framed_and_says_its_version() {
        for version in [TlsVersion::Tls10, TlsVersion::Tls11] {
            let hello = client_hello("shop.example.com", version, [7; 32]).expect("a hello");
            assert_eq!(hello.len(), 5 + usize::from(u16::from_be_bytes([hello[3], hello[4]])));
            assert_eq!(hello.len(), 9 + usize::from(u16::from_be_bytes([hello[7], hello[8]])));
            let start: [u8; START] = hello[..START].try_into().expect("long enough");
            assert_eq!(outdated(&start), Some(version));
        }
        assert_eq!(outdated(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), None, "1.2 and later");
        assert_eq!(outdated(b"GET / HTTP/"), None);
        assert_eq!(client_hello(&"a".repeat(70_000), TlsVersion::Tls10, [0; 32]), None);
    }
}
