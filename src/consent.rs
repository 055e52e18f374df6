//! A consent file: who lets golive do more to a live site than look at it, to what, when, and how fast (facts of the
//! check catalogue, section 3, rule 2). Must not say what a check does to a site: that is its safety class.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use toml::Spanned;

use crate::blueprint::Site;
use crate::blueprint::value::{Count, HostName, Moment, Text};
use crate::concerns::{Check, Safety};
use crate::keys::{self, Keys, Refusal};
use crate::verify::is_selected;

/// Where an example stands.
const HELP: &str = "an example: golive verify --help";

/// Longest window: what was agreed to for longer was agreed to by people who have gone home.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// So long before the announcement nothing above S1 is sent to a live site (rule 8).
const QUIET_BEFORE: SignedDuration = SignedDuration::from_hours(2);
/// How long the audience is taken to come when the blueprint does not say so.
const QUIET_AFTER: SignedDuration = SignedDuration::from_hours(3);

/// Read, and sound for one site.
#[derive(Debug, Clone)]
pub struct Consent {
    /// Of the file's bytes, in lower-case hexadecimal: results name it.
    pub sha256: String,
    scope: Vec<String>,
    /// The highest class agreed to: S2 or S3.
    max_safety: Safety,
    from: Timestamp,
    until: Timestamp,
    /// Requests a second, while a burst runs.
    pub most_per_second: u32,
    /// Whom to tell to stop, and who may.
    pub stop_contact: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Party {
    Site,
    Cdn,
    Host,
    Mail,
}

impl Party {
    fn as_str(self) -> &'static str {
        match self {
            Party::Site => "site",
            Party::Cdn => "cdn",
            Party::Host => "host",
            Party::Mail => "mail",
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Highest {
    S2,
    S3,
}

/// An example, for whoever writes one.
pub const EXAMPLE: &str = r#"host = "covid19.reserve-civique.gouv.fr"    # the announced name
scope = ["rate.*", "waf.signature"]         # ids of checks, `*` for any text
max_safety = "S3"                           # S2 or S3; --plan says which is whose
from = 2020-03-20T22:00:00+01:00
until = 2020-03-21T02:00:00+01:00           # at most 24 hours
most_per_second = 50                        # requests, while a limit is tried
stop_contact = "war room, +33 1 00 00 00 00"

# One each: site for S2; for S3 host too, cdn behind one, and mail for mail.*
[[granted_by]]
party = "site"
name = "A. Martin"
role = "lead"
on = 2020-03-19T10:00:00+01:00
"#;

impl Consent {
    /// Reads a consent to checks of this site.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the file.
    pub fn read(bytes: &[u8], site: &Site) -> Result<Self, Vec<Refusal>> {
        let refuse = |bytes, message: String, remedy: &str| Refusal { bytes, message, remedy: remedy.to_owned() };
        let (document, whole) = keys::document(bytes)?;
        let mut refusals = Vec::new();
        let mut table = Keys::new(document, whole, "the consent", HELP, &mut refusals);
        let host: Option<Spanned<HostName>> = table.take("host");
        let scope: Option<Spanned<Vec<String>>> = table.take("scope");
        let highest: Option<Spanned<Highest>> = table.take("max_safety");
        let from: Option<Spanned<Moment>> = table.take("from");
        let until: Option<Spanned<Moment>> = table.take("until");
        let most: Option<Spanned<Count>> = table.take("most_per_second");
        let stop_contact: Option<Spanned<Text>> = table.take("stop_contact");
        let granted = table.take_tables("granted_by");
        table.refuse_the_rest();
        let mut parties = Vec::new();
        for (table, at) in granted {
            let mut keys = Keys::new(table, at, "`[[granted_by]]`", HELP, &mut refusals);
            let party: Option<Party> = keys.take("party");
            let _: (Option<Text>, Option<Text>) = (keys.take("name"), keys.take("role"));
            let on: Option<Spanned<Moment>> = keys.take("on");
            keys.refuse_the_rest();
            parties.extend(party);
            if let (Some(on), Some(until)) = (&on, &until)
                && on.get_ref().instant() > until.get_ref().instant()
            {
                let message = "this was granted after the window".to_owned();
                refusals.push(refuse(on.span(), message, "correct the date, or ask again"));
            }
        }

        if let Some(host) = &host
            && *host.get_ref() != site.host
        {
            let message = format!("this consent is for {}, the blueprint announces {}", host.get_ref(), site.host);
            refusals.push(refuse(host.span(), message, "ask whoever owns this site"));
        }
        if let Some(scope) = &scope
            && scope.get_ref().is_empty()
        {
            let message = "this consent is to no check".to_owned();
            refusals.push(refuse(scope.span(), message, "name checks, as in `scope = [\"rate.*\"]`"));
        }
        if let (Some(from), Some(until)) = (&from, &until) {
            let length = until.get_ref().instant().duration_since(from.get_ref().instant());
            if length <= SignedDuration::ZERO {
                let message = "the window ends before it begins".to_owned();
                refusals.push(refuse(until.span(), message, "write a later moment"));
            } else if length > LONGEST {
                let message = format!("the window is {} hours long", length.as_hours());
                refusals.push(refuse(until.span(), message, "agree to 24 hours at most, and again if need be"));
            }
        }
        if let Some(highest) = &highest {
            let is_about_mail = scope.iter().any(|scope| scope.get_ref().iter().any(|glob| glob.starts_with("mail.")));
            let is_above_s2 = matches!(highest.get_ref(), Highest::S3);
            let needed = [
                (Party::Site, true),
                (Party::Cdn, is_above_s2 && site.cdn.is_some()),
                (Party::Host, is_above_s2),
                (Party::Mail, is_above_s2 && is_about_mail),
            ];
            for (party, _) in needed.into_iter().filter(|(party, needed)| *needed && !parties.contains(party)) {
                let message = format!("nobody of the {} has agreed", party.as_str());
                let remedy = format!("add a `[[granted_by]]` with party = \"{}\", or lower max_safety", party.as_str());
                refusals.push(refuse(highest.span(), message, &remedy));
            }
        }
        refusals.sort_by_key(|refusal| refusal.bytes.start);

        match (scope, highest, from, until, most, stop_contact) {
            (Some(scope), Some(highest), Some(from), Some(until), Some(most), Some(contact)) if refusals.is_empty() => {
                Ok(Self {
                    sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)),
                    scope: scope.into_inner(),
                    max_safety: match highest.into_inner() {
                        Highest::S2 => Safety::S2,
                        Highest::S3 => Safety::S3,
                    },
                    from: from.into_inner().instant(),
                    until: until.into_inner().instant(),
                    most_per_second: most.into_inner().get(),
                    stop_contact: contact.into_inner().to_string(),
                })
            }
            _ => Err(refusals),
        }
    }

    /// # Errors
    ///
    /// Why this check may not be run at this moment, as the end of a sentence that names its class.
    pub fn permits(&self, check: &Check, now: Timestamp) -> Result<(), String> {
        if check.safety > self.max_safety {
            return Err(format!("the consent goes to {} only", self.max_safety.as_str()));
        }
        if !is_selected(check.id, &self.scope) {
            return Err("the consent is to other checks".to_owned());
        }
        if now < self.from {
            return Err(format!("the consent begins at {}", self.from));
        }
        if now >= self.until {
            return Err(format!("the consent ended at {}", self.until));
        }
        Ok(())
    }
}

/// When a live site is left in peace whatever anybody agreed to: from two hours before the announcement to the end of
/// the audience's window (facts of the check catalogue, section 3, rule 8).
pub fn quiet(site: &Site) -> Range<Timestamp> {
    let window = site
        .audience
        .as_ref()
        .map_or(QUIET_AFTER, |audience| SignedDuration::from_mins(audience.window_minutes.get().into()));
    let moved = |by| site.announcement.saturating_add(by).unwrap_or(site.announcement);
    moved(-QUIET_BEFORE)..moved(window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::load;
    use crate::concerns::Judgement;

    fn site() -> Site {
        let sample = include_bytes!("../blueprints/jeveuxaider.toml");
        load::read("sample".to_owned(), sample).draft.expect("the sample is sound").loaded.site
    }

    /// [`EXAMPLE`], whole, with texts replaced.
    fn text(edits: &[(&str, &str)]) -> String {
        let others = ["cdn", "host"].map(|party| {
            format!("[[granted_by]]\nparty = \"{party}\"\nname = \"B\"\nrole = \"duty\"\non = 2020-03-19T11:00:00Z\n")
        });
        let mut text = EXAMPLE.to_owned() + &others.concat();
        for (from, to) in edits {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        text
    }

    fn check(id: &'static str, safety: Safety) -> Check {
        Check {
            id,
            subject: String::new(),
            safety,
            blocked_by: vec![],
            disturbs: false,
            ask: vec![],
            judge: Box::new(|_| Judgement::pass("")),
            remedy: String::new(),
            source: "",
            valid_for_seconds: 0,
        }
    }

    #[test]
    fn what_was_agreed_to_is_permitted_and_nothing_else() {
        let consent = Consent::read(text(&[]).as_bytes(), &site()).expect("sound");
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let within = at("2020-03-21T00:00:00+01:00");
        assert_eq!(consent.permits(&check("rate.trips", Safety::S3), within), Ok(()));
        for (id, safety, now, why) in [
            ("origin.lock", Safety::S2, within, "other checks"),
            ("rate.trips", Safety::S3, at("2020-03-20T21:59:59+01:00"), "begins at"),
            ("rate.trips", Safety::S3, at("2020-03-21T02:00:00+01:00"), "ended at"),
            ("rate.trips", Safety::S4, within, "S3 only"),
        ] {
            let refused = consent.permits(&check(id, safety), now).expect_err(why);
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        for (from, to, at, what) in [
            ("max_safety = \"S3\"", "max_safety = \"S9\"", "\"S9\"", "unknown variant `S9`"),
            ("covid19.", "other.", "\"other.reserve-civique.gouv.fr\"", "the blueprint announces covid19."),
            ("[\"rate.*\", \"waf.signature\"]", "[]", "[]", "to no check"),
            (
                "from = 2020-03-20T22:00:00+01:00",
                "from = 2020-03-20T22:00:00",
                "2020-03-20T22:00:00 ",
                "not an instant",
            ),
            ("until = 2020-03-21T02", "until = 2020-03-20T02", "2020-03-20T02:00:00+01:00", "ends before it begins"),
            ("until = 2020-03-21T02", "until = 2020-03-23T02", "2020-03-23T02:00:00+01:00", "52 hours long"),
            ("stop_contact = \"war room, +33 1 00 00 00 00\"\n", "", "", "no `stop_contact`"),
            ("most_per_second = 50", "most_per_second = 0", "0 ", ""),
            ("party = \"host\"", "party = \"mail\"", "\"S3\"", "nobody of the host"),
            ("\"rate.*\"", "\"mail.*\"", "\"S3\"", "nobody of the mail"),
            ("on = 2020-03-19T10", "on = 2020-03-29T10", "2020-03-29T10:00:00+01:00", "after the window"),
            ("name = \"A. Martin\"", "names = \"A. Martin\"", "names", "no key `names`"),
            ("host = ", "host = = ", "", ""),
        ] {
            let text = text(&[(from, to)]);
            let refusals = Consent::read(text.as_bytes(), &site()).expect_err(to);
            let told = refusals.iter().find(|refusal| refusal.message.contains(what));
            let told = told.unwrap_or_else(|| panic!("{to}: {refusals:?}"));
            assert!(text[told.bytes.clone()].starts_with(at.trim_end()), "{to}: {told:?}");
        }
        let refusals = Consent::read(b"", &site()).expect_err("an empty file");
        assert_eq!(refusals.len(), 8, "all at once: {refusals:?}");
        assert!(Consent::read(b"\xff", &site()).expect_err("no text")[0].message.contains("UTF-8"));
    }

    #[test]
    fn around_the_announcement_the_site_is_left_in_peace() {
        let site = site();
        let quiet = quiet(&site);
        assert!(quiet.contains(&site.announcement));
        assert_eq!(site.announcement.duration_since(quiet.start), QUIET_BEFORE);
        assert_eq!(quiet.end.duration_since(site.announcement), SignedDuration::from_mins(30));
    }
}
