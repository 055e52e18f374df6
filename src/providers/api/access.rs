//! Tokens and addresses of providers' APIs, and the session of a test account, as the environment gives them under the names that the providers' own tools
//! read. Must not keep a token where it could be printed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use data_encoding::BASE64;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

pub const CLOUDFLARE_TOKEN: &str = "CLOUDFLARE_API_TOKEN";
pub const CLOUDFLARE_URL: &str = "CLOUDFLARE_BASE_URL";
pub const SCALINGO_TOKEN: &str = "SCALINGO_API_TOKEN";
pub const SCALINGO_AUTH_URL: &str = "SCALINGO_AUTH_URL";
pub const SCALINGO_URL: &str = "SCALINGO_API_URL";
pub const SCALINGO_DATABASE_URL: &str = "SCALINGO_DB_API_URL";

/// The value of the site's own session cookie, of a test account.
pub const TEST_SESSION: &str = "GOLIVE_TEST_SESSION";

/// Each variable that is read.
pub const VARIABLES: [&str; 7] = [
    CLOUDFLARE_TOKEN,
    CLOUDFLARE_URL,
    SCALINGO_TOKEN,
    SCALINGO_AUTH_URL,
    SCALINGO_URL,
    SCALINGO_DATABASE_URL,
    TEST_SESSION,
];

/// Shortest token taken, in characters; those of both providers have forty and more. A shorter one could not be hidden
/// in an answer without tearing words apart.
const SHORTEST_TOKEN: usize = 16;

/// Variables and their values. Empty: no API is read.
#[derive(Debug, Clone, Default)]
pub struct Access(BTreeMap<&'static str, SecretString>);

impl Access {
    /// The environment of this process. Empty variables count as unset.
    pub fn from_environment() -> Self {
        Self::new(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// What `lookup` knows of the variables named above.
    pub fn new(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        Self(VARIABLES.into_iter().filter_map(|name| Some((name, value(name)?.into()))).collect())
    }

    /// The session of a test account, for the site itself.
    ///
    /// # Errors
    ///
    /// Says that there is none, or none that can be a cookie's value (RFC 6265, section 4.1.1).
    pub fn test_session(&self) -> Result<&SecretString, String> {
        let name = TEST_SESSION;
        let Some(session) = self.0.get(name) else {
            return Err(format!("{name} is not set: the session cookie of a test account answers this"));
        };
        let is_cookie = |byte: u8| byte.is_ascii_graphic() && !br#"",;\"#.contains(&byte);
        match session.expose_secret().bytes().all(is_cookie) {
            true => Ok(session),
            false => Err(format!("{name} does not hold the value of a cookie")),
        }
    }

    /// `which`: the kind of token that is enough.
    ///
    /// # Errors
    ///
    /// Says which variable would answer, or that it holds no token; never what it holds.
    pub(super) fn token(&self, name: &str, which: &str) -> Result<SecretString, String> {
        let Some(token) = self.0.get(name) else {
            return Err(format!("{name} is not set: {which} answers this"));
        };
        let text = token.expose_secret();
        if text.len() < SHORTEST_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{name} does not hold a token: one word of {SHORTEST_TOKEN} characters or more"));
        }
        Ok(token.clone())
    }

    /// The address in a variable, or the usual one; without a final slash. A token goes over https, or to this machine.
    ///
    /// # Errors
    ///
    /// Names the variable that holds no such address.
    pub(super) fn base(&self, name: &str, usual: &str, loopback_only: bool) -> Result<Url, String> {
        let given = self.0.get(name).map_or(usual, |value| value.expose_secret());
        let bad = |why: &str| format!("{name} {why}");
        let url = Url::parse(given).map_err(|_| bad("is not an address such as https://api.example.com"))?;
        let is_bare =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if !is_bare {
            return Err(bad("holds more than scheme, host, port and path"));
        }
        match (url.scheme(), is_loopback(&url)) {
            (_, false) if loopback_only => Err(format!("{usual} is not part of the rehearsal")),
            ("https", _) | ("http", true) => Ok(url),
            _ => Err(bad("is neither https nor an address of this machine such as http://127.0.0.1:8080")),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What stands in `Authorization`, and in no error.
pub(super) enum Credential<'a> {
    Bearer(&'a SecretString),
    /// RFC 7617, without a user.
    Password(&'a SecretString),
}

impl Credential<'_> {
    pub(super) fn header(&self) -> String {
        match self {
            Credential::Bearer(token) => format!("Bearer {}", token.expose_secret()),
            Credential::Password(token) => format!("Basic {}", basic(token.expose_secret())),
        }
    }
}

/// A password without a user, as it is sent (RFC 7617, section 2).
pub(super) fn basic(password: &str) -> String {
    BASE64.encode(format!(":{password}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(name: &'static str, value: &str) -> Access {
        Access::new(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn tokens_are_one_long_word_and_never_shown() {
        let good = access(CLOUDFLARE_TOKEN, " s3cret-s3cret-s3cret\n");
        assert_eq!(good.token(CLOUDFLARE_TOKEN, "a read-only token").unwrap().expose_secret(), "s3cret-s3cret-s3cret");
        assert!(!format!("{good:?}").contains("s3cret"), "{good:?}");
        for bad in ["s3cret", "s3cret s3cret s3cret", "s3cret\ns3cret-s3cret", "s3cret-s3cret-é-s3cret"] {
            let why = access(CLOUDFLARE_TOKEN, bad).token(CLOUDFLARE_TOKEN, "a read-only token").unwrap_err();
            assert!(why.contains(CLOUDFLARE_TOKEN) && !why.contains("s3cret"), "{why}");
        }
        for unset in [Access::default(), access(CLOUDFLARE_TOKEN, "  ")] {
            let why = unset.token(CLOUDFLARE_TOKEN, "a read-only token").unwrap_err();
            assert_eq!(why, "CLOUDFLARE_API_TOKEN is not set: a read-only token answers this");
        }
    }

    #[test]
    fn a_token_goes_over_https_or_to_this_machine() {
        let usual = "https://api.cloudflare.com/client/v4";
        assert_eq!(Access::default().base(CLOUDFLARE_URL, usual, false).unwrap().as_str(), usual);
        assert!(Access::default().base(CLOUDFLARE_URL, usual, true).unwrap_err().contains("not part of the rehearsal"));
        let base = |value: &str| access(CLOUDFLARE_URL, value).base(CLOUDFLARE_URL, usual, false);
        for good in ["http://127.0.0.1:8080/x", "http://[::1]:8080", "https://gateway.example.com/cf/"] {
            assert!(base(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.cloudflare.com",
            "http://localhost:8080",
            "ftp://127.0.0.1",
            "api.cloudflare.com",
            "https://user:s3cret@api.example.com",
            "https://api.example.com/?a=s3cret",
        ] {
            let why = base(bad).unwrap_err();
            assert!(why.starts_with(CLOUDFLARE_URL) && !why.contains("s3cret"), "{bad}: {why}");
        }
    }
}
