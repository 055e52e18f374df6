//! What golive generates for DNS, in the hands of those who read it: NSD, octoDNS. BIND's reader is asked in
//! `tests/generate.rs` and `tests/properties.rs`, checkdmarc in `tests/contract_opinions.rs`.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Sample, artifacts, edited, folder_of, need, need_python, parse, ran, repository, run, sample};

const TICKET: &str = "run_by = \"ticket\"\nticket_to = \"le service DNS du réseau de l'État\"\n";
const OCTODNS: &str = "run_by = \"octodns\"\n";

/// The sample with both zones run by octoDNS, and a record of each type with all that its data may hold.
fn by_octodns() -> Sample {
    let records: String = [
        ("a", "A", "\"192.0.2.9\", \"192.0.2.10\""),
        ("a", "AAAA", "\"2001:db8::9\""),
        ("alias", "CNAME", "\"_x.validations.example\""),
        ("*.w", "MX", "\"10 mx.example.net\", \"20 mx2.example.net\""),
        ("_imaps._tcp", "SRV", "\"0 1 993 imap.example.net\", \"10 1 993 imap2.example.net\""),
        ("_pop3._tcp", "SRV", "\"0 0 0 .\""),
        ("a", "CAA", "\"0 iodef mailto:a@example.org\", \"128 issue ca.example; account=1; b=2\""),
        ("sub", "NS", "\"ns1.example.net\", \"ns2.example.net\""),
        ("texts", "TXT", "'a;b; c=\"d e\" ''' , \" lead\", 'it''s: {[#&*!|>%@`]}, 1e3', \"null\", \"~\", \"0123\""),
        ("long", "TXT", &format!("\"{}\"", "0123456789; ".repeat(60))),
    ]
    .map(|(owner, kind, values)| {
        format!(
            "[[dns.zones.records]]\nname = \"{owner}.reserve-civique.gouv.fr\"\ntype = \"{kind}\"\nttl_seconds = 7200\n\
             values = [{values}]\n\n"
        )
    })
    .concat()
    // TOML's literal strings hold no quote of their own kind.
    .replace("'a;b; c=\"d e\" '''", "\"a;b; c=\\\"d e\\\" '\"")
    .replace("'it''s: {[#&*!|>%@`]}, 1e3'", "\"it's: {[#&*!|>%@`]}, 1e3\"");
    let second = "[[dns.zones]]\nname = \"jeveuxaider.gouv.fr\"\n";
    parse(&edited(&[(TICKET, OCTODNS), (TICKET, OCTODNS), (second, &format!("{records}{second}"))]))
}

/// A command of octoDNS, run where the comments of the configuration say.
fn octodns(tool: &str, site: &Path) -> Command {
    let mut command = Command::new(need(tool));
    command.current_dir(site.join("dns/octodns")).arg("--config-file=config.yaml");
    // Nothing is sent there: these commands only read.
    for (name, value) in [("HOST", "127.0.0.1"), ("KEY_NAME", "key"), ("KEY_SECRET", "c2VjcmV0")] {
        command.env(format!("OCTODNS_{name}"), value);
    }
    command
}

/// Differences between the YAML and the zone files, and how many sets each zone has.
fn compared(site: &Path, sample: &Sample) -> String {
    let mut command = Command::new(need_python());
    command.arg(repository().join("tests/contract/octodns_compare.py")).arg(site.join("dns"));
    ran(command.args(sample.blueprint.dns.zones.iter().map(|zone| zone.name.as_str())))
}

#[test]
fn octodns_accepts_its_files_and_reads_what_the_zone_files_say() {
    let sample = by_octodns();
    let folder = folder_of(&artifacts(&sample));
    let site = folder.path().join("site");
    ran(&mut octodns("octodns-validate", &site));

    let printed = compared(&site, &sample);
    assert_eq!(printed, "reserve-civique.gouv.fr: 34 sets\njeveuxaider.gouv.fr: 6 sets\n");

    // And the comparison sees a difference.
    let yaml = site.join("dns/octodns/reserve-civique.gouv.fr.yaml");
    let text = fs::read_to_string(&yaml).expect("readable");
    for (from, to) in
        [("192.0.2.9", "192.0.2.8"), ("ttl: 7200", "ttl: 7201"), ("\"ns1.example.net.\"", "\"ns3.example.net.\"")]
    {
        assert!(text.contains(from), "{from}");
        fs::write(&yaml, text.replacen(from, to, 1)).expect("written");
        assert_ne!(compared(&site, &sample), printed, "{from} to {to}");
    }
    fs::write(&yaml, text.replacen("\"192.0.2.9\"", "\"192.0.2\"", 1)).expect("written");
    assert!(!octodns("octodns-validate", &site).output().expect("it starts").status.success(), "a bad address passes");
}

/// What octoDNS writes of what it read is the same again: no text loses a character on the way.
#[test]
fn octodns_writes_the_zone_as_it_read_it() {
    let sample = by_octodns();
    let folder = folder_of(&artifacts(&sample));
    let site = folder.path().join("site");
    let config = site.join("dns/octodns/config.yaml");
    let text = fs::read_to_string(&config).expect("readable");
    let zone_files = "  target:\n    class: octodns_bind.ZoneFileProvider\n    directory: ../written\n    file_extension: .zone\n\
                      processors:";
    let (start, end) = (text.find("  target:").expect("there"), text.find("processors:").expect("there"));
    let text = format!("{}{zone_files}{}", &text[..start], &text[end + "processors:".len()..]);
    // The markers of ownership are no records of ours.
    fs::write(&config, text.replace("    processors: [ownership]\n", "")).expect("written");
    ran(octodns("octodns-sync", &site).args(["--doit", "--force"]));
    for zone in &sample.blueprint.dns.zones {
        let name = format!("{}.zone", zone.name);
        let written = fs::read_to_string(site.join("dns/written").join(&name)).expect("octoDNS wrote it");
        // It has no name servers to write, and BIND's reader wants one.
        let ns = format!("@ 3600 IN NS {}.\n", zone.servers[0].name);
        fs::write(site.join("dns/written").join(&name), format!("{written}{ns}")).expect("written");
    }
    let written = site.join("dns/written");
    fs::rename(site.join("dns/octodns"), written.join("octodns")).expect("moved");
    let mut command = Command::new(need_python());
    command.arg(repository().join("tests/contract/octodns_compare.py")).arg(&written);
    let printed = ran(command.args(sample.blueprint.dns.zones.iter().map(|zone| zone.name.as_str())));
    assert_eq!(printed, "reserve-civique.gouv.fr: 34 sets\njeveuxaider.gouv.fr: 6 sets\n");
}

#[test]
fn a_zone_of_octodns_needs_no_ticket() {
    let paths: Vec<String> = artifacts(&by_octodns()).into_iter().map(|artifact| artifact.path).collect();
    assert!(!paths.iter().any(|path| path.starts_with("dns/requests/") && !path.ends_with("ptr.md")), "{paths:?}");
    let by_ticket = artifacts(&sample());
    assert!(!by_ticket.iter().any(|artifact| artifact.path.starts_with("dns/octodns/")));
}

#[test]
fn nsd_accepts_every_zone() {
    for sample in [sample(), by_octodns()] {
        let folder = folder_of(&artifacts(&sample));
        for zone in &sample.blueprint.dns.zones {
            let file = format!("site/dns/{}.zone", zone.name);
            let printed = run("nsd-checkzone", &[zone.name.as_str(), &file], folder.path());
            assert!(printed.contains("is ok"), "{printed}");
        }
    }
}
