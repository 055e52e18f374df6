//! The local world: DNS, edge, nginx, app and certificates on loopback, running the generated artifacts.
//!
//! Must not read the blueprint where an artifact says the same thing: what is rehearsed is what is deployed.

pub mod staging;
