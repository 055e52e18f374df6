//! Content coding between what the origin sent and what the visitor takes (Cloudflare docs,
//! speed/optimization/content/compression). Must not know what is cached.

use std::io::{Read, Write};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, VARY};

use crate::providers::cloudflare::caching::Directives;
use crate::rehearsal::serve::BODY_LIMIT;

/// Shorter bodies are sent as they are, in bytes.
const WORTH_IT: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Identity,
}

/// Recodes a body for a visitor and corrects the headers that speak of it.
pub fn for_visitor(headers: &mut HeaderMap, body: Bytes, asked: &HeaderMap, brotli_on: bool) -> Bytes {
    let body = recode(headers, body, asked, brotli_on);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    body
}

fn recode(headers: &mut HeaderMap, body: Bytes, asked: &HeaderMap, brotli_on: bool) -> Bytes {
    let has = match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None => Coding::Identity,
        Some(b"gzip") => Coding::Gzip,
        // A coding that the edge did not ask for passes through.
        Some(_) => return body,
    };
    if Directives::of(headers).has("no-transform") {
        return body;
    }
    let compressible = is_compressible(headers);
    if compressible && !names_accept_encoding(headers) {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
    let wants = if accepts(asked, "br") && brotli_on {
        Coding::Brotli
    } else if accepts(asked, "gzip") {
        Coding::Gzip
    } else {
        Coding::Identity
    };
    // Nothing is compressed for a type that is compressed already, and nothing is undone that the visitor takes.
    let wants = match (compressible && body.len() >= WORTH_IT, has, wants) {
        (false, Coding::Identity, _) => Coding::Identity,
        (false, _, Coding::Brotli | Coding::Gzip) => has,
        (_, _, wants) => wants,
    };
    if wants == has {
        return body;
    }
    let Some(plain) = decoded(has, &body) else {
        // The origin says gzip and sends none: its fault is passed on as it is.
        return body;
    };
    let coded = match wants {
        Coding::Identity => Some(plain),
        Coding::Gzip => gzip(&plain),
        Coding::Brotli => brotli(&plain),
    };
    let Some(coded) = coded else { return body };
    match wants {
        Coding::Identity => headers.remove(CONTENT_ENCODING),
        Coding::Gzip => headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        Coding::Brotli => headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br")),
    };
    weaken_etag(headers);
    coded
}

/// Other bytes under a strong validator would be a lie (RFC 9110, section 8.8.1).
fn weaken_etag(headers: &mut HeaderMap) {
    let strong = headers.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\"")).cloned();
    if let Some(tag) = strong
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        headers.insert(ETAG, weak);
    }
}

fn names_accept_encoding(headers: &HeaderMap) -> bool {
    headers.get_all(VARY).iter().any(|value| {
        String::from_utf8_lossy(value.as_bytes())
            .split(',')
            .any(|name| name.trim().eq_ignore_ascii_case("accept-encoding"))
    })
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return false };
    let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            essence,
            "application/json"
                | "application/javascript"
                | "application/xml"
                | "application/wasm"
                | "application/manifest+json"
        )
}

/// Whether the visitor takes this coding: named, or `*`, and not with `q=0`.
fn accepts(asked: &HeaderMap, coding: &str) -> bool {
    let mut any = false;
    for line in asked.get_all(ACCEPT_ENCODING) {
        for item in String::from_utf8_lossy(line.as_bytes()).split(',') {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let refused = parts.any(|part| {
                part.split_once('=').is_some_and(|(q, value)| {
                    q.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>().is_ok_and(|q| q == 0.0)
                })
            });
            if name.eq_ignore_ascii_case(coding) {
                return !refused;
            }
            any |= name == "*" && !refused;
        }
    }
    any
}

fn decoded(coding: Coding, body: &Bytes) -> Option<Bytes> {
    match coding {
        Coding::Identity => Some(body.clone()),
        Coding::Brotli => None,
        Coding::Gzip => {
            let mut plain = Vec::new();
            let limit = u64::try_from(BODY_LIMIT).unwrap_or(u64::MAX);
            flate2::read::MultiGzDecoder::new(body.as_ref()).take(limit).read_to_end(&mut plain).ok()?;
            Some(plain.into())
        }
    }
}

fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn brotli(plain: &[u8]) -> Option<Bytes> {
    let mut coded = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut coded, 4096, 4, 20);
    encoder.write_all(plain).ok()?;
    encoder.flush().ok()?;
    drop(encoder);
    Some(coded.into())
}
