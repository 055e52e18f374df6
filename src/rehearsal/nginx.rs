//! The real nginx, started on the generated files of one machine: where it listens, who its peers are and its
//! certificate are replaced, nothing else.
//!
//! Every process is of the group of the [`Watchdog`]'s shell from its first instruction on, and every file below the
//! folder that the shell has made. However golive ends, the shell reads the end of its input, and ends the one and
//! removes the other: "die with the parent" exists only on Linux and there for the starting thread, not the process,
//! and a list of what was started would lack what was being started when golive was killed.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::ca::Issued;
use super::serve;

/// nginx starts in some 10 ms; one that takes this long never will.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks whether it has started.
pub(super) const POLL: Duration = Duration::from_millis(2);
/// A fast shutdown drops its connections, so it takes no longer.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest that dropping one may hold up its thread.
const DROP_PATIENCE: Duration = Duration::from_millis(200);
/// A port that was free a moment ago may be somebody's now.
pub(super) const PORT_TRIES: usize = 5;

/// Why nginx, or Varnish, does not run.
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

/// A running nginx, stopped on drop.
pub struct Nginx {
    process: Process,
    /// Its listening addresses, in the order in which they were asked for.
    pub listens: Vec<SocketAddr>,
    _folder: TempDir,
}

/// Stopped on drop; its own children go with it, or at the latest with the [`Watchdog`].
pub(super) struct Process(pub(super) Child);

/// Where the program is: `PATH`, then where Debian and BSD keep it for root.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    find_in(program, std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from)))
}

/// As a shell looks: a file that nobody may execute is no program.
fn find_in(program: &str, folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let is_program = |file: &PathBuf| {
        std::fs::metadata(file).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    folders.map(|folder| folder.join(program)).find(is_program)
}

/// Starts nginx. `files` makes the folder's files for the listening addresses it is given, `ports` of them.
pub async fn start(
    ports: usize,
    certificate: Option<&Issued>,
    watchdog: &Watchdog,
    files: impl Fn(&[SocketAddr]) -> Result<BTreeMap<String, String>, String>,
) -> Result<Nginx, Trouble> {
    let program = find("nginx").ok_or(Trouble::Missing)?;
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
    let folder = tempfile::Builder::new().prefix("nginx-").tempdir_in(&watchdog.folder)?;
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
        command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(watchdog.group).kill_on_drop(true);
        command
    };
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&prefix, "").trim().to_owned();
    let test = command(&["-t", "-q"]).stderr(Stdio::piped()).output().await?;
    if !test.status.success() {
        return Err(Trouble::Says(words(&test.stderr)));
    }

    let log = std::fs::File::create(folder.path().join("start.log"))?;
    let mut process = Process(command(&["-g", "daemon off;"]).stderr(log).spawn()?);
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let ended = process.0.try_wait()?;
        // The pid file is written once every address is bound.
        let pid = std::fs::read_to_string(folder.path().join(PID_FILE)).unwrap_or_default();
        if ended.is_none() && pid.trim().parse().ok() == process.0.id() {
            return Ok(Nginx { process, listens, _folder: folder });
        }
        if ended.is_some() || Instant::now() > deadline {
            let said = |file: &str| std::fs::read(folder.path().join(file)).unwrap_or_default();
            let said = [words(&said("start.log")), words(&said(ERROR_LOG))].join("\n");
            return Err(Trouble::Says(match (ended, said.trim()) {
                (Some(status), "") => format!("it ended without a word ({status})"),
                (Some(_), said) => said.to_owned(),
                (None, said) => format!("not ready after {} s\n{said}", START_TIMEOUT.as_secs()),
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

pub(super) async fn free_addresses(count: usize) -> io::Result<Vec<SocketAddr>> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(serve::listen().await?);
    }
    Ok(taken.into_iter().map(|(_, address)| address).collect())
}

pub(super) fn write(folder: &Path, path: &str, text: &str) -> io::Result<()> {
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
        self.process.stop().await;
    }
}

impl Process {
    /// Politely first, and waits until it is gone.
    pub(super) async fn stop(&mut self) {
        self.terminate();
        if tokio::time::timeout(STOP_TIMEOUT, self.0.wait()).await.is_err() {
            // It cannot refuse that; the result would say nothing new.
            let _ = self.0.kill().await;
        }
    }

    /// Asks it to end; nobody, once it has been waited for, as its number may be somebody else's.
    fn terminate(&self) {
        if let Some(process) = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(process, Signal::TERM);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A moment for the master to take its workers along and collect them; then tokio kills it.
        self.terminate();
        wait_briefly(&mut self.0);
    }
}

fn wait_briefly(child: &mut Child) {
    let deadline = Instant::now() + DROP_PATIENCE;
    while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sees to it that no process and no file of a world outlives golive, however that ends.
pub struct Watchdog {
    shell: Child,
    /// At its end the shell acts.
    input: Option<ChildStdin>,
    /// The shell's process group, which everything that a world starts must join.
    pub(super) group: i32,
    /// Below it stands everything that a world writes. For this user alone: it holds private keys.
    pub(super) folder: PathBuf,
}

/// Makes the folder and names it; at the end of input, ends the group, removes the folder, and kills what of the group
/// is left, itself with it. What was being started right then finds no folder and ends, or has made a file in it
/// meanwhile: hence the second removal.
const WATCH: &str = r#"trap '' HUP INT PIPE TERM
folder=$(mktemp -d "$TMPDIR/golive-XXXXXXXX") || exit
printf '%s\n' "$folder"
read -r _
kill -s TERM 0
rm -rf -- "$folder" || { sleep 1; rm -rf -- "$folder"; }
kill -s KILL 0
"#;

impl Watchdog {
    pub async fn start() -> io::Result<Self> {
        let temporary = std::env::temp_dir();
        let mut shell = Command::new("/bin/sh")
            .args(["-c", WATCH])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TMPDIR", &temporary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let gone = || io::Error::other("it ended at once");
        let group = shell.id().and_then(|id| i32::try_from(id).ok()).ok_or_else(gone)?;
        let (input, output) = (shell.stdin.take(), shell.stdout.take().ok_or_else(gone)?);
        let mut watchdog = Self { shell, input, group, folder: PathBuf::new() };
        match BufReader::new(output).lines().next_line().await? {
            Some(folder) => watchdog.folder.push(folder),
            None => return Err(io::Error::other(format!("no folder can be made in {}", temporary.display()))),
        }
        Ok(watchdog)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // As when golive is killed, so that there is one way to end. It takes some milliseconds.
        self.input = None;
        wait_briefly(&mut self.shell);
    }
}

/// The address on which something of this machine listens, as nginx writes it.
pub fn loopback(port: u16) -> String {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_program_of_that_name_is_taken_and_none_where_there_is_none() {
        let temp = tempfile::tempdir().unwrap();
        let [empty, notes, folder, program] =
            ["empty", "notes", "folder", "program"].map(|name| temp.path().join(name));
        for place in [&empty, &notes, &folder.join("nginx"), &program] {
            std::fs::create_dir_all(place).unwrap();
        }
        for (place, mode) in [(&notes, 0o644), (&program, 0o755)] {
            std::fs::write(place.join("nginx"), "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(place.join("nginx"), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let look = |folders: &[&PathBuf]| find_in("nginx", folders.iter().map(|folder| (*folder).clone()));
        assert_eq!(look(&[]), None);
        assert_eq!(look(&[&empty, &notes, &folder]), None);
        assert_eq!(look(&[&empty, &notes, &folder, &program]), Some(program.join("nginx")));
    }
}
