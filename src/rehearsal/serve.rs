//! Small things every server of the rehearsal needs: a free port, an accept loop that dies whole, one HTTP
//! exchange. Must not know what is served.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Body;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// An answer held in memory: rehearsed pages are small.
pub type Answer = Response<Full<Bytes>>;

/// Longest message body that any part of the rehearsal takes in, in bytes.
pub const BODY_LIMIT: usize = 80 * 1024 * 1024;

/// How long a client may take over its request headers; a rehearsal's own clients are quick.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Listens on a free port of the loopback.
pub async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves each connection until this future is dropped, and with it every connection.
pub async fn accept_forever<F, S>(listener: TcpListener, serve: F)
where
    F: Fn(TcpStream, SocketAddr) -> S,
    S: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Only latency is lost without it.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream, peer));
                }
                // Out of descriptors, or a client gone before it was taken: the next one may do better.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// A server of the rehearsal that can be made to fail.
pub trait Stub: Send + Sync + 'static {
    fn refuses(&self) -> bool;
    /// `None`: it refuses, on a connection that it took before.
    fn answer(&self, request: &Request<hyper::body::Incoming>) -> Option<Answer>;
}

/// Serves until dropped. While it refuses, connections are reset: the port itself stays taken, so that nobody else can
/// sit there when it comes back.
pub async fn stub<S: Stub>(stub: Arc<S>, listener: TcpListener) {
    accept_forever(listener, move |stream, _: SocketAddr| {
        let stub = Arc::clone(&stub);
        async move {
            if stub.refuses() {
                // Without it the close would be polite.
                let _ = stream.set_zero_linger();
                return;
            }
            speak_http(stream, |request| {
                let answer = stub.answer(&request);
                async move { answer.ok_or_else(|| io::Error::other("it refuses")) }
            })
            .await;
        }
    })
    .await;
}

/// Speaks HTTP/1.1 on one connection until it ends. An `Err` of the handler ends it without an answer.
pub async fn speak_http<I, H, R>(stream: I, handle: H)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<hyper::body::Incoming>) -> R,
    R: Future<Output = io::Result<Answer>>,
{
    let service = hyper::service::service_fn(handle);
    // A broken client is the client's affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Reads a whole body, at most `limit` bytes.
pub async fn read<B>(body: B, limit: usize) -> io::Result<Bytes>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    Limited::new(body, limit).collect().await.map(|body| body.to_bytes()).map_err(io::Error::other)
}

/// One request and its whole answer on a fresh connection, which is closed afterwards.
pub async fn exchange<I>(stream: I, request: Request<Full<Bytes>>) -> io::Result<Response<Bytes>>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let talk = async move {
        let (parts, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
        Ok(Response::from_parts(parts, read(body, BODY_LIMIT).await?))
    };
    tokio::pin!(talk, connection);
    let mut open = true;
    loop {
        tokio::select! {
            answer = &mut talk => return answer,
            _ = &mut connection, if open => open = false,
        }
    }
}

/// A short text answer of a server's own.
pub fn text(status: hyper::StatusCode, text: impl Into<String>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text.into())));
    *answer.status_mut() = status;
    let plain = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(hyper::header::CONTENT_TYPE, plain);
    answer
}
