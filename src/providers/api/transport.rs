//! One request to a provider's API, and its answer as JSON: bounded in time and size, repeated where the providers say
//! that it may be, no redirect followed, no proxy used. Must not know an endpoint.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
    RETRY_AFTER, USER_AGENT,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use rustls::RootCertStore;
use rustls::crypto::ring;
use serde_json::Value;

use super::Options;
use super::access::Credential;
use super::budget::{Budget, Limit};
use super::secrets::Secrets;
use crate::probe::{ApiProvider, Failure, FailureKind, Method, Observation};
use crate::world::failure::{Unanswered, failed, from_error, not_asked};
use crate::world::policy::{API_PAUSE, API_PAUSE_WHEN_TOO_MANY, API_TRIES};
use crate::world::{Roots, asked_pause, tls};

/// Longest answer taken in, in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// How something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb<'a> {
    Get,
    /// Where the providers' documents want it for reading: to get tokens of an hour.
    Post,
    /// With this body, in JSON; the method is POST, PATCH or PUT.
    Send(Method, &'a str),
}

/// What came back, as it came: to be cleaned by [`Secrets`] before anybody else sees it.
pub(super) struct Reply {
    pub status: StatusCode,
    /// `Null` where a refusal came with anything but JSON, or the answer to a write with nothing.
    pub body: Value,
    /// A refusal that was no JSON: some refuse in plain text.
    pub words: String,
    /// Where `Location` leads.
    pub location: Option<String>,
}

pub(super) struct Transport {
    provider: ApiProvider,
    client: Client,
    timeout: Duration,
    budget: Budget,
    pub(super) secrets: Secrets,
}

impl Transport {
    /// # Errors
    ///
    /// No root certificate where one is needed, since nobody would be believed.
    pub(super) fn new(
        provider: ApiProvider,
        options: &Options,
        limit: Limit,
        needs_roots: bool,
    ) -> Result<Self, String> {
        let client = client(options, needs_roots).map_err(|error| format!("{error:#}"))?;
        Ok(Self {
            provider,
            client,
            timeout: options.timeout,
            budget: Budget::new((!options.loopback_only).then_some(limit)),
            secrets: Secrets::default(),
        })
    }

    /// Success in JSON, or a refusal in whatever form.
    ///
    /// Time: three tries, each a timeout, with pauses of at most 30 s between them, and the turns that the budget gives.
    ///
    /// # Errors
    ///
    /// No answer, one that is no JSON, a redirect, or too many requests to the end.
    pub(super) async fn ask(&self, verb: Verb<'_>, url: Url, credential: Credential<'_>) -> Result<Reply, Unanswered> {
        let mut authorization = HeaderValue::from_str(&credential.header())
            .map_err(|_| not_asked(format!("{} gave a token that cannot be sent", self.whom(&url))))?;
        authorization.set_sensitive(true);
        let mut nth = 0;
        loop {
            let is_last = nth + 1 == API_TRIES;
            let Some(_turn) = self.budget.turn().await else {
                return Err(not_asked(format!(
                    "this run has asked {} as often as one run may",
                    self.provider.as_str()
                )));
            };
            match tokio::time::timeout(self.timeout, self.once(verb, &url, &authorization, nth, is_last)).await {
                Ok(Ok(Tried::Reply(reply))) => return Ok(reply),
                Ok(Ok(Tried::Again(pause))) => {
                    self.budget.hold(pause);
                    nth += 1;
                }
                Ok(Err(unanswered)) => return Err(self.hidden(*unanswered)),
                Err(_) if verb == Verb::Get && !is_last => nth += 1,
                Err(_) => return Err(failed(FailureKind::TimedOut, format!("{}: no answer in time", self.whom(&url)))),
            }
        }
    }

    async fn once(
        &self,
        verb: Verb<'_>,
        url: &Url,
        authorization: &HeaderValue,
        nth: u32,
        is_last: bool,
    ) -> Result<Tried, Unanswered> {
        let request = match verb {
            Verb::Get => self.client.get(url.clone()),
            // Nothing in the body, and said so: some servers want to hear it (RFC 9110, section 8.6).
            Verb::Post => self.client.post(url.clone()).header(CONTENT_LENGTH, 0),
            Verb::Send(method, body) => {
                let method = match method {
                    Method::Patch => reqwest::Method::PATCH,
                    Method::Put => reqwest::Method::PUT,
                    _ => reqwest::Method::POST,
                };
                let request = self.client.request(method, url.clone());
                request.header(CONTENT_TYPE, "application/json").body(body.to_owned())
            }
        };
        let sent = request.header(AUTHORIZATION, authorization.clone()).send().await;
        // Its own message holds the URL, with whatever its query says.
        let response = sent.map_err(|error| from_error(&self.whom(url), &error.without_url()))?;
        let status = response.status();
        if !is_last && let Some(pause) = pause(verb, &response, nth) {
            return Ok(Tried::Again(pause));
        }
        if status.is_redirection() {
            return Err(
                self.declined(url, &format!("{}, a redirect, which is not followed with a token", status.as_u16()))
            );
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(self.declined(url, "429: too many requests; others use the same account's limit"));
        }
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = self.read(url, response).await?;
        let mut words = String::new();
        let body = match serde_json::from_slice(&bytes) {
            Ok(body) => body,
            Err(_) if matches!(verb, Verb::Send(..)) && status.is_success() && bytes.is_empty() => Value::Null,
            Err(_) if !status.is_success() => {
                words = String::from_utf8_lossy(&bytes).trim().to_owned();
                Value::Null
            }
            Err(error) => {
                return Err(failed(FailureKind::Garbage, format!("{}: no JSON: {error}", self.whom(url))));
            }
        };
        Ok(Tried::Reply(Reply { status, body, words, location }))
    }

    async fn read(&self, url: &Url, mut response: Response) -> Result<Vec<u8>, Unanswered> {
        let garbage = |what: &str| failed(FailureKind::Garbage, format!("{}: {what}", self.whom(url)));
        let codings = response.headers().get_all(CONTENT_ENCODING).iter();
        if codings.into_iter().any(|coding| coding != "identity") {
            return Err(garbage("the answer is compressed, which was not asked for"));
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > LONGEST_ANSWER => {
                    return Err(garbage(&format!("the answer is longer than {LONGEST_ANSWER} bytes")));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body),
                Err(error) => return Err(from_error(&self.whom(url), &error.without_url())),
            }
        }
    }

    /// The provider answers, and not with what was asked: `what` are its words or ours.
    pub(super) fn declined(&self, url: &Url, what: &str) -> Unanswered {
        failed(FailureKind::Declined, format!("{} answers {}", self.whom(url), self.secrets.told(what)))
    }

    /// The answer is not in the provider's form.
    pub(super) fn garbled(&self, url: &Url, what: &str) -> Unanswered {
        failed(FailureKind::Garbage, format!("{}: {what}", self.whom(url)))
    }

    fn whom(&self, url: &Url) -> String {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}'s API at {}{port}", self.provider.as_str(), url.host_str().unwrap_or_default())
    }

    /// Messages of libraries quote what came over the wire, now and then.
    fn hidden(&self, observation: Observation) -> Unanswered {
        match observation {
            Observation::Failed(Failure { kind, message }) => failed(kind, self.secrets.hide(&message)),
            other => Box::new(other),
        }
    }
}

enum Tried {
    Reply(Reply),
    Again(Duration),
}

/// How long until the same request may be put again; `None`: it may not.
///
/// Cloudflare's own client repeats 408, 409, 429 and 5xx after `retry-after` or some seconds (cloudflare-go v6); of
/// these 409 is an answer to a write. What is no GET is repeated only when it was certainly not carried out.
fn pause(verb: Verb<'_>, response: &Response, nth: u32) -> Option<Duration> {
    let status = response.status();
    let too_many = status == StatusCode::TOO_MANY_REQUESTS;
    let may = too_many || verb == Verb::Get && (status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT);
    if !may {
        return None;
    }
    let asked = response.headers().get(RETRY_AFTER);
    match asked.filter(|_| too_many || status == StatusCode::SERVICE_UNAVAILABLE) {
        Some(value) => asked_pause(status.as_u16(), value.to_str().ok(), Timestamp::now()),
        None if too_many => Some(API_PAUSE_WHEN_TOO_MANY * 2_u32.pow(nth)),
        None => Some(API_PAUSE * 2_u32.pow(nth)),
    }
}

/// The system's roots alone: one that `--ca` adds for a copy of the site must not be able to read a token.
fn client(options: &Options, needs_roots: bool) -> anyhow::Result<Client> {
    let config = match needs_roots {
        true => tls::verifying_config(tls::verifier(Roots::System)?)?,
        false => rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    };
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, options.user_agent.clone());
    Client::builder()
        .tls_backend_preconfigured(config)
        .default_headers(headers)
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .build()
        .context("no client for providers' APIs")
}
