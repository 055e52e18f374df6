//! The stub app behind the proxy: pages, assets and an API, as badly behaved as [`StagedApp`] says. It sends no
//! cache header of its own and compresses nothing. It runs in containers, which differ in the sessions that they know
//! and in nothing else.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, SET_COOKIE, VARY, WWW_AUTHENTICATE};
use hyper::{Request, StatusCode};
use sha2::{Digest, Sha256};

use super::serve::{self, Answer, Stub};
use super::staging::StagedApp;
use crate::blueprint::Site;
use crate::probe::Disturbance;

/// Between so many the platform's router spreads requests.
const CONTAINERS: u64 = 2;
/// Requests that the app's own limiter, where it has one, says it allows in a minute. It refuses nobody.
const OWN_LIMIT: u64 = 6000;

pub struct App {
    manner: StagedApp,
    pages: Vec<(String, String)>,
    assets: Vec<Asset>,
    /// Starts of paths answered as an API.
    api: Vec<String>,
    session_cookie: Option<String>,
    /// Where the app says how it is.
    health_pages: Vec<String>,
    /// What the app's own cache keeps.
    read_cached: Option<String>,
    /// Pages for who is logged in.
    logged_in_pages: Vec<String>,
    containers: Vec<Container>,
    health: AtomicU8,
    /// How many sessions were started.
    sessions: AtomicU64,
    /// How many requests the router has passed on.
    routed: AtomicU64,
    /// How often the answer that the app's own cache should keep was made.
    made: AtomicU64,
    /// How many requests its own limiter has counted.
    counted: AtomicU64,
}

/// One of the machines that the app runs on.
struct Container {
    /// Who is logged in, as far as it knows: its own memory, or the store of all.
    logged_in: Arc<Mutex<BTreeSet<String>>>,
}

impl Container {
    /// So many, which share a store unless each keeps sessions to itself.
    fn start(each_by_itself: bool) -> Vec<Self> {
        let shared = Arc::default();
        let store = || if each_by_itself { Arc::default() } else { Arc::clone(&shared) };
        (0..CONTAINERS).map(|_| Self { logged_in: store() }).collect()
    }

    fn log_in(&self, session: String) {
        self.logged_in.lock().unwrap_or_else(PoisonError::into_inner).insert(session);
    }

    fn knows(&self, session: &str) -> bool {
        self.logged_in.lock().unwrap_or_else(PoisonError::into_inner).contains(session)
    }
}

struct Asset {
    path: String,
    content_type: &'static str,
    content: String,
}

/// Values of `App::health`.
mod health {
    pub const GOOD: u8 = 0;
    pub const REFUSES: u8 = 1;
    pub const ANSWERS_503: u8 = 2;
    pub const ANSWERS_500: u8 = 3;
    pub const DATABASE_AWAY: u8 = 4;
}

impl App {
    /// The app of a site: its pages, its API, its assets.
    pub fn new(manner: StagedApp, site: &Site) -> Self {
        let folder = site.fingerprinted_paths.first().map(|start| start.as_str().trim_end_matches('/'));
        let assets = folder.map(|folder| assets(folder, manner.plain_asset_names)).unwrap_or_default();
        let api: Vec<String> = site.private_paths.iter().map(ToString::to_string).collect();
        let pages = site
            .sampled_paths
            .iter()
            .map(ToString::to_string)
            .filter(|path| !api.iter().any(|start| path.starts_with(start)))
            .map(|path| (path.clone(), page(site.title.as_str(), &path, &assets)))
            .collect();
        let session_cookie = site.session_cookie.as_ref().map(ToString::to_string);
        let health_pages = site.health_paths().map(ToString::to_string).collect();
        let apps = site.platform.iter().flat_map(|platform| &platform.apps);
        let logged_in_pages = apps.filter_map(|app| app.logged_in_path.as_ref()).map(ToString::to_string).collect();
        Self {
            containers: Container::start(manner.sessions_in_memory),
            manner,
            pages,
            assets,
            api,
            session_cookie,
            health_pages,
            logged_in_pages,
            read_cached: site.read_cache.as_ref().map(|cache| cache.path.to_string()),
            health: AtomicU8::new(health::GOOD),
            sessions: AtomicU64::new(0),
            routed: AtomicU64::new(0),
            made: AtomicU64::new(0),
            counted: AtomicU64::new(0),
        }
    }

    /// The container that the router takes for one more request: any. Were it the next one each time, two visitors who ask
    /// in turn would meet one container each, and no loss would show.
    fn container(&self) -> Option<&Container> {
        let number = self.routed.fetch_add(1, Ordering::Relaxed);
        let any = u64::from(Sha256::digest(number.to_be_bytes())[0]);
        self.containers.get(usize::try_from(any % CONTAINERS).ok()?)
    }

    /// Somebody logs in, as one request that some container takes; gives the value of the session cookie.
    pub fn log_in(&self) -> String {
        let session = self.started_session();
        if let Some(container) = self.container() {
            container.log_in(session.clone());
        }
        session
    }

    /// Of nobody yet.
    fn started_session(&self) -> String {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed);
        data_encoding::HEXLOWER.encode(&Sha256::digest(number.to_be_bytes())[..16])
    }

    /// Whether the container that takes this request knows who asks.
    fn is_logged_in(&self, headers: &HeaderMap) -> bool {
        let (container, session) = (self.container(), self.session(headers));
        container.zip(session).is_some_and(|(container, session)| container.knows(&session))
    }

    /// Makes the app fail, or heals it. Holds from the next request on, on kept connections too.
    pub fn disturb(&self, disturbance: Disturbance) {
        let state = match disturbance {
            Disturbance::AppRefuses => health::REFUSES,
            Disturbance::AppAnswers503 => health::ANSWERS_503,
            Disturbance::AppAnswers500 => health::ANSWERS_500,
            Disturbance::DatabaseAway => health::DATABASE_AWAY,
            Disturbance::AppHealthy => health::GOOD,
            // The proxy's, the edge's, and the back offices'.
            Disturbance::ModeOn
            | Disturbance::ModeOff
            | Disturbance::RoomHoldsAll
            | Disturbance::EdgePurged
            | Disturbance::OfficeRefuses
            | Disturbance::OfficeAnswers503 => return,
        };
        self.health.store(state, Ordering::SeqCst);
    }

    /// What it leans on, and which build says so; kept by nobody.
    fn health_page(&self) -> Answer {
        let is_well = self.health.load(Ordering::SeqCst) != health::DATABASE_AWAY || self.manner.health_blind;
        let database = if is_well { "ok" } else { "unreachable" };
        let mut body = serde_json::json!({ "database": database });
        if !self.manner.health_without_build {
            body["build"] = serde_json::json!("4f1c2a9");
        }
        let mut answer = content("application/json", body.to_string());
        if !is_well {
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    /// How its own limiter counts, in the headers that frameworks send.
    fn with_own_count(&self, mut answer: Answer) -> Answer {
        if self.manner.limiter_counts_proxy {
            let counted = self.counted.fetch_add(1, Ordering::Relaxed) + 1;
            let left = OWN_LIMIT.saturating_sub(counted);
            answer.headers_mut().insert("x-ratelimit-limit", HeaderValue::from(OWN_LIMIT));
            answer.headers_mut().insert("x-ratelimit-remaining", HeaderValue::from(left));
        }
        answer
    }

    fn page(&self, html: &str, headers: &HeaderMap) -> Answer {
        let mut html = html.to_owned();
        if self.manner.personal_pages
            && let Some(session) = self.session(headers)
        {
            let _ = writeln!(html, "<p>Bonjour {}</p>", escape(&session));
        }
        if self.manner.reflects_forwarded_host
            && let Some(host) = headers.get("x-forwarded-host").and_then(|host| host.to_str().ok())
        {
            let _ = writeln!(html, "<link rel=\"canonical\" href=\"https://{}/\">", escape(host));
        }
        let mut answer = content("text/html; charset=utf-8", html);
        if self.manner.session_cookie_on_pages
            && let Some(name) = &self.session_cookie
        {
            let id = self.started_session();
            if let Ok(cookie) = HeaderValue::try_from(format!("{name}={id}; Path=/; HttpOnly; SameSite=Lax")) {
                answer.headers_mut().append(SET_COOKIE, cookie);
            }
        }
        if self.manner.noindex {
            answer.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex"));
        }
        if self.manner.vary_cookie_on_pages {
            answer.headers_mut().append(VARY, HeaderValue::from_static("Cookie"));
        }
        answer
    }

    fn api(&self, headers: &HeaderMap) -> Answer {
        let user = self.session(headers).unwrap_or_else(|| "nobody".to_owned());
        content("application/json", serde_json::json!({ "user": user }).to_string())
    }

    /// Value of the session cookie that came along.
    fn session(&self, headers: &HeaderMap) -> Option<String> {
        let session = self.session_cookie.as_ref()?;
        headers.get_all(hyper::header::COOKIE).iter().filter_map(|value| value.to_str().ok()).find_map(|cookies| {
            cookies.split(';').find_map(|cookie| {
                let (name, value) = cookie.trim().split_once('=')?;
                (name == session).then(|| value.to_owned())
            })
        })
    }
}

impl Stub for App {
    fn refuses(&self) -> bool {
        self.health.load(Ordering::SeqCst) == health::REFUSES
    }

    fn answer(&self, request: &Request<Incoming>) -> Option<Answer> {
        match self.health.load(Ordering::SeqCst) {
            health::REFUSES => return None,
            health::ANSWERS_503 => return Some(serve::text(StatusCode::SERVICE_UNAVAILABLE, "down for a moment\n")),
            health::ANSWERS_500 => return Some(serve::text(StatusCode::INTERNAL_SERVER_ERROR, "it broke\n")),
            _ => {}
        }
        self.served(request).map(|answer| self.with_own_count(answer))
    }
}

impl App {
    /// What it answers while it runs.
    fn served(&self, request: &Request<Incoming>) -> Option<Answer> {
        let path = request.uri().path();
        if self.manner.basic_auth {
            let mut answer = serve::text(StatusCode::UNAUTHORIZED, "a password, please\n");
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"preview\""));
            return Some(answer);
        }
        if self.health_pages.iter().any(|page| page == path) {
            return Some(match self.manner.without_health {
                true => serve::text(StatusCode::NOT_FOUND, "no such page\n"),
                false => self.health_page(),
            });
        }
        if self.read_cached.as_deref() == Some(path) {
            let stamp = match self.manner.read_cache_unwired {
                true => self.made.fetch_add(1, Ordering::Relaxed),
                false => 0,
            };
            return Some(content("application/json", serde_json::json!({ "stamp": stamp }).to_string()));
        }
        if self.logged_in_pages.iter().any(|page| page == path) {
            return Some(match self.is_logged_in(request.headers()) {
                true => self.api(request.headers()),
                false => serve::text(StatusCode::UNAUTHORIZED, "log in, please\n"),
            });
        }
        if self.api.iter().any(|start| path.starts_with(start)) {
            return Some(self.api(request.headers()));
        }
        if let Some(asset) = self.assets.iter().find(|asset| asset.path == path) {
            return Some(content(asset.content_type, asset.content.clone()));
        }
        match self.pages.iter().find(|(page, _)| page == path) {
            Some((_, html)) => Some(self.page(html, request.headers())),
            None => {
                let html = match self.manner.debug {
                    true => "<!doctype html><h1>NotFoundHttpException</h1><pre>Stack trace:\n#0 index.php(55)</pre>\n",
                    false => "<!doctype html><h1>Not found</h1>\n",
                };
                let mut answer = self.page(html, request.headers());
                *answer.status_mut() = StatusCode::NOT_FOUND;
                Some(answer)
            }
        }
    }
}

fn content(content_type: &'static str, text: String) -> Answer {
    let mut answer = Answer::new(Full::new(Bytes::from(text)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Two scripts and a style sheet, some kilobytes each, named after their content.
fn assets(folder: &str, plain_names: bool) -> Vec<Asset> {
    [("app", "js", "text/javascript"), ("vendor", "js", "text/javascript"), ("app", "css", "text/css")]
        .into_iter()
        .map(|(name, extension, content_type)| {
            let mut content = String::new();
            for number in 0..150 {
                let _ = match extension {
                    "css" => writeln!(content, ".{name}-{number} {{ margin: {number}px; color: #1e1e1e; }}"),
                    _ => writeln!(content, "export const {name}{number} = () => 'volunteer {number}';"),
                };
            }
            let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(&content)[..8]);
            let path = if plain_names {
                format!("{folder}/{name}.{extension}")
            } else {
                format!("{folder}/{name}-{hash}.{extension}")
            };
            Asset { path, content_type, content }
        })
        .collect()
}

/// A page of about 30 kB that says the same at every request.
fn page(title: &str, path: &str, assets: &[Asset]) -> String {
    let mut html = format!("<!doctype html>\n<html lang=\"fr\">\n<head>\n<title>{}</title>\n", escape(title));
    for asset in assets {
        let _ = match asset.content_type {
            "text/css" => writeln!(html, "<link rel=\"stylesheet\" href=\"{}\">", asset.path),
            _ => writeln!(html, "<script type=\"module\" src=\"{}\"></script>", asset.path),
        };
    }
    let _ = writeln!(html, "</head>\n<body>\n<h1>{}</h1>", escape(path));
    for number in 0..300 {
        let _ = writeln!(
            html,
            "<article id=\"mission-{number}\"><h2>Mission {number}</h2><p>Help a neighbour with the shopping.</p></article>"
        );
    }
    html.push_str("</body>\n</html>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::answer::made_up::sample;

    /// How many of twenty requests of one visitor, who logged in once, find them logged in.
    fn known(sessions_in_memory: bool) -> usize {
        let (_, site) = sample(&[]);
        let app = App::new(StagedApp { sessions_in_memory, ..StagedApp::default() }, &site);
        let mut headers = HeaderMap::new();
        let cookie = format!("{}={}", site.session_cookie.expect("a session cookie"), app.log_in());
        headers.insert(hyper::header::COOKIE, cookie.try_into().expect("a header"));
        let forged = HeaderMap::from_iter([(hyper::header::COOKIE, HeaderValue::from_static("laravel_session=x"))]);
        assert!((0..20).all(|_| !app.is_logged_in(&forged) && !app.is_logged_in(&HeaderMap::new())));
        (0..20).filter(|_| app.is_logged_in(&headers)).count()
    }

    #[test]
    fn a_session_in_one_containers_memory_is_lost_at_the_other() {
        assert_eq!(known(false), 20);
        assert!((1..20).contains(&known(true)));
    }
}
