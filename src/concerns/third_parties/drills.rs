//! Faults that `[third_parties]` must catch.

use super::{Service, ThirdParties};
use crate::blueprint::Site;
use crate::blueprint::value::{Count, Label};
use crate::concerns::{Drill, Drills, OneOrMore};

pub fn drills(parties: &ThirdParties, site: &Site) -> Drills {
    let mut all = Vec::new();
    let mail = parties.vendors.iter().find(|vendor| vendor.service == Service::Mail);
    if let Some(vendor) = mail.or(parties.vendors.first()) {
        let mut reddens = vec!["cap.third"];
        // Whoever sends the site's mail leans on it.
        reddens.extend((vendor.service == Service::Mail && site.sends_mail()).then_some("mail.warmup"));
        all.push(quota(vendor.name.clone(), reddens));
    }
    all.extend(parties.partners.first().map(|partner| not_warned(partner.name.clone())));
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => Drills::Run(OneOrMore(first, all.collect())),
        None => Drills::None { because: "the blueprint names nobody" },
    }
}

fn quota(name: Label, reddens: Vec<&'static str>) -> Drill {
    Drill {
        number: Some(72),
        id: "quota-a-tenth",
        fault: "the vendor's quota is a tenth of what the night needs",
        reddens,
        inject: Box::new(move |staging| {
            let parties = staging.site.third_parties.as_mut().ok_or("no third parties")?;
            let vendor = parties.vendors.iter_mut().find(|vendor| vendor.name == name).ok_or("no such vendor")?;
            vendor.promised = Some(Count::new(vendor.needed.get() / 10));
            Ok(())
        }),
    }
}

fn not_warned(name: Label) -> Drill {
    Drill {
        number: None,
        id: "partner-not-warned",
        fault: "nobody told the partner",
        reddens: vec!["ppl.partners"],
        inject: Box::new(move |staging| {
            let parties = staging.site.third_parties.as_mut().ok_or("no third parties")?;
            let partner = parties.partners.iter_mut().find(|partner| partner.name == name).ok_or("no such partner")?;
            partner.warned_on.take().map(drop).ok_or_else(|| "nobody told it anyway".to_owned())
        }),
    }
}
