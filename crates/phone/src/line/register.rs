//! Registration with digest and renewal (RFC 3261 §10).

use std::time::{Duration, Instant};

use rsip::{Header, Method, Response};
use tokio::sync::oneshot;

use super::{Line, PhoneEvent, Purpose, branch};
use crate::digest::Challenge;
use crate::error::PhoneError;
use crate::wire::{self, Outgoing};

/// Challenges answered for one REGISTER: the first, and one more for a nonce that went stale.
pub const CHALLENGES_MAX: u8 = 2;

/// The one binding of this phone.
pub struct Registration {
    call_id: String,
    tag: String,
    sequence: u32,
    expires_secs: u32,
    /// The last challenge, the status it came with, and how often its nonce was used.
    challenge: Option<(Challenge, u16, u32)>,
    challenged: u8,
    pub renew_at: Option<Instant>,
    waiting: Option<oneshot::Sender<Result<u32, PhoneError>>>,
}

impl Registration {
    pub fn new() -> Result<Self, PhoneError> {
        Ok(Self {
            call_id: wire::token()?,
            tag: wire::token()?,
            sequence: 0,
            expires_secs: 0,
            challenge: None,
            challenged: 0,
            renew_at: None,
            waiting: None,
        })
    }
}

impl Line {
    /// Asks for `expires_secs` seconds; 0 takes the binding back.
    pub fn register(
        &mut self,
        now: Instant,
        expires_secs: u32,
        reply: Option<oneshot::Sender<Result<u32, PhoneError>>>,
    ) {
        let registration = &mut self.registration;
        registration.renew_at = None;
        registration.expires_secs = expires_secs;
        registration.challenged = 0;
        if reply.is_some() {
            // An earlier script that still waits learns from its dropped channel that it was overtaken.
            registration.waiting = reply;
        }
        self.send_register(now);
    }

    fn send_register(&mut self, now: Instant) {
        let Ok(branch) = branch() else { return self.registration_failed(PhoneError::Randomness) };
        let uri = format!("sip:{}", self.config.server);
        let registration = &mut self.registration;
        registration.sequence += 1;
        if let Some((_, _, count)) = &mut registration.challenge {
            *count += 1;
        }
        let registration = &self.registration;
        let mut extra = vec![Header::Expires(registration.expires_secs.to_string().into())];
        if let Some((challenge, status, count)) = &registration.challenge {
            extra.extend(self.authorization(challenge, *count, Method::Register, &uri, *status));
        }
        let identity = self.identity();
        let request = wire::request(Outgoing {
            method: Method::Register,
            uri: &uri,
            local: self.local,
            branch: &branch,
            from: &format!("{identity};tag={}", registration.tag),
            to: &identity,
            call_id: &registration.call_id,
            sequence: registration.sequence,
            extra,
            contact: Some(&self.contact()),
            sdp: None,
        });
        if let Some(bytes) = request {
            self.transact(now, &branch, Method::Register, bytes, self.config.server, Purpose::Register);
        }
    }

    pub fn on_register_response(&mut self, now: Instant, response: &Response) {
        let status = response.status_code.code();
        match status {
            200..=299 => self.on_registered(now, response),
            401 | 407 if self.registration.challenged < CHALLENGES_MAX => {
                let offered = wire::challenges(response).into_iter().filter_map(Challenge::read).collect();
                let challenge = Challenge::choose(offered, self.config.digest);
                // A second refusal of the same fresh nonce is a wrong password; do not hammer.
                let worth_it = |c: &Challenge| self.registration.challenged == 0 || c.is_stale;
                match challenge.filter(|c| self.config.secret.is_some() && worth_it(c)) {
                    Some(challenge) => {
                        self.registration.challenged += 1;
                        self.registration.challenge = Some((challenge, status, 0));
                        self.send_register(now);
                    }
                    None => self.registration_failed(PhoneError::Refused { status }),
                }
            }
            _ => self.registration_failed(PhoneError::Refused { status }),
        }
    }

    fn on_registered(&mut self, now: Instant, response: &Response) {
        let asked = self.registration.expires_secs;
        if asked == 0 {
            self.tell(PhoneEvent::Unregistered);
        } else {
            let granted = wire::granted_expiry(response, self.local).unwrap_or(asked);
            self.registration.renew_at = Some(now + Duration::from_secs(u64::from(granted)) / 2);
            self.registration.expires_secs = granted;
            self.tell(PhoneEvent::Registered { expires_secs: granted });
        }
        if let Some(waiting) = self.registration.waiting.take() {
            _ = waiting.send(Ok(self.registration.expires_secs));
        }
    }

    pub fn registration_failed(&mut self, why: PhoneError) {
        self.tell(PhoneEvent::RegistrationFailed(match why {
            PhoneError::Refused { status } => Some(status),
            _ => None,
        }));
        self.registration.challenge = None;
        if let Some(waiting) = self.registration.waiting.take() {
            _ = waiting.send(Err(why));
        }
    }
}
