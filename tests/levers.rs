//! `golive lever` as a team uses it: the real binary against the local world, whose providers' APIs really change it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

mod common;

use common::{artifacts, repository, sample};
use data_encoding::BASE64;
use golive::concerns::fragment::RunsOn;
use golive::rehearsal::staging::Staging;
use golive::rehearsal::{ApiFault, FaultyAnswer, LocalWorld};
use golive::runbook::fact::{Fact, Moved};
use golive::runbook::journal::Journal;
use golive::world::Roots;
use hyper::Method;

const SAMPLE: &str = "blueprints/jeveuxaider.toml";

/// A local world, and what a run of the binary needs to reach it.
struct Crisis {
    world: LocalWorld,
    folder: tempfile::TempDir,
}

impl Crisis {
    async fn new() -> Self {
        let sample = sample();
        let site = sample.site.clone().on_the_eve_of(jiff::Timestamp::now());
        let staging = Staging::new(site, RunsOn::Scalingo, &artifacts(&sample)).expect("staged");
        let world = LocalWorld::start(staging).await.unwrap_or_else(|error| panic!("NOT RUN: {error}"));
        let folder = tempfile::tempdir().expect("a folder");
        let Roots::Only(roots) = world.roots() else { panic!("the rehearsal has an authority of its own") };
        let pem =
            |der: &[u8]| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64.encode(der));
        let text: String = roots.iter().map(|root| pem(root)).collect();
        std::fs::write(folder.path().join("ca.pem"), text).expect("written");
        std::fs::write(folder.path().join("night.journal.jsonl"), "").expect("written");
        Self { world, folder }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("night.journal.jsonl")
    }

    /// `golive lever SAMPLE COMMAND...`, ready to be run.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
        command.args(["lever", SAMPLE]).args(arguments).current_dir(repository()).stdin(Stdio::null());
        command.env_remove("RUST_BACKTRACE").env("USER", "test").env("XDG_RUNTIME_DIR", self.folder.path());
        for (name, value) in self.world.environment() {
            command.env(name, value);
        }
        command
    }

    fn reaching(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.arg("--ca").arg(self.folder.path().join("ca.pem"));
        command.arg("--resolver").arg(self.world.resolver().to_string());
        for (public, real) in self.world.routes() {
            let at = |address: SocketAddr| address.to_string();
            command.arg("--connect-to").arg(format!("{}={}", at(public), at(real)));
        }
        command.arg("--journal").arg(self.journal());
        command
    }

    async fn moves(&self, verb: &str, lever: &str) -> (i32, String) {
        ran(self.reaching(&[verb, lever, "--yes", "--by", "Ada"])).await
    }

    async fn pull(&self, lever: &str) -> (i32, String) {
        self.moves("pull", lever).await
    }

    async fn release(&self, lever: &str) -> (i32, String) {
        self.moves("release", lever).await
    }

    async fn status(&self) -> (i32, String) {
        ran(self.reaching(&["status"])).await
    }

    fn facts(&self) -> Vec<Fact> {
        let journal = Journal::read(&self.journal()).unwrap_or_else(|error| panic!("{error}"));
        journal.entries().iter().map(|entry| entry.fact.clone()).collect()
    }

    fn last(&self) -> Moved {
        match self.facts().pop() {
            Some(Fact::Pulled(moved) | Fact::Released(moved)) => moved,
            other => panic!("{other:?}"),
        }
    }

    fn misbehaves(&self, method: Method, path_end: &str, times: u32, answer: FaultyAnswer) {
        self.world.misbehave(ApiFault { method, path_end: path_end.to_owned(), times, answer });
    }
}

async fn ran(mut command: Command) -> (i32, String) {
    let output = tokio::task::spawn_blocking(move || command.output().expect("golive starts")).await.expect("ran");
    told(&output)
}

fn told(output: &Output) -> (i32, String) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    (output.status.code().expect("an exit code"), text)
}

/// The lines of one lever in `status`.
fn of(status: &str, lever: &str) -> String {
    let lines: Vec<&str> = status.lines().skip_while(|line| !line.starts_with(&format!("{lever}  "))).collect();
    let more = lines.iter().skip(1).take_while(|line| line.starts_with(' '));
    lines.iter().take(1).chain(more).copied().collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_degraded_mode_is_pulled_seen_written_down_and_released() {
    let crisis = Crisis::new().await;
    let (code, text) = crisis.pull("degraded-mode").await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("pulled: answers carry X-Degraded-Mode") && text.contains("120 s are promised"), "{text}");
    assert!(text.contains("the way back:  golive lever blueprints/jeveuxaider.toml release degraded-mode"), "{text}");
    assert_eq!(crisis.last().done.len(), 4, "two variables, two restarts");
    assert!(crisis.last().effect_after_ms.is_some_and(|after| after > 0));
    assert!(!text.contains("golive-rehearsal-"), "a token was printed: {text}");

    let (code, text) = crisis.status().await;
    let text = of(&text, "degraded-mode");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("degraded-mode  pulled") && text.contains("pulled by Ada at "), "{text}");

    // Once more: nothing is sent.
    let (code, text) = crisis.pull("degraded-mode").await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("pulled already: answers carry X-Degraded-Mode; nothing was sent"), "{text}");

    let (code, text) = crisis.release("degraded-mode").await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("released: no answer carries X-Degraded-Mode"), "{text}");
    let (_, text) = crisis.status().await;
    assert!(of(&text, "degraded-mode").contains("degraded-mode  released"), "{text}");
    crisis.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_busy_slow_or_ill_is_asked_again_and_read_back_first() {
    let crisis = Crisis::new().await;
    crisis.misbehaves(Method::POST, "/jeveuxaider/variables", 1, FaultyAnswer::Says(429, "Retry later"));
    crisis.misbehaves(Method::POST, "/jeveuxaider-front/variables", 1, FaultyAnswer::SilenceThoughDone);
    crisis.misbehaves(Method::POST, "/jeveuxaider/restart", 2, FaultyAnswer::Says(409, "another operation is running"));
    crisis.misbehaves(Method::POST, "/jeveuxaider-front/restart", 1, FaultyAnswer::Says(500, "<h1>Oops</h1>"));
    let (code, text) = crisis.pull("degraded-mode").await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("pulled: answers carry X-Degraded-Mode"), "{text}");
    assert_eq!(crisis.last().not_done, Vec::<String>::new());
    crisis.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_midway_is_told_and_the_same_call_goes_on() {
    let crisis = Crisis::new().await;
    crisis.misbehaves(Method::POST, "/jeveuxaider-front/restart", 9, FaultyAnswer::Says(500, "the API is ill"));
    let (code, text) = crisis.pull("degraded-mode").await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("done        restart jeveuxaider\n"), "{text}");
    assert!(text.contains("NOT DONE    restart jeveuxaider-front: ") && text.contains("the API is ill"), "{text}");
    assert!(text.contains("try again, which sends only what is missing"), "{text}");
    let moved = crisis.last();
    assert_eq!((moved.done.len(), moved.not_done.len(), moved.effect_after_ms), (3, 1, None), "{moved:?}");
    // The world is as it was reported: set, and not seen.
    let (_, status) = crisis.status().await;
    let status = of(&status, "degraded-mode");
    assert!(status.contains("degraded-mode  pulled") && status.contains("seen: no answer carries"), "{status}");

    crisis.world.recover();
    let (code, text) = crisis.pull("degraded-mode").await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("already so  set DEGRADED_MODE=1 in jeveuxaider\n"), "{text}");
    assert!(text.contains("done        restart jeveuxaider-front"), "{text}");
    crisis.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_and_who_has_no_token_is_told_what_is_missing() {
    let crisis = Crisis::new().await;
    crisis.misbehaves(Method::POST, "/variables", 1, FaultyAnswer::Says(403, "Forbidden"));
    let (code, text) = crisis.pull("degraded-mode").await;
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("NOT DONE    set DEGRADED_MODE=1 in jeveuxaider") && text.contains("no limited one"),
        "{text}"
    );
    assert!(text.contains("not tried   restart jeveuxaider-front"), "{text}");

    let mut command = crisis.reaching(&["pull", "degraded-mode", "--yes", "--by", "Ada"]);
    command.env("SCALINGO_API_TOKEN", "tk-us-a-token-of-somebody-else");
    let (code, text) = ran(command).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("SCALINGO_API_TOKEN is not valid") && !text.contains("somebody-else"), "{text}");

    let mut command = crisis.reaching(&["pull", "degraded-mode", "--yes", "--by", "Ada"]);
    command.env_remove("SCALINGO_API_TOKEN");
    let (code, text) = ran(command).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("SCALINGO_API_TOKEN is not set"), "{text}");
    crisis.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_pull_at_once_are_told_of_each_other() {
    let crisis = Crisis::new().await;
    let mut first = crisis.reaching(&["pull", "degraded-mode", "--yes", "--by", "Ada"]);
    let mut first = first.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("golive starts");
    // The lock is there before anything is sent, which is told.
    let mut stderr = std::io::BufReader::new(first.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.starts_with("...") {
        line.clear();
        assert_ne!(std::io::BufRead::read_line(&mut stderr, &mut line).expect("text"), 0, "it ended");
    }
    let (code, text) = crisis.moves("release", "degraded-mode").await;
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("degraded-mode is being moved by Ada, process "), "{text}");
    tokio::task::spawn_blocking(move || {
        std::io::copy(&mut stderr, &mut std::io::sink()).expect("read");
        assert_eq!(first.wait().expect("ended").code(), Some(0));
    })
    .await
    .expect("ended");
    crisis.world.stop().await;
}

fn alone(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
    command.arg("lever").args(arguments).current_dir(repository()).stdin(Stdio::null()).env_remove("RUST_BACKTRACE");
    for name in golive::providers::api::access::VARIABLES {
        command.env_remove(name);
    }
    told(&command.output().expect("golive starts"))
}

#[test]
fn requests_are_shown_without_a_token_and_nothing_is_sent() {
    let (code, text) = alone(&[SAMPLE, "pull", "degraded-mode", "--dry-run"]);
    assert_eq!(code, 0, "{text}");
    let api = "https://api.osc-secnum-fr1.scalingo.com/v1/apps";
    for line in [
        format!("POST {api}/jeveuxaider/variables"),
        r#"{"variable":{"name":"DEGRADED_MODE","value":"1"}}"#.to_owned(),
        format!("POST {api}/jeveuxaider-front/restart"),
    ] {
        assert!(text.contains(&line), "{line}: {text}");
    }
}

#[test]
fn levers_are_listed_shown_and_suggested() {
    let (code, text) = alone(&[SAMPLE, "list"]);
    assert!(code == 0 && text.contains("degraded-mode  app"), "{text}");
    let (code, text) = alone(&[SAMPLE, "show", "degraded-mode"]);
    assert!(code == 0 && text.contains("release:\n") && text.contains("deg.marker"), "{text}");
    let (code, text) = alone(&[SAMPLE, "pull", "degraded-mod", "--dry-run"]);
    assert!(code == 2 && text.contains("did you mean `degraded-mode`?"), "{text}");
    let (code, text) = alone(&[SAMPLE, "pull", "degraded-mode"]);
    assert!(code == 2 && text.contains("--yes --by NAME"), "{text}");
    // A blueprint without the concern.
    let folder = tempfile::tempdir().expect("a folder");
    let source = sample().source;
    let (start, rest) = source.split_once("[degraded_mode]").expect("the table");
    let (_, end) = rest.split_once("[cache]").expect("the table after it");
    let file = folder.path().join("without.toml");
    std::fs::write(&file, format!("{start}[cache]{end}")).expect("written");
    let (code, text) = alone(&[&file.to_string_lossy(), "pull", "degraded-mode", "--dry-run"]);
    assert!(code == 2 && text.contains("no lever `degraded-mode`") && text.contains("[degraded_mode]"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_waiting_room_is_opened_narrowed_shut_and_closed_again() {
    let crisis = Crisis::new().await;
    for (lever, pulled, released) in [
        ("waiting-room", "answers set the room's cookie", "no answer sets the room's cookie"),
        ("hold-all", "a new visitor meets the waiting page", "a new visitor meets the site"),
        ("room-step-demi", "the API tells 30000 at once, 18000 anew a minute", "the API tells other limits"),
    ] {
        let (code, text) = crisis.pull(lever).await;
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(&format!("pulled: {pulled}")), "{text}");
        let (_, status) = crisis.status().await;
        let status = of(&status, lever);
        assert!(status.contains(&format!("{lever}  pulled")) && status.contains(pulled), "{status}");
        let (code, text) = crisis.release(lever).await;
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(&format!("released: {released}")), "{text}");
        let (_, status) = crisis.status().await;
        assert!(of(&status, lever).contains(&format!("{lever}  released")), "{status}");
    }
    // To hold all it was opened, and nobody has shut it since.
    let (_, status) = crisis.status().await;
    assert!(of(&status, "waiting-room").contains("waiting-room  pulled"), "{status}");
    let (code, text) = crisis.release("waiting-room").await;
    assert_eq!(code, 0, "{text}");
    crisis.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_changed_once_whatever_its_api_answers() {
    let crisis = Crisis::new().await;
    let room = |times, answer| {
        crisis.world.misbehave(ApiFault { method: Method::PATCH, path_end: String::new(), times, answer })
    };
    room(1, FaultyAnswer::Says(500, "oops"));
    let (code, text) = crisis.pull("waiting-room").await;
    assert_eq!(code, 0, "{text}");
    room(1, FaultyAnswer::SilenceThoughDone);
    let (code, text) = crisis.release("waiting-room").await;
    assert_eq!(code, 0, "{text}");
    room(
        1,
        FaultyAnswer::Says(
            403,
            r#"{"success":false,"errors":[{"code":10000,"message":"no"}],"messages":[],"result":null}"#,
        ),
    );
    let (code, text) = crisis.pull("hold-all").await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("give CLOUDFLARE_API_TOKEN the permission Waiting Rooms Write: 10000 no"), "{text}");
    let (_, status) = crisis.status().await;
    assert!(of(&status, "hold-all").contains("hold-all  released"), "{status}");
    crisis.world.stop().await;
}

#[test]
fn ids_are_shown_by_name_and_kept_members_as_kept() {
    let (code, text) = alone(&[SAMPLE, "pull", "hold-all", "--dry-run"]);
    assert_eq!(code, 0, "{text}");
    let url = "PATCH https://api.cloudflare.com/client/v4/zones/{reserve-civique.gouv.fr}/waiting_rooms/{launch}";
    assert!(text.contains(url), "{text}");
    assert!(text.contains(r#""total_active_users":"(as it is)","queue_all":true"#), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_challenged_and_deploys_frozen_and_both_are_taken_back() {
    let crisis = Crisis::new().await;
    crisis.misbehaves(Method::PATCH, "", 1, FaultyAnswer::Says(500, "oops"));
    crisis.misbehaves(Method::PATCH, "/scm_repo_link", 1, FaultyAnswer::SilenceThoughDone);
    for (lever, pulled, released) in [
        ("under-attack", "a program meets the challenge", "a program meets no challenge"),
        (
            "freeze-deploys",
            "the API tells that nothing is deployed by itself",
            "the API tells that commits are deployed",
        ),
    ] {
        let (code, text) = crisis.pull(lever).await;
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(&format!("pulled: {pulled}")), "{text}");
        let (_, status) = crisis.status().await;
        let status = of(&status, lever);
        assert!(status.contains(&format!("{lever}  pulled")) && status.contains(pulled), "{status}");
        let (code, text) = crisis.release(lever).await;
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(&format!("released: {released}")), "{text}");
        let (_, status) = crisis.status().await;
        assert!(of(&status, lever).contains(&format!("{lever}  released")), "{status}");
    }
    crisis.misbehaves(Method::PATCH, "", 1, FaultyAnswer::Says(403, "Forbidden"));
    let (code, text) = crisis.pull("under-attack").await;
    assert!(code == 1 && text.contains("the permission Zone WAF Write: Forbidden"), "{text}");
    crisis.misbehaves(Method::PATCH, "", 1, FaultyAnswer::Says(422, r#"{"errors":{"branch":["is gone"]}}"#));
    let (code, text) = crisis.pull("freeze-deploys").await;
    assert!(code == 1 && text.contains("422") && text.contains("is gone"), "{text}");
    crisis.world.stop().await;
}

/// A provider that says yes and does nothing: what counts is what is seen.
#[tokio::test(flavor = "multi_thread")]
async fn an_effect_that_does_not_come_is_not_reported() {
    let crisis = Crisis::new().await;
    crisis.misbehaves(Method::PATCH, "/scm_repo_link", 1, FaultyAnswer::Says(200, "{}"));
    let (code, text) = crisis.pull("freeze-deploys").await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("NOT SEEN within 20 s, twice what is promised: the API tells that commits are"), "{text}");
    let moved = crisis.last();
    assert_eq!((moved.done.len(), moved.effect_after_ms), (1, None), "{moved:?}");
    let (_, status) = crisis.status().await;
    assert!(of(&status, "freeze-deploys").contains("freeze-deploys  released"), "{status}");
    crisis.world.stop().await;
}

/// What a lever sets is not put back by the next apply.
#[test]
fn terraform_leaves_alone_what_levers_change() {
    let all = artifacts(&sample());
    let text = |path: &str| &all.iter().find(|artifact| artifact.path == path).expect("generated").text;
    let (platform, cdn) = (text("terraform/scalingo.tf"), text("terraform/cloudflare.tf"));
    for (lever, file, kept) in [
        ("degraded-mode", platform, r#"ignore_changes  = [environment["DEGRADED_MODE"]]"#),
        ("freeze-deploys", platform, "ignore_changes = [auto_deploy_enabled]"),
        ("waiting-room", cdn, "ignore_changes = [suspended, queue_all, total_active_users, new_users_per_minute]"),
        ("under-attack", cdn, "ignore_changes = [rules[1].enabled]"),
    ] {
        assert!(file.contains(kept), "{lever}: {kept}");
    }
}
