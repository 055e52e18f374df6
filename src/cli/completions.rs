//! `golive completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Exit, Ui};

/// A completion script for a shell, on standard output
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive completions bash > ~/.local/share/bash-completion/completions/golive
  golive completions zsh > ~/.zfunc/_golive
  golive completions fish > ~/.config/fish/completions/golive.fish")]
pub struct CompletionsArgs {
    /// The shell that will read it
    pub shell: Shell,
}

/// # Errors
///
/// When standard output cannot be written.
pub fn run(args: &CompletionsArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "golive", &mut script);
    ui.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Go)
}
