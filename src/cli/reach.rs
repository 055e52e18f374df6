//! How the live site is reached, and what may be done to it: the arguments that verifying and launching share.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Ui;
use crate::blueprint::Site;
use crate::concerns::Safety;
use crate::consent::Consent;
use crate::providers::api::Access;
use crate::world::Roots;
use crate::{ops, report};

#[derive(Debug, Args)]
pub struct Reach {
    /// Leave to do more than look: who agreed, to which checks, when, how fast
    #[arg(long, value_name = "FILE")]
    pub consent: Option<PathBuf>,
    #[command(flatten)]
    pub way: Way,
}

/// How the live site is reached.
#[derive(Debug, Args)]
pub struct Way {
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

impl Reach {
    /// Every check, as far as the consent goes; `None` when that is refused, and the person has been told why.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or of certificates that holds none.
    pub fn request(self, site: &Site, ui: &mut Ui) -> anyhow::Result<Option<ops::verify::Request>> {
        let consent = match self.consent {
            None => None,
            Some(file) => match agreed(&file, site, ui)? {
                Some(consent) => Some(consent),
                None => return Ok(None),
            },
        };
        Ok(Some(ops::verify::Request {
            only: Vec::new(),
            roots: self.way.roots()?,
            resolvers: self.way.resolver,
            routes: self.way.connect_to.into_iter().collect(),
            access: Access::from_environment(),
            consent,
            max_safety: Safety::S3,
            fail_fast: false,
        }))
    }
}

impl Way {
    /// # Errors
    ///
    /// A file of certificates that cannot be read, or holds none.
    pub fn roots(&self) -> anyhow::Result<Roots> {
        Ok(match &self.ca {
            Some(file) => Roots::SystemAnd(certificates(file)?),
            None => Roots::System,
        })
    }
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

/// The consent of a file; `None` when it is refused, and the person has been told why.
fn agreed(file: &Path, site: &Site, ui: &mut Ui) -> anyhow::Result<Option<Consent>> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read the consent {name}"))?;
    match Consent::read(&bytes, site) {
        Ok(consent) => Ok(Some(consent)),
        Err(refusals) => {
            ui.say(report::findings::refusals(&name, &String::from_utf8_lossy(&bytes), &refusals).trim_end());
            Ok(None)
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_certificates_are_named_when_they_hold_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        for (text, fault) in [("", "no PEM certificate"), ("-----BEGIN CERTIFICATE-----\n!\n", "ca.pem: ")] {
            std::fs::write(&file, text).unwrap();
            let error = certificates(&file).unwrap_err().to_string();
            assert!(error.contains("ca.pem") && error.contains(fault), "{error}");
        }
        assert!(certificates(&folder.path().join("absent.pem")).unwrap_err().to_string().contains("absent.pem"));
        let pem = rcgen::generate_simple_self_signed(vec!["ca.example".into()]).unwrap().cert.pem();
        std::fs::write(&file, pem.repeat(2)).unwrap();
        assert_eq!(certificates(&file).unwrap().len(), 2);
    }
}
