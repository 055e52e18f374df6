//! Errors of sockets and libraries, sorted into [`FailureKind`]s, with one line that names the cause. Must not
//! retry.

use std::error::Error;
use std::io;

use crate::probe::{Failure, FailureKind, Observation};

/// An observation that says why there is no answer; boxed, since it travels in `Err`.
pub(crate) type Unanswered = Box<Observation>;

pub(crate) fn failed(kind: FailureKind, message: impl Into<String>) -> Unanswered {
    Box::new(Observation::Failed(Failure { kind, message: message.into() }))
}

pub(crate) fn not_asked(because: impl ToString) -> Unanswered {
    Box::new(Observation::NotAsked { because: because.to_string() })
}

/// Sorts an error met while talking to `whom`, by the deepest cause that says something.
pub(crate) fn from_error(whom: &str, error: &(dyn Error + 'static)) -> Unanswered {
    let (kind, cause) = sort(error);
    failed(kind, format!("{whom}: {cause}"))
}

fn sort(error: &(dyn Error + 'static)) -> (FailureKind, String) {
    let causes = causes(error);
    if let Some(tls) = causes.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return (FailureKind::Tls, tls.to_string());
    }
    let timed_out = |cause: &&(dyn Error + 'static)| {
        cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
            || cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
            || cause.is::<tokio::time::error::Elapsed>()
    };
    if causes.iter().any(timed_out) {
        return (FailureKind::TimedOut, "no answer in time".to_owned());
    }
    if let Some(hyper) = causes.iter().find_map(|cause| cause.downcast_ref::<hyper::Error>())
        && let Some(sorted) = sort_hyper(hyper)
    {
        return sorted;
    }
    // tokio-rustls, when the other side leaves during the handshake.
    if causes.iter().any(|cause| cause.is::<io::Error>() && cause.to_string() == "tls handshake eof") {
        return (FailureKind::Tls, "the connection was closed during the handshake".to_owned());
    }
    let io = causes.iter().rev().find_map(|cause| cause.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => (FailureKind::Refused, "connection refused".to_owned()),
        Some(io::ErrorKind::ConnectionReset) => (FailureKind::Closed, "connection reset".to_owned()),
        _ => {
            let deepest = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
            (FailureKind::Unreachable, deepest)
        }
    }
}

fn sort_hyper(error: &hyper::Error) -> Option<(FailureKind, String)> {
    if error.is_parse_too_large() {
        Some((FailureKind::Garbage, "the answer's head is too large, or has more than 100 header lines".to_owned()))
    } else if error.is_parse() {
        Some((FailureKind::Garbage, format!("no valid HTTP answer ({error})")))
    } else if error.is_incomplete_message() {
        Some((FailureKind::Closed, "the connection was closed without an answer".to_owned()))
    } else {
        None
    }
}

/// The error and everything beneath it. `io::Error` hides what it wraps from `source()`, so it is opened too.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    // Bounded: a chain that loops must not hang the run.
    const DEEPEST: usize = 32;
    let mut found = vec![error];
    while found.len() < DEEPEST {
        let last = found[found.len() - 1];
        let inner = last.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| last.source()) {
            Some(next) => found.push(next),
            None => break,
        }
    }
    found
}
