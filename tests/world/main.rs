//! The world and the runs of checks, against servers on loopback. One binary, since linking costs more than running.

mod runs;
mod sockets;
mod support;
