//! DKIM key records as a receiver reads them (RFC 6376, section 3.6.1; RFC 8301; RFC 8463). Pure.
//!
//! Must not know the blueprint: whether it is the wanted key is for the check to say.

use super::tags::Tags;
use crate::blueprint::value::{KeyKind, key_kind};

/// A key that receivers can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub kind: KeyKind,
    /// `p=`, without white space.
    pub text: String,
    /// `t=y`: receivers treat signed mail as unsigned.
    pub is_test: bool,
}

/// Reads the one TXT record of a selector.
///
/// # Errors
///
/// Why a receiver finds no key in it, as the end of a sentence.
pub fn read(record: &str) -> Result<Key, String> {
    let list = Tags::read(record);
    if let Some(fault) = list.faults.first() {
        return Err(format!("the record is no list of tags: {fault}"));
    }
    match (list.get("v"), list.tags.first()) {
        (None, _) => {}
        (Some("DKIM1"), Some((first, _))) if first == "v" => {}
        (Some("DKIM1"), _) => return Err("`v=DKIM1` does not stand first".to_owned()),
        (Some(_), _) => return Err("the record is no DKIM key".to_owned()),
    }
    let holds = |name: &str, wanted: &[&str]| {
        let words = list.get(name).map(|value| value.split(':').map(str::trim).any(|word| wanted.contains(&word)));
        words.unwrap_or(true)
    };
    if !holds("h", &["sha256"]) {
        return Err(format!("`h={}` allows no hash that receivers take", list.get("h").unwrap_or_default()));
    }
    if !holds("s", &["*", "email"]) {
        return Err(format!("`s={}`: the key is not for mail", list.get("s").unwrap_or_default()));
    }
    let text: String = match list.get("p") {
        None => return Err("`p` is absent".to_owned()),
        Some(text) => text.split_ascii_whitespace().collect(),
    };
    if text.is_empty() {
        return Err("`p=` is empty: the key is revoked".to_owned());
    }
    let kind = key_kind(&text).map_err(|why| cut(&text).unwrap_or(why))?;
    match (list.get("k").unwrap_or("rsa"), kind) {
        ("rsa", KeyKind::Rsa { .. }) | ("ed25519", KeyKind::Ed25519) => {}
        ("rsa", KeyKind::Ed25519) => return Err("an Ed25519 key without `k=ed25519`".to_owned()),
        ("ed25519", KeyKind::Rsa { .. }) => return Err("`k=ed25519`, and an RSA key".to_owned()),
        (other, _) => return Err(format!("`k={}` is no kind of key that receivers know", other.escape_debug())),
    }
    let is_test = list.get("t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y"));
    Ok(Key { kind, text, is_test })
}

/// What a key says of its own length, where that is more than there is: forms for TXT records keep 255 characters.
fn cut(text: &str) -> Option<String> {
    // What base64 there is, in whole groups.
    let whole = text.trim_end_matches('=');
    let bytes = data_encoding::BASE64_NOPAD.decode(&whole.as_bytes()[..whole.len() / 4 * 4]).ok()?;
    // A sequence with a length of two bytes (X.690, section 8.1.3.5), as every RSA key from 1,024 bits on.
    let [0x30, 0x82, high, low, ..] = bytes.as_slice() else { return None };
    let announced = usize::from(u16::from_be_bytes([*high, *low])) + 4;
    (bytes.len() < announced).then(|| format!("the key was cut: {} of its {announced} bytes are there", bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8463, appendix A.2.
    const ED25519: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const RSA: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzJyz3n9J467Wbku8JEzo2REq7zcURZg2/EGhisu6eLh9ZCGKvWAKLot7QvNeklpc226aZoZuB811PvzaXtFzIsceKQAhP7sYT8FXoLflKE8KfvJT0GanG9mDfIyPVmsw3Jtxe0bNWsEoPRmMCXZVj1jv2eRUkTJ7xsqGdx5YwR+q2HoSB9piCyf3yqmbSGzrLNY9CWjnh1UXgUPwmls2LCy/xawOzKEvuq5twKek3cSBpOxvzJQqpLwORlK8ZabO6z50rMV7N3MkMSdr+yHrq0yS7PgPqs/zYGfAbLhXeY6ykT4dWOohmxKcG9l3Resxh/DV+f3wtX1kdCZITZBhsQIDAQAB";

    #[test]
    fn keys_are_read() {
        let rsa = KeyKind::Rsa { bits: 2048 };
        for (record, kind, is_test) in [
            (format!("v=DKIM1; k=rsa; p={RSA}"), rsa, false),
            (format!("p={RSA}"), rsa, false),
            (format!("v=DKIM1; h=sha1:sha256; s=*; t=s; n=our key; p={} {};", &RSA[..200], &RSA[200..]), rsa, false),
            (format!("v=DKIM1; s=email; t=s:y; p={RSA}"), rsa, true),
            (format!("v=DKIM1; k=ed25519; p={ED25519}"), KeyKind::Ed25519, false),
        ] {
            let key = read(&record).unwrap_or_else(|why| panic!("{record}: {why}"));
            assert_eq!((key.kind, key.is_test), (kind, is_test), "{record}");
        }
    }

    #[test]
    fn what_receivers_cannot_use_is_named() {
        let keyed = |tags: &str| format!("{tags}; p={RSA}");
        for (record, why) in [
            (keyed("v=DKIM2"), "no DKIM key"),
            (keyed("k=rsa; v=DKIM1"), "does not stand first"),
            (keyed("v=DKIM1; h=sha1"), "`h=sha1` allows no hash"),
            (keyed("v=DKIM1; s=tlsrpt"), "not for mail"),
            (keyed("v=DKIM1; k=ed25519"), "an RSA key"),
            (keyed("v=DKIM1; k=dsa"), "`k=dsa` is no kind"),
            (keyed("v=DKIM1; k=rsa; k=rsa"), "`k` is there twice"),
            (format!("v=DKIM1; p={ED25519}"), "without `k=ed25519`"),
            ("v=DKIM1; k=rsa".to_owned(), "`p` is absent"),
            ("v=DKIM1; p=".to_owned(), "revoked"),
            ("v=DKIM1; p=!".to_owned(), "not base64"),
            ("v=DKIM1; p=AAAA".to_owned(), "neither an RSA"),
            (String::new(), "`p` is absent"),
            // A form that keeps 255 characters, and one that drops a last letter.
            (format!("v=DKIM1; k=rsa; p={RSA}")[..255].to_owned(), "the key was cut: 177 of its 294 bytes are there"),
            (format!("v=DKIM1; k=rsa; p={}", &RSA[..RSA.len() - 1]), "the key was cut"),
        ] {
            let found = read(&record).expect_err(&record);
            assert!(found.contains(why), "{record}: {found}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_record_is_read_or_refused(text in "(v=DKIM1; ?)?((k|h|s|t|p)=[A-Za-zé0-9+/=: ]{0,40};?){0,4}") {
            let _ = read(&text);
        }

        #[test]
        fn a_cut_key_never_passes(length in 0..RSA.len()) {
            assert!(read(&format!("v=DKIM1; p={}", &RSA[..length])).is_err());
        }
    }
}
