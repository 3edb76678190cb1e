//! One party of a call: her SIP leg, her RTP port, and the SDP between the two.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use media::PortId;
use media::sdp::{self, Codec, Encryption, Local, Session, Unacceptable};
use media::srtp::OurKeys;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sip::LegId;

use crate::caller::Side;
use crate::emergency::EmergencySide;
use crate::switch::Switch;
use crate::trunk::TrunkConfig;

/// The media side of one party. An agent who is rung at several phones has one, shared by their legs,
/// because only one of them will answer.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    pub port: PortId,
    /// Where we receive her RTP.
    pub local: SocketAddr,
    /// The address she is told instead.
    advertised: Option<IpAddr>,
    /// What was agreed; `None` before the first answer.
    pub session: Option<Session>,
    session_id: u64,
    version: u64,
    /// Her trunk's own choice of codecs, best first.
    codecs: Option<Arc<[Codec]>>,
    encryption: EncryptionPolicy,
    keys: OurKeys,
}

/// Whether the audio of a leg is encrypted (SRTP keyed by SDP, RFC 4568).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EncryptionPolicy {
    /// Never: an encrypted offer is refused with 488.
    Off,
    /// When the other side offers it. We offer audio in the clear.
    #[default]
    Accepted,
    /// Always: we offer nothing else, and refuse an offer in the clear with 488.
    Required,
}

/// What is beyond a leg: each has its own policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Beyond {
    /// A telephone of ours.
    Phone,
    /// One that dials 911: it is taken as it comes.
    EmergencyPhone,
    /// A carrier.
    Trunk,
}

impl Party {
    /// From now on as a trunk wants it, or as nobody in particular: its own codecs in its order instead of
    /// everybody's, and the address its carrier sees.
    pub(crate) fn go_by_trunk(&mut self, trunk: Option<&TrunkConfig>, everybodys: &[Codec]) {
        self.codecs = trunk.map(|trunk| trunk.codecs(everybodys).into());
        self.advertised = trunk.and_then(|trunk| trunk.media_advertised);
    }

    /// Takes the place of another on the same way.
    pub(crate) fn in_place_of(mut self, old: &Self) -> Self {
        self.codecs.clone_from(&old.codecs);
        self
    }

    fn local<'a>(&'a self, codecs: &'a [Codec]) -> Local<'a> {
        let codecs = self.codecs.as_deref().unwrap_or(codecs);
        let encryption = match self.encryption {
            EncryptionPolicy::Off => Encryption::Off,
            EncryptionPolicy::Accepted => Encryption::Accepted(&self.keys),
            EncryptionPolicy::Required => Encryption::Required(&self.keys),
        };
        let Self { session_id, version, .. } = *self;
        let address = SocketAddr::new(self.advertised.unwrap_or(self.local.ip()), self.local.port());
        Local { address, codecs, session_id, version, hold: false, encryption }
    }

    /// Our answer to her offer, and what that agrees on.
    pub(crate) fn answer(
        &mut self,
        offer: &[u8],
        codecs: &[Codec],
    ) -> Result<(Bytes, Session), Unacceptable> {
        self.version += 1;
        let (body, session) = sdp::answer(offer, self.local(codecs))?;
        self.session = Some(session.clone());
        Ok((body, session))
    }

    /// Our offer to her.
    pub(crate) fn offer(&mut self, codecs: &[Codec]) -> Bytes {
        self.version += 1;
        sdp::offer(self.local(codecs))
    }

    /// Our offer to her, with the codec of whom she will talk to first: who takes the first talks to him without
    /// a sample being touched.
    pub(crate) fn offer_like(&mut self, other: &Self, codecs: &[Codec]) -> Bytes {
        let mut codecs = self.codecs.as_deref().unwrap_or(codecs).to_vec();
        if let Some(session) = &other.session {
            codecs.sort_by_key(|codec| *codec != session.codec);
        }
        self.version += 1;
        sdp::offer(Local { codecs: &codecs, ..self.local(&[]) })
    }

    /// What her answer to our offer agrees on.
    pub(crate) fn accept(&mut self, answer: &[u8], codecs: &[Codec]) -> Result<Session, Unacceptable> {
        let session = sdp::accept(answer, self.local(codecs))?;
        self.session = Some(session.clone());
        Ok(session)
    }
}

impl Switch {
    /// The media side of a new leg, with keys of its own.
    pub(crate) fn party(&mut self, port: PortId, local: SocketAddr, beyond: Beyond) -> Party {
        let policies = &self.setup().media.encryption;
        let encryption = match beyond {
            Beyond::Phone => policies.phones,
            Beyond::EmergencyPhone => EncryptionPolicy::Accepted,
            Beyond::Trunk => policies.trunks,
        };
        let session_id = self.random() >> 1;
        let keys = OurKeys::draw(&mut self.keys);
        Party {
            port,
            local,
            advertised: None,
            session: None,
            session_id,
            version: 0,
            codecs: None,
            encryption,
            keys,
        }
    }
}

/// What a leg or a port belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// The caller's side of a call.
    Caller(audit::CallId),
    /// The agent's side, or the number outside.
    Far(audit::CallId),
    /// The side of an agent who transfers the caller, until she leaves.
    Referrer(audit::CallId),
    /// An agent's phone that dialled a feature code.
    Feature(LegId),
    /// A third party of a call.
    Third(audit::CallId),
    /// The phone of a supervisor.
    Supervisor(LegId),
    /// One side of an emergency call.
    Emergency(audit::CallId, EmergencySide),
}

impl Owner {
    /// The side of a call it is, where it is one.
    pub(crate) const fn side(self) -> Option<(audit::CallId, Side)> {
        match self {
            Self::Caller(id) => Some((id, Side::Caller)),
            Self::Far(id) => Some((id, Side::Far)),
            Self::Referrer(_)
            | Self::Feature(_)
            | Self::Supervisor(_)
            | Self::Third(_)
            | Self::Emergency(..) => None,
        }
    }
}
