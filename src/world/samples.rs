//! The same GET on many connections, one after the other or a few at a time, timed. Must not judge, nor retry: what
//! went wrong is a sample too.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use hyper::header::HeaderMap;
use hyper::http::uri::PathAndQuery;
use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::{Unanswered, from_error, not_asked};
use super::http::{exchange, target_of};
use super::{Place, World};
use crate::probe::{FailureKind, HttpProbe, Observation, Sample, SamplesAnswer, SamplesProbe, Scheme};

/// Connections open at once: a slow answer does not hold up the next question.
const AT_ONCE: usize = 4;

impl World {
    pub(super) async fn samples(&self, probe: &SamplesProbe) -> Result<Observation, Unanswered> {
        let request = &probe.request;
        let target = target_of(request)?;
        let place = self.place(&request.host, request.to, request.scheme.port()).await?;
        let headers = self.request_headers(request)?;
        let one = |_| self.sample(request, &target, &place, headers.clone());
        let samples: Vec<_> = futures_util::stream::iter(0..probe.count).map(one).buffered(AT_ONCE).collect().await;
        let samples = samples.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Observation::Samples(SamplesAnswer { at: Timestamp::now(), connected: place.public.to_string(), samples }))
    }

    /// # Errors
    ///
    /// When the run's requests are spent, or it was stopped: too few samples would say something else.
    async fn sample(
        &self,
        probe: &HttpProbe,
        target: &PathAndQuery,
        place: &Place,
        headers: HeaderMap,
    ) -> Result<Sample, Unanswered> {
        self.take_turn().await?;
        if let Some(reason) = self.stopped() {
            return Err(not_asked(format!("stopped: {reason}")));
        }
        let start = Instant::now();
        let mut connect = Duration::ZERO;
        let asking = async {
            let stream = TcpStream::connect(place.real).await?;
            connect = start.elapsed();
            stream.set_nodelay(true)?;
            let response = match probe.scheme {
                Scheme::Http => exchange(stream, target, headers).await?,
                Scheme::Https => {
                    let name = ServerName::try_from(probe.host.clone())?;
                    let mut config = self.tls.clone();
                    config.alpn_protocols = vec![b"http/1.1".to_vec()];
                    // A ticket of the last connection would spare this one its certificate.
                    config.resumption = rustls::client::Resumption::disabled();
                    exchange(TlsConnector::from(Arc::new(config)).connect(name, stream).await?, target, headers).await?
                }
            };
            Ok::<_, Box<dyn Error + Send + Sync>>(response.status().as_u16())
        };
        let outcome = match tokio::time::timeout(self.timeout, asking).await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(match *from_error("", &*error) {
                Observation::Failed(failure) => failure.kind,
                _ => FailureKind::Unreachable,
            }),
            Err(_) => Err(FailureKind::TimedOut),
        };
        Ok(Sample { connect, total: start.elapsed(), outcome })
    }
}
