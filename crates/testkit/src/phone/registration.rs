//! REGISTER with digest (RFC 3261 §10.2, §22), written by hand: [`sip::Endpoint`] registers with nobody.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::Private;
use sip::digest::{self, DigestChallenge};
use sip::message::{Method, Response};
use sip::uri::Uri;

use crate::sim::Chance;

/// The registrar, as phones are configured with it. There is one domain; the host is not looked at.
const REGISTRAR: &str = "sip:careline";
/// Timer E's start, its cap, and Timer F (RFC 3261 table 4).
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const TIMER_F: Duration = Duration::from_secs(32);
/// A registrar that refused or did not answer is tried again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What a phone's registration does now.
#[derive(Debug)]
enum State {
    /// Nothing before this.
    Resting { until: Instant },
    /// A request is under way.
    Asking { bytes: Bytes, repeat_at: Instant, interval: Duration, give_up_at: Instant },
}

/// A phone's registration.
#[derive(Debug)]
pub(crate) struct Registration {
    pub user: String,
    pub secret: Private<String>,
    lasts: Duration,
    sip_call_id: String,
    cseq: u32,
    challenges: Vec<DigestChallenge>,
    /// Uses of the nonce.
    uses: u32,
    state: State,
    holds: bool,
}

impl Registration {
    pub(crate) fn new(
        now: Instant,
        user: &str,
        secret: Private<String>,
        lasts: Duration,
        sip_call_id: String,
    ) -> Self {
        Self {
            user: user.to_owned(),
            secret,
            lasts,
            sip_call_id,
            cseq: 0,
            challenges: Vec::new(),
            uses: 0,
            state: State::Resting { until: now },
            holds: false,
        }
    }

    /// After the phone lost all it knew.
    pub(crate) fn begin_anew(&mut self, now: Instant, sip_call_id: String) {
        *self = Self::new(now, &self.user, self.secret.clone(), self.lasts, sip_call_id);
    }

    pub(crate) const fn holds(&self) -> bool {
        self.holds
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        Some(match &self.state {
            State::Resting { until } => *until,
            State::Asking { repeat_at, give_up_at, .. } => (*repeat_at).min(*give_up_at),
        })
    }

    /// The request to send now, if there is one.
    pub(crate) fn timeout(
        &mut self,
        now: Instant,
        address: SocketAddr,
        chance: &mut Chance,
    ) -> Option<Bytes> {
        match &mut self.state {
            State::Resting { until } if *until <= now => {
                let bytes = self.request(address, chance);
                self.state = State::Asking {
                    bytes: bytes.clone(),
                    repeat_at: now + T1,
                    interval: T1,
                    give_up_at: now + TIMER_F,
                };
                Some(bytes)
            }
            State::Asking { give_up_at, .. } if *give_up_at <= now => {
                self.holds = false;
                self.state = State::Resting { until: now + AGAIN_AFTER };
                None
            }
            State::Asking { bytes, repeat_at, interval, .. } if *repeat_at <= now => {
                *interval = (*interval * 2).min(T2);
                *repeat_at = now + *interval;
                Some(bytes.clone())
            }
            State::Resting { .. } | State::Asking { .. } => None,
        }
    }

    pub(crate) fn answered(&mut self, now: Instant, response: &Response, chance: &mut Chance) {
        let is_mine = response.headers.call_id().is_ok_and(|id| id == self.sip_call_id)
            && response.headers.cseq().is_ok_and(|cseq| cseq.number == self.cseq)
            && matches!(self.state, State::Asking { .. });
        if !is_mine || !response.is_final() {
            return;
        }
        let until = match response.status {
            200 => {
                self.holds = true;
                now + self.lasts / 2
            }
            401 => {
                self.challenges = response.headers.www_authenticate().unwrap_or_default();
                self.uses = 0;
                now + chance.ms(1, 50)
            }
            _ => now + AGAIN_AFTER,
        };
        self.state = State::Resting { until };
    }

    fn request(&mut self, address: SocketAddr, chance: &mut Chance) -> Bytes {
        self.cseq += 1;
        self.uses += 1;
        let user = &self.user;
        let name = Private::new(user.clone());
        let cnonce = chance.token();
        let authorization = Uri::parse(REGISTRAR).ok().and_then(|uri| {
            digest::answer(&self.challenges, &name, &self.secret, &Method::Register, &uri, &cnonce, self.uses)
        });
        let authorization = authorization
            .map(|value| format!("Authorization: {}\r\n", value.into_exposed()))
            .unwrap_or_default();
        let (branch, tag) = (chance.token(), chance.token());
        Bytes::from(format!(
            "REGISTER {REGISTRAR} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {address};branch=z9hG4bK{branch};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:{user}@careline>;tag={tag}\r\n\
             To: <sip:{user}@careline>\r\n\
             Call-ID: {}\r\n\
             CSeq: {} REGISTER\r\n\
             Contact: <sip:{user}@{address}>\r\n\
             Expires: {}\r\n\
             {authorization}\
             Content-Length: 0\r\n\r\n",
            self.sip_call_id,
            self.cseq,
            self.lasts.as_secs(),
        ))
    }
}
