use std::time::Duration;

use call::Network;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sip::Rate;

/// `security:` in `careline.yaml`: how much SIP is taken from whom. What is above is dropped without an answer
/// and counted.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Security {
    /// Networks that are no strangers, besides those `trunks` accept calls from: an office, a monitoring
    /// system. Default none.
    pub known: Vec<Network>,
    /// Messages a second of one address of a trunk or a known network. Default 20,000.
    pub trunk_messages_per_sec: u32,
    /// Messages a second of one address where phones of ours are registered, or in a call. Default 500.
    pub phone_messages_per_sec: u32,
    /// Messages a second of one stranger: an IPv4 address, or the /64 of an IPv6 address. Default 50.
    pub stranger_messages_per_sec: u32,
    /// Of these, requests that could begin something. Default 10.
    pub stranger_requests_per_sec: u32,
    /// Requests that could begin something of all strangers together, so that one who makes addresses up
    /// gets no further. Default 500.
    pub strangers_requests_per_sec: u32,
    /// Everything else of all strangers together. Default 1,000.
    pub strangers_messages_per_sec: u32,
    /// Wrong passwords of one address before it is not believed for a while. Default 10, and one more each
    /// half minute.
    pub wrong_passwords_max: u32,
    /// Wrong passwords for one agent, from wherever, before she is believed only from where she was before.
    /// Default 30, and one more each half minute.
    pub wrong_passwords_for_one_max: u32,
    /// How long an address is not believed at first; twice as long each time soon after. Default 10.
    pub penalty_secs_min: u32,
    /// At most so long. Default 600.
    pub penalty_secs_max: u32,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            trunk_messages_per_sec: 20_000,
            phone_messages_per_sec: 500,
            stranger_messages_per_sec: 50,
            stranger_requests_per_sec: 10,
            strangers_requests_per_sec: 500,
            strangers_messages_per_sec: 1_000,
            wrong_passwords_max: 10,
            wrong_passwords_for_one_max: 30,
            penalty_secs_min: 10,
            penalty_secs_max: 600,
        }
    }
}

/// Wrong passwords are forgotten one each.
const FORGIVEN_EVERY: Duration = Duration::from_secs(30);

impl Security {
    /// What the endpoint works with. At once a source may send what it may send in some seconds: a phone that
    /// starts says much in little time.
    pub fn limits(&self) -> sip::Security {
        let rate = |per_sec: u32, secs: u32| Rate::per_sec(per_sec, per_sec.saturating_mul(secs).max(1));
        let failures = |burst| Rate { every: FORGIVEN_EVERY, burst };
        sip::Security {
            known: self.known.iter().map(Network::net).collect(),
            known_messages: rate(self.trunk_messages_per_sec, 2),
            proven_messages: rate(self.phone_messages_per_sec, 4),
            stranger_messages: rate(self.stranger_messages_per_sec, 4),
            stranger_requests: rate(self.stranger_requests_per_sec, 6),
            strangers_requests: rate(self.strangers_requests_per_sec, 2),
            strangers_messages: rate(self.strangers_messages_per_sec, 2),
            failures: failures(self.wrong_passwords_max),
            user_failures: failures(self.wrong_passwords_for_one_max),
            penalty_min: Duration::from_secs(self.penalty_secs_min.into()),
            penalty_max: Duration::from_secs(self.penalty_secs_max.into()),
        }
    }

    /// What types cannot say.
    pub fn check(&self) -> Result<(), String> {
        let rates = [
            ("trunk_messages_per_sec", self.trunk_messages_per_sec),
            ("phone_messages_per_sec", self.phone_messages_per_sec),
            ("stranger_messages_per_sec", self.stranger_messages_per_sec),
            ("stranger_requests_per_sec", self.stranger_requests_per_sec),
            ("strangers_requests_per_sec", self.strangers_requests_per_sec),
            ("strangers_messages_per_sec", self.strangers_messages_per_sec),
            ("wrong_passwords_max", self.wrong_passwords_max),
            ("wrong_passwords_for_one_max", self.wrong_passwords_for_one_max),
        ];
        if let Some((name, _)) = rates.iter().find(|(_, rate)| *rate == 0) {
            return Err(format!(
                "`security.{name}` is 0, so nobody new could register or call: write 1 or more"
            ));
        }
        if self.penalty_secs_min > self.penalty_secs_max {
            return Err(format!(
                "`security.penalty_secs_min` is {}, more than `penalty_secs_max`: write {} or less",
                self.penalty_secs_min, self.penalty_secs_max
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Security;

    #[test]
    fn what_is_not_written_is_what_the_endpoint_does_by_itself() {
        assert_eq!(Security::default().limits(), sip::Security::default());
    }

    #[test]
    fn a_limit_of_nothing_is_refused_with_what_to_write() {
        let none = Security { stranger_requests_per_sec: 0, ..Security::default() };
        assert!(
            none.check()
                .is_err_and(|text| text.contains("stranger_requests_per_sec") && text.contains("write 1"))
        );
        let turned = Security { penalty_secs_min: 601, ..Security::default() };
        assert!(turned.check().is_err());
        assert_eq!(Security::default().check(), Ok(()));
    }
}
