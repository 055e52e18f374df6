//! `golive lever`.

use std::cell::RefCell;
use std::fs::{File, TryLockError};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use dialoguer::Confirm;

use super::note::{JOURNALS, tell, the_only_journal, who};
use super::reach::Way;
use super::{Exit, Ui, interruptible, read};
use crate::blueprint::Loaded;
use crate::concerns::lever::Lever;
use crate::concerns::people::Role;
use crate::keys::nearest;
use crate::ops::lever::{self as work, Direction, Event, Outcome, Seen, Step, Switched};
use crate::plain::plain;
use crate::providers::api::{Access, write};
use crate::report::lever as report;
use crate::runbook::fact::Fact;
use crate::runbook::journal::Journal;

const EXAMPLES: &str = "\
Examples:
  golive lever blueprints/jeveuxaider.toml list
  golive lever blueprints/jeveuxaider.toml show degraded-mode
  # What would be sent, with names in braces where ids are looked up; no token is needed:
  golive lever blueprints/jeveuxaider.toml pull degraded-mode --dry-run
  golive lever blueprints/jeveuxaider.toml pull degraded-mode
  golive lever blueprints/jeveuxaider.toml release degraded-mode --yes --by Ada
  golive lever blueprints/jeveuxaider.toml status

Environment, for pull, release and status (a token is sent to its provider alone, and printed nowhere):
  CLOUDFLARE_API_TOKEN  On the zone: Zone Read, Waiting Rooms Write, Zone WAF Write
  SCALINGO_API_TOKEN    Of a full collaborator of the apps: a limited one may not set variables
  CLOUDFLARE_BASE_URL, SCALINGO_AUTH_URL, SCALINGO_API_URL, SCALINGO_DB_API_URL
                        Other addresses of these APIs: https, or this machine

Exit status: 0 done, and the effect was seen; 1 something is not done, or the effect was not seen; 2 wrong call or
blueprint, nothing was sent; 3 done, and nobody could look; 130 interrupted.";

/// Pull a switch of the blueprint in a crisis, see it take effect, and take it back
///
/// A pull sends the requests that it shows, in that order, and looks at the site until everybody meets the effect. What is
/// already so is not sent, so that to run it again is safe. With a journal in this folder, or --journal, it is written down.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LeverArgs {
    /// The site's TOML file
    pub blueprint: PathBuf,
    #[command(subcommand)]
    pub command: LeverCommand,
}

#[derive(Debug, Subcommand)]
pub enum LeverCommand {
    /// Name the levers of this blueprint
    List,
    /// Say what one does, when, who may, and what would be sent
    Show {
        /// As `list` names it
        name: String,
    },
    /// Say how each stands, by its provider, by the site, and by the journal
    Status {
        /// The journal [default: the only *.journal.jsonl in this folder, if there is one]
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
        #[command(flatten)]
        way: Way,
    },
    /// Pull one
    Pull(Move),
    /// Take one back
    Release(Move),
}

#[derive(Debug, Args)]
pub struct Move {
    /// As `list` names it
    pub name: String,
    /// Only show the requests; nothing is sent, no token needed
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Who does it [default: $USER]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// The journal [default: the only *.journal.jsonl in this folder, if there is one]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    #[command(flatten)]
    pub way: Way,
}

/// # Errors
///
/// A blueprint, journal or file of certificates that cannot be read; a lever that is not there, or that somebody else is
/// moving; nobody who agrees.
pub fn run(args: LeverArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let Some(read) = read(&args.blueprint, ui)? else { return Ok(Exit::Wrong) };
    let loaded = &read.loaded;
    let levers: Vec<Lever> =
        work::levers(&loaded.blueprint, &loaded.site).into_iter().map(|(_, lever)| lever).collect();
    match args.command {
        LeverCommand::List => {
            if levers.is_empty() {
                ui.say("no lever: nothing in this blueprint can be switched by a provider's API");
            }
            let rows: Vec<(&Lever, String)> = levers.iter().map(|lever| (lever, owner(loaded, lever).1)).collect();
            ui.print(&report::listed(&rows))?;
            Ok(Exit::Go)
        }
        LeverCommand::Show { name } => {
            let lever = named(&levers, &name)?;
            let access = Access::from_environment();
            let (pull, release) = (
                requests(loaded, lever, Direction::Pull, &access)?,
                requests(loaded, lever, Direction::Release, &access)?,
            );
            ui.print(&report::shown(lever, &owner(loaded, lever).1, &pull, &release))?;
            Ok(Exit::Go)
        }
        LeverCommand::Status { journal, way } => status(loaded, &levers, journal, way, ui),
        LeverCommand::Pull(given) => switch(loaded, &levers, &args.blueprint, Direction::Pull, given, ui),
        LeverCommand::Release(given) => switch(loaded, &levers, &args.blueprint, Direction::Release, given, ui),
    }
}

/// The lever of this name, or what else it may be.
fn named<'a>(levers: &'a [Lever], name: &str) -> anyhow::Result<&'a Lever> {
    if let Some(lever) = levers.iter().find(|lever| lever.name == name) {
        return Ok(lever);
    }
    let known: Vec<&str> = levers.iter().map(|lever| lever.name.as_str()).collect();
    // Whoever asks for one of these knows golive, and has another blueprint.
    let table = match name {
        "degraded-mode" => Some("degraded_mode"),
        "waiting-room" | "hold-all" => Some("waiting_room"),
        "under-attack" => Some("waf"),
        "freeze-deploys" => Some("apps"),
        _ if name.starts_with("room-step-") && !known.iter().any(|known| known.starts_with("room-step-")) => {
            Some("waiting_room")
        }
        _ => None,
    };
    match (table, nearest(name, known.iter().copied())) {
        (Some(table), _) => bail!("this blueprint has no lever `{name}`: `[{table}]` does not offer it here"),
        (None, Some(near)) => bail!("no lever is called `{}`; did you mean `{near}`?", plain(name)),
        (None, None) => bail!("no lever is called `{}`; there are: {}", plain(name), known.join(", ")),
    }
}

/// Who may pull it, and the same with name and number where the blueprint has them.
fn owner(loaded: &Loaded, lever: &Lever) -> (Role, String) {
    let people = loaded.site.people.as_ref();
    let listed = people.and_then(|people| people.levers.iter().find(|one| one.name.as_str() == lever.name));
    let role = listed.map_or(lever.owner, |one| one.owner);
    let holder = people.and_then(|people| people.holder(role)).map(|holder| holder.who.to_string());
    (role, report::who(role, holder.as_deref()))
}

fn requests(loaded: &Loaded, lever: &Lever, direction: Direction, access: &Access) -> anyhow::Result<String> {
    let region = loaded.site.platform.as_ref().map(|platform| platform.region);
    let actions = direction.actions(lever).iter().enumerate();
    actions
        .map(|(nth, action)| {
            let shown = write::shown(action, access, region).map_err(anyhow::Error::msg)?;
            Ok(report::request(nth + 1, action, &shown))
        })
        .collect()
}

/// `None`: none was given, and the folder has none.
fn journal_of(given: Option<PathBuf>) -> anyhow::Result<Option<PathBuf>> {
    let here = Path::new(".");
    let is_journal = |file: io::Result<std::fs::DirEntry>| {
        file.is_ok_and(|file| file.file_name().to_string_lossy().ends_with(JOURNALS))
    };
    match given {
        Some(path) => Ok(Some(path)),
        None if here.read_dir().is_ok_and(|mut files| files.any(is_journal)) => the_only_journal(here).map(Some),
        None => Ok(None),
    }
}

fn status(loaded: &Loaded, levers: &[Lever], journal: Option<PathBuf>, way: Way, ui: &mut Ui) -> anyhow::Result<Exit> {
    let journal = journal_of(journal)?.map(|path| Journal::read(&path)).transpose()?;
    let roots = way.roots()?;
    let routes = way.connect_to.into_iter().collect();
    let world = work::world(&loaded.site, Access::from_environment(), way.resolver, routes, roots)?;
    let mut exit = Exit::Go;
    for lever in levers {
        let Some(standing) = interruptible(work::standing(&world, lever))? else { return Ok(Exit::Interrupted) };
        if standing.set.is_err() || standing.look.unknown.is_some() {
            exit = Exit::Untested;
        }
        let entries = journal.iter().flat_map(|journal| journal.entries().iter().rev());
        let since = entries.into_iter().find_map(|entry| match &entry.fact {
            Fact::Pulled(moved) if moved.lever == lever.name => Some((entry.by.as_str(), entry.at, true)),
            Fact::Released(moved) if moved.lever == lever.name => Some((entry.by.as_str(), entry.at, false)),
            _ => None,
        });
        ui.print(&report::standing(lever, &standing, since))?;
    }
    Ok(exit)
}

fn switch(
    loaded: &Loaded,
    levers: &[Lever],
    blueprint: &Path,
    direction: Direction,
    given: Move,
    ui: &mut Ui,
) -> anyhow::Result<Exit> {
    let lever = named(levers, &given.name)?;
    let verb = match direction {
        Direction::Pull => "pull",
        Direction::Release => "release",
    };
    if direction.actions(lever).is_empty() {
        bail!("{}: nothing is left that could be taken back", lever.name);
    }
    let access = Access::from_environment();
    let requests = requests(loaded, lever, direction, &access)?;
    if given.dry_run {
        ui.print(&requests)?;
        return Ok(Exit::Go);
    }
    ui.say(requests.trim_end());
    let (role, whom) = owner(loaded, lever);
    let Some(by) = agreed(&given, lever, verb, role, &whom)? else {
        ui.say("nothing was sent");
        return Ok(Exit::Wrong);
    };
    let path = journal_of(given.journal)?;
    let mut journal = path.as_deref().map(Journal::open_to_note).transpose()?;
    journal.iter().for_each(|journal| tell(journal, ui));
    let _lock = Lock::take(path.as_deref(), loaded, lever, &by)?;

    let roots = given.way.roots()?;
    let routes = given.way.connect_to.into_iter().collect();
    let world = work::world(&loaded.site, access, given.way.resolver, routes, roots)?;
    // What is done is known here, also when the work is broken off.
    let (done, begun, bar) = (RefCell::new(Vec::<Step>::new()), RefCell::new(None), RefCell::new(&mut *ui));
    let switched = interruptible(work::switch(&world, lever, direction, |event| match event {
        Event::Begins(action) => {
            bar.borrow_mut().say(&format!("...         {}", plain(&action)));
            *begun.borrow_mut() = Some(action);
        }
        Event::Ended(step) => {
            bar.borrow_mut().say(&report::step(&step));
            begun.borrow_mut().take();
            done.borrow_mut().push(step);
        }
        Event::Looked(seen) => bar.borrow_mut().say(&format!("seen        {}", plain(&seen))),
    }))?;
    let (done, begun) = (done.into_inner(), begun.into_inner());
    let interrupted = switched.is_none();
    let switched = switched.unwrap_or_else(|| broken_off(lever, direction, done, begun));

    let name = &lever.name;
    let command = |verb: &str| format!("golive lever {} {verb} {name}", plain(&blueprint.display().to_string()));
    ui.print(&report::switched(lever, direction, &switched, &command(verb), &command("release")))?;
    if let Some(journal) = &mut journal {
        let fact = switched.fact(lever, direction);
        let fact = match direction {
            Direction::Pull => Fact::Pulled(fact),
            Direction::Release => Fact::Released(fact),
        };
        journal.append(&by, fact)?;
    }
    Ok(match switched.seen {
        _ if interrupted => Exit::Interrupted,
        Seen::After(_) | Seen::Already => Exit::Go,
        Seen::Unknown(_) => Exit::Untested,
        Seen::Not(_) | Seen::NotLooked => Exit::NoGo,
    })
}

/// What is known when somebody stopped it: the action under way may be done or not.
fn broken_off(lever: &Lever, direction: Direction, mut steps: Vec<Step>, begun: Option<String>) -> Switched {
    steps.extend(begun.map(|action| {
        let undone = write::Undone { because: "interrupted".to_owned(), maybe: true };
        Step { action, outcome: Outcome::Failed(undone) }
    }));
    let rest = direction.actions(lever).iter().skip(steps.len());
    steps.extend(rest.map(|action| Step { action: action.told(), outcome: Outcome::NotTried }));
    Switched { steps, seen: Seen::NotLooked }
}

/// Who does it; `None`: they do not.
fn agreed(given: &Move, lever: &Lever, verb: &str, role: Role, whom: &str) -> anyhow::Result<Option<String>> {
    if given.yes {
        if given.by.is_none() && !io::stdin().is_terminal() {
            bail!("nobody can be asked, as this is no terminal: say who does it, --by NAME");
        }
        return who(given.by.clone()).map(Some);
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        bail!("nobody can be asked, as this is no terminal: --yes --by NAME");
    }
    let by = who(given.by.clone())?;
    let asked = format!(
        "{} may {verb} it. You, {}, act as {} or at their word: {verb} {}?",
        whom,
        plain(&by),
        role.as_str(),
        lever.name
    );
    match Confirm::new().with_prompt(asked).default(false).interact_opt() {
        Ok(answer) => Ok(answer.filter(|yes| *yes).map(|_| by)),
        Err(dialoguer::Error::IO(error)) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// One at a time moves a lever: two would undo each other. It ends with the process, in whatever way.
struct Lock {
    _held: File,
}

impl Lock {
    /// Beside the journal, where colleagues on this machine find it; otherwise in the folder of temporary files.
    fn take(journal: Option<&Path>, loaded: &Loaded, lever: &Lever, by: &str) -> anyhow::Result<Self> {
        let path = match journal {
            Some(journal) => {
                let mut path = journal.canonicalize().context("cannot find the journal")?.into_os_string();
                path.push(format!(".{}.lock", lever.name));
                PathBuf::from(path)
            }
            None => {
                let folder = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
                folder.join(format!("golive-{}-{}.lock", loaded.site.name, lever.name))
            }
        };
        let at = || format!("cannot lock {}", path.display());
        // Its text is overwritten: a link would lead that elsewhere.
        if std::fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            bail!("{}: {} is no file", at(), path.display());
        }
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).with_context(at)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Who it is only helps.
                let _ = file.take(200).read_to_string(&mut text);
                bail!(
                    "{} is being moved by {}: wait until that is over, then look at `status`",
                    lever.name,
                    plain(text.trim())
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(at),
        }
        let text = format!("{by}, process {}", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).with_context(at)?;
        Ok(Self { _held: file })
    }
}
