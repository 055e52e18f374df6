//! Bad input and bad nights: what golive does when the file, the machine or the network lets it down. Through the
//! real program where that is possible.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Sample, need, parse, repository, sample, users_of};
use golive::concerns::fragment::RunsOn;
use golive::concerns::{Check, Verdict};
use golive::emit;
use golive::probe::{ApiProvider, Probe, Target};
use golive::providers::api::{Access, access};
use golive::rehearsal::LocalWorld;
use golive::rehearsal::staging::{DnsManner, Staging};
use golive::verify::{self, CheckResult};
use golive::world::{Allowed, Options, Roots, Routes, World};
use jiff::Timestamp;

const SAMPLE: &str = "blueprints/jeveuxaider.toml";

/// Longer than any command here needs on a slow machine; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn golive() -> Command {
    // Whoever runs the tests in the background, or under nohup, has signals ignored, and children inherit that.
    let mut command = Command::new("/usr/bin/env");
    command.arg("--default-signal=HUP,INT,TERM").arg(env!("CARGO_BIN_EXE_golive"));
    command.current_dir(repository()).env_remove("RUST_BACKTRACE").env_remove("CLICOLOR_FORCE");
    // Whoever runs the tests may hold tokens.
    access::VARIABLES.iter().fold(&mut command, |command, name| command.env_remove(name));
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The program's end, within [`PATIENCE`].
fn finish(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let reader = |mut pipe: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).expect("readable");
            bytes
        })
    };
    let stdout = reader(Box::new(child.stdout.take().expect("a pipe")));
    let stderr = reader(Box::new(child.stderr.take().expect("a pipe")));
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().expect("a kill");
            panic!("no end after {PATIENCE:?}: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Output { status, stdout: stdout.join().expect("read"), stderr: stderr.join().expect("read") }
}

fn report(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}\n{}{}", text(&output.stdout), text(&output.stderr)))
}

/// Everything below a folder, by path.
fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(&below).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => {
                    let bytes = fs::read(&path).expect("readable");
                    found.insert(path.strip_prefix(folder).expect("below").to_owned(), bytes);
                }
            }
        }
    }
    found
}

/// A folder for everything temporary of one program, in which nothing may be left and which nobody may use after it.
struct Night(tempfile::TempDir);

impl Night {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn golive(&self) -> Command {
        let mut command = golive();
        command.env("TMPDIR", self.0.path());
        command
    }

    /// How many files and folders are left, and who uses them.
    fn rest(&self) -> (usize, Vec<String>) {
        (fs::read_dir(self.0.path()).expect("a folder").count(), users_of(self.0.path()))
    }

    /// For a program that ended by itself: it had the time to put everything away.
    fn is_clean(&self) {
        assert_eq!(fs::read_dir(self.0.path()).expect("a folder").count(), 0);
        self.becomes_clean();
    }

    /// For one that was killed: what it started needs a moment.
    fn becomes_clean(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let rest = self.rest();
            if rest == (0, vec![]) {
                return;
            }
            assert!(Instant::now() < deadline, "left behind: {rest:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

mod bad_input {
    use super::*;

    fn edited(from: &str, to: &str) -> Vec<u8> {
        common::edited(&[(from, to)]).into_bytes()
    }

    /// Each bad file, and what is said of it.
    fn bad_files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
        let fixture = |name: &str| fs::read(repository().join("tests/bad_blueprints").join(name)).expect("a fixture");
        let path = "samples = [\"/\", ";
        vec![
            ("empty", Vec::new(), "error[blueprint.empty]"),
            ("latin1", fixture("latin1.toml"), "error[blueprint.not-utf8]"),
            ("10-mb", vec![b'#'; 10 << 20], "error[blueprint.too-large]"),
            ("10-mb-of-keys", b"aaaaaaa = 1\n".repeat((10 << 20) / 12), "error[blueprint.too-large]"),
            ("circle", fixture("circle.toml"), "error[redirects.cycle]"),
            ("nginx", edited(path, "samples = [\"/\\\"; } location / {\", "), "error[blueprint.bad-value]"),
            ("hcl", edited(path, "samples = [\"/${path}\", "), "error[blueprint.bad-value]"),
            ("hcl-host", edited("host = \"covid19.", "host = \"${host}."), "error[blueprint.bad-value]"),
            ("nested", format!("a = {}", "[".repeat(100_000)).into_bytes(), "error[blueprint.syntax]"),
        ]
    }

    #[test]
    fn a_bad_blueprint_is_told_once_by_every_command_and_nothing_is_done() {
        for (name, bytes, says) in bad_files() {
            let folder = tempfile::tempdir().expect("a folder");
            let blueprint = folder.path().join("bad.toml");
            fs::write(&blueprint, bytes).expect("written");
            let out = folder.path().join("out");
            let calls: [&[&str]; 6] = [
                &["lint"],
                &["generate"],
                &["generate", "--check"],
                &["rehearse"],
                &["rehearse", "--drill", "all"],
                &["verify", "--resolver", "127.0.0.1:9"],
            ];
            for call in calls {
                let night = Night::new();
                let mut command = night.golive();
                command.arg(call[0]).arg(&blueprint).args(&call[1..]);
                match call[0] {
                    "generate" => command.arg("--out").arg(&out),
                    "rehearse" => command.arg("--generated").arg(&out),
                    _ => &mut command,
                };
                let output = finish(command);
                let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
                let what = format!("{name}, {call:?}:\n{stdout}{stderr}");
                assert_eq!(output.status.code(), Some(2), "{what}");
                // Lint's findings are its result; elsewhere they are remarks, and there is no result.
                let (told, silent) = if call[0] == "lint" { (stdout, stderr) } else { (stderr, stdout) };
                let errors: Vec<&str> = told.lines().filter(|line| line.starts_with("error")).collect();
                assert_eq!(errors.len(), 1, "{what}");
                assert!(errors[0].starts_with(says) && silent.is_empty(), "{what}");
                assert!(!out.exists(), "{what}");
                night.is_clean();
            }
        }
    }

    /// What ends a string or starts code in some output stays a text for people.
    #[test]
    fn a_text_that_looks_like_code_is_rehearsed_as_a_text() {
        need("nginx");
        let folder = tempfile::tempdir().expect("a folder");
        let blueprint = folder.path().join("odd.toml");
        fs::write(&blueprint, edited("title = \"", "title = '${x} %{y} \"; } location / { <%= 1 %> '\n#"))
            .expect("written");
        let out = folder.path().join("out");
        let mut generate = golive();
        generate.arg("generate").arg(&blueprint).arg("--out").arg(&out);
        assert_eq!(finish(generate).status.code(), Some(0));
        let mut rehearse = golive();
        rehearse.arg("rehearse").arg(&blueprint).arg("--generated").arg(&out);
        let output = finish(rehearse);
        assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

mod output {
    use super::*;

    fn golive_into(out: &Path) -> Command {
        let mut command = golive();
        command.args(["generate", SAMPLE, "--out"]).arg(out);
        command
    }

    #[test]
    fn a_folder_where_nothing_can_be_written_is_named() {
        let temp = tempfile::tempdir().expect("a folder");
        let file = temp.path().join("file");
        fs::write(&file, "").expect("written");
        // /proc takes no folder from anybody, root included.
        for out in [file.join("below"), PathBuf::from("/proc/golive")] {
            let output = finish(golive_into(&out));
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.starts_with(&format!("error: {}", out.display())), "{said}");
            assert_eq!((said.lines().count(), said.matches("os error").count()), (1, 1), "{said}");
            assert!(!out.exists());
        }
        assert_eq!(fs::read(&file).expect("there"), b"");
    }

    /// The shell's limit on the size of files stands for a full disk: the write that would cross it fails.
    #[test]
    fn a_disk_that_refuses_in_the_middle_leaves_what_was_there() {
        let temp = tempfile::tempdir().expect("a folder");
        let out = temp.path().join("out");
        let refused = |blueprint: &Path| {
            let mut command = Command::new("/bin/sh");
            command.current_dir(repository()).args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "sh"]);
            command.args([env!("CARGO_BIN_EXE_golive"), "generate"]).arg(blueprint).arg("--out").arg(&out);
            let output = finish(command);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.starts_with(&format!("error: {}", out.display())), "{said}");
            assert_eq!((said.lines().count(), said.matches("os error").count()), (1, 1), "{said}");
        };
        refused(Path::new(SAMPLE));
        let left: Vec<PathBuf> = files_below(&out).into_keys().collect();
        assert_eq!(left, [PathBuf::from(".jeveuxaider.lock")]);
        assert!(!out.join("jeveuxaider").exists());

        assert_eq!(finish(golive_into(&out)).status.code(), Some(0));
        let changed = temp.path().join("changed.toml");
        let source = sample().source.replace("max_age_seconds = 30\n", "max_age_seconds = 29\n");
        fs::write(&changed, source).expect("written");
        let before = files_below(&out);
        refused(&changed);
        assert_eq!(files_below(&out), before);
    }

    /// Two blueprints in turn, each run killed later than the one before: at every moment each file is whole, and no
    /// rest of a killed run passes for somebody's edit.
    #[test]
    fn killed_at_any_moment_the_folder_holds_whole_files_and_is_completed_by_the_next_run() {
        let temp = tempfile::tempdir().expect("a folder");
        let out = temp.path().join("out");
        let sources = [sample().source, sample().source.replace("max_age_seconds = 30\n", "max_age_seconds = 29\n")];
        let mut wanted = Vec::new();
        let mut longest = Duration::ZERO;
        let blueprints: Vec<PathBuf> = (0..sources.len()).map(|at| temp.path().join(format!("{at}.toml"))).collect();
        let generate = |at: usize, out: &Path| {
            let mut command = golive();
            command.arg("generate").arg(&blueprints[at]).arg("--out").arg(out);
            command
        };
        for (at, source) in sources.iter().enumerate() {
            fs::write(&blueprints[at], source).expect("written");
            let begun = Instant::now();
            let undisturbed = temp.path().join(format!("whole-{at}"));
            assert_eq!(finish(generate(at, &undisturbed)).status.code(), Some(0));
            longest = longest.max(begun.elapsed());
            wanted.push(files_below(&undisturbed.join("jeveuxaider")));
        }
        assert_ne!(wanted[0], wanted[1]);

        const RUNS: u32 = 30;
        let mut killed = 0;
        for run in 0..RUNS {
            let at = run as usize % 2;
            let mut child =
                generate(at, &out).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("golive starts");
            std::thread::sleep(longest * run / RUNS);
            child.kill().expect("a kill");
            let mut said = String::new();
            child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("readable");
            let status = child.wait().expect("a child");
            killed += usize::from(status.signal().is_some());
            assert!(status.signal().is_some() || status.success(), "run {run}: {said}");
            for (path, bytes) in files_below(&out.join("jeveuxaider")) {
                let whole = wanted.iter().any(|files| files.get(&path) == Some(&bytes));
                assert!(whole, "run {run}: {} is neither the one nor the other", path.display());
            }
        }
        assert!(killed > 1, "every run came to its end: nothing was tested");

        let output = finish(generate(0, &out));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(files_below(&out.join("jeveuxaider")), wanted[0]);
        let mut left: Vec<_> = fs::read_dir(&out).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        left.sort();
        assert_eq!(left, [".jeveuxaider.lock", "jeveuxaider"]);
    }

    #[test]
    fn a_reader_who_has_seen_enough_changes_nothing() {
        need("nginx");
        let bad = repository().join("tests/bad_blueprints/circle.toml");
        let calls: [(&[&str], i32); 4] = [
            (&["lint", SAMPLE], 0),
            (&["lint", &bad.to_string_lossy()], 2),
            (&["explain"], 0),
            (&["rehearse", SAMPLE], 0),
        ];
        for (call, code) in calls {
            let night = Night::new();
            let mut child =
                night.golive().args(call).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("golive starts");
            // Before the first line: every write fails.
            drop(child.stdout.take());
            let output = child.wait_with_output().expect("an end");
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{call:?}: {said}");
            assert!(said.lines().all(|line| line.starts_with("note: ")), "{call:?}: {said}");
            night.is_clean();
        }
    }

    #[test]
    fn a_result_that_cannot_be_written_is_an_error() {
        let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        let output = golive().args(["lint", SAMPLE]).stdout(full).output().expect("golive starts");
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("No space left"), "{}", text(&output.stderr));
    }
}

mod nginx {
    use super::*;

    /// `golive rehearse` with a script in place of nginx, found first in PATH; `@nginx@` stands for the real one and
    /// `@here@` for the script's folder.
    fn rehearse_with(night: &Night, script: &str) -> Output {
        let real = need("nginx");
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("nginx");
        let script = script.replace("@nginx@", &real.to_string_lossy());
        let script = script.replace("@here@", &folder.path().to_string_lossy());
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        let mut command = night.golive();
        command.args(["rehearse", SAMPLE]).env("PATH", folder.path());
        finish(command)
    }

    #[test]
    fn that_does_not_start_shows_its_own_error_and_everything_else_stops() {
        for (what, script, says) in [
            ("refused", "echo 'nginx: [emerg] unknown directive \"x\"' >&2; exit 1", "unknown directive \"x\""),
            (
                "dies after the test",
                "case \"$*\" in *' -t '*) exit 0;; esac; echo 'nginx: [alert] out of luck' >&2; exit 1",
                "[alert] out of luck",
            ),
            (
                "port never free",
                "case \"$*\" in *' -t '*) exit 0;; esac; echo 'bind() failed (98: Address already in use)' >&2; exit 1",
                "Address already in use",
            ),
            (
                "dies without a word",
                "case \"$*\" in *' -t '*) exit 0;; esac; kill -9 $$",
                "it ended without a word (signal: 9",
            ),
            (
                "never ready",
                "case \"$*\" in *' -t '*) exit 0;; esac; echo thinking >&2; exec sleep 600",
                "not ready after 10 s\nthinking",
            ),
            // The other machines are up by then: all but one address are real.
            (
                "one of many",
                "case \"$*\" in *' -t '*) exec @nginx@ \"$@\";; esac; mkdir @here@/taken 2>/dev/null || exec @nginx@ \"$@\"\n\
                 echo 'nginx: [emerg] the one' >&2; exit 1",
                "[emerg] the one",
            ),
        ] {
            let night = Night::new();
            let output = rehearse_with(&night, script);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{what}: {said}");
            assert!(
                said.starts_with("error: the local world does not start: ") && said.contains(says),
                "{what}: {said}"
            );
            assert!(output.stdout.is_empty(), "{what}");
            night.is_clean();
        }
    }

    #[test]
    fn whose_port_is_taken_meanwhile_gets_another() {
        let night = Night::new();
        // Each of the first three starts finds its port taken, whichever machines they are of.
        let output = rehearse_with(
            &night,
            "case \"$*\" in *' -t '*) exec @nginx@ \"$@\";; esac\n\
             for n in 1 2 3; do mkdir @here@/$n 2>/dev/null || continue\n\
             echo 'nginx: [emerg] bind() to 127.0.0.1:80 failed (98: Address already in use)' >&2; exit 1; done\n\
             exec @nginx@ \"$@\"",
        );
        assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
        night.is_clean();
    }

    /// The one port that could be taken is everywhere a free one: worlds do not meet.
    #[test]
    fn in_rehearsals_at_the_same_time_do_not_meet() {
        need("nginx");
        let nights = [Night::new(), Night::new()];
        let runs: Vec<_> = nights
            .iter()
            .map(|night| {
                let mut command = night.golive();
                command.args(["rehearse", SAMPLE, "--format", "json"]);
                std::thread::spawn(move || finish(command))
            })
            .collect();
        for run in runs {
            let output = run.join().expect("an end");
            let summary = &report(&output)["summary"];
            assert_eq!(output.status.code(), Some(0), "{summary}");
            assert_eq!((&summary["fail"], &summary["unknown"]), (&0.into(), &0.into()), "{summary}");
        }
        nights.iter().for_each(Night::is_clean);
    }
}

mod signals {
    use super::*;

    /// golive, its watchdog, and four machines of two processes each; then the second world.
    const MOMENTS: std::ops::RangeInclusive<usize> = 0..=14;

    /// Rehearses, and sends a signal as soon as so many processes are up, for each of [`MOMENTS`]. Returns the exit
    /// codes; without one, the signal itself was the end.
    fn signalled(signal: &str) -> Vec<Option<i32>> {
        need("nginx");
        MOMENTS
            .map(|wanted| {
                let night = Night::new();
                let mut child = night
                    .golive()
                    .args(["rehearse", SAMPLE, "--drill", "all"])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .expect("golive starts");
                while night.rest().1.len() < wanted {
                    assert!(child.try_wait().expect("a child").is_none(), "{wanted} processes were never up");
                }
                let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
                assert!(sent.success());
                let code = child.wait().expect("a child").code();
                night.becomes_clean();
                code
            })
            .collect()
    }

    #[test]
    fn an_interruption_at_any_moment_leaves_nothing() {
        for signal in ["-INT", "-TERM"] {
            let codes = signalled(signal);
            // It may come before golive listens, but not after golive has started anything.
            let (early, late) = codes.split_at(2);
            assert!(early.iter().all(|code| matches!(code, Some(130) | None)), "{signal}: {codes:?}");
            assert!(late.iter().all(|code| *code == Some(130)), "{signal}: {codes:?}");
        }
    }

    #[test]
    fn a_kill_at_any_moment_leaves_nothing() {
        let codes = signalled("-KILL");
        assert!(codes.iter().all(Option::is_none), "{codes:?}");
    }

    #[test]
    fn a_terminal_that_goes_away_leaves_nothing() {
        let codes = signalled("-HUP");
        assert!(codes.iter().all(Option::is_none), "{codes:?}");
    }
}

/// The sample, announced a day from now: `golive verify` reads the date, where a rehearsal moves it.
/// The sample, announced in a day; every other date of it moves along.
fn sample_on_the_eve() -> Sample {
    let sample = sample();
    let later = (Timestamp::now() + jiff::SignedDuration::from_hours(24)).duration_since(sample.site.announcement);
    let later = jiff::SignedDuration::from_secs(later.as_secs());
    let mut table: toml::Table = sample.source.parse().expect("TOML");
    table.iter_mut().for_each(|(_, value)| later_by(value, later));
    parse(&toml::to_string(&table).expect("TOML"))
}

fn later_by(value: &mut toml::Value, later: jiff::SignedDuration) {
    match value {
        toml::Value::Datetime(written) => {
            let text = written.to_string();
            let moved = match text.parse::<Timestamp>() {
                Ok(instant) => (instant + later).strftime("%FT%TZ").to_string(),
                Err(_) => {
                    let day: jiff::civil::Date = text.parse().expect("a day");
                    (day + jiff::SignedDuration::from_hours(later.as_hours() / 24 * 24)).to_string()
                }
            };
            *written = moved.parse().expect("a date");
        }
        toml::Value::Array(items) => items.iter_mut().for_each(|item| later_by(item, later)),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, item)| later_by(item, later)),
        _ => {}
    }
}

fn staging(sample: &Sample) -> Staging {
    let artifacts = emit::compose(&sample.blueprint, &sample.site).expect("no clash");
    Staging::new(sample.site.clone(), RunsOn::Scalingo, &artifacts).expect("a staging")
}

/// A port on which nobody listens: held, not served, so that nobody else can listen there meanwhile.
fn closed_port() -> (tokio::net::TcpSocket, std::net::SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let address = socket.local_addr().expect("an address");
    (socket, address)
}

async fn start(staging: Staging) -> LocalWorld {
    need("nginx");
    LocalWorld::start(staging).await.unwrap_or_else(|error| panic!("{error}"))
}

mod live {
    use super::*;

    /// `golive verify` of `blueprint`, led to `world` by its own options alone, but for the routes that `cut` names.
    fn verify_against(world: &LocalWorld, blueprint: &Path, folder: &Path, cut: impl Fn(&str) -> bool) -> Command {
        let Roots::Only(roots) = world.roots() else { panic!("only our own roots") };
        let pem: String = roots
            .iter()
            .map(|root| {
                let base64 = data_encoding::BASE64.encode(root);
                format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
            })
            .collect();
        let ca = folder.join("ca.pem");
        fs::write(&ca, pem).expect("written");
        let mut command = golive();
        command.arg("verify").arg(blueprint).args(["--format", "json", "--resolver", &world.resolver().to_string()]);
        command.arg("--ca").arg(ca);
        for (public, real) in world.routes().into_iter().filter(|(public, _)| !cut(&public.to_string())) {
            command.arg("--connect-to").arg(format!("{public}={real}"));
        }
        command
    }

    /// Runs a program beside a world that lives on this runtime.
    async fn beside(mut command: Command) -> Output {
        tokio::task::spawn_blocking(move || command.output().expect("golive starts")).await.expect("it ends")
    }

    /// At the pace of a live run, two requests a second: about a minute.
    #[tokio::test(flavor = "multi_thread")]
    async fn verification_is_green_where_its_options_lead_to_a_healthy_world() {
        let folder = tempfile::tempdir().expect("a folder");
        let sample = sample_on_the_eve();
        let blueprint = folder.path().join("site.toml");
        fs::write(&blueprint, &sample.source).expect("written");
        let world = start(staging(&sample)).await;
        let mut command = verify_against(&world, &blueprint, folder.path(), |_| false);
        let environment = world.environment().clone();
        command.envs(&environment);
        let output = beside(command).await;
        world.stop().await;
        let report = report(&output);
        let mut green = 0;
        for check in report["checks"].as_array().expect("checks") {
            match check["safety"].as_str() {
                Some("S0" | "S1") => {
                    assert_eq!(check["verdict"], "pass", "{check:#}");
                    green += 1;
                }
                _ => {
                    assert_eq!(check["verdict"], "unknown", "{check:#}");
                    assert!(
                        check["because"]
                            .as_str()
                            .is_some_and(|why| why.contains("consent") || why.contains("blocked by")),
                        "{check:#}"
                    );
                }
            }
        }
        assert!(green >= 40, "only {green} checks of class S0 and S1");
        for (name, token) in environment.iter().filter(|(name, _)| name.ends_with("TOKEN")) {
            let printed = text(&output.stdout) + &text(&output.stderr);
            assert!(!printed.contains(token), "{name} is printed: {printed}");
        }
        // Nobody consented to the rest, and what was not tested is no go.
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    }

    /// One route less: the rows that needed it are unknown and the others are not, so that each route counts.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_name_server_that_no_option_leads_to_is_not_contacted() {
        let folder = tempfile::tempdir().expect("a folder");
        let sample = sample_on_the_eve();
        let blueprint = folder.path().join("site.toml");
        fs::write(&blueprint, &sample.source).expect("written");
        let world = start(staging(&sample)).await;
        let mut command = verify_against(&world, &blueprint, folder.path(), |public| public == "192.0.2.53:53");
        command.args(["--only", "dns.*"]);
        let output = beside(command).await;
        world.stop().await;
        for check in report(&output)["checks"].as_array().expect("checks") {
            // These ask resolvers alone.
            let asks_it = !matches!(check["id"].as_str(), Some("dns.caa" | "dns.dnssec" | "dns.dangling"));
            let evidence = check["evidence"].to_string();
            if asks_it {
                assert_eq!(check["verdict"], "unknown", "{check:#}");
                let because = check["because"].as_str().expect("a reason");
                assert!(because.contains("192.0.2.53") && because.contains("for documentation only"), "{check:#}");
            } else {
                assert_eq!(check["verdict"], "pass", "{check:#}");
                assert!(!evidence.contains("of 192.0.2.53"), "{check:#}");
            }
        }
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    }

    /// Its addresses are documentation's, and the only resolver is a port on which nobody listens.
    #[test]
    fn the_sample_as_it_stands_is_unknown_soon_and_nothing_is_contacted() {
        // Held, not served: nobody else can listen there meanwhile.
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = taken.local_addr().expect("an address");
        taken.connect(address).expect("hears itself alone, so that others are refused");
        let begun = Instant::now();
        let mut command = golive();
        command.args(["verify", SAMPLE, "--format", "json", "--resolver", &address.to_string()]);
        let output = finish(command);
        let report = report(&output);
        let checks = report["checks"].as_array().expect("checks");
        assert!(checks.len() >= 40);
        for check in checks {
            let evidence = check["evidence"].as_array().expect("evidence");
            // Sums and duties ask nobody; on the day of this test those of 2020 hold or do not.
            if evidence.is_empty() && check["safety"] == "S0" {
                continue;
            }
            assert_eq!(check["verdict"], "unknown", "{check:#}");
            for line in evidence {
                let line = line.as_str().expect("a line");
                assert!(line.contains(&address.to_string()), "something else was contacted: {line}");
            }
        }
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}

/// Providers' APIs as they fail those who verify: through the real program.
mod providers {
    use super::*;

    const TOKEN: &str = "s3cret-s3cret-s3cret-token";

    /// Each row that asks a provider, with whom its questions go to.
    fn rows(sample: &Sample) -> Vec<(&'static str, String, Vec<Option<ApiProvider>>)> {
        let checks = golive::ops::verify::checks(&sample.blueprint, &sample.site).into_iter();
        let asked = |probe: &Probe| match probe {
            Probe::Api(probe) => Some(probe.provider),
            _ => None,
        };
        let rows = checks.map(|(_, check)| (check.id, check.subject, check.ask.iter().map(asked).collect::<Vec<_>>()));
        rows.filter(|(_, _, asked)| asked.iter().any(Option::is_some)).collect()
    }

    /// `golive verify` of those rows alone, with no name server and no resolver in reach.
    fn verify_rows(sample: &Sample, format: &str, environment: &[(&str, String)]) -> Output {
        let mut command = golive();
        let (_held, resolver) = closed_port();
        command.args(["verify", SAMPLE, "--format", format, "--resolver", &resolver.to_string()]);
        for (id, ..) in rows(sample) {
            command.args(["--only", id]);
        }
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        finish(command)
    }

    /// Every row that asks a provider is unknown, and says why in these words if it asks nobody else.
    fn all_unknown(sample: &Sample, output: &Output, words: impl Fn(ApiProvider) -> String) {
        let report = report(output);
        let seen = report["checks"].as_array().expect("checks");
        let rows = rows(sample);
        assert!(rows.len() >= 15, "{}", rows.len());
        for (id, subject, asked) in rows {
            let row = seen.iter().find(|row| row["id"] == id && row["subject"] == subject.as_str()).expect("the row");
            assert_eq!(row["verdict"], "unknown", "{row:#}");
            let consented = matches!(row["safety"].as_str(), Some("S0" | "S1"));
            if consented && let Some(provider) = asked.iter().copied().reduce(|a, b| if a == b { a } else { None }) {
                let Some(provider) = provider else { continue };
                let because = row["because"].as_str().expect("a reason");
                assert!(because.contains(&words(provider)), "{row:#}");
            }
        }
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    }

    /// Meta drill 105.
    #[test]
    fn without_a_token_each_row_says_which_variable_would_answer_it() {
        let sample = sample();
        for environment in [vec![], access::VARIABLES.map(|name| (name, String::new())).to_vec()] {
            all_unknown(&sample, &verify_rows(&sample, "json", &environment), |provider| {
                format!("{}_API_TOKEN is not set", provider.as_str().to_uppercase())
            });
        }
    }

    /// As meta drill 104, of the APIs.
    #[test]
    fn where_nobody_listens_each_row_is_unknown() {
        let sample = sample();
        let (_held, nowhere) = closed_port();
        let output = verify_rows(&sample, "json", &environment(&nowhere.to_string()));
        all_unknown(&sample, &output, |_| format!("at {nowhere}: connection refused"));
        assert!(!text(&output.stdout).contains("s3cret") && !text(&output.stderr).contains("s3cret"));
    }

    fn environment(address: &str) -> Vec<(&'static str, String)> {
        let value = |name: &str| if name.ends_with("TOKEN") { TOKEN.to_owned() } else { format!("http://{address}") };
        access::VARIABLES.iter().map(|name| (*name, value(name))).collect()
    }

    /// A provider that refuses and quotes all that it was sent.
    struct Echo {
        address: std::net::SocketAddr,
        stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
        thread: Option<std::thread::JoinHandle<()>>,
    }

    impl Echo {
        fn start() -> Self {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("an address");
            let stop = std::sync::Arc::<std::sync::atomic::AtomicBool>::default();
            let stopped = stop.clone();
            let thread = std::thread::spawn(move || {
                for stream in listener.incoming() {
                    if stopped.load(std::sync::atomic::Ordering::SeqCst) {
                        return;
                    }
                    let _ = echo(stream.expect("a connection"));
                }
            });
            Self { address, stop, thread: Some(thread) }
        }
    }

    impl Drop for Echo {
        fn drop(&mut self) {
            self.stop.store(true, std::sync::atomic::Ordering::SeqCst);
            let _ = std::net::TcpStream::connect(self.address);
            let _ = self.thread.take().map(std::thread::JoinHandle::join);
        }
    }

    fn echo(mut stream: std::net::TcpStream) -> std::io::Result<()> {
        use std::io::Write as _;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.extend_from_slice(&byte);
        }
        let head = text(&head);
        assert!(head.contains(TOKEN) || head.contains("Basic "), "{head}");
        let body = serde_json::json!({
            "success": false,
            "errors": [{ "code": 10_000, "message": head }],
            "error": head,
        });
        let body = body.to_string();
        write!(stream, "HTTP/1.1 403 {TOKEN}\r\nx: {TOKEN}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn a_token_that_comes_back_in_a_refusal_is_in_no_output() {
        let sample = sample();
        let echo = Echo::start();
        for format in ["text", "json"] {
            let output = verify_rows(&sample, format, &environment(&echo.address.to_string()));
            let basic = data_encoding::BASE64.encode(format!(":{TOKEN}").as_bytes());
            for secret in [TOKEN, &basic] {
                assert!(!text(&output.stdout).contains(secret), "{}", text(&output.stdout));
                assert!(!text(&output.stderr).contains(secret), "{}", text(&output.stderr));
            }
            assert!(text(&output.stdout).contains("(hidden)"), "nothing came back: {}", text(&output.stdout));
            if format == "json" {
                all_unknown(&sample, &output, |_| "answers 403".to_owned());
            }
        }
    }
}

mod network {
    use super::*;

    /// The checklist on `world`, reached through `routes` and `resolvers`.
    async fn checklist(
        sample: &Sample,
        world: &LocalWorld,
        routes: Routes,
        resolvers: Vec<std::net::SocketAddr>,
        access: Access,
    ) -> Vec<CheckResult> {
        let world = World::new(Options {
            routes,
            routed_only: true,
            allowed: Allowed::of(&sample.site),
            resolvers,
            roots: world.roots(),
            user_agent: "golive-test".to_owned(),
            timeout: Duration::from_secs(2),
            burst_per_second: None,
            stage: Some(world.stage()),
            access,
        })
        .expect("a world");
        let checks = golive::ops::verify::checks(&sample.blueprint, &sample.site);
        let options = verify::Options::rehearsal();
        let run = verify::run(checks, &world, &options, |_| {});
        tokio::time::timeout(PATIENCE * 2, run).await.expect("the checklist comes to an end").results
    }

    fn told(results: &[CheckResult]) -> String {
        let lines =
            results.iter().map(|row| format!("{:?} {} {}: {}\n", row.verdict, row.id, row.subject, row.because));
        lines.collect()
    }

    /// Meta drill 107.
    #[tokio::test(flavor = "multi_thread")]
    async fn that_is_healthy_is_green_three_times_in_a_row() {
        let sample = sample_on_the_eve();
        for _ in 0..3 {
            let world = start(staging(&sample)).await;
            let results = checklist(&sample, &world, world.routes(), vec![world.resolver()], world.access()).await;
            world.stop().await;
            assert!(results.len() >= 45);
            assert!(results.iter().all(|row| row.verdict == Verdict::Pass), "{}", told(&results));
        }
    }

    /// Meta drill 104: our own network is cut, which says nothing about the site.
    #[tokio::test(flavor = "multi_thread")]
    async fn that_is_cut_makes_every_row_unknown() {
        let sample = sample_on_the_eve();
        let world = start(staging(&sample)).await;
        let through_a_resolver = |probe: &Probe| matches!(probe, Probe::Dns(probe) if matches!(probe.server, golive::probe::DnsServer::Resolver));
        let checks = || golive::ops::verify::checks(&sample.blueprint, &sample.site).into_iter();
        let named = |check: &Check| (check.id.to_owned(), check.subject.clone());
        let resolver_alone: Vec<(String, String)> = checks()
            .filter(|(_, check)| check.blocked_by.is_empty() && !check.ask.is_empty())
            .filter(|(_, check)| check.ask.iter().all(through_a_resolver))
            .map(|(_, check)| named(&check))
            .collect();
        // Sums and duties.
        let asks_nobody: Vec<(String, String)> = checks()
            .filter(|(_, check)| check.blocked_by.is_empty() && check.ask.is_empty())
            .map(|(_, check)| named(&check))
            .collect();
        let (_held, nowhere) = closed_port();
        let access = || {
            Access::new(|name| match world.environment().get(name)? {
                address if address.starts_with("http") => Some(format!("http://{nowhere}")),
                token => Some(token.clone()),
            })
        };
        for resolvers in [vec![], vec![world.resolver()]] {
            let alone = resolvers.is_empty();
            let results = checklist(&sample, &world, Routes::new(), resolvers, access()).await;
            assert!(results.len() >= 45);
            for row in &results {
                // Only what the resolver alone can tell is still known.
                let told_by_resolver = !alone && resolver_alone.contains(&(row.id.to_owned(), row.subject.clone()));
                let told_by_nobody = asks_nobody.contains(&(row.id.to_owned(), row.subject.clone()));
                let want = if told_by_resolver || told_by_nobody { Verdict::Pass } else { Verdict::Unknown };
                assert_eq!(row.verdict, want, "{} {}\n{}", row.id, row.subject, told(&results));
            }
        }
        world.stop().await;
    }

    /// Rows whose first question goes to these name servers, or through a resolver that depends on them.
    fn asks_dns(sample: &Sample, asks: impl Fn(&Probe) -> bool) -> Vec<(String, String)> {
        let checks = golive::ops::verify::checks(&sample.blueprint, &sample.site).into_iter();
        let dependent = checks.filter(|(_, check)| check.ask.iter().any(&asks));
        dependent.map(|(_, check)| (check.id.to_owned(), check.subject)).collect()
    }

    /// A name of the sample's own zones, whose servers are asked for it by whomever.
    fn is_ours(name: &str) -> bool {
        name.ends_with("reserve-civique.gouv.fr") || name.ends_with("jeveuxaider.gouv.fr")
    }

    fn resolves(probe: &Probe) -> bool {
        match probe {
            Probe::Dns(probe) => is_ours(&probe.name),
            // The platform's own name for an app has servers of its own.
            Probe::Http(probe) => probe.to == Target::Resolved && is_ours(&probe.host),
            Probe::Tls(probe) => probe.to == Target::Resolved,
            Probe::TlsOffer(probe) => probe.to == Target::Resolved,
            Probe::Burst(probe) => probe.request.to == Target::Resolved,
            Probe::Samples(probe) => probe.request.to == Target::Resolved,
            Probe::Wait(_) | Probe::Disturb(_) | Probe::Api(_) | Probe::Purge(_) => false,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whose_name_servers_all_misbehave_lets_no_dependent_row_pass() {
        for manner in [DnsManner::Silent, DnsManner::Garbage] {
            let sample = sample_on_the_eve();
            let mut staged = staging(&sample);
            staged.name_servers.iter_mut().for_each(|server| server.manner = manner);
            let world = start(staged).await;
            let results = checklist(&sample, &world, world.routes(), vec![world.resolver()], world.access()).await;
            world.stop().await;
            let dependent = asks_dns(&sample, resolves);
            assert!(dependent.len() >= 30, "{}", dependent.len());
            for row in &results {
                if dependent.contains(&(row.id.to_owned(), row.subject.clone())) {
                    let is_open = matches!(row.verdict, Verdict::Fail | Verdict::Unknown);
                    assert!(is_open, "{manner:?}: {} {}\n{}", row.id, row.subject, told(&results));
                }
            }
            // Bytes that are no answer were given by somebody; silence may be our own network's fault.
            let want = if manner == DnsManner::Garbage { Verdict::Fail } else { Verdict::Unknown };
            for row in results.iter().filter(|row| matches!(row.id, "dns.soa.sync" | "dns.apex.a" | "dns.ttl.lowered"))
            {
                assert_eq!(row.verdict, want, "{manner:?}: {}", told(&results));
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn with_one_bad_name_server_of_two_keeps_the_rows_that_need_only_the_other() {
        for manner in [DnsManner::Silent, DnsManner::Garbage] {
            let sample = sample_on_the_eve();
            let mut staged = staging(&sample);
            staged.name_servers[1].manner = manner;
            let bad = staged.name_servers[1].address;
            let world = start(staged).await;
            let results = checklist(&sample, &world, world.routes(), vec![world.resolver()], world.access()).await;
            world.stop().await;
            let asks_it = |probe: &Probe| {
                matches!(probe, Probe::Dns(probe)
                    if probe.server == golive::probe::DnsServer::Authoritative(bad))
            };
            let dependent = asks_dns(&sample, asks_it);
            assert!(dependent.len() >= 4, "{dependent:?}");
            let want = if manner == DnsManner::Garbage { Verdict::Fail } else { Verdict::Unknown };
            for row in &results {
                if dependent.contains(&(row.id.to_owned(), row.subject.clone())) {
                    assert_eq!(row.verdict, want, "{manner:?}: {}", told(&results));
                }
            }
            assert!(results.iter().any(|row| row.verdict == Verdict::Pass), "{}", told(&results));
        }
    }
}

/// The promise of ARCHITECTURE.md that a table mounted in `Blueprint` and not listed in `concerns()` does not compile,
/// put to rustc with the very source of both. A `compile_fail` doctest would hold a copy of the pattern, and still be
/// green on the day when the real one gets its `..`.
#[test]
fn a_concern_that_is_mounted_and_not_listed_does_not_compile() {
    let rustc = need("rustc");
    let source = fs::read_to_string(repository().join("src/blueprint/mod.rs")).expect("the source");
    let part = |start: &str| {
        let from = source.find(start).unwrap_or_else(|| panic!("no `{start}`"));
        let length = source[from..].find("\n}\n").expect("its end") + 3;
        &source[from..from + length]
    };
    let fields: Vec<&str> =
        part("pub struct Blueprint {").lines().filter(|line| line.starts_with("    pub ")).collect();
    let inner = |line: &str| {
        let kind = line.split(": ").nth(1).expect("a type").trim_end_matches([',', '>']);
        kind.trim_start_matches("Option<").to_owned()
    };
    let stubs: String = fields
        .iter()
        .map(|line| inner(line))
        .map(|name| format!("pub struct {name}; impl Concern for {name} {{}}\n"))
        .collect();
    let implementation = part("impl Blueprint {");
    let compile = |more: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("blueprint.rs");
        let text = format!(
            "pub trait Concern {{}}\n{stubs}pub struct Forgotten; impl Concern for Forgotten {{}}\n\
             pub struct Blueprint {{\n{}\n{more}}}\n{implementation}",
            fields.join("\n")
        );
        fs::write(&file, text).expect("written");
        let mut command = Command::new(&rustc);
        command.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--out-dir"]);
        finish({
            command.arg(folder.path()).arg(&file);
            command
        })
    };
    let as_it_is = compile("");
    assert!(as_it_is.status.success(), "{}", text(&as_it_is.stderr));
    let forgotten = compile("    pub forgotten: Option<Forgotten>,\n");
    let said = text(&forgotten.stderr);
    assert!(!forgotten.status.success(), "a concern compiles unlisted");
    // Once in `concerns()`, once where the tables that are left out are named.
    assert_eq!(said.matches("error[E0027]: pattern does not mention field `forgotten`").count(), 2, "{said}");
}
