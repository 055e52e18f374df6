//! One request many times on one connection, as one visitor: what a limit lets through, and what it answers then.
//! Must not judge, and live must not write: other methods than GET are a rehearsal's.
//!
//! At two requests a second no limit would act: a burst against a live site has the pace to which its owner agreed, and
//! ends when the site answers with errors.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::HeaderMap;
use hyper::http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use super::failure::{Unanswered, failed, from_error, not_asked};
use super::{Place, World, body, policy};
use crate::probe::{BurstAnswer, BurstProbe, FailureKind, HttpProbe, Method, NTH, Observation, Scheme, Visitor};

type BoxError = Box<dyn Error + Send + Sync>;

/// Of one visitor, to one place.
struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    /// Held as long as the connection: who the client is.
    _identity: Option<Box<dyn Send + Sync>>,
}

impl World {
    pub(super) async fn burst(&self, probe: &BurstProbe) -> Result<Observation, Unanswered> {
        if self.stage.is_none() {
            if probe.method != Method::Get {
                let method = probe.method.as_str();
                return Err(not_asked(format!("{method} could change something: only a rehearsal sends it")));
            }
            if let Visitor::At(address) = probe.visitor {
                return Err(not_asked(format!("golive cannot ask as {address}: ask from there by hand")));
            }
        }
        let gap = match (&self.stage, self.burst_per_second) {
            (Some(_), _) => Duration::ZERO,
            (None, Some(rate)) => Duration::from_secs(1) / rate.get(),
            (None, None) => return Err(not_asked("nobody agreed to a burst")),
        };
        let request = &probe.request;
        let place = self.place(&request.host, request.to, request.scheme.port()).await?;
        let headers = self.request_headers(request)?;
        self.take_turn().await?;
        tokio::time::sleep(probe.after).await;

        let whom = format!("{}://{} at {}", request.scheme.as_str(), request.host, place.public);
        let start = Instant::now();
        let mut answer = BurstAnswer {
            at: Timestamp::now(),
            connected: place.public.to_string(),
            statuses: Vec::new(),
            sending: Duration::ZERO,
            headers: BTreeMap::new(),
            counted: BTreeMap::new(),
        };
        let mut connection: Option<Connection> = None;
        while answer.statuses.len() < probe.count.into() && start.elapsed() < policy::LONGEST_BURST {
            let is_kept = connection.as_ref().is_some_and(|connection| !connection.sender.is_closed());
            let number = u32::try_from(answer.statuses.len()).unwrap_or(u32::MAX);
            tokio::time::sleep_until((start + gap * number).into()).await;
            answer.sending = start.elapsed();
            let path = request.path.replace(NTH, &answer.statuses.len().to_string());
            let target = super::http::target_of(&HttpProbe { path, ..request.clone() })?;
            let one = async {
                if !is_kept {
                    connection = Some(self.connect(probe, &place).await?);
                }
                let Some(connection) = &mut connection else { return Err("no connection".into()) };
                send(connection, probe.method, &target, headers.clone()).await
            };
            let result = tokio::time::timeout(self.timeout, one).await;
            let (status, seen) = match result {
                Ok(Ok(seen)) => seen,
                // A server may close a kept connection at any moment (RFC 9112, section 9.3.1): once more on a new one.
                Ok(Err(_)) if is_kept => {
                    connection = None;
                    continue;
                }
                Ok(Err(error)) => return Err(from_error(&whom, &*error)),
                Err(_) => return Err(failed(FailureKind::TimedOut, format!("{whom}: no answer in time"))),
            };
            answer.statuses.push(status);
            if let Some((_, value)) = seen.iter().find(|(name, _)| Some(name.as_str()) == probe.counts) {
                *answer.counted.entry(value.clone()).or_default() += 1;
            }
            answer.headers.entry(status).or_insert(seen);
            if let Some(breaker) = &self.breaker {
                breaker.saw_burst(request, &answer);
                if breaker.tripped().is_some() {
                    break;
                }
            }
            if probe.enough_refusals != 0 && answer.refused() >= probe.enough_refusals.into() {
                break;
            }
        }
        answer.at = Timestamp::now();
        Ok(Observation::Burst(answer))
    }

    async fn connect(&self, probe: &BurstProbe, place: &Place) -> Result<Connection, BoxError> {
        let stream = match &self.stage {
            None => (TcpStream::connect(place.real).await?, None),
            Some(stage) => {
                // The other side asks who this is as soon as it is connected.
                let socket = TcpSocket::new_v4()?;
                socket.bind((std::net::Ipv4Addr::LOCALHOST, 0).into())?;
                let identity = stage.pretend(socket.local_addr()?, &probe.visitor);
                (socket.connect(place.real).await?, Some(identity))
            }
        };
        let (stream, identity) = stream;
        stream.set_nodelay(true)?;
        let sender = match probe.request.scheme {
            Scheme::Http => handshake(stream).await?,
            Scheme::Https => {
                let name = ServerName::try_from(probe.request.host.clone())?;
                let mut config = self.tls.clone();
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                handshake(TlsConnector::from(Arc::new(config)).connect(name, stream).await?).await?
            }
        };
        Ok(Connection { sender, _identity: identity })
    }
}

async fn handshake<I>(stream: I) -> Result<SendRequest<Empty<Bytes>>, BoxError>
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the sender.
    tokio::spawn(connection);
    Ok(sender)
}

/// One request, and its answer read to the end, so that the next one may follow.
async fn send(
    connection: &mut Connection,
    method: Method,
    target: &PathAndQuery,
    headers: HeaderMap,
) -> Result<(u16, Vec<(String, String)>), BoxError> {
    connection.sender.ready().await?;
    let uri = hyper::Uri::from(target.clone());
    let mut request = hyper::Request::builder().method(method.as_str()).uri(uri).body(Empty::new())?;
    *request.headers_mut() = headers;
    let (parts, body) = connection.sender.send_request(request).await?.into_parts();
    Limited::new(body, body::LIMIT).collect().await?;
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), super::http::lossy(value)));
    Ok((parts.status.as_u16(), headers.collect()))
}
