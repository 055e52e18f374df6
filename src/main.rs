//! The `golive` program: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use golive::cli::{self, Cli, Exit, Ui};
use golive::plain::plain_lines;

/// A large blueprint is many small values: with the system's allocator a third of the time goes into theirs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut ui = Ui::new();
    let exit = cli::run(cli, &mut ui).unwrap_or_else(|error| {
        ui.end_progress();
        // It may quote names of files, and what nginx quotes of its own.
        ui.say(&plain_lines(&format!("error: {error:#}")));
        Exit::Wrong
    });
    ExitCode::from(exit.code())
}
