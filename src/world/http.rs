//! One GET on a connection of its own: no redirect followed, no cookie kept, nothing added but Accept and
//! User-Agent. Must not retry but as [`policy`] says.
//!
//! reqwest asks, on an address that we choose. Its URL type tidies some paths (`/a/../b`, a backslash); since a path
//! is sent byte for byte, those go over hyper's own connection instead, with the same limits.

use std::error::Error;
use std::time::Instant;

use http_body_util::Empty;
use hyper::header::{ACCEPT, CONTENT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::{Unanswered, failed, from_error, not_asked};
use super::{Place, World, body, pace, policy};
use crate::probe::{FailureKind, HttpAnswer, HttpProbe, Observation, Scheme, TEST_SESSION};

type BoxError = Box<dyn Error + Send + Sync>;

impl World {
    pub(super) async fn http(&self, probe: &HttpProbe) -> Result<Observation, Unanswered> {
        let target = target_of(probe)?;
        let place = self.place(&probe.host, probe.to, probe.scheme.port()).await?;
        let headers = self.request_headers(probe)?;
        let get = async || self.get(probe, &target, &place, headers.clone()).await;
        let answer = policy::again_after_silence(&get).await?;
        if let Some(pace) = &self.pace
            && let Some(pause) = pace::asked_pause(answer.status, answer.header(RETRY_AFTER.as_str()), Timestamp::now())
        {
            pace.hold(pause);
            return Ok(Observation::Http(policy::again_after_silence(&get).await?));
        }
        Ok(Observation::Http(answer))
    }

    /// Waits for this run's turn to contact the site.
    pub(super) async fn take_turn(&self) -> Result<(), Unanswered> {
        match &self.pace {
            Some(pace) if !pace.turn().await => Err(not_asked("this run has put as many requests as one run may")),
            _ => Ok(()),
        }
    }

    pub(super) fn request_headers(&self, probe: &HttpProbe) -> Result<HeaderMap, Unanswered> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, self.user_agent.clone());
        let host = probe.host_header.as_ref().unwrap_or(&probe.host);
        let pairs = std::iter::once((HOST.as_str(), host)).chain(probe.headers.iter().map(|(k, v)| (k.as_str(), v)));
        let mut given = HeaderMap::new();
        for (name, value) in pairs {
            let cannot = || not_asked(format!("the header `{}` cannot be sent", name.escape_debug()));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| cannot())?;
            let value = match value.contains(TEST_SESSION) {
                // Over a line that nobody reads.
                true if probe.scheme == Scheme::Http => return Err(not_asked("a session is sent over https alone")),
                true => {
                    let session = self.access.test_session().map_err(not_asked)?;
                    let value = value.replace(TEST_SESSION, session.expose_secret());
                    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| cannot())?;
                    value.set_sensitive(true);
                    value
                }
                false => HeaderValue::from_bytes(value.as_bytes()).map_err(|_| cannot())?,
            };
            given.append(name, value);
        }
        for name in given.keys() {
            headers.remove(name);
        }
        headers.extend(given);
        Ok(headers)
    }

    async fn get(
        &self,
        probe: &HttpProbe,
        target: &PathAndQuery,
        place: &Place,
        headers: HeaderMap,
    ) -> Result<HttpAnswer, Unanswered> {
        self.take_turn().await?;
        let whom = format!("{}://{} at {}", probe.scheme.as_str(), probe.host, place.public);
        let start = Instant::now();
        let deadline = tokio::time::Instant::now() + self.timeout;
        let timed_out = || failed(FailureKind::TimedOut, format!("{whom}: no answer in time"));
        let asking = async {
            match survives_as_url(probe, target) {
                Some(url) => self.send(probe, place, url, headers).await,
                None => self.send_raw(probe, target, place, headers).await,
            }
        };
        let response = tokio::time::timeout_at(deadline, asking)
            .await
            .map_err(|_| timed_out())?
            .map_err(|error| from_error(&whom, &*error))?;

        let status = response.status().as_u16();
        let encodings: Vec<_> = response.headers().get_all(CONTENT_ENCODING).iter().map(lossy).collect();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), lossy(value))).collect();
        let (wire, problem) = read(response, deadline).await;
        let encoding = (!encodings.is_empty()).then(|| encodings.join(", "));
        let answer = HttpAnswer {
            at: Timestamp::now(),
            connected: place.public.to_string(),
            status,
            headers,
            body: body::decode(&wire, encoding.as_deref(), problem),
            elapsed: start.elapsed(),
        };
        if let Some(breaker) = &self.breaker {
            breaker.saw(probe, &answer);
        }
        Ok(answer)
    }

    async fn send(&self, probe: &HttpProbe, place: &Place, url: Url, headers: HeaderMap) -> Result<Response, BoxError> {
        let client = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .http1_only()
            .pool_max_idle_per_host(0)
            .resolve(&probe.host, place.real)
            .build()?;
        Ok(client.get(url).headers(headers).send().await?)
    }

    async fn send_raw(
        &self,
        probe: &HttpProbe,
        target: &PathAndQuery,
        place: &Place,
        headers: HeaderMap,
    ) -> Result<Response, BoxError> {
        let stream = TcpStream::connect(place.real).await?;
        match probe.scheme {
            Scheme::Http => exchange(stream, target, headers).await,
            Scheme::Https => {
                let name = ServerName::try_from(probe.host.clone())?;
                let mut config = self.tls.clone();
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                let stream = TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream).await?;
                exchange(stream, target, headers).await
            }
        }
    }
}

/// The probe's path and query, if they can be sent as they are: anything but a path would be read as a part of the
/// authority or the fragment.
pub(super) fn target_of(probe: &HttpProbe) -> Result<PathAndQuery, Unanswered> {
    PathAndQuery::try_from(probe.path.as_str())
        .ok()
        .filter(|target| target.as_str() == probe.path && probe.path.starts_with('/'))
        .ok_or_else(|| not_asked(format!("the path `{}` cannot be sent as it is", probe.path.escape_debug())))
}

/// The probe's URL, when reqwest would send its host and path byte for byte.
fn survives_as_url(probe: &HttpProbe, target: &PathAndQuery) -> Option<Url> {
    let text = format!("{}://{}{}", probe.scheme.as_str(), probe.host, target);
    let url = Url::parse(&text).ok()?;
    // An address in place of the name would be connected to as it stands, whatever `resolve` says.
    let same = url.as_str() == text && url.domain() == Some(&probe.host);
    same.then_some(url)
}

pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &PathAndQuery,
    headers: HeaderMap,
) -> Result<Response, BoxError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the sender, or when the answer's body is dropped.
    tokio::spawn(connection);
    let mut request = hyper::Request::get(hyper::Uri::from(target.clone())).body(Empty::<hyper::body::Bytes>::new())?;
    *request.headers_mut() = headers;
    let response = sender.send_request(request).await?;
    Ok(Response::from(response.map(reqwest::Body::wrap)))
}

/// The wire bytes, and why they are not all of them.
async fn read(mut response: Response, deadline: tokio::time::Instant) -> (Vec<u8>, Option<String>) {
    let mut wire = Vec::new();
    loop {
        match tokio::time::timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                let room = body::LIMIT - wire.len();
                wire.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    return (wire, Some(format!("the body is longer than {} bytes", body::LIMIT)));
                }
            }
            Ok(Ok(None)) => return (wire, None),
            Ok(Err(_)) => {
                let problem = format!("the connection broke after {} bytes of the body", wire.len());
                return (wire, Some(problem));
            }
            Err(_) => {
                let problem = format!("the body was not complete in time ({} bytes came)", wire.len());
                return (wire, Some(problem));
            }
        }
    }
}

pub(super) fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Target;

    #[test]
    fn paths_that_a_url_would_tidy_are_told_apart() {
        let probe = |host: &str| HttpProbe {
            scheme: Scheme::Https,
            host: host.into(),
            host_header: None,
            path: String::new(),
            to: Target::Resolved,
            headers: vec![],
            nth: 0,
        };
        let survives = |host, path: &str| survives_as_url(&probe(host), &path.parse().unwrap()).is_some();
        for kept in ["/", "/a%20b/c?x=1&y=%26", "//evil.example", "/%2F", "/a?b=/../c", "/?"] {
            assert!(survives("shop.example.com", kept), "{kept}");
        }
        for tidied in ["/a/../b", "/./", "/%2e%2e/x", "/é", "/\""] {
            assert!(!survives("shop.example.com", tidied), "{tidied}");
        }
        assert!(!survives("127.0.0.1", "/"), "an address would be connected to as it stands");
    }
}
