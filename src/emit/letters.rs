//! Letters to those outside who must keep up, or know: vendors, partners, the platform's support.

use jiff::SignedDuration;
use serde::Serialize;

use super::Artifact;
use super::documents::announcement_timezone;
use super::templates::document;
use crate::blueprint::{Blueprint, Site};
use crate::capacity::Capacity;
use crate::concerns::fragment::{Letter, PlatformRequest};
use crate::concerns::third_parties::{PartnerTable, Vendor};
use crate::language::{Language, Said};

/// So long before the announcement a load may be tried, and after it a peak may last.
const AROUND: SignedDuration = SignedDuration::from_hours(4);

/// Where the letter stands.
pub fn path(letter: &Letter) -> String {
    let name = match letter {
        Letter::Vendor(vendor) => vendor.name.as_str(),
        Letter::Partner(partner) => partner.name.as_str(),
        Letter::Platform(_) => "platform",
    };
    format!("letters/{name}.md")
}

/// What it is for, and who sends it.
pub fn purpose(letter: &Letter) -> (Said, Said) {
    let sent = || Said::new("you send it; see [third_parties]", "à envoyer par vos soins ; voir [third_parties]");
    match letter {
        Letter::Vendor(_) => {
            (Said::new("the quota that the peak needs, in writing", "le quota que demande le pic, par écrit"), sent())
        }
        Letter::Partner(_) => (
            Said::new("what comes when, from where, and whom to call", "ce qui arrive, quand, d'où, et qui appeler"),
            sent(),
        ),
        Letter::Platform(_) => (
            Said::new(
                "the containers to allow, the load tests to permit",
                "les conteneurs à autoriser, les tests de charge à permettre",
            ),
            Said::new(
                "you send it to the platform's support, two weeks before",
                "à envoyer au support de la plateforme, deux semaines avant",
            ),
        ),
    }
}

pub fn letter(letter: &Letter, blueprint: &Blueprint, site: &Site) -> Artifact {
    let (language, frame) = (site.language, Frame::new(blueprint, site));
    let text = match letter {
        Letter::Vendor(one) => document(language, "vendor", &vendor(one, frame, language)),
        Letter::Partner(one) => document(language, "partner", &partner(one, frame, site)),
        Letter::Platform(one) => document(language, "platform", &platform(one, frame)),
    };
    Artifact { path: path(letter), text }
}

#[derive(Debug, Serialize)]
struct Frame {
    title: String,
    contact: String,
    announcement: String,
    from: String,
    until: String,
}

impl Frame {
    fn new(blueprint: &Blueprint, site: &Site) -> Self {
        let timezone = announcement_timezone(blueprint);
        let moment = |distance: SignedDuration| {
            let instant = site.announcement.checked_add(distance).unwrap_or(site.announcement);
            site.language.moment(instant, &timezone)
        };
        Self {
            title: site.title.to_string(),
            contact: site.contact.to_string(),
            announcement: moment(SignedDuration::ZERO),
            from: moment(-AROUND),
            until: moment(AROUND),
        }
    }
}

#[derive(Debug, Serialize)]
struct VendorValues {
    frame: Frame,
    name: String,
    whom: String,
    unit: String,
    per: String,
    needed: String,
    /// Half as much again.
    wanted: String,
    promised: String,
    in_writing_on: String,
}

fn vendor(vendor: &Vendor, frame: Frame, language: Language) -> VendorValues {
    let needed = u64::from(vendor.needed.get());
    VendorValues {
        frame,
        name: vendor.name.to_string(),
        whom: vendor.contact.to_string(),
        unit: vendor.unit.to_string(),
        per: vendor.per.said().told_in(language).to_owned(),
        needed: language.number(needed),
        wanted: language.number((needed * 3).div_ceil(2)),
        promised: vendor.promised.map(|number| language.number(number.get().into())).unwrap_or_default(),
        in_writing_on: vendor.in_writing_on.map(|day| language.day(day.date())).unwrap_or_default(),
    }
}

#[derive(Debug, Serialize)]
struct PartnerValues {
    frame: Frame,
    name: String,
    whom: String,
    role: String,
    host: String,
    names: Vec<String>,
    addresses: Vec<String>,
    mean: String,
    peak: String,
    visitors: String,
    minutes: String,
}

fn partner(partner: &PartnerTable, frame: Frame, site: &Site) -> PartnerValues {
    let capacity = crate::capacity::of(site);
    let number = |of: fn(&Capacity) -> u64| capacity.as_ref().map(|c| site.language.number(of(c))).unwrap_or_default();
    PartnerValues {
        frame,
        name: partner.name.to_string(),
        whom: partner.contact.to_string(),
        role: partner.role.to_string(),
        host: site.host.to_string(),
        names: site.redirected.iter().flat_map(|redirect| &redirect.names).map(ToString::to_string).collect(),
        addresses: partner.addresses.iter().map(|network| network.get().to_string()).collect(),
        mean: number(|c| c.visits_mean),
        peak: number(|c| c.visits_peak),
        visitors: number(|c| c.visitors),
        minutes: number(|c| c.window_minutes),
    }
}

#[derive(Debug, Serialize)]
struct PlatformValues {
    frame: Frame,
    region: &'static str,
    rows: Vec<PlatformRow>,
}

#[derive(Debug, Serialize)]
struct PlatformRow {
    app: String,
    container: String,
    most: u32,
    allowed: u32,
}

fn platform(request: &PlatformRequest, frame: Frame) -> PlatformValues {
    let rows = request.containers.iter().map(|(app, container, most, allowed)| PlatformRow {
        app: app.to_string(),
        container: container.to_string(),
        most: *most,
        allowed: *allowed,
    });
    PlatformValues { frame, region: request.region.as_str(), rows: rows.collect() }
}
