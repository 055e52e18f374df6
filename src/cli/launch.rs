//! `golive launch`.

mod answers;
mod people;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use self::answers::Script;
use self::people::{Ballot, People, Reply, Terminal};
use super::reach::Reach;
use super::{Exit, Ui, read};
use crate::blueprint::Loaded;
use crate::emit;
use crate::language::Language;
use crate::ops::launch::{self as work, Ground, Launch, Subject};
use crate::ops::{self, rehearse};
use crate::plain::plain;
use crate::report::findings;
use crate::report::launch::{self as report, Clock};
use crate::runbook::fact::{Answered, Document, Fact, Vote};
use crate::runbook::journal::JournalError;
use crate::runbook::plan::{For, Item, ItemWork, plan};
use crate::runbook::read::{BUILT_IN, Runbook};
use crate::runbook::state::{Next, Standing, State};
use crate::runbook::timeline::deadlines;
use crate::verify::Event;

const EXAMPLES: &str = "\
Examples:
  # What must have happened by when; a calendar for the team's phones:
  golive launch blueprints/jeveuxaider.toml --timeline --ics jeveuxaider.ics
  # What will be asked, of whom:
  golive launch blueprints/jeveuxaider.toml --list
  # The whole launch against the local world, as practice:
  golive launch blueprints/jeveuxaider.toml --rehearse
  # The launch itself; stop with Ctrl-C, and go on with the same command:
  golive launch blueprints/jeveuxaider.toml
  # Another runbook: one that comes with golive (launch, crisis, undo, demo), or yours:
  golive launch blueprints/jeveuxaider.toml --runbook demo
  # Without a terminal, for CI:
  golive launch blueprints/jeveuxaider.toml --rehearse --answers answers.toml

Answers (TOML), the first that fits is taken; `*` is any text:
  [[answers]]
  step = \"letters/*\"        # the key that --list shows in brackets
  answer = \"done\"           # done, held, skipped, waived; go, no-go for the vote
  by = \"A. Martin\"          # left out: whoever holds the role
  text = \"ticket 4711\"      # a reason, where one is needed
  role = \"lead\"             # only when this role is asked

Everything is in the journal before the next question: JSON lines, each with the hash of the one before, which
`golive journal verify` checks and `golive report` tells. Notes at any time, from any terminal: golive note \"TEXT\".

Exit status: 0 go and every step settled, 1 no-go or a check that is red, 2 wrong call, blueprint or journal,
3 something is still to be answered, 130 interrupted.";

/// Walk the launch checklist with the team: checks, questions, the vote; everything in a journal
///
/// Steps are asked in the order of the runbook. What golive can see it checks itself, on the live site or, with
/// --rehearse, on the local world; what it cannot see it asks of the role that answers for it. Nothing red, unknown or
/// expired goes into the vote unless somebody waives it by name.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LaunchArgs {
    /// The site's TOML file
    pub blueprint: PathBuf,
    /// One that comes with golive (launch, crisis, undo, demo), or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "launch")]
    pub runbook: String,
    /// Where everything is written down [default: SITE-RUNBOOK.journal.jsonl, of a rehearsal SITE-RUNBOOK-rehearsal.journal.jsonl]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Play it on the local world, on the eve of the announcement; nothing outside is asked
    #[arg(long, conflicts_with_all = ["consent", "resolver", "connect_to", "ca"])]
    pub rehearse: bool,
    /// Take the answers from this file and ask nobody
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Only print the deadlines, each with its point of no return
    #[arg(long, conflicts_with_all = ["list", "answers", "rehearse"])]
    pub timeline: bool,
    /// Write the deadlines as a calendar too (RFC 5545)
    #[arg(long, value_name = "FILE", requires = "timeline")]
    pub ics: Option<PathBuf>,
    /// Only print the steps
    #[arg(long)]
    pub list: bool,
    /// Where the generated folders are (for --rehearse)
    #[arg(long, value_name = "DIR", default_value = "generated")]
    pub generated: PathBuf,
    #[command(flatten)]
    pub reach: Reach,
}

/// # Errors
///
/// A blueprint, runbook, journal or file of answers that cannot be read; a world that does not start; standard output
/// that cannot be written.
pub fn run(args: LaunchArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let Some(read) = read(&args.blueprint, ui)? else { return Ok(Exit::Wrong) };
    let loaded = &read.loaded;
    let Some((runbook, runbook_file)) = runbook(&args.runbook, loaded, ui)? else { return Ok(Exit::Wrong) };
    let clock = Clock {
        language: loaded.site.language,
        timezone: emit::announcement_timezone(&loaded.blueprint),
        now: Timestamp::now(),
    };
    if args.timeline {
        let deadlines = deadlines(&loaded.site);
        if let Some(file) = &args.ics {
            let text = emit::calendar(&loaded.blueprint, &loaded.site, &deadlines);
            std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
        }
        ui.print(&report::timeline(&deadlines, &clock))?;
        return Ok(Exit::Go);
    }
    if args.list {
        let site = match args.rehearse {
            true => loaded.site.clone().on_the_eve_of(clock.now),
            false => loaded.site.clone(),
        };
        let of =
            For { blueprint: &loaded.blueprint, site: &site, blueprint_sha256: &read.sha256, rehearsed: args.rehearse };
        ui.print(&report::listed(&plan(&runbook, &of), &clock))?;
        return Ok(Exit::Go);
    }
    let Some(mut people) = people(args.answers.as_deref(), loaded.site.language, ui)? else {
        return Ok(Exit::Wrong);
    };
    let Some(request) = args.reach.request(&loaded.site, ui)? else { return Ok(Exit::Wrong) };

    let subject = Subject {
        loaded,
        blueprint: Document { path: read.path.clone(), sha256: read.sha256.clone() },
        runbook: &runbook,
        runbook_file,
        rehearsed: args.rehearse,
    };
    let journal = args.journal.unwrap_or_else(|| default_journal(&subject));
    let launch = Launch::open(&subject, &journal, &who(), clock.now)?;
    if let Some(recovered) = launch.journal().recovered() {
        ui.say(&format!("note: {}", plain(recovered)));
    }
    for conflict in launch.journal().conflicts() {
        ui.say(&format!(
            "asked again, as two branches of the journal differ: {}",
            plain(&format!("{}: {} / {}", conflict.item, conflict.ours, conflict.theirs))
        ));
    }

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    // Before anything is started: a signal that finds no listener ends the program and leaves nginx behind.
    let stopped = listen(&runtime)?;
    let place = match args.rehearse {
        false => Place::Live(Box::new(request)),
        true => Place::Local(args.generated.join(loaded.site.name.as_str())),
    };
    let mut walk = Walk {
        loaded,
        launch,
        place,
        ground: None,
        runtime: &runtime,
        stopped: &stopped,
        clock,
        phase: None,
        step: None,
    };
    let exit = walk.walk(&mut *people, ui);
    let Walk { launch, ground, mut clock, .. } = walk;
    if let Some(ground) = ground {
        runtime.block_on(ground.leave());
    }
    let exit = exit?;
    clock.now = Timestamp::now();
    ui.print(&report::overview(&launch.state(clock.now), &clock))?;
    if exit != Exit::Go {
        ui.say(&format!("everything so far is in {}; go on with the same command", journal.display()));
    }
    Ok(exit)
}

/// The people of this run; `None` when their file is refused, and it has been told why.
///
/// # Errors
///
/// A file that cannot be read; no file and no terminal.
fn people(answers: Option<&Path>, language: Language, ui: &mut Ui) -> anyhow::Result<Option<Box<dyn People>>> {
    let Some(file) = answers else {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            bail!("nobody can be asked, as this is no terminal: give the answers in a file, --answers FILE");
        }
        return Ok(Some(Box::new(Terminal::new(language))));
    };
    let name = file.display().to_string();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read the answers {name}"))?;
    match Script::read(&bytes) {
        Ok(script) => Ok(Some(Box::new(script))),
        Err(refusals) => {
            ui.say(findings::refusals(&name, &String::from_utf8_lossy(&bytes), &refusals).trim_end());
            Ok(None)
        }
    }
}

/// Told when somebody stops the program.
fn listen(runtime: &Runtime) -> anyhow::Result<Arc<Notify>> {
    let stopped = Arc::new(Notify::new());
    let tell = Arc::clone(&stopped);
    let _inside = runtime.enter();
    let mut interrupted = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminated = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    runtime.spawn(async move {
        loop {
            tokio::select! { _ = interrupted.recv() => {}, _ = terminated.recv() => {} }
            tell.notify_one();
        }
    });
    Ok(stopped)
}

/// Who holds the journal, for whoever comes second.
fn who() -> String {
    std::env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| "golive".to_owned())
}

fn default_journal(subject: &Subject<'_>) -> PathBuf {
    let site = &subject.loaded.site.name;
    let name = Path::new(&subject.runbook_file.path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| "launch".to_owned());
    let rehearsal = if subject.rehearsed { "-rehearsal" } else { "" };
    PathBuf::from(format!("{site}-{name}{rehearsal}.journal.jsonl"))
}

/// The runbook of that name or path; `None` when it is refused, and the person has been told why.
fn runbook(name: &str, loaded: &Loaded, ui: &mut Ui) -> anyhow::Result<Option<(Runbook, Document)>> {
    let bytes = match Runbook::built_in(name) {
        Some(text) => text.as_bytes().to_vec(),
        None => std::fs::read(name).with_context(|| {
            let known: Vec<&str> = BUILT_IN.iter().map(|(known, _)| *known).collect();
            format!("cannot read the runbook {name} (with golive come {})", known.join(", "))
        })?,
    };
    let left_out = loaded.blueprint.left_out();
    let concerns: Vec<&str> =
        loaded.blueprint.concerns().iter().map(|concern| concern.key()).chain(left_out.iter().copied()).collect();
    let people = loaded.site.people.as_ref();
    let levers: Vec<&str> = people.iter().flat_map(|people| &people.levers).map(|lever| lever.name.as_str()).collect();
    match Runbook::read(&bytes, &concerns, &levers) {
        Ok(runbook) => {
            let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes));
            Ok(Some((runbook, Document { path: name.to_owned(), sha256 })))
        }
        Err(refusals) => {
            ui.say(findings::refusals(name, &String::from_utf8_lossy(&bytes), &refusals).trim_end());
            Ok(None)
        }
    }
}

/// Where checks will be put, once there are some.
enum Place {
    Live(Box<ops::verify::Request>),
    /// The folder of the generated files.
    Local(PathBuf),
}

/// The way through the runbook, from wherever the journal ends.
struct Walk<'a> {
    loaded: &'a Loaded,
    launch: Launch<'a>,
    place: Place,
    ground: Option<Ground>,
    runtime: &'a Runtime,
    stopped: &'a Notify,
    clock: Clock,
    /// The phase whose head was shown last, and the step.
    phase: Option<String>,
    step: Option<String>,
}

impl Walk<'_> {
    fn walk(&mut self, people: &mut dyn People, ui: &mut Ui) -> anyhow::Result<Exit> {
        loop {
            self.clock.now = Timestamp::now();
            let state = self.launch.state(self.clock.now);
            match state.next() {
                Next::Run(item) => {
                    let item = item.clone();
                    self.show_phase(&item, ui);
                    if !self.check(&item, ui)? {
                        return Ok(Exit::Interrupted);
                    }
                }
                Next::Ask(item) => {
                    let (item, standing) = (item.clone(), state.standing(item));
                    self.show_phase(&item, ui);
                    self.show(&item, ui);
                    if let Standing::Red { rows } = &standing {
                        ui.say(report::red(rows).trim_end());
                    } else if standing != Standing::Open {
                        ui.say(report::standing(&item, &standing, &self.clock).trim_end());
                    }
                    match people.ask(&item, &standing, &settled(&self.launch.state(self.clock.now)))? {
                        Reply::Settle { answer, by, text } => {
                            let Item { key, fingerprint, role, .. } = item;
                            let answered = Answered { item: key, fingerprint, role, answer, text };
                            self.record(&by, Fact::Answered(answered), people, ui)?;
                        }
                        Reply::Again => {
                            if !self.check(&item, ui)? {
                                return Ok(Exit::Interrupted);
                            }
                        }
                        Reply::Note { by, text } => self.record(&by, Fact::Noted { text }, people, ui)?,
                        Reply::Back { item, by, reason } => {
                            self.phase = None;
                            self.record(&by, Fact::Reopened { item, reason }, people, ui)?;
                        }
                        Reply::Undo => ui.say(report::undo(&item, self.clock.language).trim_end()),
                        Reply::Unanswered => {
                            ui.say(&plain(&format!("no answer for {} ({}): {}", item.number, item.key, item.title)));
                            let is_red = matches!(standing, Standing::Red { .. });
                            return Ok(if is_red { Exit::NoGo } else { Exit::Untested });
                        }
                        Reply::Leave => return Ok(Exit::Untested),
                        Reply::Interrupted => return Ok(Exit::Interrupted),
                    }
                }
                Next::Vote(item, role, signs) => {
                    let item = item.clone();
                    self.show_phase(&item, ui);
                    self.show(&item, ui);
                    ui.say(&format!("every item before is settled; the vote is on sha256 {signs}"));
                    let people_of = self.loaded.site.people.as_ref();
                    let holder = people_of.and_then(|people| people.holder(role)).map(|holder| holder.who.to_string());
                    match people.vote(&item, role, holder.as_deref().unwrap_or_default())? {
                        Ballot::Cast { go, by, reason } => {
                            let vote = Vote { item: item.key, role, go, reason, signs };
                            self.record(&by, Fact::Voted(vote), people, ui)?;
                        }
                        Ballot::Unanswered => {
                            ui.say(&format!("no answer for {} of {}", item.number, role.as_str()));
                            return Ok(Exit::Untested);
                        }
                        Ballot::Leave => return Ok(Exit::Untested),
                        Ballot::Interrupted => return Ok(Exit::Interrupted),
                    }
                }
                Next::Decide(_, decision) => {
                    let go = decision.go;
                    ui.say(report::banner(go).trim_end_matches('\n'));
                    decision.reasons.iter().for_each(|reason| ui.say(&plain(reason)));
                    self.record("golive", Fact::Decided(decision), people, ui)?;
                }
                Next::NoGo(item, decision) => {
                    ui.say(&format!("the vote of {} was no-go", item.number));
                    decision.reasons.iter().for_each(|reason| ui.say(&plain(reason)));
                    let item = item.key.clone();
                    match people.after_no_go(&item)? {
                        Some((by, reason)) => self.record(&by, Fact::Reopened { item, reason }, people, ui)?,
                        None => return Ok(Exit::NoGo),
                    }
                }
                Next::Finished => return Ok(Exit::Go),
            }
        }
    }

    fn show(&mut self, item: &Item, ui: &mut Ui) {
        let is_first = self.step.as_deref() != Some(item.step.as_str());
        self.step = Some(item.step.clone());
        ui.say(report::item(item, is_first, &self.clock).trim_end());
    }

    fn show_phase(&mut self, item: &Item, ui: &mut Ui) {
        let state = self.launch.state(self.clock.now);
        let phases = &state.plan().phases;
        let found = phases.iter().enumerate().find(|(_, phase)| phase.items.iter().any(|one| one.key == item.key));
        if let Some((index, phase)) = found
            && self.phase.as_deref() != Some(phase.id.as_str())
        {
            ui.say(report::phase(phase, index + 1, phases.len()).trim_end());
            self.phase = Some(phase.id.clone());
        }
    }

    /// Runs work until somebody stops it: then `None`.
    fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async {
            tokio::select! { done = work => Some(done), () = self.stopped.notified() => None }
        })
    }

    /// Where checks are put; the local world starts when the first are. `false`: somebody stopped it.
    fn stand(&mut self, ui: &mut Ui) -> anyhow::Result<bool> {
        if self.ground.is_some() {
            return Ok(true);
        }
        self.ground = match &self.place {
            Place::Live(request) => Some(Ground::Live(request.clone())),
            Place::Local(generated) => {
                let artifacts = rehearse::artifacts_on_disk(self.loaded, generated)?;
                ui.say("starting the local world");
                self.unless_stopped(Ground::local(self.loaded, &artifacts, self.launch.eve())).transpose()?
            }
        };
        Ok(self.ground.is_some())
    }

    /// Runs an item's checks and records what was seen; `false`: somebody stopped it, and nothing is recorded.
    fn check(&mut self, item: &Item, ui: &mut Ui) -> anyhow::Result<bool> {
        let ItemWork::Checks(ids) = &item.work else { bail!("{} has no checks", item.key) };
        if !self.stand(ui)? {
            return Ok(false);
        }
        let Some(ground) = &self.ground else { return Ok(false) };
        let site = self.launch.site();
        let bar = ui.start_progress(0, "checking");
        let on_event = |event| match event {
            Event::Started { total } => bar.set_length(total as u64),
            Event::Finished(result) => {
                bar.set_message(format!("{} {}", result.verdict.as_str(), result.id));
                bar.inc(1);
            }
        };
        let outcome = self.unless_stopped(ground.check(&self.loaded.blueprint, &site, ids, on_event));
        ui.end_progress();
        let Some(outcome) = outcome else { return Ok(false) };
        self.launch.record("golive", work::checked(item, &outcome?))?;
        self.clock.now = Timestamp::now();
        let standing = self.launch.state(self.clock.now).standing(item);
        ui.say(report::standing(item, &standing, &self.clock).trim_end());
        Ok(true)
    }

    /// Writes a person's word down. Where that cannot be, the person may try again; nothing is lost on the way.
    fn record(&mut self, by: &str, fact: Fact, people: &mut dyn People, ui: &mut Ui) -> anyhow::Result<()> {
        loop {
            match self.launch.record(by, fact.clone()) {
                Ok(()) => return Ok(()),
                Err(error @ JournalError::NotWritten { .. }) => {
                    ui.say(&plain(&format!("error: {error}")));
                    if !people.try_again()? {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Items to which somebody may want to go back, with their titles.
fn settled(state: &State<'_>) -> Vec<(String, String)> {
    let items = state.plan().items().filter(|item| state.standing(item).is_settled());
    items.map(|item| (item.key.clone(), format!("{} {}", item.number, item.title))).collect()
}
