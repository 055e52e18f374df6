//! Letters to those outside who must keep up, or know: vendors, partners, the platform's support.

use jiff::SignedDuration;
use serde::Serialize;

use super::Artifact;
use super::documents::{announcement_timezone, written};
use super::templates::{Syntax, render};
use crate::blueprint::{Blueprint, Site};
use crate::capacity::grouped;
use crate::concerns::fragment::{Letter, PlatformRequest};
use crate::concerns::third_parties::{PartnerTable, Vendor};

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
pub fn purpose(letter: &Letter) -> (String, &'static str) {
    match letter {
        Letter::Vendor(_) => {
            ("the quota that the peak needs, in writing".to_owned(), "you send it; see [third_parties]")
        }
        Letter::Partner(_) => {
            ("what comes when, from where, and whom to call".to_owned(), "you send it; see [third_parties]")
        }
        Letter::Platform(_) => (
            "the containers to allow, the load tests to permit".to_owned(),
            "you send it to the platform's support, two weeks before",
        ),
    }
}

pub fn letter(letter: &Letter, blueprint: &Blueprint, site: &Site) -> Artifact {
    let frame = Frame::new(blueprint, site);
    let text = match letter {
        Letter::Vendor(one) => render(Syntax::Markdown, "vendor.md", &vendor(one, frame)),
        Letter::Partner(one) => render(Syntax::Markdown, "partner.md", &partner(one, frame, site)),
        Letter::Platform(one) => render(Syntax::Markdown, "platform.md", &platform(one, frame)),
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
            written(site.announcement.checked_add(distance).unwrap_or(site.announcement), &timezone)
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
    per: &'static str,
    needed: String,
    /// Half as much again.
    wanted: String,
    promised: String,
    in_writing_on: String,
}

fn vendor(vendor: &Vendor, frame: Frame) -> VendorValues {
    let needed = u64::from(vendor.needed.get());
    VendorValues {
        frame,
        name: vendor.name.to_string(),
        whom: vendor.contact.to_string(),
        unit: vendor.unit.to_string(),
        per: vendor.per.as_str(),
        needed: grouped(needed),
        wanted: grouped((needed * 3).div_ceil(2)),
        promised: vendor.promised.map(|number| grouped(number.get().into())).unwrap_or_default(),
        in_writing_on: vendor.in_writing_on.map(|day| day.to_string()).unwrap_or_default(),
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
    let number =
        |of: fn(&crate::capacity::Capacity) -> u64| capacity.as_ref().map(|c| grouped(of(c))).unwrap_or_default();
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
