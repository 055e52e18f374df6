//! Arguments, terminal, exit codes. One file a subcommand; the work is in [`crate::ops`].

pub mod capacity;
pub mod completions;
pub mod coverage;
pub mod explain;
pub mod generate;
pub mod journal;
pub mod launch;
pub mod lever;
pub mod lint;
pub mod note;
pub mod reach;
pub mod rehearse;
pub mod report;
pub mod schema;
pub mod trace;
pub mod ttl;
pub mod ui;
pub mod verify;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

pub use lint::read;
pub use ui::Ui;

/// How a run ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Go: everything held, warnings allowed.
    Go,
    /// No-go: something failed.
    NoGo,
    /// The blueprint or the call is wrong.
    Wrong,
    /// Nothing failed, but something could not be tested.
    Untested,
    /// Interrupted by the person.
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Go => 0,
            Exit::NoGo => 1,
            Exit::Wrong => 2,
            Exit::Untested => 3,
            Exit::Interrupted => 130,
        }
    }
}

/// One blueprint of a public launch: its configuration, the checks that prove it live, and a rehearsal of both.
#[derive(Debug, Parser)]
#[command(name = "golive", version, about, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Lint(lint::LintArgs),
    Explain(explain::ExplainArgs),
    Capacity(capacity::CapacityArgs),
    Ttl(ttl::TtlArgs),
    Trace(trace::TraceArgs),
    Generate(generate::GenerateArgs),
    Coverage(coverage::CoverageArgs),
    Rehearse(rehearse::RehearseArgs),
    Verify(verify::VerifyArgs),
    Launch(Box<launch::LaunchArgs>),
    Lever(lever::LeverArgs),
    Note(note::NoteArgs),
    Journal(journal::JournalArgs),
    Report(report::ReportArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
}

/// Runs one command.
///
/// # Errors
///
/// What the person must read; the caller prints it and exits with [`Exit::Wrong`].
pub fn run(cli: Cli, ui: &mut Ui) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Lint(args) => lint::run(&args, ui),
        Command::Explain(args) => explain::run(&args, ui),
        Command::Capacity(args) => capacity::run(&args, ui),
        Command::Ttl(args) => ttl::run(&args, ui),
        Command::Trace(args) => trace::run(&args, ui),
        Command::Generate(args) => generate::run(&args, ui),
        Command::Coverage(args) => coverage::run(&args, ui),
        Command::Rehearse(args) => rehearse::run(args, ui),
        Command::Verify(args) => verify::run(args, ui),
        Command::Launch(args) => launch::run(*args, ui),
        Command::Lever(args) => lever::run(args, ui),
        Command::Note(args) => note::run(args, ui),
        Command::Journal(args) => journal::run(args, ui),
        Command::Report(args) => report::run(&args, ui),
        Command::Schema(args) => schema::run(&args, ui),
        Command::Completions(args) => completions::run(&args, ui),
    }
}

/// Runs asynchronous work until it ends or somebody stops the program (Ctrl-C, SIGTERM): then `None`, and what the
/// work had started is dropped, and so stopped, first.
///
/// # Errors
///
/// When the machine gives no threads or no signal handlers.
fn interruptible<T>(work: impl Future<Output = T>) -> anyhow::Result<Option<T>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        // Both before the work begins: a signal that finds no listener ends the program and leaves nginx behind.
        let mut interrupted = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let mut terminated = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        Ok(tokio::select! {
            done = work => Some(done),
            _ = interrupted.recv() => None,
            _ = terminated.recv() => None,
        })
    })
}
