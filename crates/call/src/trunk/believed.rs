//! What is believed of who calls. A trunk with `identity: trusted` is a network that vouches for its callers
//! (RFC 3324); from everybody else only From is read, as somebody's word, and a wish to be withheld.

use flow::{Caller, Diverted, Verification};
use primitives::Private;
use sip::header::{Redirection, Verstat};
use sip::uri::{Telephone, Uri};
use sip::{Presented, Privacy};

use super::{Dialling, Identity, Trunk};

/// Decides who calls. `trunk` is `None` for phones of ours and for strangers.
pub(crate) fn believed(presented: &Presented, trunk: Option<&Trunk>) -> Caller {
    let plain = Dialling::default();
    let rules = trunk.map_or(&plain, |trunk| &trunk.config.numbers);
    let is_trusted = trunk.is_some_and(|trunk| trunk.config.identity == Identity::Trusted);
    let mut is_withheld = presented.privacy == Privacy { is_withheld: true } || presented.from.is_none();
    if !is_trusted {
        return Caller {
            number: presented.from.as_ref().and_then(|from| number(from, rules)),
            is_withheld,
            ..Caller::default()
        };
    }
    // A network of ours says who calls also where From hides it: for care, and for nobody's display.
    let remote = presented.remote_party.as_ref();
    let address =
        presented.asserted.as_ref().or(remote.map(|it| &it.address.uri)).or(presented.from.as_ref());
    is_withheld |= presented.asserted.is_none() && remote.is_some_and(|remote| remote.is_withheld);
    Caller {
        number: address.and_then(|address| number(address, rules)),
        is_withheld,
        verification: presented.verstat.map_or(Verification::None, vouched),
        diverted: diverted(&presented.redirections, rules),
        ..Caller::default()
    }
}

const fn vouched(verstat: Verstat) -> Verification {
    match verstat {
        Verstat::PassedA => Verification::PassedA,
        Verstat::PassedB => Verification::PassedB,
        Verstat::PassedC => Verification::PassedC,
        Verstat::Failed => Verification::Failed,
        Verstat::NotValidated => Verification::Unverified,
    }
}

/// A number in E.164 where it has that form, else as written; a name of an address that has no number.
fn number(uri: &Uri, rules: &Dialling) -> Option<Private<String>> {
    match uri.telephone() {
        Some(telephone) => Some(written(&telephone, rules)),
        None => uri.user(),
    }
}

fn written(telephone: &Telephone, rules: &Dialling) -> Private<String> {
    rules.telephone(telephone).map_or_else(|| telephone.digits.clone(), Private::new)
}

/// The newest redirection is the one that led to us; the last in the list is the oldest.
fn diverted(redirections: &[Redirection], rules: &Dialling) -> Option<Diverted> {
    let line = |one: &Redirection| match (&one.from, &one.user) {
        (Some(telephone), _) => written(telephone, rules),
        (None, user) => user.clone().unwrap_or_default(),
    };
    let (newest, oldest) = (redirections.first()?, redirections.last()?);
    Some(Diverted {
        from: line(newest),
        reason: newest.reason.word(),
        first_from: line(oldest),
        count: redirections.iter().map(|one| u32::from(one.count)).sum(),
    })
}
