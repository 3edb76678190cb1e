//! What a call's Identity headers are worth before any certificate is at hand (RFC 8224 §6.2).
//!
//! Nothing here holds a call up, refuses it or makes it less urgent: a statement that does not hold is told to the
//! flow and to the log, and that is all.

use flow::Verification;
use primitives::Now;
use sip::Presented;
use sip::passport::{Attestation, Call, Flaw, Passport};
use sip::uri::{Telephone, Uri};

use super::{Dialling, Identity, Trunk};
use crate::setup::Setup;

/// What is known of a call's signatures.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Signed {
    /// There are none.
    Not,
    /// This is all there is to know; the word says why.
    Judged(Verification, &'static str),
    /// It is about this call; whether the signature holds takes the certificate.
    Claimed(Box<Passport>),
}

/// Compares what a call's Identity headers claim with the call. `caller` is her number as it is believed.
pub(crate) fn signed(
    now: Now,
    presented: &Presented,
    caller: Option<&str>,
    trunk: Option<&Trunk>,
    setup: &Setup,
) -> Signed {
    if presented.identities.is_empty() {
        let unreadable = presented.identities_unreadable > 0;
        return if unreadable { Signed::Judged(Verification::Failed, "malformed") } else { Signed::Not };
    }
    let plain = Dialling::default();
    let rules = trunk.map_or(&plain, |trunk| &trunk.config.numbers);
    let digits = |uri: &Uri| {
        let of = |telephone: Telephone| rules.telephone(&telephone);
        uri.telephone().and_then(of).map(|number| number.trim_start_matches('+').to_owned())
    };
    // Where a network of ours forwarded the call, To still has the number first called. From anybody else To may
    // be copied from a call he overheard, together with its signature.
    let is_trusted = trunk.is_some_and(|trunk| trunk.config.identity == Identity::Trusted);
    let called = [Some(&presented.request), Some(&presented.to).filter(|_| is_trusted)];
    let called: Vec<String> = called.into_iter().flatten().filter_map(digits).collect();
    let call = Call {
        orig: caller.map(|number| number.trim_start_matches('+')),
        dest: &called.iter().map(String::as_str).collect::<Vec<_>>(),
        date: presented.date,
    };
    let mut first_flaw = None;
    for identity in &presented.identities {
        let judged = Passport::read(identity, call)
            .and_then(|passport| passport.claims.judge(now.wall, call).map(|()| passport));
        match judged {
            Ok(passport) => return of_host(passport, setup),
            // Statements about forwardings and priorities say nothing for or against the number.
            Err(Flaw::Kind) => {}
            Err(flaw) => first_flaw = first_flaw.or(Some(flaw)),
        }
    }
    match first_flaw {
        Some(flaw) => Signed::Judged(Verification::Failed, word(flaw)),
        None => Signed::Judged(Verification::Unverified, "kind"),
    }
}

/// Certificates are fetched from hosts people named, and from nowhere else: whoever calls us does not choose
/// whom we connect to.
fn of_host(passport: Passport, setup: &Setup) -> Signed {
    if setup.certificate_hosts.is_empty() {
        return Signed::Judged(Verification::Unverified, "not_configured");
    }
    match host(&passport.certificate) {
        Some(host) if setup.certificate_hosts.contains(&host) => Signed::Claimed(Box::new(passport)),
        Some(_) => Signed::Judged(Verification::Unverified, "unknown_host"),
        None => Signed::Judged(Verification::Failed, "malformed"),
    }
}

/// Host and, where it is not HTTPS's own, port of an `https:` URI, in lower case.
fn host(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("https://")?;
    let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
    let is_plain = !authority.is_empty() && !authority.contains(['@', '\\', ' ', '%']);
    is_plain.then(|| authority.strip_suffix(":443").map(str::to_owned).unwrap_or(authority))
}

const fn word(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Malformed => "malformed",
        Flaw::Algorithm => "algorithm",
        Flaw::Kind => "kind",
        Flaw::Stale => "stale",
        Flaw::Orig => "orig",
        Flaw::Dest => "dest",
    }
}

/// What a signature that holds says of the number.
pub(crate) const fn passed(attestation: Attestation) -> Verification {
    match attestation {
        Attestation::Full => Verification::PassedA,
        Attestation::Partial => Verification::PassedB,
        Attestation::Gateway => Verification::PassedC,
    }
}
