//! The `golive` program: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use golive::cli::{self, Cli, Exit, Ui};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut ui = Ui::new();
    let exit = cli::run(cli, &mut ui).unwrap_or_else(|error| {
        ui.end_progress();
        ui.say(&format!("error: {error:#}"));
        Exit::Wrong
    });
    ExitCode::from(exit.code())
}
