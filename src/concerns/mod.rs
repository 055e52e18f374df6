//! The concerns: one promise of the blueprint a folder, from its TOML table to the fault that breaks it.
//!
//! A concern returns values: findings, fragments, checks, a procedure, drills, levers. It must not write a file, open a
//! socket or import another concern; a fact that two need belongs to [`Site`].

pub mod answer;
pub mod apps;
pub mod ask;
pub mod attest;
pub mod audience;
pub mod cache;
pub mod cdn;
pub mod check;
pub mod database;
pub mod degraded_mode;
pub mod dns;
pub mod drill;
pub mod fragment;
pub mod lever;
pub mod mail;
pub mod pages;
pub mod people;
pub mod procedure;
pub mod proxy;
pub mod rate_limits;
pub mod redirects;
pub mod rules;
pub mod static_routes;
pub mod third_parties;
pub mod tls;
pub mod unverified;
pub mod waf;
pub mod waiting_room;

pub use check::{Check, Judgement, Safety, Unverified, Verdict};
pub use drill::{Drill, Drills};
pub use fragment::Fragment;
pub use lever::Lever;
pub use procedure::{Procedure, Task};

use crate::blueprint::{Finding, Site};

/// One promise of the blueprint.
///
/// No method has a default: what a concern forgets must not compile.
///
/// ```compile_fail,E0046
/// use golive::blueprint::{Finding, Site};
/// use golive::concerns::{Concern, Drills, Fragment, Lever, Procedure};
///
/// struct WaitingRoom;
/// impl Concern for WaitingRoom {
///     fn key(&self) -> &'static str { "waiting_room" }
///     fn findings(&self, _: &Site) -> Vec<Finding> { vec![] }
///     fn fragments(&self, _: &Site) -> Vec<Fragment> { vec![] }
///     fn procedure(&self, _: &Site) -> Procedure { unimplemented!() }
///     fn drills(&self, _: &Site) -> Drills { unimplemented!() }
///     fn levers(&self, _: &Site) -> Vec<Lever> { vec![] }
///     // `checks` is missing: error[E0046]
/// }
/// ```
///
/// An empty list of checks does not compile either:
///
/// ```compile_fail,E0061
/// use golive::concerns::{Check, OneOrMore};
/// let none: OneOrMore<Check> = OneOrMore();
/// ```
pub trait Concern {
    /// Table name in the blueprint.
    fn key(&self) -> &'static str;
    /// Offline remarks, each with a rule of [`rules`].
    fn findings(&self, site: &Site) -> Vec<Finding>;
    /// Configuration pieces, each for a slot of one output.
    fn fragments(&self, site: &Site) -> Vec<Fragment>;
    /// What must be observable from outside when the configuration is live.
    fn checks(&self, site: &Site) -> OneOrMore<Check>;
    /// What a person does before launch, when a check is red, and to go back.
    fn procedure(&self, site: &Site) -> Procedure;
    /// Faults for the rehearsal, each naming the checks it must turn red.
    fn drills(&self, site: &Site) -> Drills;
    /// Switches for a crisis; none where nothing can be switched by a provider's API.
    fn levers(&self, site: &Site) -> Vec<Lever>;
}

/// Never empty: the first element is a field of its own.
#[derive(Debug)]
pub struct OneOrMore<T>(pub T, pub Vec<T>);

impl<T> OneOrMore<T> {
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.0).chain(&self.1)
    }

    pub fn into_vec(self) -> Vec<T> {
        let mut all = vec![self.0];
        all.extend(self.1);
        all
    }
}
