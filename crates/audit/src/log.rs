use std::collections::BTreeMap;
use std::time::Instant;

use thiserror::Error;

use crate::canonical::{self, INTEGER_MAX, write_string};
use crate::record::{Record, Refusal};
use crate::tree::{Hash, leaf_hash};
use crate::{CallId, Event, Fact, FlowRef};

/// Calls whose chain is kept open at once. A node carries a few hundred calls; the rest is room for
/// calls whose end was lost. Beyond it the eighth that spoke longest ago is forgotten: the auditor
/// then finds them without an end, which is the truth.
pub const OPEN_CALLS_MAX: usize = 65_536;

/// Longest node name, flow name and step name in a record.
const NAME_BYTES_MAX: usize = 128;

/// Whose log it is: part of every record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    node: String,
    boot: u128,
}

/// The node's name cannot stand in every record.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a node's name has 1 to 128 printable ASCII characters")]
pub struct IdentityError;

impl Identity {
    /// The node's configured name, and a number drawn at each start of the process.
    pub fn new(node: &str, boot: u128) -> Result<Self, IdentityError> {
        let is_printable = node.bytes().all(|byte| byte.is_ascii_graphic());
        if node.is_empty() || node.len() > NAME_BYTES_MAX || !is_printable {
            return Err(IdentityError);
        }
        Ok(Self { node: node.to_owned(), boot })
    }
}

/// A call that has records and no `call.end`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpenCall {
    /// Which call.
    pub call: CallId,
    /// Records of it so far.
    pub cseq: u64,
    /// Leaf hash of the last of them.
    pub previous: Hash,
    /// Where in the log that one is.
    pub last_seq: u64,
}

/// The calls that have records and no end, each with the last link of its chain.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OpenCalls {
    calls: BTreeMap<CallId, OpenCall>,
}

impl OpenCalls {
    /// Takes a call's latest record into account; `kind` is that record's.
    pub fn follow(&mut self, latest: OpenCall, kind: &str) {
        if kind == Fact::CALL_END {
            self.calls.remove(&latest.call);
            return;
        }
        if self.calls.len() >= OPEN_CALLS_MAX && !self.calls.contains_key(&latest.call) {
            self.forget_stalest();
        }
        self.calls.insert(latest.call, latest);
    }

    fn forget_stalest(&mut self) {
        let mut last_seqs: Vec<u64> = self.calls.values().map(|open| open.last_seq).collect();
        let (_, oldest_kept, _) = last_seqs.select_nth_unstable(OPEN_CALLS_MAX / 8);
        let oldest_kept = *oldest_kept;
        self.calls.retain(|_, open| open.last_seq >= oldest_kept);
    }

    /// All of them, by call.
    pub fn iter(&self) -> impl Iterator<Item = &OpenCall> {
        self.calls.values()
    }
}

impl FromIterator<OpenCall> for OpenCalls {
    fn from_iter<I: IntoIterator<Item = OpenCall>>(calls: I) -> Self {
        Self { calls: calls.into_iter().map(|open| (open.call, open)).collect() }
    }
}

/// Where a log continues.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Head {
    /// Records so far, which is the position of the next.
    pub size: u64,
    /// Calls without an end.
    pub open_calls: OpenCalls,
}

/// Seals facts: gives each its place in the log and in its call, and its canonical form.
///
/// The tree over the records is [`crate::Tree`]: records are sealed before they are durable, the tree
/// grows after.
#[derive(Clone, Debug)]
pub struct Log {
    identity: Identity,
    size: u64,
    open: OpenCalls,
    /// The time `mono` counts from: the first record of this run.
    started: Option<Instant>,
}

/// A record's place in its call.
struct Link {
    call: CallId,
    cseq: u64,
    previous: Option<Hash>,
}

impl Log {
    /// Continues a log; [`Head::default`] begins one.
    pub fn resume(head: Head, identity: Identity) -> Self {
        Self { identity, size: head.size, open: head.open_calls, started: None }
    }

    /// Calls without an end.
    pub fn open_calls(&self) -> &OpenCalls {
        &self.open
    }

    /// Records so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Seals a fact. Never loses one: what cannot be sealed as given becomes a record that says so.
    pub fn seal(&mut self, event: Event) -> Record {
        let started = *self.started.get_or_insert(event.at.mono);
        let elapsed = event.at.mono.saturating_duration_since(started).as_nanos();
        let mono = u64::try_from(elapsed).unwrap_or(INTEGER_MAX).min(INTEGER_MAX);
        let link = event.call.map(|call| {
            let last = self.open.calls.get(&call);
            Link {
                call,
                cseq: last.map_or(1, |last| last.cseq + 1),
                previous: last.map(|last| last.previous),
            }
        });
        let (bytes, refused) = self.write(&event, mono, link.as_ref());
        let leaf = leaf_hash(&bytes);
        let seq = self.size;
        self.size += 1;
        let kind = if refused == Some(Refusal::Kind) { REFUSED_KIND.to_owned() } else { event.fact.kind };
        let cseq = link.as_ref().map(|link| link.cseq);
        let record = Record { seq, call: event.call, cseq, kind, bytes, leaf, refused };
        if let Some(latest) = record.open_call() {
            self.open.follow(latest, &record.kind);
        }
        record
    }

    /// The record's bytes, and why its fields are missing if they are.
    fn write(&self, event: &Event, mono: u64, link: Option<&Link>) -> (Vec<u8>, Option<Refusal>) {
        let refusal = match fields_of(&event.fact).and_then(|fields| {
            check_flow(event.flow.as_ref())?;
            Ok(fields)
        }) {
            Ok(fields) => {
                let flow = event.flow.as_ref();
                let bytes = self.compose(event, &event.fact.kind, &fields, flow, mono, link);
                if bytes.len() <= Record::BYTES_MAX {
                    return (bytes, None);
                }
                Refusal::TooLong
            }
            Err(refusal) => refusal,
        };
        let kind = if refusal == Refusal::Kind { REFUSED_KIND } else { &event.fact.kind };
        let mut fields = b"{\"refused\":".to_vec();
        write_string(&refusal.to_string(), &mut fields);
        fields.push(b'}');
        // Every part left is bounded, so this is a few hundred bytes.
        let flow = event.flow.as_ref().filter(|flow| check_flow(Some(flow)).is_ok());
        (self.compose(event, kind, &fields, flow, mono, link), Some(refusal))
    }

    /// The members of a record in canonical order, which for their ASCII names is the alphabet's.
    fn compose(
        &self,
        event: &Event,
        kind: &str,
        fields: &[u8],
        flow: Option<&FlowRef>,
        mono: u64,
        link: Option<&Link>,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(384 + fields.len());
        let mut text = |part: &str| out.extend_from_slice(part.as_bytes());
        text(&format!("{{\"boot\":\"{:032x}\"", self.identity.boot));
        if let Some(link) = link {
            text(&format!(",\"call\":\"{}\"", link.call));
            if let Some(previous) = link.previous {
                text(&format!(",\"cprev\":\"sha256:{}\"", hex::encode(previous)));
            }
            text(&format!(",\"cseq\":{}", link.cseq));
        }
        text(",\"fields\":");
        out.extend_from_slice(fields);
        if let Some(flow) = flow {
            out.extend_from_slice(
                format!(",\"flow\":{{\"dig\":\"sha256:{}\",\"id\":", flow.digest_hex).as_bytes(),
            );
            write_string(&flow.name, &mut out);
            out.extend_from_slice(b",\"step\":");
            write_string(&flow.step, &mut out);
            out.push(b'}');
        }
        out.extend_from_slice(format!(",\"mono\":{mono}").as_bytes());
        if let (Some(link), Fact::CALL_END) = (link, kind) {
            out.extend_from_slice(format!(",\"n\":{}", link.cseq).as_bytes());
        }
        out.extend_from_slice(b",\"node\":");
        write_string(&self.identity.node, &mut out);
        let (seq, ts) = (self.size, event.at.wall);
        out.extend_from_slice(
            format!(",\"seq\":{seq},\"ts\":\"{ts:.6}\",\"type\":\"{kind}\",\"v\":1}}").as_bytes(),
        );
        out
    }
}

/// The kind of a record whose fact had none.
const REFUSED_KIND: &str = "fact.refused";

fn fields_of(fact: &Fact) -> Result<Vec<u8>, Refusal> {
    let is_word =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.');
    if fact.kind.is_empty() || fact.kind.len() > Fact::KIND_BYTES_MAX || !fact.kind.bytes().all(is_word) {
        return Err(Refusal::Kind);
    }
    let mut fields = Vec::with_capacity(128);
    canonical::write_object(&fact.fields, &mut fields)?;
    Ok(fields)
}

fn check_flow(flow: Option<&FlowRef>) -> Result<(), Refusal> {
    let Some(flow) = flow else { return Ok(()) };
    let is_digest = flow.digest_hex.len() == 64
        && flow.digest_hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_digest && flow.name.len() <= NAME_BYTES_MAX && flow.step.len() <= NAME_BYTES_MAX {
        Ok(())
    } else {
        Err(Refusal::Flow)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests stand in for the driver")]

    use std::time::{Duration, Instant};

    use primitives::Now;
    use serde_json::json;

    use super::{Head, Identity, Log, OPEN_CALLS_MAX};
    use crate::record::{Refusal, read_header};
    use crate::{CallId, Event, Fact, FlowRef, Record, leaf_hash};

    fn log() -> Log {
        Log::resume(Head::default(), Identity::new("ivr-a", 0x5f0c).unwrap())
    }

    fn event(call: u128, fact: Fact) -> Event {
        let at = Now { mono: Instant::now(), wall: "2026-11-23T14:03:07.412345Z".parse().unwrap() };
        Event { at, call: Some(CallId(call)), flow: None, fact }
    }

    fn text(record: &Record) -> &str {
        std::str::from_utf8(&record.bytes).unwrap()
    }

    #[test]
    fn a_record_says_when_where_whose_and_what_in_canonical_json() {
        let mut log = log();
        let mut first =
            event(0x0001_98f2, Fact::new("queue.enter").with("q", "q-07").with("urg", "emergent"));
        first.flow =
            Some(FlowRef { name: "main".into(), digest_hex: "ab".repeat(32), step: "red_flag".into() });
        let later = Instant::now() + Duration::from_millis(2);
        first.at.mono = later;
        let one = log.seal(first);
        let expected = concat!(
            r#"{"boot":"00000000000000000000000000005f0c","call":"CALL","cseq":1,"#,
            r#""fields":{"q":"q-07","urg":"emergent"},"flow":{"dig":"sha256:DIGEST","id":"main","#,
            r#""step":"red_flag"},"mono":0,"node":"ivr-a","seq":0,"ts":"2026-11-23T14:03:07.412345Z","#,
            r#""type":"queue.enter","v":1}"#
        );
        let expected = expected.replace("CALL", &CallId(0x0001_98f2).to_string());
        assert_eq!(text(&one), expected.replace("DIGEST", &"ab".repeat(32)));
        let mut second = event(0x0001_98f2, Fact::new("offer.made"));
        second.at.mono = later + Duration::from_nanos(77);
        let two = log.seal(second);
        let header = read_header(&two.bytes).unwrap();
        assert_eq!((header.seq, header.cseq, header.mono), (1, Some(2), 77));
        assert_eq!(header.previous(), Some(one.leaf));
        assert_eq!(two.leaf, leaf_hash(&two.bytes));
    }

    #[test]
    fn the_end_of_a_call_carries_its_number_of_records_and_closes_its_chain() {
        let mut log = log();
        log.seal(event(1, Fact::new("call.start")));
        log.seal(event(2, Fact::new("call.start")));
        let end = log.seal(event(1, Fact::new(Fact::CALL_END)));
        assert_eq!(read_header(&end.bytes).unwrap().n, Some(2));
        let open: Vec<CallId> = log.open_calls().iter().map(|open| open.call).collect();
        assert_eq!(open, [CallId(2)]);
    }

    #[test]
    fn a_resumed_log_continues_its_calls_where_they_were() {
        let mut log = log();
        let first = log.seal(event(1, Fact::new("call.start")));
        let head = Head { size: log.size(), open_calls: log.open_calls().clone() };
        let mut resumed = Log::resume(head, Identity::new("ivr-a", 2).unwrap());
        let second = resumed.seal(event(1, Fact::new("call.lost")));
        let header = read_header(&second.bytes).unwrap();
        assert_eq!((header.seq, header.cseq, header.previous()), (1, Some(2), Some(first.leaf)));
    }

    #[test]
    fn a_fact_that_cannot_be_sealed_becomes_a_record_that_says_why() {
        let mut log = log();
        let fraction = log.seal(event(1, Fact::new("queue.enter").with("estimate", 1.5)));
        assert!(text(&fraction).contains(r#""fields":{"refused":"a fraction"#), "{}", text(&fraction));
        let long = log.seal(event(1, Fact::new("note.text").with("text", "x".repeat(Record::BYTES_MAX))));
        assert_eq!(long.refused, Some(Refusal::TooLong));
        let kind = log.seal(event(1, Fact::new("Nota Bene\"")));
        assert_eq!((kind.refused, kind.kind.as_str()), (Some(Refusal::Kind), "fact.refused"));
        let mut flow = event(1, Fact::new("step.enter").with("a", json!(["b", 1, true])));
        flow.flow = Some(FlowRef { name: "x".into(), digest_hex: "\"".into(), step: "y".into() });
        let flow = log.seal(flow);
        assert_eq!(flow.refused, Some(Refusal::Flow));
        for record in [fraction, long, kind, flow] {
            read_header(&record.bytes).unwrap();
        }
        assert_eq!(log.size(), 4);
    }

    #[test]
    fn with_too_many_calls_left_open_those_silent_longest_are_forgotten() {
        let mut log = log();
        for call in 0..=OPEN_CALLS_MAX as u128 {
            log.seal(event(call, Fact::new("call.start")));
        }
        assert_eq!(log.open_calls().iter().count(), OPEN_CALLS_MAX - OPEN_CALLS_MAX / 8 + 1);
        assert!(!log.open_calls().iter().any(|open| open.call == CallId(0)));
        assert!(log.open_calls().iter().any(|open| open.call == CallId(OPEN_CALLS_MAX as u128)));
    }
}
