use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use thiserror::Error;

use crate::note::{NoteError, SigningKey, VerifyingKey};
use crate::proof::TreeHead;

/// What a log was at one moment, in a form its owner cannot take back (c2sp.org/tlog-checkpoint).
///
/// It names the log, the number of records and the root, and no time: that is in the records, and in
/// the signatures of witnesses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Size and root.
    pub head: TreeHead,
    /// The signed note, to be published or kept.
    pub note: String,
}

/// Why a checkpoint is not to be believed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Signed, but not origin, size and root.
    #[error("the signed text is not a checkpoint")]
    Malformed,
    /// Signed by this key, for a log of another name.
    #[error("the checkpoint is of another log")]
    OtherLog,
}

/// The text that is signed: origin, size and root, a line each.
pub fn checkpoint_text(origin: &str, head: &TreeHead) -> String {
    format!("{origin}\n{}\n{}\n", head.size, BASE64_STANDARD.encode(head.root))
}

impl Checkpoint {
    /// Signs. Whoever calls this has first written size and root where a restart finds them: a log must
    /// never sign two histories.
    pub fn sign(key: &SigningKey, head: TreeHead) -> Self {
        let note = key.sign(&checkpoint_text(key.origin(), &head));
        Self { origin: key.origin().to_owned(), head, note }
    }

    /// Reads and verifies a signed checkpoint.
    pub fn open(note: &[u8], key: &VerifyingKey) -> Result<Self, CheckpointError> {
        let text = key.open(note)?;
        let (origin, head) = parse_text(text).ok_or(CheckpointError::Malformed)?;
        if origin != key.name() {
            return Err(CheckpointError::OtherLog);
        }
        let note = String::from_utf8(note.to_vec()).map_err(|_| CheckpointError::Malformed)?;
        Ok(Self { origin: origin.to_owned(), head, note })
    }
}

/// Origin, size and root of a checkpoint's text. Further lines are extensions of other implementations
/// and left alone.
pub fn parse_text(text: &str) -> Option<(&str, TreeHead)> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let is_number = size.bytes().all(|byte| byte.is_ascii_digit());
    if origin.is_empty() || !is_number || (size.len() > 1 && size.starts_with('0')) {
        return None;
    }
    let root = BASE64_STANDARD.decode(root).ok()?.try_into().ok()?;
    Some((origin, TreeHead { size: size.parse().ok()?, root }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Checkpoint, CheckpointError, parse_text};
    use crate::note::SigningKey;
    use crate::proof::TreeHead;

    const ORIGIN: &str = "audit.example.org/ivr/site-1";

    fn head() -> TreeHead {
        let root = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
        TreeHead { size: 8, root: hex::decode(root).unwrap().try_into().unwrap() }
    }

    #[test]
    fn a_checkpoint_of_the_published_tree_is_signed_to_the_byte() {
        let key = SigningKey::from_seed(ORIGIN, [7; 32]).unwrap();
        let checkpoint = Checkpoint::sign(&key, head());
        assert_eq!(
            checkpoint.note,
            "audit.example.org/ivr/site-1\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n\
             \u{2014} audit.example.org/ivr/site-1 soviL0asWaShpHrO6I+v9REitJifYkxHc5fUX5izcgL5Y39WraO93MOCp7Y18wFZJ/G7zaA9RxccMzCcQanPQQCq1wc=\n"
        );
        assert_eq!(Checkpoint::open(checkpoint.note.as_bytes(), &key.verifying_key()), Ok(checkpoint));
    }

    #[test]
    fn a_signed_text_that_is_no_checkpoint_of_this_log_is_refused() {
        let key = SigningKey::from_seed(ORIGIN, [7; 32]).unwrap();
        let open = |text: &str| Checkpoint::open(key.sign(text).as_bytes(), &key.verifying_key());
        assert_eq!(open("hello\n"), Err(CheckpointError::Malformed));
        let root = "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=";
        assert_eq!(open(&format!("other.example\n8\n{root}\n")), Err(CheckpointError::OtherLog));
        for text in ["a\n08\nroot\n", "a\n-8\nroot\n", "a\n8\nAA==\n", "\n8\nroot\n", "a\n8"] {
            assert_eq!(parse_text(&text.replace("root", root)), None, "{text}");
        }
    }
}
