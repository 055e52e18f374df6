//! `[people]`: who does what, who decides, what the media do when, when nothing is deployed (JVA-15, JVA-20, JVA-22,
//! DOC-9).

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use schemars::JsonSchema;
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Serialize};

use crate::blueprint::value::{Count, Day, HostName, Label, Moment, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::attest::Question;
use crate::concerns::{Check, Concern, Drills, Fragment, OneOrMore, Procedure};
use crate::language::Said;

/// The people of the launch and what they have agreed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// Who answers for what, each role once.
    #[schemars(length(min = 1))]
    pub roles: Vec<Holder>,
    /// The vote on going live.
    #[serde(default)]
    pub vote: Option<Vote>,
    /// What the media do, and who knows when it changes.
    #[serde(default)]
    pub media: Option<Media>,
    /// When nothing is deployed.
    #[serde(default)]
    pub freezes: Vec<Freeze>,
    /// Where the team meets: one place to talk, one to write.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Where decisions are written down as they are taken.
    #[serde(default)]
    pub log: Option<Text>,
    /// Where the public reads how the site is, elsewhere than the site.
    #[serde(default)]
    pub status_page: Option<StatusPage>,
    /// Who orders the way back.
    #[serde(default)]
    pub rollback: Option<Rollback>,
    /// Switches for a crisis, each with its owner.
    #[serde(default)]
    pub levers: Vec<Lever>,
    /// What was seen of that which no program sees, oldest first: of two answers to one question the last counts.
    #[serde(default)]
    pub attested: Vec<Attested>,
}

/// Somebody's part.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The part.
    pub role: Role,
    /// Whose it is: a name, and how to reach it.
    pub who: Text,
    /// Who takes over.
    #[serde(default)]
    pub deputy: Option<Text>,
}

/// What somebody answers for on the night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Leads, and decides.
    Lead,
    /// Speaks with the media and the public.
    Communicator,
    /// Writes down what happens and what is decided.
    Scribe,
    /// Reaches whoever runs the zones.
    Dns,
    /// Holds the CDN.
    Cdn,
    /// Holds the apps.
    App,
    /// Holds the database.
    Database,
    /// Holds the mail.
    Mail,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Lead => "lead",
            Role::Communicator => "communicator",
            Role::Scribe => "scribe",
            Role::Dns => "dns",
            Role::Cdn => "cdn",
            Role::App => "app",
            Role::Database => "database",
            Role::Mail => "mail",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Role> {
        let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
        Role::deserialize(text).ok()
    }

    /// What documents call it.
    pub fn said(self) -> Said {
        let french = match self {
            Role::Lead => "direction",
            Role::Communicator => "communication",
            Role::Scribe => "main courante",
            Role::Dns => "DNS",
            Role::Cdn => "CDN",
            Role::App => "application",
            Role::Database => "base de données",
            Role::Mail => "messagerie",
        };
        Said::new(self.as_str(), french)
    }

    /// Who answers for the checks of a concern, by its table's name.
    pub fn answering_for(concern: &str) -> Role {
        match concern {
            "dns" | "redirects" => Role::Dns,
            "cdn" | "cache" | "waf" | "waiting_room" => Role::Cdn,
            "apps" | "proxy" | "rate_limits" | "degraded_mode" | "static_routes" => Role::App,
            "database" => Role::Database,
            "mail" => Role::Mail,
            _ => Role::Lead,
        }
    }

    /// The roles that this site cannot do without.
    pub fn needed_by(site: &Site) -> Vec<Role> {
        let parts = [
            (Role::Cdn, site.cdn.is_some()),
            (Role::App, site.platform.is_some()),
            (Role::Database, site.database.is_some()),
            (Role::Mail, site.mail.is_some()),
        ];
        let always = [Role::Lead, Role::Communicator, Role::Scribe, Role::Dns];
        always.into_iter().chain(parts.into_iter().filter_map(|(role, needed)| needed.then_some(role))).collect()
    }
}

/// The vote on going live.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// When; an hour before the announcement at the latest.
    pub at: Moment,
    /// What must hold for a yes.
    pub criteria: Text,
    /// Who is asked.
    #[schemars(length(min = 1))]
    pub roles: Vec<Role>,
    /// Whose no is enough.
    #[schemars(length(min = 1))]
    pub veto: Vec<Role>,
}

/// What the media do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Who hears of a change first, and tells the team.
    pub owner: Role,
    /// How often the agenda is asked for again on the day, in minutes; 60 at most.
    pub asked_every_minutes: Count,
    /// What is broadcast or printed when; the announcement among it.
    #[schemars(length(min = 1))]
    pub slots: Vec<Slot>,
}

/// Something in the media that sends visitors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// When.
    pub at: Moment,
    /// What, and where.
    pub what: Text,
}

/// A time in which nothing is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// The last deployment ends before.
    pub from: Moment,
    /// The next one starts after.
    pub until: Moment,
    /// What it protects.
    pub protects: Text,
}

/// Where the team meets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// To talk, or to write.
    pub kind: ChannelKind,
    /// Where that is.
    pub place: Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    Voice,
    Text,
}

impl ChannelKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ChannelKind::Voice => "voice",
            ChannelKind::Text => "text",
        }
    }

    /// What documents call it.
    pub fn said(self) -> Said {
        let french = match self {
            ChannelKind::Voice => "oral",
            ChannelKind::Text => "écrit",
        };
        Said::new(self.as_str(), french)
    }
}

/// Where the public reads how the site is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusPage {
    /// Its name; in no zone of `[dns]`, since it must be there when the site is not.
    pub host: HostName,
    /// Day on which its texts for bad news were agreed. Left out: there are none.
    #[serde(default)]
    pub drafted_on: Option<Day>,
}

/// The way back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// Who orders it.
    pub decides: Role,
    /// Day on which the undo steps of `runbook/procedures.md` were read through; a week before the announcement at the
    /// earliest.
    pub read_on: Day,
}

/// A switch for a crisis.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lever {
    /// What it is called.
    pub name: Label,
    /// Who may pull it.
    pub owner: Role,
    /// Where its page is: what it does, how long it takes, the way back.
    pub page: Text,
    /// Day on which it was last pulled for practice; 30 days before the announcement at the earliest. Left out: never.
    #[serde(default)]
    pub drilled_on: Option<Day>,
}

/// What somebody saw with their own eyes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attested {
    /// The check that asks; `golive explain` says what for.
    pub check: Question,
    /// Who looked.
    pub by: Role,
    /// The day of the look. An answer that is too old at the announcement counts as none.
    pub on: Day,
    /// Whether all that the check asks for was as it must be.
    pub holds: bool,
    /// What was seen, and where it can be read again.
    pub saw: Text,
}

impl People {
    /// The same, of a launch so much later.
    #[must_use]
    pub fn later_by(mut self, duration: jiff::SignedDuration) -> Self {
        let move_on = |moment: &mut Moment| *moment = moment.later_by(duration);
        self.vote.iter_mut().for_each(|vote| move_on(&mut vote.at));
        self.media.iter_mut().flat_map(|media| &mut media.slots).for_each(|slot| move_on(&mut slot.at));
        for freeze in &mut self.freezes {
            move_on(&mut freeze.from);
            move_on(&mut freeze.until);
        }
        let days = duration.as_hours() / 24;
        let status = self.status_page.iter_mut().filter_map(|page| page.drafted_on.as_mut());
        let rollback = self.rollback.iter_mut().map(|rollback| &mut rollback.read_on);
        let levers = self.levers.iter_mut().filter_map(|lever| lever.drilled_on.as_mut());
        for day in status.chain(rollback).chain(levers) {
            *day = day.later_by(days);
        }
        self
    }

    /// Who holds a role.
    pub fn holder(&self, role: Role) -> Option<&Holder> {
        self.roles.iter().find(|holder| holder.role == role)
    }
}

impl Concern for People {
    fn key(&self) -> &'static str {
        "people"
    }
    fn findings(&self, site: &Site) -> Vec<Finding> {
        findings::findings(self, site)
    }
    fn fragments(&self, _site: &Site) -> Vec<Fragment> {
        fragments::fragments(self)
    }
    fn checks(&self, site: &Site) -> OneOrMore<Check> {
        checks::checks(self, site)
    }
    fn procedure(&self, site: &Site) -> Procedure {
        procedure::procedure(self, site)
    }
    fn drills(&self, site: &Site) -> Drills {
        drills::drills(site)
    }
    fn levers(&self, _: &Site) -> Vec<crate::concerns::lever::Lever> {
        Vec::new()
    }
}
