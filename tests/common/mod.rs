//! What several test programs share.
#![allow(dead_code, reason = "each test program uses its own part of this module")]

use std::path::{Path, PathBuf};
use std::process::Command;

use golive::blueprint::{Blueprint, Site};
use golive::emit::Artifact;
use golive::ops::generate;
use sha2::Digest;

/// A blueprint with its bytes, and the site it describes.
pub struct Sample {
    pub source: String,
    pub blueprint: Blueprint,
    pub site: Site,
}

impl Sample {
    /// Of the source, as a manifest has it.
    pub fn sha256(&self) -> String {
        data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(self.source.as_bytes()))
    }
}

/// The sample blueprint of this repository.
pub fn sample() -> Sample {
    let path = repository().join("blueprints/jeveuxaider.toml");
    parse(&std::fs::read_to_string(path).expect("the sample blueprint"))
}

pub fn parse(source: &str) -> Sample {
    let blueprint: Blueprint = toml::from_str(source).expect("a blueprint");
    let announcement = blueprint.site.announcement.to_string().parse().expect("an instant");
    let site = Site::new(&blueprint, announcement);
    Sample { source: source.to_owned(), blueprint, site }
}

/// The sample's text with some of it replaced, each at its first place.
///
/// # Panics
///
/// When the sample no longer holds a text: the edit would change nothing.
pub fn edited(edits: &[(&str, &str)]) -> String {
    replaced(include_str!("../../blueprints/jeveuxaider.toml"), edits)
}

/// A page that is published as static, for the end of the sample.
pub const PUBLISHED: &str = r#"
[static_routes]
cache = "192.0.2.61:6081"

[[static_routes.routes]]
name = "figures"
paths = ["/figures"]
back_office = "192.0.2.80:8080"
refreshed_every_seconds = 30
publishers = ["192.0.2.40"]
samples = ["/figures"]
"#;

/// [`PUBLISHED`] with some of it replaced, each at its first place.
///
/// # Panics
///
/// As [`edited`].
pub fn published(edits: &[(&str, &str)]) -> String {
    replaced(PUBLISHED, edits)
}

fn replaced(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from:?} is no longer there");
        text.replacen(from, to, 1)
    })
}

/// Holds a document to `schema/<name>.schema.json`, formats of strings included.
///
/// # Panics
///
/// When the document does not conform; every difference is shown.
pub fn conforms(document: &serde_json::Value, name: &str) {
    let path = repository().join(format!("schema/{name}.schema.json"));
    let schema: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path).expect("the schema")).expect("the schema is JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("the schema is one");
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}\n{document:#}", errors.join("\n"));
}

/// The folder that holds `Cargo.toml`.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where an external tool is; a test that cannot run must not pass.
///
/// # Panics
///
/// When the tool is neither in `PATH` nor in the system's sbin folders nor among those that `make tools` brought.
pub fn need(tool: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ours = repository().join("target/tools/bin");
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into(), ours]);
    let found = folders.map(|folder| folder.join(tool)).find(|candidate| candidate.is_file());
    found.unwrap_or_else(|| panic!("NOT RUN: {tool} is not installed (make test installs it)"))
}

/// The Python that has the modules of `tests/contract/requirements.txt`.
///
/// # Panics
///
/// When they are not installed.
pub fn need_python() -> PathBuf {
    let tool = need("octodns-validate").canonicalize().expect("it was found");
    tool.with_file_name("python")
}

/// What golive generates.
///
/// # Panics
///
/// When fragments clash.
pub fn artifacts(sample: &Sample) -> Vec<Artifact> {
    generate::plan(&sample.blueprint, &sample.site, &sample.sha256()).expect("no clash")
}

/// The generated files in a folder of their own.
pub fn folder_of(artifacts: &[Artifact]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    generate::write(&folder.path().join("site"), artifacts, false).expect("written");
    folder
}

/// Runs a tool, which must be content; gives what it printed.
///
/// # Panics
///
/// When it is missing, or not content.
pub fn run(tool: &str, arguments: &[&str], folder: &Path) -> String {
    ran(Command::new(need(tool)).args(arguments).current_dir(folder))
}

/// As [`run`], of a command that is ready to start.
///
/// # Panics
///
/// When it does not start, or is not content.
pub fn ran(command: &mut Command) -> String {
    let output = command.output().expect("the tool starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// Processes that have to do with a folder: by their arguments, their environment, or a file that they hold open.
///
/// # Panics
///
/// Where there is no `/proc`.
pub fn users_of(folder: &Path) -> Vec<String> {
    let name = folder.to_string_lossy();
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path()) {
        let said =
            |file: &str| String::from_utf8_lossy(&std::fs::read(process.join(file)).unwrap_or_default()).into_owned();
        let holds_open = || {
            let open = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            open.into_iter().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|file| file.starts_with(folder)))
        };
        let arguments = said("cmdline");
        if arguments.contains(&*name) || said("environ").contains(&*name) || holds_open() {
            found.push(format!("{}: {}", process.display(), arguments.replace('\0', " ")));
        }
    }
    found
}
