//! `golive verify`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{Exit, Ui, interruptible, read};
use crate::ops;
use crate::report::verify::{Report, json, text};
use crate::verify::{Event, Summary};
use crate::world::Roots;

const EXAMPLES: &str = "\
Examples:
  golive verify blueprints/jeveuxaider.toml
  golive verify blueprints/jeveuxaider.toml --only 'dns.*' --resolver 9.9.9.9
  golive verify blueprints/jeveuxaider.toml --format json > verify.json
  # A staging copy in place of the origin, with its own certificate authority:
  golive verify blueprints/jeveuxaider.toml --ca staging-ca.pem \\
      --connect-to 203.0.113.10:443=10.0.0.7:8443

Exit status: 0 go (warnings allowed), 1 no-go, 2 wrong call or blueprint,
3 nothing failed but something could not be tested, 130 interrupted.";

/// Check the live site from outside: DNS, certificates, redirects, CDN, cache.
///
/// Asks the blueprint's names and addresses only, two requests a second, plain GETs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// The site's TOML file
    pub blueprint: PathBuf,
    /// Run these checks alone: `*` is any text, `?` one character
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Ask this recursive resolver instead of the system's; several are tried in order
    #[arg(long, value_name = "IP[:PORT]", value_parser = resolver)]
    pub resolver: Vec<SocketAddr>,
    /// Where the first address would be contacted, contact the second
    #[arg(long, value_name = "IP:PORT=IP:PORT", value_parser = route)]
    pub connect_to: Vec<(SocketAddr, SocketAddr)>,
    /// Believe these certificates too (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
}

fn resolver(text: &str) -> Result<SocketAddr, String> {
    let bare = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    bare.or_else(|_| text.parse())
        .map_err(|_| "an address, with or without a port: 9.9.9.9, [2620:fe::fe]:53".to_owned())
}

fn route(text: &str) -> Result<(SocketAddr, SocketAddr), String> {
    let ends = text.split_once('=').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    ends.ok_or_else(|| "two addresses with ports: 203.0.113.10:443=127.0.0.1:8443".to_owned())
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
    let VerifyArgs { blueprint: path, only, format, resolver, connect_to, ca } = args;
    let Some(read) = read(&path, ui)? else { return Ok(Exit::Wrong) };
    let loaded = &read.loaded;
    let request = ops::verify::Request {
        only,
        resolvers: resolver,
        routes: connect_to.into_iter().collect(),
        roots: match ca {
            Some(file) => Roots::SystemAnd(certificates(&file)?),
            None => Roots::System,
        },
    };

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
    let Some(outcome) = outcome else { return Ok(Exit::Interrupted) };
    let outcome = outcome?;

    let report = Report {
        blueprint_path: &read.path,
        blueprint_sha256: &read.sha256,
        left_out: &loaded.blueprint.left_out(),
        outcome: &outcome,
    };
    ui.print(&match format {
        Format::Text => text(&report),
        Format::Json => json(&report)?,
    })?;
    Ok(Exit::of(&outcome.summary()))
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let name = || file.display().to_string();
    let found = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| anyhow::anyhow!("{}: {error}", name()))?;
    if found.is_empty() {
        bail!("{}: no PEM certificate in it", name());
    }
    Ok(found)
}
