//! The terminal: results on standard output, progress and remarks on standard error.
//!
//! One type owns both streams, so that a progress bar never tears a line. Colour only on terminals, and never
//! with `NO_COLOR` (anstream decides).

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub struct Ui {
    bar: Option<ProgressBar>,
}

impl Default for Ui {
    fn default() -> Self {
        Self::new()
    }
}

impl Ui {
    pub fn new() -> Self {
        Self { bar: None }
    }

    /// Prints a result on standard output; styles are stripped where nobody sees them.
    ///
    /// A reader who has seen enough (`| head`) is no error, and does not change the exit code: what failed has failed
    /// whether or not somebody read on.
    ///
    /// # Errors
    ///
    /// When standard output cannot be written.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        let write = || {
            let mut out = anstream::stdout().lock();
            out.write_all(text.as_bytes())?;
            out.flush()
        };
        let written = match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        };
        written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
    }

    /// One remark on standard error.
    pub fn say(&mut self, text: &str) {
        let write = || {
            // Nobody is left to hear about a standard error that is gone.
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// A progress bar on standard error, hidden where that is no terminal.
    pub fn start_progress(&mut self, total: u64, what: &'static str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let style =
            ProgressStyle::with_template("{spinner} {prefix} {pos}/{len} {wide_msg}").expect("a constant template");
        bar.set_style(style);
        bar.set_prefix(what);
        if io::stderr().is_terminal() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        self.bar = Some(bar.clone());
        bar
    }

    pub fn end_progress(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
