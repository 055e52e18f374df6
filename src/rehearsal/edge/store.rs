//! The copies that one edge keeps, and what goes between edge and origin with them. Must not decide what is kept:
//! [`crate::providers::cloudflare::caching`] does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::StatusCode;
use hyper::header::{AGE, HeaderName};
use tokio::sync::watch;

use crate::providers::cloudflare::caching::Terms;

/// An answer as the origin sent it, without what belongs to one connection.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// One stored copy.
#[derive(Debug, Clone)]
pub struct Copy {
    pub answered: Arc<Answered>,
    pub terms: Terms,
    since: Instant,
    /// Age it had when it came, and what [`Store::age`] added.
    older_by: Duration,
}

impl Copy {
    pub fn age(&self) -> Duration {
        self.since.elapsed().saturating_add(self.older_by)
    }

    /// By how much the copy is past its life; `None` while it is fresh.
    pub fn overdue(&self) -> Option<Duration> {
        // A life of zero is over at once, however coarse the clock.
        let age = self.age();
        (age >= self.terms.fresh).then(|| age.saturating_sub(self.terms.fresh))
    }
}

/// The copies of one edge, and the refreshes under way.
#[derive(Debug, Default)]
pub struct Store(Mutex<Shelves>);

#[derive(Debug, Default)]
struct Shelves {
    copies: HashMap<String, Copy>,
    refreshing: HashMap<String, Refresh>,
}

#[derive(Debug)]
struct Refresh {
    /// Time that passed for this copy since the refresh began.
    extra: Duration,
    done: watch::Receiver<bool>,
}

/// Ends a refresh when dropped, whether it brought a copy or not.
pub struct Refreshing {
    store: Arc<Store>,
    key: String,
    _done: watch::Sender<bool>,
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, key: &str) -> Option<Copy> {
        self.lock().copies.get(key).cloned()
    }

    pub fn put(&self, key: &str, answered: Arc<Answered>, terms: Terms) -> Copy {
        let origin_age = answered.headers.get(AGE).and_then(|age| age.to_str().ok()?.parse().ok()).unwrap_or(0);
        let mut shelves = self.lock();
        let extra = shelves.refreshing.get(key).map_or(Duration::ZERO, |refresh| refresh.extra);
        let older_by = Duration::from_secs(origin_age).saturating_add(extra);
        let copy = Copy { answered, terms, since: Instant::now(), older_by };
        shelves.copies.insert(key.to_owned(), copy.clone());
        copy
    }

    pub fn remove(&self, key: &str) {
        self.lock().copies.remove(key);
    }

    /// Forgets every copy.
    pub fn clear(&self) {
        self.lock().copies.clear();
    }

    /// Lets time pass for one copy. A refresh under way is over before the next request for that copy is
    /// looked at, as it would be had the time really passed.
    pub fn age(&self, key: &str, by: Duration) {
        let mut shelves = self.lock();
        if let Some(copy) = shelves.copies.get_mut(key) {
            copy.older_by = copy.older_by.saturating_add(by);
        }
        if let Some(refresh) = shelves.refreshing.get_mut(key) {
            refresh.extra = refresh.extra.saturating_add(by);
        }
    }

    /// Claims the refresh of a copy; `None` when one is under way.
    pub fn begin_refresh(self: &Arc<Self>, key: &str) -> Option<Refreshing> {
        let mut shelves = self.lock();
        if shelves.refreshing.contains_key(key) {
            return None;
        }
        let (sender, done) = watch::channel(false);
        shelves.refreshing.insert(key.to_owned(), Refresh { extra: Duration::ZERO, done });
        Some(Refreshing { store: Arc::clone(self), key: key.to_owned(), _done: sender })
    }

    /// Waits for the refresh of this copy, if time has passed since it began.
    pub async fn catch_up(&self, key: &str) {
        let under_way =
            self.lock().refreshing.get(key).filter(|refresh| !refresh.extra.is_zero()).map(|r| r.done.clone());
        if let Some(mut done) = under_way {
            // An error says that the refresh is over.
            let _ = done.changed().await;
        }
    }

    /// Waits until no refresh is under way.
    #[cfg(test)]
    pub async fn settle(&self) {
        loop {
            let under_way = self.lock().refreshing.values().next().map(|refresh| refresh.done.clone());
            match under_way {
                Some(mut done) => {
                    let _ = done.changed().await;
                }
                None => return,
            }
        }
    }
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.store.lock().refreshing.remove(&self.key);
    }
}

/// Headers that belong to one connection (RFC 9110, section 7.6.1), with those that `Connection` names.
pub fn strip_connection_headers(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(hyper::header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').filter_map(|name| name.trim().parse().ok()))
        .collect();
    let always = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
    for name in named.into_iter().chain(always.into_iter().map(HeaderName::from_static)) {
        headers.remove(name);
    }
}

/// Addresses as `X-Forwarded-For` lists them, with one more at the end.
pub fn append_forwarded(headers: &mut HeaderMap, address: IpAddr) {
    let name = HeaderName::from_static("x-forwarded-for");
    let mut list: Vec<String> =
        headers.get_all(&name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    list.push(address.to_string());
    if let Ok(value) = list.join(", ").parse() {
        headers.insert(name, value);
    }
}
