//! Bodies as read from the wire, and decoded, both within one limit whatever a server sends (endless bodies,
//! compression bombs). Must not read a socket.

use std::io::Read;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::probe::{Body, BodyProblem};

/// What is kept of a body, on the wire and decoded. Bytes.
pub(super) const LIMIT: usize = 1024 * 1024;

/// `cut`: why the wire bytes are not complete.
pub(super) fn decode(wire: &[u8], encoding: Option<&str>, cut: Option<String>) -> Body {
    let encoding = encoding.map(|encoding| encoding.trim().to_ascii_lowercase()).unwrap_or_default();
    let (decoded, decoding_problem) = match encoding.as_str() {
        "" | "identity" => (wire.to_vec(), None),
        "gzip" | "x-gzip" => bounded(flate2::read::MultiGzDecoder::new(wire), "gzip"),
        "br" => bounded(brotli::Decompressor::new(wire, 4096), "br"),
        other => {
            let problem = format!("content-encoding `{}` is not decoded here", other.escape_debug());
            (Vec::new(), Some(BodyProblem::Garbled(problem)))
        }
    };
    // A cut body also fails to decode: the cut is the cause.
    let problem = cut.map(BodyProblem::Cut).or(decoding_problem);
    Body {
        wire_length: wire.len(),
        sha256: problem.is_none().then(|| HEXLOWER.encode(&Sha256::digest(&decoded))),
        text: String::from_utf8_lossy(&decoded).into_owned(),
        problem,
    }
}

fn bounded(decoder: impl Read, encoding: &str) -> (Vec<u8>, Option<BodyProblem>) {
    let mut decoded = Vec::new();
    let read = decoder.take(LIMIT as u64 + 1).read_to_end(&mut decoded);
    let problem = match read {
        Err(error) => Some(BodyProblem::Garbled(format!("the body is not valid {encoding}: {error}"))),
        Ok(_) if decoded.len() > LIMIT => {
            Some(BodyProblem::Cut(format!("the body decodes to more than {LIMIT} bytes")))
        }
        Ok(_) => None,
    };
    decoded.truncate(LIMIT);
    (decoded, problem)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn br(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::CompressorWriter::new(&mut out, 4096, 5, 22).write_all(bytes).unwrap();
        out
    }

    #[test]
    fn the_same_bytes_have_the_same_hash_however_they_travel() {
        let page = "<h1>Je veux aider</h1>".repeat(100);
        let plain = decode(page.as_bytes(), None, None);
        for (wire, encoding) in [(gzip(page.as_bytes()), "gzip"), (br(page.as_bytes()), "BR ")] {
            let decoded = decode(&wire, Some(encoding), None);
            assert_eq!(decoded.text, page);
            assert_eq!(decoded.sha256, plain.sha256);
            assert_eq!(decoded.wire_length, wire.len());
            assert!(decoded.wire_length < plain.wire_length);
        }
    }

    #[test]
    fn bombs_are_cut_at_the_limit() {
        let zeros = vec![0; 50 * LIMIT];
        for (wire, encoding) in [(gzip(&zeros), "gzip"), (br(&zeros), "br")] {
            let body = decode(&wire, Some(encoding), None);
            assert_eq!(body.text.len(), LIMIT, "{encoding}");
            assert_eq!(body.sha256, None);
            assert!(body.problem.unwrap().as_str().contains("more than"));
        }
        assert_eq!(decode(&gzip(&vec![b'a'; LIMIT]), Some("gzip"), None).problem, None);
    }

    #[test]
    fn what_cannot_be_decoded_has_no_hash() {
        let whole = gzip(b"hello hello hello");
        for (wire, encoding) in
            [(&whole[..whole.len() - 5], "gzip"), (b"no gzip", "gzip"), (b"\xff\xff", "br"), (b"x", "zstd")]
        {
            let body = decode(wire, Some(encoding), None);
            assert_eq!(body.sha256, None, "{encoding}");
            assert!(matches!(body.problem, Some(BodyProblem::Garbled(_))), "{encoding}: {:?}", body.problem);
        }
        assert_eq!(decode(b"abc", None, Some("cut".into())).sha256, None);
        assert_eq!(decode(b"\xff", None, None).text, "\u{fffd}");
    }
}
