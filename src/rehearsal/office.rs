//! The stub back office behind Varnish: it builds any page that it is asked for, says how often it was asked, and is as
//! ill-suited to a cache as frameworks are: a session on each page, and headers that forbid to keep it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SET_COOKIE, VARY};
use hyper::{Request, StatusCode};

use super::serve::{self, Answer, Stub};
use crate::probe::{Disturbance, FETCH_HEADER};

/// Values of `Office::health`.
mod health {
    pub const GOOD: u8 = 0;
    pub const REFUSES: u8 = 1;
    pub const ANSWERS_503: u8 = 2;
}

#[derive(Default)]
pub struct Office {
    /// How often each path was built.
    built: Mutex<HashMap<String, u64>>,
    health: AtomicU8,
}

impl Office {
    /// Makes it fail, or heals it.
    pub fn disturb(&self, disturbance: Disturbance) {
        let state = match disturbance {
            Disturbance::OfficeRefuses => health::REFUSES,
            Disturbance::OfficeAnswers503 => health::ANSWERS_503,
            Disturbance::AppHealthy => health::GOOD,
            // The app's, the proxy's and the edge's.
            Disturbance::AppRefuses
            | Disturbance::AppAnswers503
            | Disturbance::AppAnswers500
            | Disturbance::DatabaseAway
            | Disturbance::ModeOn
            | Disturbance::ModeOff
            | Disturbance::RoomHoldsAll
            | Disturbance::EdgePurged => return,
        };
        self.health.store(state, Ordering::SeqCst);
    }
}

impl Stub for Office {
    fn refuses(&self) -> bool {
        self.health.load(Ordering::SeqCst) == health::REFUSES
    }

    fn answer(&self, request: &Request<Incoming>) -> Option<Answer> {
        match self.health.load(Ordering::SeqCst) {
            health::REFUSES => return None,
            health::ANSWERS_503 => return Some(serve::text(StatusCode::SERVICE_UNAVAILABLE, "down for a moment\n")),
            _ => {}
        }
        let page = request.uri().path().to_owned();
        let build = {
            let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
            let count = built.entry(page).or_default();
            *count += 1;
            *count
        };
        let html = format!("<!doctype html>\n<title>Figures</title>\n<p>Build {build}.</p>\n");
        let mut answer = Answer::new(Full::new(Bytes::from(html)));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, must-revalidate"));
        headers.insert(VARY, HeaderValue::from_static("Cookie"));
        if let Ok(cookie) = HeaderValue::try_from(format!("office={build}; Path=/; HttpOnly")) {
            headers.insert(SET_COOKIE, cookie);
        }
        headers.insert(FETCH_HEADER, HeaderValue::from(build));
        Some(answer)
    }
}
