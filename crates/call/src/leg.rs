//! One party of a call: her SIP leg, her RTP port, and the SDP between the two.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use media::PortId;
use media::sdp::{self, Codec, Local, Session, Unacceptable};
use sip::LegId;

use crate::caller::Side;
use crate::emergency::EmergencySide;

/// The media side of one party. An agent who is rung at several phones has one, shared by their legs,
/// because only one of them will answer.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    pub port: PortId,
    /// Where we receive her RTP.
    pub local: SocketAddr,
    /// What was agreed; `None` before the first answer.
    pub session: Option<Session>,
    session_id: u64,
    version: u64,
    /// Her trunk's own choice of codecs, best first.
    codecs: Option<Arc<[Codec]>>,
}

impl Party {
    pub(crate) fn new(port: PortId, local: SocketAddr, session_id: u64) -> Self {
        Self { port, local, session: None, session_id, version: 0, codecs: None }
    }

    /// With codecs of her own, where there are any: those of a trunk count instead of everybody's.
    pub(crate) fn with_codecs(mut self, codecs: impl ExactSizeIterator<Item = Codec>) -> Self {
        self.codecs = (codecs.len() > 0).then(|| codecs.collect());
        self
    }

    fn local<'a>(&'a self, codecs: &'a [Codec]) -> Local<'a> {
        let codecs = self.codecs.as_deref().unwrap_or(codecs);
        Local { address: self.local, codecs, session_id: self.session_id, version: self.version, hold: false }
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

    /// What her answer to our offer agrees on.
    pub(crate) fn accept(&mut self, answer: &[u8], codecs: &[Codec]) -> Result<Session, Unacceptable> {
        let session = sdp::accept(answer, self.local(codecs))?;
        self.session = Some(session.clone());
        Ok(session)
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
    /// One side of an emergency call.
    Emergency(audit::CallId, EmergencySide),
}

impl Owner {
    /// The side of a call it is, where it is one.
    pub(crate) const fn side(self) -> Option<(audit::CallId, Side)> {
        match self {
            Self::Caller(id) => Some((id, Side::Caller)),
            Self::Far(id) => Some((id, Side::Far)),
            Self::Referrer(_) | Self::Feature(_) | Self::Emergency(..) => None,
        }
    }
}
