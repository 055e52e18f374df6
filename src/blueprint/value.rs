//! Values that a blueprint may hold, each refused at its own line when it is malformed.
//!
//! Every string that ends in a configuration file passes through one of these types: what they let through is
//! what [`crate::emit`] must be able to quote. None of them admits a control character.
//!
//! Each says its form three times: to people in its documentation, to editors in its JSON Schema (`title`,
//! `pattern`, bounds), and in its parser, which alone decides. `tests/schema.rs` holds the pattern to the parser.
//! Patterns are of the part of ECMA-262 that every validator knows.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use toml::value::Datetime;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// One label of a host name, as a pattern.
macro_rules! label {
    () => {
        "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    };
}

/// An IPv4 address, as a pattern.
macro_rules! ipv4 {
    () => {
        "((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    };
}

macro_rules! text_value {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Lower-case letters, digits and hyphens; at least two labels, at most 253 characters, no final dot (RFC 1123
/// section 2.1; RFC 1035 section 2.3.4). International names are written in their `xn--` form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    title = "host name",
    extend("maxLength" = 253, "pattern" = concat!("^(", label!(), "\\.)+(?![0-9]+$)", label!(), "$"))
)]
pub struct HostName(String);
text_value!(HostName);

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &str| Err(format!("`{}` is not a host name: {why}", text.escape_debug()));
        if text.is_empty() {
            return bad("it is empty");
        }
        if text.ends_with('.') {
            return bad("leave the final dot out, golive adds it where a format needs it");
        }
        if text.contains("://") || text.contains('/') {
            return bad("give the name alone, without scheme or path");
        }
        if !text.is_ascii() {
            return match idna::domain_to_ascii_strict(text) {
                Ok(ascii) => bad(&format!("write the international name in its DNS form, `{ascii}`")),
                Err(_) => bad("it holds characters that no host name can have"),
            };
        }
        if text.chars().any(|c| c.is_ascii_uppercase()) {
            return bad(&format!("write it in lower case, `{}`", text.to_ascii_lowercase()));
        }
        if text.len() > 253 {
            return bad("it is longer than 253 bytes (RFC 1035, section 2.3.4)");
        }
        let labels: Vec<&str> = text.split('.').collect();
        if labels.len() < 2 {
            return bad("it has a single label");
        }
        for label in &labels {
            if label.is_empty() || label.len() > 63 {
                return bad("each label has 1 to 63 characters (RFC 1035, section 2.3.4)");
            }
            if label.starts_with('-') || label.ends_with('-') {
                return bad("a label neither starts nor ends with a hyphen");
            }
            if !label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
                return bad("letters, digits and hyphens only (RFC 1123, section 2.1)");
            }
        }
        if labels.last().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
            return bad("it looks like an address; give a name");
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_within(name: &str, zone: &HostName) -> bool {
    name == zone.as_str() || name.strip_suffix(zone.as_str()).is_some_and(|rest| rest.ends_with('.'))
}

impl HostName {
    /// Whether this name is `zone` itself or below it.
    pub fn is_within(&self, zone: &HostName) -> bool {
        is_within(&self.0, zone)
    }

    /// This name below a parent: `HostName("example.org").child("www")`; the label is golive's own.
    pub fn child(&self, label: &str) -> String {
        format!("{label}.{}", self.0)
    }

    /// The parent name, or `None` above the last two labels.
    pub fn parent(&self) -> Option<HostName> {
        let (_, parent) = self.0.split_once('.')?;
        parent.parse().ok()
    }
}

/// A host name whose labels may also hold underscores, as `_dmarc.example.org`; `*.` may stand before it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    title = "owner of a record",
    extend(
        "maxLength" = 253,
        "pattern" = "^(\\*\\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\\.)+(?![0-9]+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
    )
)]
pub struct OwnerName(String);
text_value!(OwnerName);

impl FromStr for OwnerName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &str| Err(format!("`{}` is not the name of a record: {why}", text.escape_debug()));
        if text.len() > 253 {
            return bad("it is longer than 253 bytes (RFC 1035, section 2.3.4)");
        }
        let Some((owner, top)) = text.strip_prefix("*.").unwrap_or(text).rsplit_once('.') else {
            return bad("give it in full, as in `_dmarc.example.org`");
        };
        // The rules of host names, with the underscore as a letter.
        match format!("{}.{top}", owner.replace('_', "x")).parse::<HostName>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => bad(error.rsplit_once(": ").map_or(&error, |(_, why)| why)),
        }
    }
}

impl OwnerName {
    /// Whether this name is `zone` itself or below it.
    pub fn is_within(&self, zone: &HostName) -> bool {
        is_within(&self.0, zone)
    }
}

/// 1 to 40 lower-case letters, digits and single inner hyphens, a letter first.
// It names folders, Terraform resources, nginx variables, so it is narrower than any of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(!try_from, title = "short name", extend("maxLength" = 40, "pattern" = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"))]
pub struct Label(String);
text_value!(Label);

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && !text.contains("--");
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{}` is not a short name: 1 to 40 lower-case letters, digits and single inner hyphens, a letter first",
                text.escape_debug()
            ))
        }
    }
}

impl Label {
    /// The same name where a hyphen is no identifier character (nginx variables, Terraform addresses).
    pub fn identifier(&self) -> String {
        self.0.replace('-', "_")
    }
}

/// Blanks (Unicode's White_Space without control characters), one character that is neither, then no control
/// character. The blanks are spelled out, since `\s` is not the same set in every language.
const ONE_LINE: &str = "^[ \\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]*\
    [^\\u0000-\\u0020\\u007F-\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]\
    [^\\u0000-\\u001F\\u007F-\\u009F]*$";

/// One line of 1 to 500 characters, not all blank, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(!try_from, title = "text", extend("maxLength" = 500, "pattern" = ONE_LINE))]
pub struct Text(String);
text_value!(Text);

impl FromStr for Text {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the text is empty".to_owned());
        }
        if text.chars().count() > 500 {
            return Err("the text is longer than 500 characters".to_owned());
        }
        if let Some(c) = text.chars().find(|c| c.is_control()) {
            return Err(format!("the text holds the control character {}: write it on one line", c.escape_debug()));
        }
        Ok(Self(text.to_owned()))
    }
}

/// 1 to 8,000 characters without control characters: the data of one DNS record, as its type has it. A TXT record is
/// given whole; golive cuts it into strings of 255 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    title = "data of a record",
    extend("minLength" = 1, "maxLength" = 8000, "pattern" = "^[^\\u0000-\\u001F\\u007F-\\u009F]*$")
)]
pub struct RecordValue(String);
text_value!(RecordValue);

impl FromStr for RecordValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the record has no data".to_owned());
        }
        if text.chars().count() > 8000 {
            return Err("the record has more than 8,000 characters: answers must fit into a DNS message".to_owned());
        }
        match text.chars().find(|c| c.is_control()) {
            Some(c) => Err(format!("the record holds the control character {}", c.escape_debug())),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// A leading `/`, then letters, digits, `-._~!$&'()*+,;=:@/` and percent-encoded bytes (RFC 3986 section 3.3); no
/// query, no `.` or `..` segment, at most 1,000 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    title = "path",
    extend(
        "maxLength" = 1000,
        "pattern" = r"^(?!.*/\.{1,2}(/|$))/([A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*$"
    )
)]
pub struct UrlPath(String);
text_value!(UrlPath);

impl FromStr for UrlPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &str| Err(format!("`{}` is not a path: {why}", text.escape_debug()));
        if !text.starts_with('/') {
            return bad("it starts with `/`");
        }
        if text.len() > 1000 {
            return bad("it is longer than 1,000 bytes");
        }
        if text.contains('?') || text.contains('#') {
            return bad("give it without query and fragment");
        }
        if text.split('/').any(|segment| segment == "." || segment == "..") {
            return bad("`.` and `..` segments never reach a server as written");
        }
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' => {
                    let hex = [bytes.next(), bytes.next()];
                    if !hex.iter().all(|b| b.is_some_and(|b| b.is_ascii_hexdigit())) {
                        return bad("`%` is followed by two hexadecimal digits");
                    }
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {}
                b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b','
                | b';' | b'=' | b':' | b'@' => {}
                _ => return bad("percent-encode what RFC 3986 section 3.3 does not allow as it is"),
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl UrlPath {
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// With its percent-encoded bytes as the characters that they stand for; `None` where these are no UTF-8.
    pub fn decoded(&self) -> Option<String> {
        let mut bytes = Vec::with_capacity(self.0.len());
        let mut rest = self.0.as_bytes();
        while let [first, after @ ..] = rest {
            (bytes, rest) = match (first, after) {
                // Two hexadecimal digits follow, or there were no `self`.
                (b'%', [high, low, after @ ..]) => {
                    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
                    bytes.push(digit(*high) << 4 | digit(*low));
                    (bytes, after)
                }
                (byte, after) => {
                    bytes.push(*byte);
                    (bytes, after)
                }
            };
        }
        String::from_utf8(bytes).ok()
    }
}

/// A path without `%` and `//`: nginx compares it with the decoded path, in which slashes are merged, and a CDN with
/// the raw one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    title = "start of a path",
    extend("maxLength" = 1000, "pattern" = r"^(?!.*/(/|\.{1,2}(/|$)))/[A-Za-z0-9/._~!$&'()*+,;=:@-]*$")
)]
pub struct PathPrefix(String);
text_value!(PathPrefix);

impl FromStr for PathPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path: UrlPath = text.parse()?;
        if path.as_str().contains('%') {
            return Err(format!("`{text}` is percent-encoded: give the start of the path in plain characters"));
        }
        if path.as_str().contains("//") {
            return Err(format!("`{text}` holds `//`: servers merge the slashes before they compare"));
        }
        Ok(Self(path.as_str().to_owned()))
    }
}

/// Two capital letters of ISO 3166-1 alpha-2, or `T1`, Cloudflare's code for the Tor network.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(!try_from, title = "country code", extend("pattern" = "^([A-Z]{2}|T1)$"))]
pub struct Country(String);
text_value!(Country);

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_code = text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
        if is_code || text == "T1" {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{}` is no country code: two capital letters (ISO 3166-1), or T1", text.escape_debug()))
        }
    }
}

/// A range in CIDR notation, its host bits zero, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(IpNet);

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let range = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
            (Ok(range), _) => range,
            (_, Ok(address)) => address.into(),
            _ => {
                let shown = text.escape_debug();
                return Err(format!("`{shown}` is neither a range like 198.51.100.0/24 nor an address"));
            }
        };
        if range != range.trunc() {
            return Err(format!("`{text}` has bits beyond its length: write {}", range.trunc()));
        }
        Ok(Self(range))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Network {
    pub fn get(self) -> IpNet {
        self.0
    }
}

impl JsonSchema for Network {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "IP range",
            "description": "A range in CIDR notation, its host bits zero, or a single address.",
            "type": "string",
            // Of IPv6 only the alphabet, and of the length no more than its digits.
            "pattern": concat!("^(", ipv4!(), "(/[0-9]{1,2})?|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f.:]*(/[0-9]{1,3})?)$"),
            "maxLength": 49,
        })
    }
}

/// 1 to 64 letters, digits and ``!#$%&'*+-.^_`|~`` (a token of RFC 9110, section 5.6.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    title = "cookie name",
    extend("maxLength" = 64, "pattern" = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
)]
pub struct CookieName(String);
text_value!(CookieName);

impl FromStr for CookieName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(token) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{}` is not a cookie name (RFC 9110, section 5.6.2)", text.escape_debug()))
        }
    }
}

/// 1 to 64 letters, digits and hyphens, a letter first (narrower than RFC 9110, section 5.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(!try_from, title = "header name", extend("maxLength" = 64, "pattern" = "^[A-Za-z][A-Za-z0-9-]*$"))]
pub struct HeaderName(String);
text_value!(HeaderName);

impl FromStr for HeaderName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{}` is not the name of a header: 1 to 64 letters, digits and hyphens", text.escape_debug()))
        }
    }
}

/// `local@host`: before the `@` 1 to 64 letters, digits, `_`, `+`, `-` and single inner dots, after it a host name.
// Narrow, since `!`, `,` and `;` mean something else in a DMARC record (RFC 9989).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    title = "mailbox",
    extend("pattern" = concat!(
        "^(?=[^@]{1,64}@[^@]{1,253}$)[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*",
        "@(", label!(), "\\.)+(?![0-9]+$)", label!(), "$"
    ))
)]
pub struct Mailbox(String);
text_value!(Mailbox);

impl FromStr for Mailbox {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &str| Err(format!("`{}` is not a mailbox: {why}", text.escape_debug()));
        let Some((local, host)) = text.split_once('@') else { return bad("write it as `name@example.org`") };
        let atom = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
        };
        if local.len() > 64 || !local.split('.').all(atom) {
            return bad("before the `@` stand 1 to 64 letters, digits and `.`, `_`, `+`, `-`");
        }
        host.parse::<HostName>()?;
        Ok(Self(text.to_owned()))
    }
}

impl Mailbox {
    /// The host of the mailbox.
    pub fn host(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, host)| host)
    }
}

/// What the `p=` of a DKIM record holds (RFC 6376, section 3.6.1): base64 on one line, of an RSA key with at least 1,024
/// bits (RFC 8301, section 3.2) or of the 32 bytes of an Ed25519 key (RFC 8463, section 4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    title = "DKIM key",
    // Of RSA only the base64 of some long DER sequence: a pattern cannot count the bits of a number inside it.
    extend("pattern" = concat!(
        "^([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=",
        "|M[A-P][A-Za-z0-9+/]{2}([A-Za-z0-9+/]{4}){40,}",
        "([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?)$"
    ))
)]
pub struct DkimKey(String);
text_value!(DkimKey);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    Rsa { bits: usize },
    Ed25519,
}

impl FromStr for DkimKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match key_kind(text)? {
            KeyKind::Rsa { bits } if bits < 1024 => {
                Err(format!("the key has {bits} bits: below 1,024 no receiver believes it (RFC 8301, section 3.2)"))
            }
            KeyKind::Rsa { .. } | KeyKind::Ed25519 => Ok(Self(text.to_owned())),
        }
    }
}

impl DkimKey {
    pub fn kind(&self) -> KeyKind {
        // Parsed once already, or there were no `self`.
        key_kind(&self.0).unwrap_or(KeyKind::Rsa { bits: 0 })
    }
}

/// What key this `p=` holds.
///
/// # Errors
///
/// When it is no base64, or no key of a kind that DKIM knows.
pub fn key_kind(text: &str) -> Result<KeyKind, String> {
    let bytes = data_encoding::BASE64
        .decode(text.as_bytes())
        .map_err(|error| format!("the key is not base64 on one line, or it was cut ({error})"))?;
    if bytes.len() == 32 {
        return Ok(KeyKind::Ed25519);
    }
    let no_key = "the key is neither an RSA public key (SubjectPublicKeyInfo) nor the 32 bytes of an Ed25519 one";
    let (rest, info) = SubjectPublicKeyInfo::from_der(&bytes).map_err(|_| no_key.to_owned())?;
    match info.parsed() {
        Ok(PublicKey::RSA(key)) if rest.is_empty() => {
            let modulus: Vec<u8> = key.modulus.iter().copied().skip_while(|byte| *byte == 0).collect();
            let unused = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
            Ok(KeyKind::Rsa { bits: modulus.len() * 8 - unused })
        }
        _ => Err(no_key.to_owned()),
    }
}

/// 1 to 64 letters, digits and `_`, a letter first: the name of an environment variable (POSIX.1-2024, section 8.1;
/// Scalingo takes 64 characters).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(!try_from, title = "variable name", extend("maxLength" = 64, "pattern" = "^[A-Za-z][A-Za-z0-9_]*$"))]
pub struct VariableName(String);
text_value!(VariableName);

impl FromStr for VariableName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{}` is not the name of a variable: 1 to 64 letters, digits and `_`, a letter first",
                text.escape_debug()
            ))
        }
    }
}

/// 1 to 20 letters, digits and hyphens: a word that no shell, template or configuration reads otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(!try_from, title = "word", extend("maxLength" = 20, "pattern" = "^[A-Za-z0-9-]+$"))]
pub struct Word(String);
text_value!(Word);

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("`{}` is not a word: 1 to 20 letters, digits and hyphens", text.escape_debug())),
        }
    }
}

/// `X-`, then 1 to 40 letters, digits and hyphens: a header of the site's own, which no standard and no cache knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(!try_from, title = "own header", extend("maxLength" = 42, "pattern" = "^X-[A-Za-z0-9-]+$"))]
pub struct OwnHeader(String);
text_value!(OwnHeader);

impl FromStr for OwnHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("X-").unwrap_or_default();
        match (1..=40).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "`{}` is not a header of your own: `X-`, then 1 to 40 letters, digits and hyphens",
                text.escape_debug()
            )),
        }
    }
}

/// A whole number from 0 to 2,147,483,647: the range of a DNS TTL (RFC 2181, section 8) and of what every HTTP cache
/// understands (RFC 9111, section 1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(!try_from, title = "seconds", extend("maximum" = 0x7fff_ffff))]
pub struct Seconds(u32);

impl TryFrom<i64> for Seconds {
    type Error = String;

    fn try_from(seconds: i64) -> Result<Self, String> {
        match u32::try_from(seconds) {
            Ok(value) if value <= 0x7fff_ffff => Ok(Self(value)),
            _ => Err(format!("{seconds} is not a number of seconds from 0 to 2147483647")),
        }
    }
}

impl Seconds {
    pub const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A host name or an IPv4 address, a colon, and a port from 1 to 65535.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    with = "String",
    title = "host and port",
    extend("pattern" = concat!(
        "^(?=[^:]{1,253}:)((", label!(), "\\.)+(?![0-9]+:)", label!(), "|", ipv4!(), ")",
        ":(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})$"
    ))
)]
pub struct Upstream {
    pub host: String,
    pub port: u16,
}

impl TryFrom<String> for Upstream {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refuse = || format!("`{}` is not `host:port`", text.escape_debug());
        let (host, port) = text.rsplit_once(':').ok_or_else(refuse)?;
        // What `parse` would take too: `+80` and `080`.
        if !port.starts_with(|c: char| c.is_ascii_digit() && c != '0') {
            return Err(refuse());
        }
        let port = port.parse().map_err(|_| refuse())?;
        if host.parse::<HostName>().is_err() && host.parse::<Ipv4Addr>().is_err() {
            return Err(refuse());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

/// What an [`IpAddr`] is to the schema; schemars' own `format: ip` is in no draft.
#[derive(Debug)]
pub enum Address {}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "IP address",
            "description": "IPv4, or IPv6 without zone; no port, no prefix length.",
            "type": "string",
            // Of IPv6 only the alphabet: the whole grammar would be a page that nobody reads.
            "pattern": concat!("^(", ipv4!(), "|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f.:]*)$"),
            "maxLength": 45,
        })
    }
}

/// What a TOML offset date-time is to the schema: JSON has none, and editors show it as its text.
#[derive(Debug)]
pub enum Instant {}

/// What keeps a TOML date-time from being an instant.
pub fn why_no_instant(written: &Datetime) -> &'static str {
    match (written.date, written.time, written.offset) {
        (None, _, _) => "it has no date",
        (_, None, _) => "it has no time",
        (_, _, None) => "it has no offset from UTC",
        _ => "it is out of range",
    }
}

impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "instant",
            "description": "An offset date-time of TOML, without quotes: date, time, and the distance from UTC.",
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
        })
    }
}

/// A whole number from 1 to 1,000,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(!try_from, title = "count", extend("minimum" = 1, "maximum" = 1_000_000_000))]
pub struct Count(u32);

impl TryFrom<i64> for Count {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match u32::try_from(number) {
            Ok(value) if (1..=1_000_000_000).contains(&value) => Ok(Self(value)),
            _ => Err(format!("{number} is not a count from 1 to 1000000000")),
        }
    }
}

impl Count {
    /// As given, at least 1 and at most 1,000,000,000.
    pub const fn new(number: u32) -> Self {
        match number {
            0 => Self(1),
            1_000_000_000.. => Self(1_000_000_000),
            other => Self(other),
        }
    }

    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A whole number from 0 to 1,000,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(!try_from, title = "tally", extend("maximum" = 1_000_000_000))]
pub struct Tally(u32);

impl TryFrom<i64> for Tally {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match u32::try_from(number) {
            Ok(value) if value <= 1_000_000_000 => Ok(Self(value)),
            _ => Err(format!("{number} is not a number from 0 to 1000000000")),
        }
    }
}

impl Tally {
    /// As given, at most 1,000,000,000.
    pub const fn new(number: u32) -> Self {
        if number > 1_000_000_000 { Self(1_000_000_000) } else { Self(number) }
    }

    pub fn get(self) -> u32 {
        self.0
    }
}

/// A whole number from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(!try_from, title = "per cent", extend("maximum" = 100))]
pub struct Percent(u8);

impl TryFrom<i64> for Percent {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match u8::try_from(number) {
            Ok(value) if value <= 100 => Ok(Self(value)),
            _ => Err(format!("{number} is not a share from 0 to 100 per cent")),
        }
    }
}

impl Percent {
    /// As given, at most 100.
    pub const fn new(share: u8) -> Self {
        if share > 100 { Self(100) } else { Self(share) }
    }

    pub fn get(self) -> u8 {
        self.0
    }
}

/// `https://github.com/OWNER/REPOSITORY`, or the same at `gitlab.com`: no `.git`, no final slash.
// Exactly so, or Terraform replaces the link at each apply (Scalingo provider, scm_repo_link).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    title = "repository",
    extend(
        "maxLength" = 200,
        "pattern" = r"^https://(github|gitlab)\.com/[A-Za-z0-9_-][A-Za-z0-9_.-]*/(?!.*\.git$)[A-Za-z0-9_-][A-Za-z0-9_.-]*$"
    )
)]
pub struct Repository(String);
text_value!(Repository);

impl FromStr for Repository {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &str| Err(format!("`{}` is not a repository: {why}", text.escape_debug()));
        let parts: Vec<&str> = text.split('/').collect();
        let ["https:", "", "github.com" | "gitlab.com", owner, name] = parts.as_slice() else {
            return bad("write `https://github.com/OWNER/REPOSITORY`, or the same at gitlab.com");
        };
        let word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-')
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        };
        if name.ends_with(".git") {
            return bad("leave `.git` out, or each apply replaces the link");
        }
        if !word(owner) || !word(name) {
            return bad("letters, digits and `_.-` only, no dot first");
        }
        if text.len() > 200 {
            return bad("it is longer than 200 characters");
        }
        Ok(Self(text.to_owned()))
    }
}

impl Repository {
    /// Who keeps it, as the platform names its connection.
    pub fn integration(&self) -> &'static str {
        if self.0.starts_with("https://gitlab.com/") { "gitlab" } else { "github" }
    }
}

/// A date without time: `2020-03-20`, without quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "toml::value::Datetime")]
pub struct Day(jiff::civil::Date);

impl TryFrom<toml::value::Datetime> for Day {
    type Error = String;

    fn try_from(written: toml::value::Datetime) -> Result<Self, String> {
        match (written.date, written.time) {
            (Some(date), None) => {
                date.to_string().parse().map(Self).map_err(|_| format!("`{written}` is out of range"))
            }
            _ => Err(format!("`{written}` is not a day: write `2020-03-20`, without time and quotes")),
        }
    }
}

impl Day {
    pub fn date(self) -> jiff::civil::Date {
        self.0
    }

    pub const fn new(date: jiff::civil::Date) -> Self {
        Self(date)
    }

    /// So many days later; the last day there is, if that is too late.
    #[must_use]
    pub fn later_by(self, days: i64) -> Self {
        Self(self.0.saturating_add(jiff::SignedDuration::from_hours(days.saturating_mul(24))))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "day",
            "description": "A local date of TOML, without quotes.",
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        })
    }
}

/// An offset date-time, read as the instant it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "toml::value::Datetime")]
pub struct Moment(jiff::Timestamp);

impl TryFrom<toml::value::Datetime> for Moment {
    type Error = String;

    fn try_from(written: toml::value::Datetime) -> Result<Self, String> {
        let instant = written.to_string().parse().map(Self);
        instant.map_err(|_| {
            let lacks = why_no_instant(&written);
            format!("`{written}` is not an instant: {lacks}; write all three, as in `2020-03-22T20:30:00+01:00`")
        })
    }
}

impl Moment {
    pub fn new(instant: jiff::Timestamp) -> Self {
        Self(instant)
    }

    pub fn instant(self) -> jiff::Timestamp {
        self.0
    }

    /// The same moment of a launch that is so much later; the last instant there is, if that is too late.
    #[must_use]
    pub fn later_by(self, duration: jiff::SignedDuration) -> Self {
        Self(self.0.saturating_add(duration).unwrap_or(self.0))
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        Instant::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Instant::json_schema(generator)
    }
}

/// Why the public Internet cannot reach this address, or `None` when it can (RFC 6890; IANA's registries of
/// special-purpose addresses). Documentation ranges pass ([`is_documentation`]): sample blueprints use them.
pub fn why_not_public(address: IpAddr) -> Option<&'static str> {
    let v4 = match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4,
            None => return why_not_public_v6(v6),
        },
    };
    let [a, b, c, _] = v4.octets();
    if a == 0 {
        Some("it means `this host`, which is nowhere")
    } else if v4.is_loopback() {
        Some("it is the loopback, each machine itself")
    } else if v4.is_private() {
        Some("it is private (RFC 1918)")
    } else if v4.is_link_local() {
        Some("it is link-local")
    } else if a == 100 && (b & 0b1100_0000) == 64 {
        Some("it is shared address space behind a carrier's NAT (RFC 6598)")
    } else if a == 198 && (b & 0b1111_1110) == 18 {
        Some("it is kept for benchmarks (RFC 2544)")
    } else if v4.is_multicast() {
        Some("it is multicast")
    } else if a >= 240 || (a, b, c) == (192, 0, 0) {
        Some("it is reserved")
    } else {
        None
    }
}

/// Whether an address belongs to the ranges kept for documentation (RFC 5737, RFC 3849, RFC 9637).
pub fn is_documentation(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_documentation(),
        IpAddr::V6(v6) => match (v6.to_ipv4_mapped(), v6.segments()) {
            (Some(v4), _) => v4.is_documentation(),
            (None, [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..]) => true,
            (None, _) => false,
        },
    }
}

fn why_not_public_v6(v6: Ipv6Addr) -> Option<&'static str> {
    if v6.is_unspecified() {
        Some("it means `this host`, which is nowhere")
    } else if v6.is_loopback() {
        Some("it is the loopback, each machine itself")
    } else if v6.is_unique_local() {
        Some("it is private (RFC 4193)")
    } else if v6.is_unicast_link_local() {
        Some("it is link-local")
    } else if v6.is_multicast() {
        Some("it is multicast")
    } else if (v6.segments()[0] & 0xe000) != 0x2000 {
        Some("it is not global unicast, which is 2000::/3")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dkim_keys() {
        let ed25519 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        assert_eq!(ed25519.parse::<DkimKey>().map(|key| key.kind()), Ok(KeyKind::Ed25519));
        let rsa = include_str!("../../blueprints/jeveuxaider.toml");
        let rsa = rsa.split("\nkey = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a key");
        assert_eq!(rsa.parse::<DkimKey>().map(|key| key.kind()), Ok(KeyKind::Rsa { bits: 2048 }));
        let short = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMNv+BtA2oQ2zs9MoUYVMy9yY65cI+4faqjniw4pW9odMz9/uUCQ3Q1GNUpqTPPsAHNFiAN7C7SP83Ro1kAXxrUCAwEAAQ==";
        for bad in ["", "AAAA", &rsa[..200], &rsa[..201], &format!("{rsa}AAAA"), "no base64;", short] {
            assert!(bad.parse::<DkimKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn mailboxes() {
        for good in ["dmarc@example.org", "a.b+c-d_e@mail.example.org"] {
            assert_eq!(good.parse::<Mailbox>().map(|mailbox| mailbox.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "example.org", "@example.org", "a@", "a..b@example.org", "a!1m@example.org", "a,b@example.org"]
        {
            assert!(bad.parse::<Mailbox>().is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_that_the_public_cannot_reach() {
        let refused = [
            "0.0.0.0",
            "127.0.0.1",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "192.0.0.8",
            "64:ff9b::1",
            "4000::1",
        ];
        for text in refused {
            assert!(why_not_public(text.parse().expect(text)).is_some(), "{text} passes");
        }
        let public = [
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "2001:db8::1",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
        ];
        for text in public {
            assert_eq!(why_not_public(text.parse().expect(text)), None, "{text}");
        }
    }
}
