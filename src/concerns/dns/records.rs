//! `[[dns.zones.records]]`: records that no other table asks for, read from the form in which people write them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::findings::is_issue_value;
use crate::blueprint::value::{HostName, OwnerName, RecordValue, Seconds, Text, why_not_public};
use crate::probe::{RecordData, RecordType};

/// The records of one name and type.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSet {
    /// Of the zone itself or a name in it, in full.
    pub name: OwnerName,
    /// Of all its records.
    #[serde(rename = "type")]
    pub kind: RecordKind,
    /// One record each, without final dots and without quotes.
    #[schemars(length(min = 1))]
    pub values: Vec<RecordValue>,
    /// For how long resolvers keep it. Left out: `dns.steady_ttl_seconds`.
    #[serde(default)]
    pub ttl_seconds: Option<Seconds>,
    /// What it is for, for whoever types it in and whoever finds it later.
    #[serde(default)]
    pub why: Option<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordKind {
    /// An IPv4 address that the public can reach.
    A,
    /// An IPv6 address that the public can reach.
    Aaaa,
    /// Flags (0, or 128 for critical), property, value: `0 iodef mailto:security@example.org` (RFC 8659). The zone's own
    /// are `certificate_authorities`.
    Caa,
    /// Another name, which stands for this one.
    Cname,
    /// Preference and host: `10 mx.example.net`; `0 .` takes no mail.
    Mx,
    /// A name server of a zone below this one. The zone's own are `servers`.
    Ns,
    /// Priority, weight, port and host: `10 5 443 api.example.net`; `0 0 0 .` says that there is no such service.
    Srv,
    /// Any text.
    Txt,
}

impl RecordKind {
    pub fn record_type(self) -> RecordType {
        match self {
            RecordKind::A => RecordType::A,
            RecordKind::Aaaa => RecordType::Aaaa,
            RecordKind::Caa => RecordType::Caa,
            RecordKind::Cname => RecordType::Cname,
            RecordKind::Mx => RecordType::Mx,
            RecordKind::Ns => RecordType::Ns,
            RecordKind::Srv => RecordType::Srv,
            RecordKind::Txt => RecordType::Txt,
        }
    }

    /// What this text says as a record of this type.
    ///
    /// # Errors
    ///
    /// When it is no data of this type; the reason, for people.
    pub fn data(self, value: &RecordValue) -> Result<RecordData, String> {
        let text = value.as_str();
        let public = |address: std::net::IpAddr| match why_not_public(address) {
            Some(why) => Err(format!("the public cannot reach {address}: {why}")),
            None => Ok(()),
        };
        match self {
            RecordKind::A => {
                let address: std::net::Ipv4Addr = text.parse().map_err(|_| "it is no IPv4 address".to_owned())?;
                public(address.into())?;
                Ok(RecordData::A(address))
            }
            RecordKind::Aaaa => {
                let address: std::net::Ipv6Addr = text.parse().map_err(|_| "it is no IPv6 address".to_owned())?;
                public(address.into())?;
                Ok(RecordData::Aaaa(address))
            }
            // Underscores too: providers delegate validations so (`_x.validations.example`).
            RecordKind::Cname => text.parse::<OwnerName>().and_then(|name| match name.as_str().starts_with("*.") {
                true => Err("no alias leads to a wildcard".to_owned()),
                false => Ok(RecordData::Cname(name.to_string())),
            }),
            RecordKind::Ns => Ok(RecordData::Ns(text.parse::<HostName>()?.to_string())),
            RecordKind::Mx => match *fields(text) {
                [preference, exchange] => {
                    Ok(RecordData::Mx { preference: number(preference)?, exchange: host(exchange)? })
                }
                _ => Err("write preference and host: `10 mx.example.net`".to_owned()),
            },
            RecordKind::Srv => match *fields(text) {
                [priority, weight, port, target] => Ok(RecordData::Srv {
                    priority: number(priority)?,
                    weight: number(weight)?,
                    port: number(port)?,
                    target: host(target)?,
                }),
                _ => Err("write priority, weight, port and host: `10 5 443 api.example.net`".to_owned()),
            },
            RecordKind::Caa => caa(text),
            RecordKind::Txt => Ok(RecordData::Txt(text.to_owned())),
        }
    }
}

fn fields(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

fn number(text: &str) -> Result<u16, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or_else(|| format!("`{text}` is no number from 0 to 65535"))
}

fn host(text: &str) -> Result<String, String> {
    match text {
        "." => Ok(text.to_owned()),
        _ => Ok(text.parse::<HostName>()?.to_string()),
    }
}

fn caa(text: &str) -> Result<RecordData, String> {
    let [flags, tag, value] = *text.splitn(3, ' ').collect::<Vec<_>>() else {
        return Err("write flags, property and value: `0 iodef mailto:security@example.org`".to_owned());
    };
    let critical = match flags {
        "0" => false,
        "128" => true,
        _ => return Err(format!("`{flags}` are no flags: 0, or 128 for critical (RFC 8659, section 4.1)")),
    };
    if !(1..=15).contains(&tag.len()) || !tag.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return Err(format!("`{tag}` is no property: 1 to 15 lower-case letters and digits (RFC 8659, section 4.1)"));
    }
    if value.len() > 255 || !value.bytes().all(|b| (0x20..=0x7e).contains(&b) && b != b'"') {
        return Err("the value has at most 255 characters, of ASCII and without quotes".to_owned());
    }
    if matches!(tag, "issue" | "issuewild") && !is_issue_value(value) {
        return Err(format!("`{value}` is not the value of an `{tag}` property (RFC 8659, section 4.2)"));
    }
    Ok(RecordData::Caa { critical, tag: tag.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(kind: RecordKind, text: &str) -> Result<RecordData, String> {
        kind.data(&text.parse().expect("a value"))
    }

    #[test]
    fn values_are_read_or_refused() {
        let good = [
            (RecordKind::A, "192.0.2.1", RecordData::A([192, 0, 2, 1].into())),
            (RecordKind::Mx, "0 .", RecordData::Mx { preference: 0, exchange: ".".into() }),
            (RecordKind::Cname, "_x.acm.example", RecordData::Cname("_x.acm.example".into())),
            (RecordKind::Txt, " \"a; b\\", RecordData::Txt(" \"a; b\\".into())),
            (
                RecordKind::Srv,
                "10 5 443 api.example.net",
                RecordData::Srv { priority: 10, weight: 5, port: 443, target: "api.example.net".into() },
            ),
            (
                RecordKind::Caa,
                "128 issue pki.goog; a=b",
                RecordData::Caa { critical: true, tag: "issue".into(), value: "pki.goog; a=b".into() },
            ),
        ];
        for (kind, text, wanted) in good {
            assert_eq!(data(kind, text), Ok(wanted), "{text}");
        }
        let bad = [
            (RecordKind::A, "10.0.0.1"),
            (RecordKind::A, "2001:db8::1"),
            (RecordKind::Aaaa, "fe80::1"),
            (RecordKind::Cname, "www.example.org."),
            (RecordKind::Cname, "*.example.org"),
            (RecordKind::Ns, "ns_1.example.org"),
            (RecordKind::Mx, "10  mx.example.org"),
            (RecordKind::Mx, "+1 mx.example.org"),
            (RecordKind::Mx, "65536 mx.example.org"),
            (RecordKind::Srv, "10 5 api.example.net"),
            (RecordKind::Caa, "1 issue a.example"),
            (RecordKind::Caa, "0 issue \"a.example\""),
            (RecordKind::Caa, "0 issue a b"),
            (RecordKind::Caa, "0 is-sue a.example"),
            (RecordKind::Caa, "0 issue"),
        ];
        for (kind, text) in bad {
            assert!(data(kind, text).is_err(), "{text}");
        }
    }
}
