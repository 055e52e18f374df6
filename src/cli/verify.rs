//! `golive verify`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::reach::Reach;
use super::{Exit, Ui, interruptible, read};
use crate::blueprint::Loaded;
use crate::concerns::{Safety, Verdict};
use crate::consent;
use crate::plain::plain;
use crate::report::page;
use crate::report::verify::{Report, json, text};
use crate::verify::{Event, Outcome, Summary};
use crate::{ops, report};

const EXAMPLES: &str = "\
Examples:
  golive verify blueprints/jeveuxaider.toml
  golive verify blueprints/jeveuxaider.toml --only 'dns.*' --resolver 9.9.9.9
  golive verify blueprints/jeveuxaider.toml --format html > verify.html
  # Again and again, until the DNS team has done its part:
  golive verify blueprints/jeveuxaider.toml --only 'dns.*' --watch
  # What would be asked, of whom, how often; nothing is sent:
  golive verify blueprints/jeveuxaider.toml --plan
  # Try the limits too, as agreed:
  golive verify blueprints/jeveuxaider.toml --only 'rate.*' --consent consent.toml
  # A staging copy in place of the origin, with its own certificate authority:
  golive verify blueprints/jeveuxaider.toml --ca staging-ca.pem \\
      --connect-to 203.0.113.10:443=10.0.0.7:8443

Environment (a token is sent to its provider alone, and printed nowhere; without
one, what only that provider could tell is unknown):
  CLOUDFLARE_API_TOKEN  Reading is enough (but for cache.purge: Cache Purge). On the zone: Zone, Zone Settings, Zone WAF,
                        Waiting Rooms, SSL and Certificates; on the account: Account
                        Filter Lists, Load Balancing: Monitors and Pools
  SCALINGO_API_TOKEN    Of a collaborator of the apps. Scalingo has no tokens for
                        reading alone; a limited collaborator's does not open
                        variables and databases
  GOLIVE_TEST_SESSION   The value of the site's session cookie for a test account; it
                        is sent to the site, over https, and printed nowhere
  CLOUDFLARE_BASE_URL, SCALINGO_AUTH_URL, SCALINGO_API_URL, SCALINGO_DB_API_URL
                        Other addresses of these APIs: https, or this machine.
                        SSL_CERT_FILE names other roots than the system's; --ca does
                        not count here

Exit status: 0 go (warnings allowed), 1 no-go, 2 wrong call or blueprint,
3 nothing failed but something could not be tested, 130 interrupted.

Checks that only look (classes S0 and S1) are always run. What looks like an
attack or trips a limit (S2, S3) is run with a consent, a TOML file:

";

/// Check the live site from outside: DNS, certificates, redirects, CDN, cache; and what its providers were told.
///
/// Asks the blueprint's names and addresses only, two requests a second, plain GETs. Stops by itself when the site
/// suffers. Providers' APIs are read, never written, about the blueprint's zones and apps, with the tokens in the
/// environment.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}{}", consent::EXAMPLE))]
pub struct VerifyArgs {
    /// The site's TOML file
    pub blueprint: PathBuf,
    /// Run these checks alone: `*` is any text, `?` one character
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<String>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Run no check above this class, whatever the consent says [default: what the consent allows]
    #[arg(long, value_enum, value_name = "CLASS")]
    pub max_safety: Option<MaxSafety>,
    /// Stop asking after the first failure
    #[arg(long)]
    pub fail_fast: bool,
    /// Ask again, every minute or so, until nothing is red or unknown
    #[arg(long, conflicts_with_all = ["plan", "consent"])]
    pub watch: bool,
    /// Only say what would be asked
    #[arg(long)]
    pub plan: bool,
    #[command(flatten)]
    pub reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people at a terminal
    #[default]
    Text,
    /// For programs; stable
    Json,
    /// For CI servers: `unknown` is an error there
    Junit,
    /// For a ticket or a chat
    Markdown,
    /// One page that needs nothing else, readable on a phone
    Html,
}

impl Format {
    /// # Errors
    ///
    /// None that a report can cause; the writers' are passed on.
    pub fn of(self, report: &Report) -> anyhow::Result<String> {
        Ok(match self {
            Format::Text => text(report),
            Format::Json => json(report)?,
            Format::Junit => page::junit(report)?,
            Format::Markdown => page::markdown(report),
            Format::Html => page::html(report),
        })
    }
}

/// Between two runs of `--watch`.
const PAUSE: Duration = Duration::from_secs(60);
/// The same around the announcement (facts of the check catalogue, section 3, rule 8).
const QUIET_PAUSE: Duration = Duration::from_secs(300);

/// A class of safety that a live site may be asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MaxSafety {
    /// DNS and providers' APIs, read
    #[value(name = "S0")]
    S0,
    /// Plain GETs
    #[value(name = "S1")]
    S1,
    /// What looks like an attack, or goes past the CDN
    #[value(name = "S2")]
    S2,
    /// What trips limits
    #[value(name = "S3")]
    S3,
}

impl From<MaxSafety> for Safety {
    fn from(class: MaxSafety) -> Self {
        match class {
            MaxSafety::S0 => Safety::S0,
            MaxSafety::S1 => Safety::S1,
            MaxSafety::S2 => Safety::S2,
            MaxSafety::S3 => Safety::S3,
        }
    }
}

impl Exit {
    /// Go, no-go or untested.
    pub fn of(summary: &Summary) -> Self {
        match (summary.fail, summary.unknown) {
            (0, 0) => Exit::Go,
            (0, _) => Exit::Untested,
            _ => Exit::NoGo,
        }
    }
}

/// # Errors
///
/// A blueprint that cannot be read, a file of certificates that holds none, no check selected.
pub fn run(args: VerifyArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let VerifyArgs { blueprint: path, only, format, max_safety, fail_fast, watch, plan, reach } = args;
    let Some(read) = read(&path, ui)? else { return Ok(Exit::Wrong) };
    let loaded = &read.loaded;
    let Some(request) = reach.request(&loaded.site, ui)? else { return Ok(Exit::Wrong) };
    let max_safety = max_safety.map_or(Safety::S3, Safety::from);
    let request = ops::verify::Request { only, max_safety, fail_fast, ..request };
    if plan {
        let plan = ops::verify::plan(&loaded.blueprint, &loaded.site, &request)?;
        ui.print(&match format {
            Format::Text => report::plan::text(&plan),
            Format::Json => report::plan::json(&plan),
            _ => bail!("a plan is told as text or json"),
        })?;
        return Ok(Exit::Go);
    }
    if let Some(consent) = &request.consent {
        ui.say(&format!("to stop this run: Ctrl-C; whom to tell: {}", plain(&consent.stop_contact)));
    }
    let consent_sha256 = request.consent.as_ref().map(|consent| consent.sha256.clone());

    let outcome = loop {
        let Some(outcome) = once(loaded, request.clone(), ui)? else { return Ok(Exit::Interrupted) };
        if !watch || Exit::of(&outcome.summary()) == Exit::Go {
            break outcome;
        }
        if !waited(loaded, &outcome, ui)? {
            return Ok(Exit::Interrupted);
        }
    };
    let report = Report {
        blueprint_path: &read.path,
        blueprint_sha256: &read.sha256,
        consent_sha256: consent_sha256.as_deref(),
        left_out: &loaded.blueprint.left_out(),
        holders: loaded.blueprint.people.as_ref().map_or(&[], |people| &people.roles),
        outcome: &outcome,
    };
    ui.print(&format.of(&report)?)?;
    Ok(Exit::of(&outcome.summary()))
}

/// One verification; `None` when it was interrupted.
fn once(loaded: &Loaded, request: ops::verify::Request, ui: &mut Ui) -> anyhow::Result<Option<Outcome>> {
    let bar = ui.start_progress(0, "verifying");
    let on_event = |event| match event {
        Event::Started { total } => bar.set_length(total as u64),
        Event::Finished(result) => {
            bar.set_message(format!("{} {}", result.verdict.as_str(), result.id));
            bar.inc(1);
        }
    };
    let outcome = interruptible(ops::verify::verify(&loaded.blueprint, &loaded.site, request, on_event))?;
    ui.end_progress();
    outcome.transpose()
}

/// Tells what is not green, and lets time pass; `false` when it was interrupted.
fn waited(loaded: &Loaded, outcome: &Outcome, ui: &mut Ui) -> anyhow::Result<bool> {
    let now = Timestamp::now();
    for result in &outcome.results {
        if matches!(result.verdict, Verdict::Fail | Verdict::Unknown) {
            let countdown = result.old_until.and_then(|until| u64::try_from(until.duration_since(now).as_secs()).ok());
            let countdown = countdown.map_or_else(String::new, |seconds| format!(" (old answers die in {seconds} s)"));
            let line = format!("{} {} {}: {}", result.verdict.as_str(), result.id, result.subject, result.because);
            ui.say(&plain(&format!("{line}{countdown}")));
        }
    }
    let pause = if consent::quiet(&loaded.site).contains(&now) { QUIET_PAUSE } else { PAUSE };
    ui.say(&format!("again in {} s; Ctrl-C to stop", pause.as_secs()));
    let bar = ui.start_progress(pause.as_secs(), "waiting");
    let done = interruptible(async {
        for _ in 0..pause.as_secs() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            bar.inc(1);
        }
    })?;
    ui.end_progress();
    Ok(done.is_some())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::providers::api::access;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        args: VerifyArgs,
    }

    fn parse(arguments: &[&str]) -> Result<VerifyArgs, clap::Error> {
        Alone::try_parse_from([&["golive"], arguments].concat()).map(|alone| alone.args)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Alone::command().debug_assert();
        let help = parse(&["--help"]).unwrap_err().to_string();
        assert!(help.contains("--connect-to 203.0.113.10:443=10.0.0.7:8443"), "{help}");
        for variable in access::VARIABLES {
            assert!(help.contains(variable), "{variable}: {help}");
        }
    }

    #[test]
    fn addresses_are_read_with_and_without_ports() {
        let args = parse(&[
            "x.toml",
            "--resolver",
            "9.9.9.9",
            "--resolver",
            "2620:fe::fe",
            "--resolver",
            "[::1]:5353",
            "--connect-to",
            "203.0.113.10:443=127.0.0.1:8443",
            "--connect-to",
            "[2001:db8::1]:80=[::1]:8080",
        ])
        .unwrap();
        let resolvers: Vec<String> = args.reach.way.resolver.iter().map(ToString::to_string).collect();
        assert_eq!(resolvers, ["9.9.9.9:53", "[2620:fe::fe]:53", "[::1]:5353"]);
        assert_eq!(args.reach.way.connect_to[0].1.to_string(), "127.0.0.1:8443");
        assert_eq!(args.reach.way.connect_to[1].0.to_string(), "[2001:db8::1]:80");
        assert_eq!(args.format, Format::Text);
    }

    #[test]
    fn wrong_calls_are_refused_with_an_example() {
        for (flag, value, hint) in [
            ("--resolver", "dns.example.net", "9.9.9.9"),
            ("--resolver", "9.9.9.9:99999", "9.9.9.9"),
            ("--connect-to", "203.0.113.10=127.0.0.1", "127.0.0.1:8443"),
            ("--connect-to", "203.0.113.10:443", "127.0.0.1:8443"),
            ("--format", "xml", "json"),
        ] {
            let error = parse(&["x.toml", flag, value]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(hint), "{error}");
        }
        assert_eq!(parse(&[]).unwrap_err().exit_code(), 2);
    }
}
