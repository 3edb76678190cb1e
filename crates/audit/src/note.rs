//! Signed notes (c2sp.org/signed-note) with Ed25519, and their keys.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::Signer;
use primitives::Private;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The signature type Ed25519 in key ids and keys.
const ED25519: u8 = 0x01;

/// How a file with a signing key begins.
const SECRET_PREFIX: &str = "PRIVATE+KEY+";

/// Longest note read. A checkpoint is under 300 bytes; the rest is room for witnesses' signatures.
pub const NOTE_BYTES_MAX: usize = 65_536;

/// Which key signed: the start of SHA-256 over name and key, so that two keys of one name are told apart.
type KeyId = [u8; 4];

fn key_id(name: &str, public: &[u8; 32]) -> KeyId {
    let digest =
        Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(public).finalize();
    let mut id = [0; 4];
    for (slot, byte) in id.iter_mut().zip(digest) {
        *slot = byte;
    }
    id
}

/// Why a log's key cannot be used.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum KeyError {
    /// Empty, or with a space, a `+` or a control character.
    #[error("a log's name is a host and path such as `example.org/ivr/site-1`, without spaces and `+`")]
    Name,
    /// Not `name+id+base64`.
    #[error(
        "a verification key reads `name+8 hexadecimal digits+base64`, as in the `.vkey` file beside the key"
    )]
    Shape,
    /// Not `PRIVATE+KEY+name+id+base64`.
    #[error("a signing key reads `PRIVATE+KEY+name+8 hexadecimal digits+base64`")]
    Secret,
    /// The id does not belong to name and key.
    #[error("the key was changed: its 8 digits do not belong to its name and key")]
    Id,
    /// Not Ed25519, or not a point of its curve.
    #[error("not an Ed25519 key")]
    Algorithm,
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.contains(is_bad) { Err(KeyError::Name) } else { Ok(()) }
}

/// The key a log signs its checkpoints with, and the log's name (its origin).
#[derive(Clone)]
pub struct SigningKey {
    origin: String,
    key: ed25519_dalek::SigningKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.origin)
    }
}

impl SigningKey {
    /// The key made from 32 secret random bytes, for the log of this name
    /// (`<organisation's domain>/ivr/<site>`).
    pub fn from_seed(origin: &str, seed: [u8; 32]) -> Result<Self, KeyError> {
        check_name(origin)?;
        Ok(Self { origin: origin.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(&seed) })
    }

    /// The key as its file holds it: `PRIVATE+KEY+name+id+base64`, the form other programs of signed
    /// notes read too.
    pub fn to_secret_text(&self) -> Private<String> {
        let id = hex::encode(key_id(&self.origin, &self.key.verifying_key().to_bytes()));
        let mut typed = vec![ED25519];
        typed.extend_from_slice(&self.key.to_bytes());
        Private::new(format!("{SECRET_PREFIX}{}+{id}+{}", self.origin, BASE64_STANDARD.encode(typed)))
    }

    /// Reads what [`SigningKey::to_secret_text`] wrote.
    pub fn from_secret_text(text: &Private<String>) -> Result<Self, KeyError> {
        let rest = text.expose().trim().strip_prefix(SECRET_PREFIX).ok_or(KeyError::Secret)?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Secret);
        };
        let typed = BASE64_STANDARD.decode(key).map_err(|_| KeyError::Secret)?;
        let Some((&ED25519, seed)) = typed.split_first() else { return Err(KeyError::Algorithm) };
        let key = Self::from_seed(name, seed.try_into().map_err(|_| KeyError::Algorithm)?)?;
        let public = key.key.verifying_key().to_bytes();
        if hex::encode(key_id(name, &public)) == id { Ok(key) } else { Err(KeyError::Id) }
    }

    /// The log's name, first line of its checkpoints.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The public half, for whoever verifies.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey { name: self.origin.clone(), key: self.key.verifying_key() }
    }

    /// The text with our signature below it. `text` ends with a line feed.
    pub fn sign(&self, text: &str) -> String {
        let public = self.key.verifying_key().to_bytes();
        let mut signature = key_id(&self.origin, &public).to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n\u{2014} {} {}\n", self.origin, BASE64_STANDARD.encode(signature))
    }
}

/// The public key of a log. Printed and read as a C2SP vkey: `name+id+base64`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifyingKey {
    name: String,
    key: ed25519_dalek::VerifyingKey,
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = self.key.to_bytes();
        let mut typed = vec![ED25519];
        typed.extend_from_slice(&public);
        let id = hex::encode(key_id(&self.name, &public));
        write!(f, "{}+{id}+{}", self.name, BASE64_STANDARD.encode(typed))
    }
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // The base64 part may itself hold `+`, the name may not.
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Shape);
        };
        check_name(name)?;
        let typed = BASE64_STANDARD.decode(key).map_err(|_| KeyError::Shape)?;
        let Some((&ED25519, public)) = typed.split_first() else { return Err(KeyError::Algorithm) };
        let public: [u8; 32] = public.try_into().map_err(|_| KeyError::Algorithm)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&public).map_err(|_| KeyError::Algorithm)?;
        if hex::encode(key_id(name, &public)) != id {
            return Err(KeyError::Id);
        }
        Ok(Self { name: name.to_owned(), key })
    }
}

/// Why a note is not to be believed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NoteError {
    /// Not text, a blank line and signature lines.
    #[error("not a signed note")]
    Malformed,
    /// Nobody we know signed it.
    #[error("not signed by this key")]
    NotSigned,
    /// Our key's signature does not fit the text.
    #[error("the signature does not fit the text")]
    BadSignature,
}

impl VerifyingKey {
    /// The name of the log whose key this is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note this key has signed. Signatures of others are left alone, of whatever kind.
    pub fn open<'a>(&self, note: &'a [u8]) -> Result<&'a str, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed);
        }
        let note = std::str::from_utf8(note).map_err(|_| NoteError::Malformed)?;
        let (_, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let text_end = note.len() - signatures.len() - 1;
        let text = note.get(..text_end).ok_or(NoteError::Malformed)?;
        if signatures.is_empty() || !signatures.ends_with('\n') {
            return Err(NoteError::Malformed);
        }
        let ours = key_id(&self.name, &self.key.to_bytes());
        let mut verdict = Err(NoteError::NotSigned);
        for line in signatures.lines() {
            let (name, signature) = line
                .strip_prefix("\u{2014} ")
                .and_then(|rest| rest.split_once(' '))
                .ok_or(NoteError::Malformed)?;
            let bytes = BASE64_STANDARD.decode(signature).map_err(|_| NoteError::Malformed)?;
            let (id, signature) = bytes.split_first_chunk::<4>().ok_or(NoteError::Malformed)?;
            if name != self.name || *id != ours {
                continue;
            }
            let signature = ed25519_dalek::Signature::from_slice(signature);
            let fits = signature.is_ok_and(|s| self.key.verify_strict(text.as_bytes(), &s).is_ok());
            if !fits {
                return Err(NoteError::BadSignature);
            }
            verdict = Ok(text);
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{KeyError, NoteError, SigningKey, VerifyingKey};

    const ORIGIN: &str = "audit.example.org/ivr/site-1";
    const VKEY: &str = "audit.example.org/ivr/site-1+b28be22f+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";

    fn key() -> SigningKey {
        SigningKey::from_seed(ORIGIN, [7; 32]).unwrap()
    }

    #[test]
    fn a_key_is_printed_and_read_as_a_vkey() {
        assert_eq!(key().verifying_key().to_string(), VKEY);
        assert_eq!(VKEY.parse::<VerifyingKey>().unwrap(), key().verifying_key());
        assert_eq!(VKEY.replace("b28b", "b28c").parse::<VerifyingKey>(), Err(KeyError::Id));
        assert_eq!(VKEY.replace("site-1", "site-2").parse::<VerifyingKey>(), Err(KeyError::Id));
        assert_eq!("nothing".parse::<VerifyingKey>(), Err(KeyError::Shape));
        assert!(SigningKey::from_seed("a b", [0; 32]).is_err());
        assert_eq!(format!("{:?}", key()), "SigningKey(audit.example.org/ivr/site-1)");
    }

    #[test]
    fn a_signing_key_survives_its_file_and_nothing_prints_it() {
        let text = key().to_secret_text();
        assert_eq!(SigningKey::from_secret_text(&text).unwrap().verifying_key(), key().verifying_key());
        let renamed = text.map(|text| text.replace("site-1", "site-2"));
        assert_eq!(SigningKey::from_secret_text(&renamed).err(), Some(KeyError::Id));
    }

    #[test]
    fn a_note_opens_only_with_the_key_that_signed_it() {
        let note = key().sign("one\ntwo\n");
        assert_eq!(key().verifying_key().open(note.as_bytes()), Ok("one\ntwo\n"));
        let other = SigningKey::from_seed(ORIGIN, [8; 32]).unwrap().verifying_key();
        assert_eq!(other.open(note.as_bytes()), Err(NoteError::NotSigned));
        let changed = note.replace("two", "twO");
        assert_eq!(key().verifying_key().open(changed.as_bytes()), Err(NoteError::BadSignature));
    }

    #[test]
    fn a_witness_signature_of_unknown_kind_is_left_alone() {
        let note = format!("{}\u{2014} witness.example.net BAAAAAEBAQ==\n", key().sign("text\n"));
        assert_eq!(key().verifying_key().open(note.as_bytes()), Ok("text\n"));
    }

    #[test]
    fn every_flipped_byte_of_a_note_is_noticed() {
        let note = key().sign("text\n").into_bytes();
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut flipped = note.clone();
                *flipped.get_mut(at).unwrap() ^= 1 << bit;
                assert!(key().verifying_key().open(&flipped).is_err(), "byte {at} bit {bit}");
            }
        }
    }
}
