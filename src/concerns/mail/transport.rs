//! MTA-STS policies and their records, and those of TLS-RPT, as senders read them (RFC 8461, RFC 8460). Pure.

use sha2::{Digest, Sha256};

use super::{Domain, Transport};

/// Where a policy is, below `https://mta-sts.NAME` (RFC 8461, section 3.3).
pub const PATH: &str = "/.well-known/mta-sts.txt";
/// The longest time that a policy may be remembered, in seconds (RFC 8461, section 3.2).
pub const LONGEST_AGE: u32 = 31_557_600;
/// Letters and digits of the id that golive makes; 32 are allowed.
const ID_LENGTH: usize = 16;

/// The policy to serve.
pub fn policy(domain: &Domain, transport: &Transport) -> String {
    let mut text = format!("version: STSv1\nmode: {}\n", transport.mode.as_str());
    for exchange in &domain.exchanges {
        text.push_str(&format!("mx: {exchange}\n"));
    }
    text.push_str(&format!("max_age: {}\n", transport.max_age_seconds));
    text
}

/// The record that tells senders of the policy. Its id is made from the policy, so that it changes with it.
pub fn record(policy: &str) -> String {
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(policy));
    format!("v=STSv1; id={};", &digest[..ID_LENGTH])
}

/// The record that says where reports go.
pub fn report_record(transport: &Transport) -> Option<String> {
    let uris: Vec<String> = transport.report_to.iter().map(|mailbox| format!("mailto:{mailbox}")).collect();
    (!uris.is_empty()).then(|| format!("v=TLSRPTv1; rua={}", uris.join(",")))
}

/// Why senders find no policy behind these TXT records of `_mta-sts`, if they do not (RFC 8461, section 3.1).
pub fn record_fault(texts: &[&str]) -> Option<String> {
    let of_version: Vec<&&str> = texts.iter().filter(|text| text.starts_with("v=STSv1;")).collect();
    match of_version.as_slice() {
        [] => Some("there is no record `v=STSv1;`".to_owned()),
        [one] => {
            let id = one.split(';').skip(1).find_map(|part| part.trim().strip_prefix("id="));
            let good = id
                .is_some_and(|id| (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            (!good).then(|| "its id is not 1 to 32 letters and digits".to_owned())
        }
        many => Some(format!("there are {} records `v=STSv1;`: senders then take none", many.len())),
    }
}

/// The same of TLS-RPT (RFC 8460, section 3).
pub fn report_fault(texts: &[&str]) -> Option<String> {
    let of_version: Vec<&&str> = texts.iter().filter(|text| text.starts_with("v=TLSRPTv1;")).collect();
    match of_version.as_slice() {
        [] => Some("there is no record `v=TLSRPTv1;`".to_owned()),
        [one] => {
            let uris = one.split(';').skip(1).find_map(|part| part.trim().strip_prefix("rua="));
            let known = |uri: &str| uri.starts_with("mailto:") || uri.starts_with("https:");
            let good = uris.is_some_and(|uris| uris.split(',').all(|uri| known(uri.trim())));
            (!good).then(|| "its rua is no list of mailto: and https: addresses".to_owned())
        }
        many => Some(format!("there are {} records `v=TLSRPTv1;`: senders then take none", many.len())),
    }
}

/// A policy as senders read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub mode: String,
    /// Patterns, in lower case.
    pub exchanges: Vec<String>,
    pub max_age: u32,
}

/// Reads a policy (RFC 8461, section 3.2).
///
/// # Errors
///
/// Why senders do not take it.
pub fn read(text: &str) -> Result<Policy, String> {
    let (mut version, mut mode, mut max_age, mut exchanges) = (None, None, None, Vec::new());
    for line in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
        let Some((key, value)) = line.split_once(':') else {
            if line.trim().is_empty() {
                continue;
            }
            return Err(format!("`{}` is no line of a policy", line.escape_debug()));
        };
        let value = value.trim();
        match key {
            "version" => drop(version.get_or_insert(value)),
            "mode" => drop(mode.get_or_insert(value)),
            "max_age" => drop(max_age.get_or_insert(value)),
            "mx" => exchanges.push(value.trim_end_matches('.').to_ascii_lowercase()),
            _ => {}
        }
    }
    if version != Some("STSv1") {
        return Err("it has no `version: STSv1`".to_owned());
    }
    let mode = mode.filter(|mode| matches!(*mode, "enforce" | "testing" | "none")).ok_or("it has no mode")?;
    let max_age = max_age.and_then(|age| age.parse().ok()).filter(|age| *age <= LONGEST_AGE);
    let max_age = max_age.ok_or_else(|| format!("its max_age is no number from 0 to {LONGEST_AGE}"))?;
    if exchanges.is_empty() && mode != "none" {
        return Err("it names no mail server".to_owned());
    }
    Ok(Policy { mode: mode.to_owned(), exchanges, max_age })
}

impl Policy {
    /// Whether a mail server may be delivered to: `*.` stands for one label (RFC 8461, section 4.1).
    pub fn allows(&self, exchange: &str) -> bool {
        self.exchanges.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(parent) => exchange.split_once('.').is_some_and(|(_, above)| above == parent),
            None => exchange == pattern,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 8461, section 3.2.
    const EXAMPLE: &str = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n";

    #[test]
    fn policies_are_read() {
        let policy = read(EXAMPLE).expect("a policy");
        assert_eq!((policy.mode.as_str(), policy.max_age), ("enforce", 604_800));
        for (exchange, is_allowed) in [
            ("mail.example.com", true),
            ("mx1.example.net", true),
            ("a.mx1.example.net", false),
            ("example.net", false),
            ("mail.example.org", false),
        ] {
            assert_eq!(policy.allows(exchange), is_allowed, "{exchange}");
        }
        assert_eq!(read(&EXAMPLE.replace('\n', "\r\n")), Ok(policy), "both ends of line");
        assert!(read("version: STSv1\nmode: none\nmax_age: 86400").is_ok());
        for (from, to, why) in [
            ("STSv1", "STSv2", "version"),
            ("enforce", "force", "mode"),
            ("604800", "a week", "max_age"),
            ("604800", "31557601", "max_age"),
            ("mode: enforce", "<html>", "no line"),
        ] {
            assert!(read(&EXAMPLE.replace(from, to)).expect_err(to).contains(why), "{to}");
        }
        assert!(read("version: STSv1\nmode: testing\nmax_age: 1").expect_err("no server").contains("no mail server"));
    }

    #[test]
    fn records_are_read() {
        for (texts, fault) in [
            (vec!["v=STSv1; id=20160831085700Z;"], false),
            (vec!["v=spf1 -all", "v=STSv1;id=1"], false),
            (vec![], true),
            (vec!["v=STSv1; id=1", "v=STSv1; id=2"], true),
            (vec!["v=STSv1; id=2020-03-22"], true),
            (vec!["v=STSv1;"], true),
            (vec!["v=STSv10; id=1"], true),
        ] {
            assert_eq!(record_fault(&texts).is_some(), fault, "{texts:?}");
        }
        for (texts, fault) in [
            (vec!["v=TLSRPTv1; rua=mailto:a@b.example,https://b.example/r"], false),
            (vec!["v=TLSRPTv1; rua=a@b.example"], true),
            (vec!["v=TLSRPTv1;"], true),
            (vec![], true),
        ] {
            assert_eq!(report_fault(&texts).is_some(), fault, "{texts:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_policy_is_read_or_refused(text in "((version|mode|mx|max_age|é): ?(STSv1|enforce|\\*?[a-z.]{0,9}|[0-9]{0,12})\r?\n?){0,5}") {
            let _ = read(&text);
        }
    }
}
