//! Whether those outside keep up, and know. What they promised stands in the blueprint: nothing is asked.

use super::{PartnerTable, ThirdParties, Vendor};
use crate::blueprint::Site;
use crate::capacity::grouped;
use crate::concerns::{Check, Judgement, OneOrMore, Safety};

const VALID_FOR_SECONDS: u32 = 86_400;

pub fn checks(parties: &ThirdParties, site: &Site) -> OneOrMore<Check> {
    let parties = site.third_parties.as_ref().unwrap_or(parties);
    let mut all = parties.vendors.iter().map(quota).chain(parties.partners.iter().map(warned));
    match all.next() {
        Some(first) => OneOrMore(first, all.collect()),
        // Refused by `third_parties.empty`.
        None => {
            let nobody = Judgement::unknown("the blueprint's [third_parties] names nobody");
            OneOrMore(
                check("cap.third", "nobody".to_owned(), nobody, "name a vendor or remove the table".to_owned()),
                vec![],
            )
        }
    }
}

fn check(id: &'static str, subject: String, judgement: Judgement, remedy: String) -> Check {
    Check {
        id,
        subject,
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![],
        judge: Box::new(move |_| judgement.clone()),
        remedy,
        source: "JVA-21, DOC-6, DOC-8",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// What a good promise is: half as much again as what is needed.
pub(super) fn wanted(vendor: &Vendor) -> u64 {
    (u64::from(vendor.needed.get()) * 3).div_ceil(2)
}

/// `cap.third`: half as much again as needed, and in writing. A promise on the phone is no answer.
fn quota(vendor: &Vendor) -> Check {
    let (unit, per, wanted) = (&vendor.unit, vendor.per.as_str(), wanted(vendor));
    let judgement = match (vendor.promised, vendor.in_writing_on) {
        (None, _) => Judgement::fail(format!("nothing is promised; {} {unit} a {per} are wanted", grouped(wanted))),
        (Some(promised), _) if u64::from(promised.get()) < wanted => Judgement::fail(format!(
            "{} {unit} a {per} promised, {} wanted",
            grouped(promised.get().into()),
            grouped(wanted)
        )),
        (Some(_), None) => Judgement::unknown("promised, and not in writing"),
        (Some(promised), Some(day)) => {
            Judgement::pass(format!("{} {unit} a {per} promised on {day}", grouped(promised.get().into())))
        }
    };
    let remedy = format!("get {} {unit} a {per} in writing; see letters/{}.md", grouped(wanted), vendor.name);
    check("cap.third", vendor.name.to_string(), judgement, remedy)
}

/// `ppl.partners`: told of the launch, somebody to call.
fn warned(partner: &PartnerTable) -> Check {
    let judgement = match partner.warned_on {
        Some(day) => Judgement::pass(format!("warned on {day}")),
        None => Judgement::fail("not warned"),
    };
    let remedy = format!("warn {}; see letters/{}.md", partner.name, partner.name);
    check("ppl.partners", partner.name.to_string(), judgement, remedy)
}

#[cfg(test)]
mod tests {
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, sample, verdict};

    #[test]
    fn a_promise_is_large_enough_and_written() {
        for (edit, wanted) in [
            ("promised = 1000", Verdict::Pass),
            ("promised = 600", Verdict::Pass),
            ("promised = 599", Verdict::Fail),
            ("", Verdict::Fail),
        ] {
            let (blueprint, site) = sample(&[("promised = 1000\n", &format!("{edit}\n"))]);
            assert_eq!(verdict(&check(&blueprint, &site, "cap.third", "algolia"), &[]), Some(wanted), "{edit}");
        }
        let (blueprint, site) = sample(&[("in_writing_on = 2020-03-20\n", "")]);
        assert_eq!(verdict(&check(&blueprint, &site, "cap.third", "algolia"), &[]), Some(Verdict::Unknown));
    }
}
