//! Moving a lever: its actions in order, then looks from outside until everybody meets the effect. Must not ask a person,
//! nor write the journal: whoever calls does both, also when the work is broken off midway.

use std::time::{Duration, Instant};

use crate::blueprint::{Blueprint, Site};
use crate::concerns::lever::{Action, Effect, Lever, Position};
use crate::ops;
use crate::providers::api::Access;
use crate::providers::api::write::{Done, Undone};
use crate::runbook::fact::Moved;
use crate::world::policy::LIVE_TIMEOUT;
use crate::world::{self, Allowed, Roots, Routes, World};

/// Between two looks at the shortest. Longer where more time is promised, so that the looks of a run suffice.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// So many looks are spread over the promised time.
const LOOKS: u32 = 60;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Pull,
    Release,
}

impl Direction {
    fn wanted(self) -> Position {
        match self {
            Direction::Pull => Position::Pulled,
            Direction::Release => Position::Released,
        }
    }

    pub fn actions(self, lever: &Lever) -> &[Action] {
        match self {
            Direction::Pull => &lever.pull,
            Direction::Release => &lever.release,
        }
    }
}

/// What came of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Nothing was sent.
    AlreadySo,
    Failed(Undone),
    /// One before it failed.
    NotTried,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The action, for people.
    pub action: String,
    pub outcome: Outcome,
}

/// Whether everybody meets the effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// So long after the beginning.
    After(Duration),
    /// It was so before anything was sent.
    Already,
    /// Not within twice the promised time; the last look.
    Not(String),
    /// Nobody could look; why.
    Unknown(String),
    /// An action failed: nobody looked.
    NotLooked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    pub steps: Vec<Step>,
    pub seen: Seen,
}

/// What happens, for progress.
#[derive(Debug, Clone)]
pub enum Event {
    Begins(String),
    Ended(Step),
    /// One look: what it showed.
    Looked(String),
}

/// Every lever of the blueprint, with its concern, in checklist order.
pub fn levers(blueprint: &Blueprint, site: &Site) -> Vec<(&'static str, Lever)> {
    let concerns = blueprint.concerns().into_iter();
    concerns.flat_map(|concern| concern.levers(site).into_iter().map(move |lever| (concern.key(), lever))).collect()
}

/// The live site and its providers, for whoever moves levers: it goes on when the site suffers.
///
/// # Errors
///
/// As [`World::new`].
pub fn world(
    site: &Site,
    access: Access,
    resolvers: Vec<std::net::SocketAddr>,
    routes: Routes,
    roots: Roots,
) -> anyhow::Result<World> {
    let world = World::new(world::Options {
        routes,
        routed_only: false,
        allowed: Allowed::of(site),
        resolvers,
        roots,
        user_agent: ops::verify::user_agent(site),
        timeout: LIVE_TIMEOUT,
        burst_per_second: None,
        stage: None,
        access,
    })?;
    Ok(world.enduring())
}

/// Moves a lever. What already is as wanted is not sent, and what failed can be tried again by the same call.
pub async fn switch(world: &World, lever: &Lever, direction: Direction, on_event: impl Fn(Event)) -> Switched {
    let begun = Instant::now();
    let (mut steps, mut changed, mut failed, mut already) = (Vec::new(), false, false, None);
    for action in direction.actions(lever) {
        let told = action.told();
        if failed {
            steps.push(Step { action: told, outcome: Outcome::NotTried });
            continue;
        }
        on_event(Event::Begins(told.clone()));
        let mut outcome = None;
        // A restart has no state of its own: it is needed unless nothing was set and all see the effect.
        if matches!(action, Action::Restart { .. }) && !changed {
            if already.is_none() {
                already = Some(look(world, &lever.effect, 0).await.is_all(direction.wanted()));
            }
            outcome = already.filter(|already| *already).map(|_| Outcome::AlreadySo);
        }
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => match world.act(action).await {
                Ok(Done::Done) => Outcome::Done,
                Ok(Done::AlreadySo) => Outcome::AlreadySo,
                Err(undone) => Outcome::Failed(undone),
            },
        };
        changed |= outcome == Outcome::Done;
        failed = matches!(outcome, Outcome::Failed(_));
        let step = Step { action: told, outcome };
        on_event(Event::Ended(step.clone()));
        steps.push(step);
    }
    let seen = match (failed, changed) {
        (true, _) => Seen::NotLooked,
        (false, false) if look(world, &lever.effect, 1).await.is_all(direction.wanted()) => Seen::Already,
        (false, _) => watch(world, &lever.effect, direction.wanted(), begun, &on_event).await,
    };
    Switched { steps, seen }
}

async fn watch(world: &World, effect: &Effect, wanted: Position, begun: Instant, on_event: &impl Fn(Event)) -> Seen {
    let pause = BETWEEN_LOOKS.max(effect.within / LOOKS);
    let until = Instant::now() + 2 * effect.within;
    for round in 2.. {
        let look = look(world, effect, round).await;
        if look.is_all(wanted) {
            return Seen::After(begun.elapsed());
        }
        on_event(Event::Looked(look.told(effect)));
        if Instant::now() + pause > until {
            return match look.unknown {
                Some(why) => Seen::Unknown(why),
                None => Seen::Not(look.told(effect)),
            };
        }
        tokio::time::sleep(pause).await;
    }
    Seen::NotLooked
}

/// What one look showed, answer by answer.
#[derive(Debug, Default)]
pub struct Look {
    pub pulled: usize,
    pub released: usize,
    /// Why the first answer that shows nothing does not.
    pub unknown: Option<String>,
}

impl Look {
    pub fn is_all(&self, wanted: Position) -> bool {
        let (with, against) = match wanted {
            Position::Pulled => (self.pulled, self.released),
            Position::Released => (self.released, self.pulled),
        };
        with > 0 && against == 0 && self.unknown.is_none()
    }

    /// For people.
    pub fn told(&self, effect: &Effect) -> String {
        match (self.pulled, self.released, &self.unknown) {
            (_, _, Some(why)) => why.clone(),
            (pulled, 0, None) if pulled > 0 => effect.pulled.clone(),
            (0, released, None) if released > 0 => effect.released.clone(),
            (pulled, released, None) => {
                format!("mixed: of {} answers {pulled} show that it is pulled", pulled + released)
            }
        }
    }
}

/// Asks all the questions of a look. `round`: none is the same twice in a run.
pub async fn look(world: &World, effect: &Effect, round: u32) -> Look {
    let mut look = Look::default();
    let nonce = format!("{}-{round}", world.nonce());
    for probe in &effect.look {
        match (effect.judge)(&world.ask(&probe.filled(&nonce)).await) {
            Ok(Position::Pulled) => look.pulled += 1,
            Ok(Position::Released) => look.released += 1,
            Err(why) => {
                look.unknown = Some(why);
                break;
            }
        }
    }
    look
}

/// How a lever stands, by what its providers and the site say.
#[derive(Debug)]
pub struct Standing {
    /// Every state that pulling it sets is set; `Err`: why nobody can tell.
    pub set: Result<bool, String>,
    /// The site as visitors meet it.
    pub look: Look,
}

/// Looks at a lever; changes nothing.
pub async fn standing(world: &World, lever: &Lever) -> Standing {
    let mut set = Ok(true);
    for action in &lever.pull {
        match world.is_so(action).await {
            Ok(so) => set = set.map(|all| all && so != Some(false)),
            Err(why) => {
                set = Err(why);
                break;
            }
        }
    }
    Standing { set, look: look(world, &lever.effect, 0).await }
}

impl Switched {
    /// As the journal keeps it.
    pub fn fact(&self, lever: &Lever, direction: Direction) -> Moved {
        let (mut done, mut not_done) = (Vec::new(), Vec::new());
        for Step { action, outcome } in &self.steps {
            match outcome {
                Outcome::Done => done.push(action.clone()),
                Outcome::AlreadySo => done.push(format!("{action}: needed nothing")),
                Outcome::Failed(Undone { because, maybe: false }) => not_done.push(format!("{action}: {because}")),
                Outcome::Failed(Undone { because, maybe: true }) => {
                    not_done.push(format!("{action}: not known whether it was done: {because}"));
                }
                Outcome::NotTried => not_done.push(action.clone()),
            }
        }
        let effect = match direction {
            Direction::Pull => &lever.effect.pulled,
            Direction::Release => &lever.effect.released,
        };
        let (effect_after_ms, seen) = match &self.seen {
            Seen::After(time) => (u64::try_from(time.as_millis()).ok(), effect.clone()),
            Seen::Already => (Some(0), effect.clone()),
            Seen::Not(seen) => (None, seen.clone()),
            Seen::Unknown(why) => (None, format!("nobody could look: {why}")),
            Seen::NotLooked => (None, "nobody looked".to_owned()),
        };
        Moved { lever: lever.name.clone(), done, not_done, effect_after_ms, seen }
    }

    /// Whether every action is done.
    pub fn is_done(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.outcome, Outcome::Done | Outcome::AlreadySo))
    }
}
