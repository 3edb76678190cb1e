//! PASSporT (RFC 8225) as an Identity header carries it (RFC 8224), with SHAKEN's claims (RFC 8588).
//!
//! A statement is read, and what it claims is compared with the call and the clock. Whether the signature is
//! right is not decided here: that takes a certificate from the network, and the arithmetic of a curve. What is to
//! be checked with it is [`Passport::signing_input`] and [`Passport::signature`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use primitives::Private;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::header::Identity;

/// How old a statement may be, and how far ahead of us its clock, in seconds (RFC 8224 §6.2 step 4).
pub const FRESHNESS_SECS: i64 = 60;

/// Numbers called that are read of one statement: a call is for one, a conference for a few.
const DESTINATIONS_MAX: usize = 16;

/// How well the signer knows the caller (RFC 8588 §4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attestation {
    /// `A`: it knows him, and the number is his.
    Full,
    /// `B`: it knows him, not whether the number is his.
    Partial,
    /// `C`: it knows where the call came from, nothing else. A plain PASSporT that says nothing counts as this.
    Gateway,
}

/// What a statement says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claims {
    /// `iat`: when it was signed, in seconds since 1970.
    pub issued: i64,
    /// `orig`: the caller's number as digits, country code first; `None` where it is an address.
    pub orig: Option<Private<String>>,
    /// `dest`: the numbers called.
    pub dest: Vec<Private<String>>,
    /// `attest`.
    pub attestation: Attestation,
}

/// A signed statement of who calls whom.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Passport {
    /// Where the signer's certificate is.
    pub certificate: String,
    /// What it says.
    pub claims: Claims,
    /// What was signed: both parts in base64url, a dot between.
    pub signing_input: Private<String>,
    /// ECDSA's r and s, 32 bytes each (RFC 7518 §3.4).
    pub signature: [u8; 64],
}

/// What of a call goes into a compact statement, whose text is rebuilt (RFC 8225 §7).
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The caller's number in E.164, without `+`.
    pub orig: Option<&'a str>,
    /// The numbers she may have called, likewise: what was dialled, and where the network says it first went.
    pub dest: &'a [&'a str],
    /// The Date header.
    pub date: Option<Timestamp>,
}

/// Why a statement says nothing of this call. The word is for the log.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Flaw {
    /// It cannot be read.
    #[error("malformed")]
    Malformed,
    /// Signed by other means than ES256.
    #[error("algorithm")]
    Algorithm,
    /// Another kind than `shaken` or the plain one: about forwardings, priorities, names.
    #[error("kind")]
    Kind,
    /// Older than [`FRESHNESS_SECS`], or from the future.
    #[error("stale")]
    Stale,
    /// About another caller.
    #[error("orig")]
    Orig,
    /// About another number called: somebody repeats a statement he overheard.
    #[error("dest")]
    Dest,
}

impl Passport {
    /// Reads what an Identity header carries; the compact form is rebuilt from the call.
    pub fn read(identity: &Identity, call: Call<'_>) -> Result<Self, Flaw> {
        if identity.algorithm.as_deref().is_some_and(|algorithm| algorithm != "ES256") {
            return Err(Flaw::Algorithm);
        }
        if identity.kind.as_deref().is_some_and(|kind| kind != "shaken") {
            return Err(Flaw::Kind);
        }
        let mut parts = identity.passport.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Flaw::Malformed);
        };
        let signature = decoded(signature)?.try_into().map_err(|_| Flaw::Malformed)?;
        let (signing_input, claims) = if header.is_empty() && payload.is_empty() {
            // SHAKEN's claims cannot be rebuilt from the call, so it has no compact form (RFC 8588 §6).
            if identity.kind.is_some() {
                return Err(Flaw::Kind);
            }
            compact(identity, call)?
        } else {
            check_header(&object(header)?, identity)?;
            (format!("{header}.{payload}"), Claims::of(&object(payload)?)?)
        };
        Ok(Self {
            certificate: identity.info.clone(),
            claims,
            signing_input: Private::new(signing_input),
            signature,
        })
    }
}

impl Claims {
    /// Whether this is about this call, at this time.
    pub fn judge(&self, now: Timestamp, call: Call<'_>) -> Result<(), Flaw> {
        if self.issued.saturating_sub(now.as_second()).saturating_abs() > FRESHNESS_SECS {
            return Err(Flaw::Stale);
        }
        if self.orig.as_ref().map(|orig| orig.expose().as_str()) != call.orig || call.orig.is_none() {
            return Err(Flaw::Orig);
        }
        let is_called = |claimed: &Private<String>| call.dest.contains(&claimed.expose().as_str());
        if self.dest.iter().any(is_called) { Ok(()) } else { Err(Flaw::Dest) }
    }

    fn of(payload: &Map<String, Value>) -> Result<Self, Flaw> {
        let number = |of: &Value| of.as_str().map(canonical).ok_or(Flaw::Malformed);
        let orig = payload.get("orig").and_then(Value::as_object).ok_or(Flaw::Malformed)?;
        let dest = payload.get("dest").and_then(Value::as_object).ok_or(Flaw::Malformed)?;
        // A single number without its brackets is against RFC 8225 §5.2.1 and seen.
        let dest = match dest.get("tn") {
            Some(Value::Array(numbers)) => {
                numbers.iter().take(DESTINATIONS_MAX).map(number).collect::<Result<_, _>>()?
            }
            Some(one) => vec![number(one)?],
            None => Vec::new(),
        };
        let attestation = match payload.get("attest").map(Value::as_str) {
            Some(Some("A")) => Attestation::Full,
            Some(Some("B")) => Attestation::Partial,
            Some(Some("C")) | None => Attestation::Gateway,
            Some(_) => return Err(Flaw::Malformed),
        };
        Ok(Self {
            issued: payload.get("iat").and_then(Value::as_i64).ok_or(Flaw::Malformed)?,
            orig: orig.get("tn").map(number).transpose()?,
            dest,
            attestation,
        })
    }
}

/// The header must say what the Identity header's parameters say (RFC 8224 §6.2 step 1).
fn check_header(header: &Map<String, Value>, identity: &Identity) -> Result<(), Flaw> {
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    if text("alg") != Some("ES256") {
        return Err(Flaw::Algorithm);
    }
    if !matches!(text("ppt"), None | Some("shaken")) {
        return Err(Flaw::Kind);
    }
    let says_the_same = text("typ") == Some("passport")
        && text("x5u") == Some(identity.info.as_str())
        && identity.kind.as_deref().is_none_or(|kind| text("ppt") == Some(kind));
    if says_the_same { Ok(()) } else { Err(Flaw::Malformed) }
}

/// The text the sender of a compact form signed: keys in the order of the alphabet, no white space (RFC 8225 §9).
fn compact(identity: &Identity, call: Call<'_>) -> Result<(String, Claims), Flaw> {
    let issued = call.date.ok_or(Flaw::Malformed)?.as_second();
    let orig = call.orig.ok_or(Flaw::Orig)?;
    let dest = *call.dest.first().ok_or(Flaw::Dest)?;
    // serde_json's maps are sorted.
    let header = serde_json::json!({ "alg": "ES256", "typ": "passport", "x5u": identity.info });
    let payload = serde_json::json!({ "dest": { "tn": [dest] }, "iat": issued, "orig": { "tn": orig } });
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = Claims {
        issued,
        orig: Some(Private::new(orig.to_owned())),
        dest: vec![Private::new(dest.to_owned())],
        attestation: Attestation::Gateway,
    };
    Ok((format!("{}.{}", encoded(header), encoded(payload)), claims))
}

/// A number as signers write it: digits only (RFC 8224 §8.3).
fn canonical(number: &str) -> Private<String> {
    Private::new(number.chars().filter(char::is_ascii_digit).collect())
}

fn decoded(part: &str) -> Result<Vec<u8>, Flaw> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|_| Flaw::Malformed)
}

fn object(part: &str) -> Result<Map<String, Value>, Flaw> {
    match serde_json::from_slice(&decoded(part)?) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Flaw::Malformed),
    }
}

#[cfg(test)]
mod tests;
