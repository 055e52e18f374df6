//! What a person does about `[mail]`.

use super::Mail;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(mail: &Mail, site: &Site) -> Procedure {
    let mut before = vec![
        format!("Send letters/mail-provider.md to {}: quotas and new addresses take weeks.", mail.provider),
        "Where a name has an SPF record already, merge its terms into ours: two records are as good as none."
            .to_owned(),
    ];
    for domain in mail.domains.iter().filter(|domain| domain.transport.is_some()) {
        before.push(format!(
            "Serve mail/{0}/mta-sts.txt as https://mta-sts.{0}/.well-known/mta-sts.txt, then have the record published \
             with its id; again after each change of the mail servers, the policy first.",
            domain.name
        ));
    }
    if mail.domains.iter().any(|domain| !domain.senders.is_empty()) {
        before.push("Send dns/requests/ptr.md to the owner of the addresses.".to_owned());
    }
    if mail.sends() {
        before.push(
            "Weeks before, send a little more each day from each dedicated address, and note the first day as \
             `warm_since`. A key that is more than a year old: have another made under a second selector, switch, and \
             take the old one out a week later."
                .to_owned(),
        );
        before.push(format!(
            "{} messages are expected in a day: have what need not be read at once wait in the site's own queue.",
            mail.messages_per_day
        ));
    }
    Procedure {
        before,
        when_red: vec![
            "SPF: `dig NAME TXT` at each name server; one record starts with v=spf1. Too many look-ups: drop the \
             include that is not used on the day."
                .to_owned(),
            "DKIM: compare the published `p=` with the provider's page, to its last character.".to_owned(),
            "4xx or 5.7.x answers in the provider's log: read which rule of the receiver they name, and slow down before \
             that is mended."
                .to_owned(),
            "Mail is refused on the day: let the site confirm later (within 24 or 48 hours) rather than send from \
             other addresses."
                .to_owned(),
        ],
        undo: vec![format!(
            "Ask for the former records. A DMARC policy that costs wanted mail goes back to p=none first; receivers \
             keep the old one for {} s.",
            site.steady_ttl
        )],
    }
}
