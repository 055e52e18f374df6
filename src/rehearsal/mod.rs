//! The local world: DNS, edge, nginx, app and certificates on loopback, running the generated artifacts.
//!
//! Must not read the blueprint where an artifact says the same thing: what is rehearsed is what is deployed.

mod apis;
mod app;
mod ca;
mod dns;
mod edge;
mod erb;
mod faults;
mod identity;
mod local;
mod nginx;
mod node;
mod office;
mod serve;
pub mod staging;
mod tls;
mod varnish;

pub use apis::{ApiFault, FaultyAnswer};
pub use local::{LocalWorld, StartError};
