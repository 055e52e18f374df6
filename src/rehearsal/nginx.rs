//! The real nginx, started on the generated files of one machine: where it listens, who its peers are and its
//! certificate are replaced, nothing else.
//!
//! Every process is the leader of its own group and killed with it. Should golive itself be killed, the
//! [`Watchdog`] ends what it left behind: a shell that waits for the end of its input, since "die with the
//! parent" exists only on Linux and there for the starting thread, not the process.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use regex::Regex;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Mutex;

use super::ca::Issued;
use super::serve;

/// nginx starts in some 10 ms; one that takes this long never will.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks whether it has started.
const POLL: Duration = Duration::from_millis(2);
/// A fast shutdown drops its connections, so it takes no longer.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest that dropping one may hold up its thread.
const DROP_PATIENCE: Duration = Duration::from_millis(200);
/// A port that was free a moment ago may be somebody's now.
const PORT_TRIES: usize = 5;

/// Why nginx does not run.
#[derive(Debug)]
pub enum Trouble {
    Missing,
    /// Its own words.
    Says(String),
    /// The files cannot be started from, whatever nginx says.
    Files(String),
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Trouble::Io(error)
    }
}

/// A running nginx. Dropped, it and its workers are killed.
pub struct Nginx {
    group: Group,
    /// Its listening addresses, in the order in which they were asked for.
    pub listens: Vec<SocketAddr>,
    _folder: TempDir,
}

/// A process that leads its own group, killed with it on drop.
struct Group(Child);

/// Where the program is: `PATH`, then where Debian and BSD keep it for root.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join("nginx")).find(|program| program.is_file())
}

/// Starts nginx. `files` makes the folder's files for the listening addresses it is given, `ports` of them.
pub async fn start(
    ports: usize,
    certificate: Option<&Issued>,
    watchdog: &Watchdog,
    files: impl Fn(&[SocketAddr]) -> Result<BTreeMap<String, String>, String>,
) -> Result<Nginx, Trouble> {
    let program = find().ok_or(Trouble::Missing)?;
    let mut tries = 1;
    loop {
        let listens = free_addresses(ports).await?;
        let files = files(&listens).map_err(Trouble::Files)?;
        match start_once(&program, &files, certificate, watchdog, listens).await {
            Err(Trouble::Says(words)) if words.contains("Address already in use") && tries < PORT_TRIES => tries += 1,
            result => return result,
        }
    }
}

async fn start_once(
    program: &Path,
    files: &BTreeMap<String, String>,
    certificate: Option<&Issued>,
    watchdog: &Watchdog,
    listens: Vec<SocketAddr>,
) -> Result<Nginx, Trouble> {
    // Mode 0700: it holds a private key.
    let folder = tempfile::Builder::new().prefix("golive-nginx-").tempdir()?;
    for (path, text) in files {
        write(folder.path(), path, text)?;
    }
    if let Some(certificate) = certificate {
        write(folder.path(), "tls/fullchain.pem", &certificate.chain_pem)?;
        write(folder.path(), "tls/privkey.pem", &certificate.key_pem)?;
    }
    make_parents(folder.path(), files)?;

    let prefix = format!("{}/", folder.path().display());
    let command = |more: &[&str]| {
        let mut command = Command::new(program);
        // Messages before the configuration is read go to standard error, not to the system's log.
        command.args(["-p", prefix.as_str(), "-c", "nginx.conf", "-e", "stderr"]).args(more).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0).kill_on_drop(true);
        command
    };
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&prefix, "").trim().to_owned();
    let test = command(&["-t", "-q"]).stderr(Stdio::piped()).output().await?;
    if !test.status.success() {
        return Err(Trouble::Says(words(&test.stderr)));
    }

    let log = std::fs::File::create(folder.path().join("start.log"))?;
    let mut group = Group(command(&["-g", "daemon off;"]).stderr(log).spawn()?);
    watchdog.watch(&group, folder.path()).await?;
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let ended = group.0.try_wait()?;
        // The pid file is written once every address is bound.
        let pid = std::fs::read_to_string(folder.path().join(PID_FILE)).unwrap_or_default();
        if ended.is_none() && pid.trim().parse().ok() == group.0.id() {
            return Ok(Nginx { group, listens, _folder: folder });
        }
        if ended.is_some() || Instant::now() > deadline {
            let said = |file: &str| std::fs::read(folder.path().join(file)).unwrap_or_default();
            let said = [words(&said("start.log")), words(&said(ERROR_LOG))].join("\n");
            return Err(Trouble::Says(match ended {
                Some(_) => said.trim().to_owned(),
                None => format!("not ready after {} s\n{said}", START_TIMEOUT.as_secs()),
            }));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Paths that the machine's part of the configuration (`where/machine.conf`) names.
pub const PID_FILE: &str = "nginx.pid";
pub const ERROR_LOG: &str = "error.log";

/// What a generated `where/machine.conf` says of a server's processes, for one small process of this user.
pub fn machine_conf() -> String {
    // As root, nginx would hand the workers to a user who may not enter the private folder.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    format!("{user}worker_processes 1;\npid {PID_FILE};\nerror_log {ERROR_LOG} warn;\n")
}

async fn free_addresses(count: usize) -> io::Result<Vec<SocketAddr>> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(serve::listen().await?);
    }
    Ok(taken.into_iter().map(|(_, address)| address).collect())
}

fn write(folder: &Path, path: &str, text: &str) -> io::Result<()> {
    let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return Err(io::Error::other(format!("`{}` leads out of the folder", path.escape_debug())));
    }
    let file = folder.join(path);
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(&file, text).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}

/// nginx makes the last folder of a temporary path, not the ones above, and none for a log.
fn make_parents(folder: &Path, files: &BTreeMap<String, String>) -> io::Result<()> {
    let Ok(named) = Regex::new(r"(?m)^\s*(?:\w+_temp_path|access_log|error_log|proxy_cache_path|pid)\s+([^;\s]+)")
    else {
        return Ok(());
    };
    for text in files.values() {
        for found in named.captures_iter(text) {
            let path = Path::new(found.get(1).map_or("", |path| path.as_str()));
            let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
            if let (true, Some(parent)) = (inside, path.parent()) {
                std::fs::create_dir_all(folder.join(parent))?;
            }
        }
    }
    Ok(())
}

impl Nginx {
    /// Stops it and its workers, politely first, and waits until they are gone.
    pub async fn stop(mut self) {
        self.group.signal(Signal::TERM);
        if tokio::time::timeout(STOP_TIMEOUT, self.group.0.wait()).await.is_err() {
            self.group.signal(Signal::KILL);
            // Nothing survives that signal; the result would say nothing new.
            let _ = self.group.0.wait().await;
        }
    }
}

impl Group {
    /// To the whole group; to nobody once the process has been waited for, as its number may be somebody else's.
    fn signal(&self, signal: Signal) {
        let group = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // It may have ended by itself.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A moment for the master to take its workers along and collect them; nobody else may.
        self.signal(Signal::TERM);
        let deadline = Instant::now() + DROP_PATIENCE;
        while Instant::now() < deadline && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.signal(Signal::KILL);
    }
}

/// Kills the process groups it was told of, and removes their folders, when golive goes away without having done so.
pub struct Watchdog {
    // Before `input` in the order of drops: an orderly end kills the watchdog, not its charges.
    _shell: Child,
    input: Mutex<ChildStdin>,
}

/// Reads a process group and its folder a line; at the end of input, kills the one and removes the other, which
/// holds a private key. Each line is a positional parameter, since folders may hold spaces.
const WATCH: &str = r#"trap '' HUP INT TERM
while read -r line; do set -- "$@" "$line"; done
for line; do kill -s KILL -- "-${line%% *}"; done
for line; do rm -rf -- "${line#* }"; done
"#;

impl Watchdog {
    pub fn start() -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", WATCH])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let input = shell.stdin.take().ok_or_else(|| io::Error::other("no pipe to the watchdog"))?;
        Ok(Self { _shell: shell, input: Mutex::new(input) })
    }

    async fn watch(&self, group: &Group, folder: &Path) -> io::Result<()> {
        if let Some(id) = group.0.id() {
            let mut input = self.input.lock().await;
            input.write_all(format!("{id} {}\n", folder.display()).as_bytes()).await?;
            input.flush().await?;
        }
        Ok(())
    }
}

/// The address on which something of this machine listens, as nginx writes it.
pub fn loopback(port: u16) -> String {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string()
}
