//! What a person waits for. `make bench` runs it in the release profile; the goals are in the README.

use std::process::{Command, Stdio};

fn main() {
    divan::main();
}

/// From fork to exit, with the program in the page cache.
#[divan::bench]
fn start_of_the_binary() {
    let status = Command::new(env!("CARGO_BIN_EXE_golive"))
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .expect("cargo builds the program before its benches");
    assert!(status.success());
}
