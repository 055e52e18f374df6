//! What no answer may carry further: the run's own tokens, wherever a provider echoes them, and members that hold
//! secrets or people. Must not decide which answers are read.

use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

const HIDDEN: &str = "(hidden)";

/// Members that no check reads, and that hold a secret or a person wherever they stand.
const DROPPED: [&str; 18] = [
    "access_token",
    "api_key",
    "client_secret",
    "config_vars",
    "email",
    "emails",
    "linker",
    "notification_email",
    "owner",
    "password",
    "private_key",
    "secret",
    "token",
    "type_data",
    "user",
    "user_ids",
    "username",
    "webhook_url",
];

/// Longest text of a provider's that is told, in characters.
const LONGEST_WORD: usize = 200;

/// Tokens of this run.
#[derive(Default)]
pub(super) struct Secrets(Mutex<Vec<SecretString>>);

impl Secrets {
    pub(super) fn learn(&self, secret: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !secret.is_empty() && !known.iter().any(|one| one.expose_secret() == secret) {
            known.push(secret.into());
            // One may hold another.
            known.sort_by_key(|one| std::cmp::Reverse(one.expose_secret().len()));
        }
    }

    /// The text with every known token replaced.
    pub(super) fn hide(&self, text: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_owned();
        for secret in known.iter() {
            if text.contains(secret.expose_secret()) {
                text = text.replace(secret.expose_secret(), HIDDEN);
            }
        }
        text
    }

    /// What a provider says in words, as a verdict may tell it.
    pub(super) fn told(&self, text: &str) -> String {
        let hidden = self.hide(text);
        match hidden.char_indices().nth(LONGEST_WORD) {
            None => hidden,
            Some((end, _)) => format!("{}…", &hidden[..end]),
        }
    }

    /// An answer as checks may see it.
    pub(super) fn clean(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.hide(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.clean(item)).collect(),
            Value::Object(members) => members
                .into_iter()
                .filter(|(key, _)| !DROPPED.contains(&key.as_str()))
                .map(|(key, value)| (self.hide(&key), self.clean(value)))
                .collect(),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_are_hidden_wherever_they_stand() {
        let secrets = Secrets::default();
        secrets.learn("s3cret-one");
        secrets.learn("s3cret-one-and-more");
        let seen = json!({ "a s3cret-one b": ["xs3cret-one-and-morex", { "ok": "yes" }], "n": 1 });
        let clean = secrets.clean(seen).to_string();
        assert_eq!(clean, r#"{"a (hidden) b":["x(hidden)x",{"ok":"yes"}],"n":1}"#);
        assert_eq!(secrets.told("no s3cret-one here"), "no (hidden) here");
        assert_eq!(secrets.told(&"é".repeat(500)).chars().count(), LONGEST_WORD + 1);
    }

    #[test]
    fn people_and_secrets_are_dropped_at_any_depth() {
        let seen =
            json!({ "notifier": [{ "name": "ops", "type_data": { "webhook_url": "https://x" }, "email": "a@b" }] });
        assert_eq!(Secrets::default().clean(seen), json!({ "notifier": [{ "name": "ops" }] }));
    }
}
