//! What a person waits for, on the sample site. `make bench` runs it in the release profile.

mod verification;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use divan::Bencher;
use golive::blueprint::{Loaded, load};
use golive::concerns::Verdict;
use golive::emit::Artifact;
use golive::ops;

const BLUEPRINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/blueprints/jeveuxaider.toml");
const GENERATED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/generated/jeveuxaider");

/// How many redirects and records are many.
const MANY: usize = 10_000;
/// Set for a process that does the work once and tells how much memory it took.
const TELL_MEMORY: &str = "GOLIVE_BENCH_TELL_MEMORY";

/// The program's own (`src/main.rs`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    if std::env::var_os(TELL_MEMORY).is_some() {
        let generated = generated_from(&large(MANY));
        println!("{} files, peak {}", generated.len(), peak_memory().unwrap_or_else(|| "unknown here".to_owned()));
        return;
    }
    // Without a provider reqwest panics when a client is built.
    let _ = rustls::crypto::ring::default_provider().install_default();
    divan::main();
    memory();
    beside_octodns();
    let (loaded, _) = lint();
    let artifacts = ops::rehearse::artifacts_on_disk(&loaded, Path::new(GENERATED)).expect("generated/ is committed");
    verification::tell(&loaded, &artifacts);
}

/// The largest resident set of this process so far, as Linux tells it.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}

/// In a process of its own: this one has run the benches.
fn memory() {
    let output = Command::new(std::env::current_exe().expect("it runs")).env(TELL_MEMORY, "1").output();
    let told = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    println!("lint and generate, {MANY} redirects and {MANY} records: {}", told.expect("it starts again").trim());
}

/// What octoDNS takes to validate the zone of that many records, and golive to write it.
fn beside_octodns() {
    let tool = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/bin/octodns-validate"));
    if !tool.exists() {
        println!("octoDNS beside it: NOT RUN, {} is not there (make tools installs it)", tool.display());
        return;
    }
    let text = String::from_utf8(large(MANY)).expect("it is text");
    let by_ticket = "run_by = \"ticket\"\nticket_to = \"le service DNS du réseau de l'État\"\n";
    let bytes = text.replace(by_ticket, "run_by = \"octodns\"\n").into_bytes();
    let started = Instant::now();
    let artifacts = generated_from(&bytes);
    let golive = started.elapsed();
    let folder = tempfile::tempdir().expect("a folder");
    ops::generate::write(&folder.path().join("site"), &artifacts, false).expect("written");
    let started = Instant::now();
    let mut command = Command::new(tool);
    command.current_dir(folder.path().join("site/dns/octodns")).arg("--config-file=config.yaml");
    // Where the zone would be sent; validating sends nothing.
    command.env("OCTODNS_HOST", "127.0.0.1").env("OCTODNS_KEY_NAME", "key").env("OCTODNS_KEY_SECRET", "c2VjcmV0");
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it starts");
    assert!(status.success(), "octoDNS refuses the zone");
    println!(
        "a zone of {MANY} records: golive lints the blueprint and writes all in {golive:.0?}, octoDNS validates the zone \
         in {:.0?}",
        started.elapsed()
    );
}

/// From fork to exit, with the program in the page cache.
#[divan::bench]
fn start_of_the_binary() {
    let status = Command::new(env!("CARGO_BIN_EXE_golive"))
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .expect("cargo builds the program before its benches");
    assert!(status.success());
}

/// The sample, and the SHA-256 of its bytes.
fn lint() -> (Loaded, String) {
    let lint = ops::lint::lint(Path::new(BLUEPRINT)).expect("the sample can be read");
    lint.loaded.zip(lint.source.sha256).expect("the sample has no error")
}

/// From the file to the text of every artifact; nothing is written.
#[divan::bench]
fn lint_and_generate() -> Vec<Artifact> {
    let (loaded, sha256) = lint();
    ops::generate::plan(&loaded.blueprint, &loaded.site, &sha256).expect("the sample has no clash")
}

/// The sample with so many moved paths and so many records of its own in the first zone.
fn large(count: usize) -> Vec<u8> {
    let paths: String =
        (0..count).map(|n| format!("  {{ from = \"/ancien/page-{n}\", to = \"/missions/{n}\" }},\n")).collect();
    let records: String = (0..count)
        .map(|n| {
            let (name, address) =
                (format!("h{n}.jeveuxaider.gouv.fr"), format!("198.51.{}.{}", n / 256 % 256, n % 256));
            format!("[[dns.zones.records]]\nname = \"{name}\"\ntype = \"A\"\nvalues = [\"{address}\"]\n\n")
        })
        .collect();
    let text = std::fs::read_to_string(BLUEPRINT).expect("the sample can be read");
    let text = text.replacen("[redirects]\n", &format!("[redirects]\npaths = [\n{paths}]\n"), 1);
    text.replacen("[cdn]\n", &format!("{records}[cdn]\n"), 1).into_bytes()
}

/// As `lint_and_generate`, of blueprints that grow: it must be linear.
#[divan::bench(args = [10, 1_000, MANY], sample_count = 20, sample_size = 1)]
fn lint_and_generate_redirects_and_records(bencher: Bencher, count: usize) {
    let bytes = large(count);
    bencher.bench_local(|| generated_from(&bytes));
}

fn generated_from(bytes: &[u8]) -> Vec<Artifact> {
    let lint = ops::lint::judge(load::read("large.toml".to_owned(), bytes));
    let sha256 = lint.loaded.and(lint.source.sha256).expect("it has no error");
    ops::generate::with_manifest(lint.artifacts, &sha256).expect("it has a manifest")
}

/// The whole checklist on the healthy world, its start and stop included. A red one would time something else.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn healthy_rehearsal(bencher: Bencher) {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let (loaded, _) = lint();
    let artifacts = ops::rehearse::artifacts_on_disk(&loaded, Path::new(GENERATED)).expect("generated/ is committed");
    bencher.bench_local(|| {
        let rehearsed = runtime.block_on(ops::rehearse::healthy(&loaded, &artifacts, |_| {})).expect("it starts");
        let bad = |verdict| matches!(verdict, Verdict::Fail | Verdict::Unknown);
        assert!(!rehearsed.outcome.results.iter().any(|result| bad(result.verdict)), "the healthy world is not green");
    });
}
