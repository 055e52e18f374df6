//! The real varnishd on the generated VCL, and the generated relay before back offices that have a name. Where the back
//! offices are is replaced, nothing else; and a file of the rehearsal's own includes the generated one, so that copies can
//! be made older than they are.
//!
//! Processes and files are the [`Watchdog`]'s, as nginx's are.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use regex::Regex;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

use super::nginx::{
    self, Nginx, PORT_TRIES, Process, START_TIMEOUT, Trouble, Watchdog, find, free_addresses, loopback, machine_conf,
    write,
};
use super::serve;
use super::staging::StagedVarnish;

/// A starting varnishd compiles its file first: half a second. Between two looks whether it answers.
const POLL: Duration = Duration::from_millis(20);

/// The method by which the rehearsal makes a copy older. Its subroutines stand before the generated ones, which never see
/// such a request but to find the copy.
const AGE_METHOD: &str = "GOLIVE-AGE";
const AGE_HEADER: &str = "x-golive-seconds";
const MAIN: &str = "rehearsal.vcl";

fn wrapper(main_file: &str, host: &str) -> String {
    format!(
        r#"vcl 4.1;
import purge;
import std;
sub vcl_recv {{
    if (req.method == "{AGE_METHOD}") {{
        set req.http.Host = "{host}";
        return (hash);
    }}
}}
sub vcl_hit {{
    if (req.method == "{AGE_METHOD}") {{
        if (obj.ttl + obj.grace <= std.duration(req.http.{AGE_HEADER}, 0s)) {{
            purge.hard();
        }} elseif (obj.ttl <= std.duration(req.http.{AGE_HEADER}, 0s)) {{
            purge.soft(0s, obj.ttl + obj.grace - std.duration(req.http.{AGE_HEADER}, 0s));
        }}
        return (synth(200));
    }}
}}
sub vcl_miss {{
    if (req.method == "{AGE_METHOD}") {{
        return (synth(404));
    }}
}}
include "./{main_file}";
"#
    )
}

/// A running Varnish, stopped on drop.
pub struct Varnish {
    process: Process,
    pub listens: SocketAddr,
    relay: Option<Nginx>,
    _folder: TempDir,
}

/// Starts it, with every back office where `office` is. `host` is the site's announced name.
pub async fn start(
    staged: &StagedVarnish,
    host: &str,
    office: SocketAddr,
    watchdog: &Watchdog,
) -> Result<Varnish, Trouble> {
    let program = find("varnishd").ok_or(Trouble::Missing)?;
    let relay = start_relay(staged, office, watchdog).await?;
    let mut files = staged.files.clone();
    let backends = files.get_mut("where/back_offices.vcl").ok_or_else(|| absent("where/back_offices.vcl"))?;
    *backends = placed(backends, office, relay.as_ref()).map_err(Trouble::Files)?;
    files.insert(MAIN.to_owned(), wrapper(&staged.main_file, host));

    let mut tries = 1;
    let (process, listens, folder) = loop {
        match start_once(&program, &files, watchdog).await {
            Err(Trouble::Says(words)) if words.contains("in use") && tries < PORT_TRIES => tries += 1,
            result => break result?,
        }
    };
    Ok(Varnish { process, listens, relay, _folder: folder })
}

fn absent(path: &str) -> Trouble {
    Trouble::Files(format!("varnish/{path} was not generated"))
}

/// The generated backends with other addresses: those that lead to a relay in the order of the relay's servers.
fn placed(text: &str, office: SocketAddr, relay: Option<&Nginx>) -> Result<String, String> {
    let place = Regex::new(r#"(?m)^backend office_(\d+) \{\n    \.host = "[^"]*";\n    \.port = "[^"]*";\n"#)
        .map_err(|error| error.to_string())?;
    let mut relays = relay.iter().flat_map(|nginx| &nginx.listens);
    let mut placed = String::new();
    let mut rest = 0;
    for found in place.captures_iter(text) {
        let (Some(all), Some(number)) = (found.get(0), found.get(1)) else { continue };
        let before = &text[rest..all.start()];
        let to = match before.ends_with("# By the relay in relay/.\n") {
            true => *relays.next().ok_or("a back office has no relay")?,
            false => office,
        };
        placed.push_str(before);
        placed.push_str(&format!(
            "backend office_{} {{\n    .host = \"{}\";\n    .port = \"{}\";\n",
            number.as_str(),
            to.ip(),
            to.port()
        ));
        rest = all.end();
    }
    if rest == 0 {
        return Err("where/back_offices.vcl names no back office".to_owned());
    }
    placed.push_str(&text[rest..]);
    Ok(placed)
}

/// The relay, where one was generated, with a server for each back office that has a name.
async fn start_relay(
    staged: &StagedVarnish,
    office: SocketAddr,
    watchdog: &Watchdog,
) -> Result<Option<Nginx>, Trouble> {
    let files: BTreeMap<String, String> = staged
        .files
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix("relay/")?.to_owned(), text.clone())))
        .collect();
    // By number, as where/back_offices.vcl has them.
    let mut servers: Vec<u32> = files
        .keys()
        .filter_map(|path| path.strip_prefix("where/listen-")?.strip_suffix(".conf")?.parse().ok())
        .collect();
    servers.sort_unstable();
    if servers.is_empty() {
        return Ok(None);
    }
    let nginx = nginx::start(servers.len(), None, watchdog, |listens| {
        let mut files = files.clone();
        files.insert("where/machine.conf".to_owned(), machine_conf());
        for (number, listen) in servers.iter().zip(listens) {
            files.insert(format!("where/listen-{number}.conf"), format!("listen {};\n", loopback(listen.port())));
            files.insert(format!("where/back-office-{number}.conf"), format!("set $back_office \"{office}\";\n"));
        }
        Ok(files)
    });
    nginx.await.map(Some)
}

async fn start_once(
    program: &std::path::Path,
    files: &BTreeMap<String, String>,
    watchdog: &Watchdog,
) -> Result<(Process, SocketAddr, TempDir), Trouble> {
    let folder = tempfile::Builder::new().prefix("varnish-").tempdir_in(&watchdog.folder)?;
    for (path, text) in files.iter().filter(|(path, _)| !path.starts_with("relay/")) {
        write(folder.path(), path, text)?;
    }
    let listens = *free_addresses(1).await?.first().ok_or_else(|| Trouble::Files("no free port".to_owned()))?;
    let said = folder.path().join("said.log");
    let log = std::fs::File::create(&said)?;
    let mut command = Command::new(program);
    // In the foreground, without its management port and without users of its own, which this user may not become.
    command.args(["-F", "-T", "none", "-j", "none", "-s", "malloc,16m", "-a", &loopback(listens.port())]);
    command.arg("-n").arg(folder.path().join("work")).arg("-f").arg(folder.path().join(MAIN));
    // It looks for a C compiler.
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("TMPDIR", folder.path());
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.process_group(watchdog.group).kill_on_drop(true);
    let mut process = Process(command.spawn()?);
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let ended = process.0.try_wait()?;
        // While it starts nobody listens, or nobody answers.
        if ended.is_none() && asked(listens, Request::get("/")).await.is_ok() {
            return Ok((process, listens, folder));
        }
        if ended.is_some() || Instant::now() > deadline {
            let said = String::from_utf8_lossy(&std::fs::read(&said).unwrap_or_default()).into_owned();
            let said = said.replace(&format!("{}/", folder.path().display()), "");
            return Err(Trouble::Says(match ended {
                Some(status) if said.trim().is_empty() => format!("it ended without a word ({status})"),
                Some(_) => said.trim().to_owned(),
                None => format!("not ready after {} s\n{}", START_TIMEOUT.as_secs(), said.trim()),
            }));
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn asked(at: SocketAddr, request: hyper::http::request::Builder) -> std::io::Result<u16> {
    let request = request.header("host", "golive").body(Full::new(Bytes::new())).map_err(std::io::Error::other)?;
    let exchange = async { serve::exchange(TcpStream::connect(at).await?, request).await };
    let answer = tokio::time::timeout(Duration::from_secs(1), exchange).await.map_err(std::io::Error::other)??;
    Ok(answer.status().as_u16())
}

/// Lets time pass for Varnish's copy of a path; it does not matter whether there is one.
pub async fn age_copy(at: SocketAddr, path: &str, by: Duration) {
    let request = Request::builder().method(AGE_METHOD).uri(path);
    let request = request.header(AGE_HEADER, format!("{}s", by.as_secs()));
    // A Varnish that is gone shows in what is asked next.
    let _ = asked(at, request).await;
}

impl Varnish {
    /// Stops it and its relay, and waits until they are gone.
    pub async fn stop(mut self) {
        self.process.stop().await;
        if let Some(relay) = self.relay {
            relay.stop().await;
        }
    }
}
