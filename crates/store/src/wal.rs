//! Write-ahead segments: where a record first becomes durable.
//!
//! A segment is a row of frames `[length u32][crc32c u32][payload]`, numbers little-endian. Payloads:
//!
//! - `S{"first_seq":…,"open":[…]}` once, at the beginning: where the segment starts in the log and the
//!   calls open there, so that a restart need not read the whole log for them;
//! - `C<seq> <offset>` before each group of records written together. It also says that everything
//!   before it was durable: damage before a `C` is damage, damage after the last `C` is a group that a
//!   crash interrupted and nobody was told about;
//! - `{…`: a record.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use audit::{CallId, OpenCall, OpenCalls, Record};
use serde::{Deserialize, Serialize};

/// A segment is closed at this size. Recovery reads at most a few of them.
pub(crate) const SEGMENT_BYTES: u64 = 8 << 20;

/// Longest payload: the header of a segment with the most calls open, some 170 bytes each.
const PAYLOAD_BYTES_MAX: usize = audit::OPEN_CALLS_MAX * 200;

const FRAME_HEAD_BYTES: usize = 8;

/// Appends a frame.
fn append_frame(tag: &str, payload: &[u8], out: &mut Vec<u8>) {
    let crc = crc32c::crc32c_append(crc32c::crc32c(tag.as_bytes()), payload);
    // Payloads are bounded far below 4 GiB.
    let length = u32::try_from(tag.len() + payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(payload);
}

pub(crate) fn append_record(record: &[u8], out: &mut Vec<u8>) {
    append_frame("", record, out);
}

/// Appends the frame that begins a group: the next record is `seq`, the frame lies at `offset`.
pub(crate) fn append_commit(seq: u64, offset: u64, out: &mut Vec<u8>) {
    append_frame("C", format!("{seq} {offset}").as_bytes(), out);
}

/// Appends the frame that begins a segment.
pub(crate) fn append_segment_head(first_seq: u64, open: &OpenCalls, out: &mut Vec<u8>) {
    let open = open.iter().map(|open| OpenCallText {
        call: open.call.to_string(),
        cseq: open.cseq,
        prev: hex(&open.previous),
        seq: open.last_seq,
    });
    let head = SegmentHead { first_seq, open: open.collect() };
    // Serializing numbers and hexadecimal digits cannot fail.
    append_frame("S", &serde_json::to_vec(&head).unwrap_or_default(), out);
}

#[derive(Deserialize, Serialize)]
struct SegmentHead {
    first_seq: u64,
    open: Vec<OpenCallText>,
}

#[derive(Deserialize, Serialize)]
struct OpenCallText {
    call: String,
    cseq: u64,
    prev: String,
    seq: u64,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<audit::Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, slot) in hash.iter_mut().enumerate() {
        *slot = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(hash)
}

fn read_segment_head(payload: &[u8]) -> Option<(u64, OpenCalls)> {
    let head: SegmentHead = serde_json::from_slice(payload).ok()?;
    let open = head.open.iter().map(|open| {
        let call: CallId = open.call.parse().ok()?;
        Some(OpenCall { call, cseq: open.cseq, previous: unhex(&open.prev)?, last_seq: open.seq })
    });
    Some((head.first_seq, open.collect::<Option<OpenCalls>>()?))
}

/// One frame of a segment.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame<'a> {
    Head { first_seq: u64, open: OpenCalls },
    Commit { seq: u64, offset: u64 },
    Record(&'a [u8]),
}

/// The frame at an offset and where the next begins, or `None` where there is no whole one.
pub(crate) fn frame_at(segment: &[u8], offset: usize) -> Option<(Frame<'_>, usize)> {
    let rest = segment.get(offset..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    if length == 0 || length > PAYLOAD_BYTES_MAX {
        return None;
    }
    let payload = rest.get(..length)?;
    if crc32c::crc32c(payload) != u32::from_le_bytes(*crc) {
        return None;
    }
    let frame = match payload.split_first()? {
        (b'S', head) => {
            let (first_seq, open) = read_segment_head(head)?;
            Frame::Head { first_seq, open }
        }
        (b'C', numbers) => {
            let (seq, at) = std::str::from_utf8(numbers).ok()?.split_once(' ')?;
            Frame::Commit { seq: seq.parse().ok()?, offset: at.parse().ok()? }
        }
        (b'{', _) if length <= Record::BYTES_MAX => Frame::Record(payload),
        _ => return None,
    };
    Some((frame, offset + FRAME_HEAD_BYTES + length))
}

/// Whether a group begins anywhere after a damaged place: then what was damaged had been durable.
pub(crate) fn is_followed_by_commit(segment: &[u8], damaged_at: usize) -> bool {
    let commits = (damaged_at..segment.len()).filter(|at| segment.get(at + FRAME_HEAD_BYTES) == Some(&b'C'));
    commits.into_iter().any(|at| match frame_at(segment, at) {
        Some((Frame::Commit { offset, .. }, _)) => offset == at as u64,
        _ => false,
    })
}

/// The folder of the segments below a log's folder.
pub(crate) fn folder(dir: &Path) -> PathBuf {
    dir.join("wal")
}

/// The file of the segment that begins with a record. Twenty digits, so that names sort as numbers.
pub(crate) fn segment_path(dir: &Path, first_seq: u64) -> PathBuf {
    folder(dir).join(format!("{first_seq:020}"))
}

/// The first record of every segment there is, in order.
pub(crate) fn segments(dir: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    let listing = match fs::read_dir(folder(dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        listing => listing?,
    };
    for entry in listing {
        let name = entry?.file_name();
        let digits = name.to_str().filter(|name| name.len() == 20);
        found.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use audit::{CallId, OpenCall, OpenCalls};

    use super::{Frame, append_commit, append_record, append_segment_head, frame_at, is_followed_by_commit};

    #[test]
    fn frames_are_read_back_and_no_flipped_bit_passes_for_a_frame() {
        let open: OpenCalls =
            [OpenCall { call: CallId(7), cseq: 3, previous: [9; 32], last_seq: 41 }].into_iter().collect();
        let mut segment = Vec::new();
        append_segment_head(42, &open, &mut segment);
        let head_end = segment.len();
        append_record(b"{\"a\":1}", &mut segment);
        assert_eq!(frame_at(&segment, 0).unwrap(), (Frame::Head { first_seq: 42, open }, head_end));
        assert_eq!(frame_at(&segment, head_end).unwrap().0, Frame::Record(b"{\"a\":1}"));
        assert_eq!(frame_at(&segment, segment.len()), None);
        for at in head_end..segment.len() {
            for bit in 0..8 {
                let mut flipped = segment.clone();
                flipped[at] ^= 1 << bit;
                assert_eq!(frame_at(&flipped, head_end), None, "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn damage_before_a_later_group_is_told_from_an_interrupted_last_group() {
        let mut segment = Vec::new();
        append_commit(0, 0, &mut segment);
        append_record(b"{\"first\":1}", &mut segment);
        let second = segment.len();
        append_commit(1, second as u64, &mut segment);
        append_record(b"{\"second\":1}", &mut segment);
        assert!(is_followed_by_commit(&segment, 3));
        assert!(!is_followed_by_commit(&segment, second + 1));
    }
}
