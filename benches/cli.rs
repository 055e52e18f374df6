//! What a person waits for, on the sample site. `make bench` runs it in the release profile.

use std::path::Path;
use std::process::{Command, Stdio};

use divan::Bencher;
use golive::blueprint::{Loaded, load};
use golive::concerns::Verdict;
use golive::emit::Artifact;
use golive::ops;

const BLUEPRINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/blueprints/jeveuxaider.toml");
const GENERATED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/generated/jeveuxaider");

fn main() {
    // Without a provider reqwest panics when a client is built.
    let _ = rustls::crypto::ring::default_provider().install_default();
    divan::main();
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
                (format!("h{n}.reserve-civique.gouv.fr"), format!("198.51.{}.{}", n / 256 % 256, n % 256));
            format!("[[dns.zones.records]]\nname = \"{name}\"\ntype = \"A\"\nvalues = [\"{address}\"]\n\n")
        })
        .collect();
    let text = std::fs::read_to_string(BLUEPRINT).expect("the sample can be read");
    let text = text.replacen("[redirects]\n", &format!("[redirects]\npaths = [\n{paths}]\n"), 1);
    text.replacen("[cdn]\n", &format!("{records}[cdn]\n"), 1).into_bytes()
}

/// As `lint_and_generate`, of blueprints that grow: it must be linear.
#[divan::bench(args = [10, 1_000, 10_000])]
fn lint_and_generate_redirects_and_records(bencher: Bencher, count: usize) {
    let bytes = large(count);
    bencher.bench_local(|| {
        let lint = ops::lint::judge(load::read("large.toml".to_owned(), &bytes));
        let (loaded, sha256) = lint.loaded.zip(lint.source.sha256).expect("it has no error");
        ops::generate::plan(&loaded.blueprint, &loaded.site, &sha256).expect("it has no clash")
    });
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
