//! Whether what is published of the way to the domain's mail servers agrees with itself.

use super::{check, texts, worst};
use crate::concerns::answer::{answered, dns, http, listed};
use crate::concerns::ask::{dns_resolved, get};
use crate::concerns::mail::{Domain, Transport, transport};
use crate::concerns::{Check, Judgement, Safety, Verdict};
use crate::probe::{HttpAnswer, Observation, Rcode, RecordData, RecordType, Scheme};

/// `mail.transport`: record, policy and MX agree. Never worse than a warning: senders who know nothing of it deliver
/// as before.
pub fn coherent(domain: &Domain, declared: &Transport) -> Option<Check> {
    let host = domain.policy_host()?.0.parse().ok()?;
    let name = domain.name.to_string();
    let ask = vec![
        dns_resolved(&domain.name.child("_mta-sts"), RecordType::Txt),
        dns_resolved(&domain.name.child("_smtp._tls"), RecordType::Txt),
        dns_resolved(&name, RecordType::Mx),
        get(Scheme::Https, &host, transport::PATH).into(),
    ];
    let mode = declared.mode.as_str();
    let reports = transport::report_record(declared).is_some();
    let mut check = check("mail.transport", name, ask, move |seen| match coherence(seen, mode, reports) {
        Judgement::Say(Verdict::Fail, because) => Judgement::warn(because),
        other => other,
    })
    .advised(
        format!("serve mail/{}/mta-sts.txt, and publish the records with its id", domain.name),
        "RFC 8461 3, 4.1; RFC 8460 3",
    );
    check.safety = Safety::S1;
    Some(check)
}

fn coherence(seen: &[Observation], mode: &str, reports: bool) -> Judgement {
    let Some((served, records)) = seen.split_last() else { return Judgement::unknown("nothing was asked") };
    let mut told = Vec::new();
    let mut exchanges: Vec<String> = Vec::new();
    for (position, observation) in records.iter().enumerate() {
        // Whose fault a lame server is, other checks say: nothing was learnt of the rules.
        let answer = match dns(observation) {
            Ok(answer) if matches!(answer.rcode, Rcode::NoError | Rcode::NxDomain) => answer,
            Ok(answer) => return Judgement::unknown(format!("the resolver answers {}", answer.rcode.as_str())),
            Err(Judgement::Say(_, because)) => return Judgement::unknown(because),
            Err(ask) => return ask,
        };
        let found: Vec<&str> = texts(answer).collect();
        let fault = match position {
            0 => transport::record_fault(&found).map(|fault| format!("_mta-sts: {fault}")),
            1 if reports => transport::report_fault(&found).map(|fault| format!("_smtp._tls: {fault}")),
            1 => None,
            _ => {
                exchanges.extend(answer.answers.iter().filter_map(|record| match &record.data {
                    RecordData::Mx { exchange, .. } => Some(exchange.clone()),
                    _ => None,
                }));
                None
            }
        };
        told.extend(fault.map(|fault| (Verdict::Fail, fault)));
    }
    exchanges.sort();
    exchanges.dedup();
    told.push(judged_policy(answered!(http(served)), &exchanges, mode));
    worst(told)
}

fn judged_policy(answer: &HttpAnswer, exchanges: &[String], mode: &str) -> (Verdict, String) {
    if answer.status != 200 {
        // No redirect is followed (RFC 8461, section 3.3).
        return (Verdict::Fail, format!("the policy's page answers {}", answer.status));
    }
    let policy = match transport::read(&answer.body.text) {
        Ok(policy) => policy,
        Err(why) => return (Verdict::Fail, format!("senders do not take the policy: {why}")),
    };
    if policy.mode != mode {
        return (Verdict::Fail, format!("the policy says `{}`, not `{mode}`", policy.mode));
    }
    match exchanges.iter().find(|exchange| !policy.allows(exchange)) {
        Some(stranger) => {
            (Verdict::Fail, format!("MTA-STS lists {}, and mail goes to {stranger}", listed(&policy.exchanges)))
        }
        None => (Verdict::Pass, format!("{mode}: the policy allows {}", listed(exchanges))),
    }
}
