//! Questions that no program can answer: somebody looks, and `[[people.attested]]` says what was seen, and when.
//!
//! Must not pass what nobody saw: without an answer, and with an old one, the check is unknown.

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::people::{Attested, Role};
use super::{Check, Drill, Judgement, Safety};
use crate::blueprint::Site;
use crate::blueprint::value::Day;
use crate::language::{Language, Said};
use crate::rehearsal::staging::Staging;

/// A question to a role; its name is the id of the check that depends on the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Question {
    /// Did the origin hear of no more requests than the edge had misses?
    #[serde(rename = "cache.offload")]
    CacheOffload,
    /// Were the time that the main queries take and the number of rows compared, so that no index is missing?
    #[serde(rename = "db.index")]
    DatabaseIndex,
    /// Does a bounce come back as an event of the provider?
    #[serde(rename = "mail.bounce")]
    MailBounce,
    /// Are complaints below 0.3 % where the large providers show them?
    #[serde(rename = "mail.bulk")]
    MailBulk,
    /// Does a real message pass at three large providers?
    #[serde(rename = "mail.dmarc.align")]
    MailDmarcAlign,
    /// Does the provider say that each sending domain, and not a mailbox, is verified?
    #[serde(rename = "mail.verified")]
    MailVerified,
}

impl Question {
    pub const ALL: [Question; 6] = [
        Question::CacheOffload,
        Question::DatabaseIndex,
        Question::MailBounce,
        Question::MailBulk,
        Question::MailDmarcAlign,
        Question::MailVerified,
    ];

    pub fn id(self) -> &'static str {
        match self {
            Question::CacheOffload => "cache.offload",
            Question::DatabaseIndex => "db.index",
            Question::MailBounce => "mail.bounce",
            Question::MailBulk => "mail.bulk",
            Question::MailDmarcAlign => "mail.dmarc.align",
            Question::MailVerified => "mail.verified",
        }
    }

    /// Who looks.
    pub fn role(self) -> Role {
        match self {
            Question::CacheOffload => Role::App,
            Question::DatabaseIndex => Role::Database,
            Question::MailBounce | Question::MailBulk | Question::MailDmarcAlign | Question::MailVerified => Role::Mail,
        }
    }

    /// What to look at, as an order.
    pub fn asks(self) -> Said {
        match self {
            Question::CacheOffload => Said::new(
                "count golive's requests (by its User-Agent) in the origin's log around a run of cache.ratio: they are no \
                 more than the misses that it saw, plus a twentieth",
                "compter les requêtes de golive (par leur User-Agent) dans le journal de l'origine autour d'une exécution \
                 de cache.ratio : elles ne dépassent pas les échecs de cache qu'il a vus, plus un vingtième",
            ),
            Question::DatabaseIndex => Said::new(
                "time the main inserts and queries at 10,000, 100,000 and a million rows: none takes 1.5 times as long \
                 with ten times the rows",
                "chronométrer les principales insertions et requêtes à 10 000, 100 000 et un million de lignes : aucune \
                 ne prend 1,5 fois plus de temps avec dix fois plus de lignes",
            ),
            Question::MailBounce => Said::new(
                "send to an address that does not exist: within 15 minutes the provider shows the bounce",
                "envoyer un message à une adresse qui n'existe pas : le prestataire signale la non-remise dans les 15 \
                 minutes",
            ),
            Question::MailBulk => Said::new(
                "read the rate of complaints where Google, Yahoo and Microsoft show it: below 0.3 % at each; and in the \
                 Received lines of a message at each that it came over TLS",
                "lire le taux de plaintes là où Google, Yahoo et Microsoft l'affichent : inférieur à 0,3 % chez chacun ; \
                 et, dans les lignes Received d'un message reçu chez chacun, qu'il est arrivé en TLS",
            ),
            Question::MailDmarcAlign => Said::new(
                "send one real message to mailboxes at three large providers: in each one's own \
                 Authentication-Results, dmarc=pass and dkim=pass for the domain in From",
                "envoyer un vrai message à des boîtes de trois grands fournisseurs : dans l'en-tête \
                 Authentication-Results de chacun, dmarc=pass et dkim=pass pour le domaine du champ `From`",
            ),
            Question::MailVerified => Said::new(
                "look at the provider's list of senders: it shows each sending domain as verified by DNS, not only a \
                 mailbox that clicked a link",
                "consulter la liste des expéditeurs chez le prestataire : chaque domaine d'envoi y est vérifié par DNS, \
                 et pas seulement une boîte qui a cliqué sur un lien",
            ),
        }
    }

    /// How many days before the announcement the look may be.
    pub fn holds_for_days(self) -> i32 {
        match self {
            Question::DatabaseIndex => 14,
            Question::CacheOffload
            | Question::MailBounce
            | Question::MailBulk
            | Question::MailDmarcAlign
            | Question::MailVerified => 7,
        }
    }

    /// Whether this site has what the question is about.
    pub fn concerns(self, site: &Site) -> bool {
        match self {
            Question::CacheOffload => site.cdn.is_some() && !site.classed_paths.is_empty(),
            Question::DatabaseIndex => site.database.is_some(),
            Question::MailBulk => site.sends_mail() && site.mail.as_ref().is_some_and(|mail| mail.table.is_bulk()),
            Question::MailBounce | Question::MailDmarcAlign | Question::MailVerified => site.sends_mail(),
        }
    }
}

/// What somebody saw.
///
/// # Errors
///
/// The judgement to return where nobody looked, the look is too old, or what was seen is not as it must be.
pub fn attested(question: Question, site: &Site) -> Result<String, Judgement> {
    let Some(answer) = site.attested.iter().rev().find(|answer| answer.check == question) else {
        let (role, asks) = (question.role().as_str(), question.asks());
        let asks = asks.told_in(Language::En);
        return Err(Judgement::unknown(format!("not in people.attested yet; the {role} role is to {asks}")));
    };
    let said = format!("the {} role, on {}: {}", answer.by.as_str(), answer.on, answer.saw);
    if !answer.holds {
        return Err(Judgement::fail(format!("it does not hold: {said}")));
    }
    let days = days_before(site, answer.on);
    if days > question.holds_for_days() {
        return Err(Judgement::unknown(format!("{said}; that is {days} days before the announcement: look again")));
    }
    Ok(said)
}

/// The check of a question of which nothing else can be seen. Without `[people]` nobody is there to be asked.
pub fn human(question: Question, subject: String, site: &Site, source: &'static str) -> Option<Check> {
    site.people.as_ref()?;
    let judgement = match attested(question, site) {
        Ok(said) => Judgement::pass(said),
        Err(judgement) => judgement,
    };
    Some(Check {
        id: question.id(),
        subject,
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![],
        judge: Box::new(move |_| judgement.clone()),
        remedy: question.asks().told_in(Language::En).to_owned(),
        source,
        valid_for_seconds: 86_400,
    })
}

/// Somebody looks, and it does not hold. Without `[people]` nobody is there to look.
pub fn drill(
    site: &Site,
    question: Question,
    number: Option<u16>,
    id: &'static str,
    fault: &'static str,
    reddens: Vec<&'static str>,
) -> Option<Drill> {
    site.people.as_ref()?;
    Some(Drill { number, id, fault, reddens, inject: Box::new(move |staging| answer_no(staging, question)) })
}

/// The part of a drill in which somebody looks on the day of the announcement, and it does not hold.
///
/// # Errors
///
/// None that a question can cause.
pub fn answer_no(staging: &mut Staging, question: Question) -> Result<(), String> {
    let today = staging.site.announcement.to_zoned(TimeZone::UTC).date();
    staging.site.attested.push(Attested {
        check: question,
        by: question.role(),
        on: Day::new(today),
        holds: false,
        saw: "it does not hold".parse()?,
    });
    Ok(())
}

/// Days between a civil day and the announcement's, UTC.
pub fn days_before(site: &Site, day: Day) -> i32 {
    let announced = site.announcement.to_zoned(TimeZone::UTC).date();
    announced.duration_since(day.date()).as_hours().div_euclid(24).try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, sample, verdict};

    #[test]
    fn an_answer_can_be_absent_old_or_no() {
        let said = |from: &str, to: &str| {
            let (blueprint, site) = sample(&[(from, to)]);
            verdict(&check(&blueprint, &site, "db.index", "postgresql of jeveuxaider"), &[]).expect("a verdict")
        };
        let answer = "check = \"db.index\"\nby = \"database\"\non = 2020-03-21\nholds = true";
        assert_eq!(said(answer, answer), Verdict::Pass);
        assert_eq!(said(answer, &answer.replace("true", "false")), Verdict::Fail);
        assert_eq!(said(answer, &answer.replace("2020-03-21", "2020-03-07")), Verdict::Unknown);
        assert_eq!(said(answer, &answer.replace("2020-03-21", "2020-03-08")), Verdict::Pass);
        assert_eq!(said("check = \"db.index\"", "check = \"mail.verified\""), Verdict::Unknown);
    }
}
