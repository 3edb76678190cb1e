//! Recordings and messages of a call: begun, paused and ended as its flow says, and told wherever somebody could ask.

use std::time::Duration;

use audit::CallId;
use flow::{MessageNews, Recording};
use media::{Channels, RecordingId, RecordingPlan};
use primitives::Now;

use crate::call::Call;
use crate::hop::Hop;
use crate::output::Output;
use crate::switch::Switch;

/// Inboxes whose messages are counted for telephones; beyond it a lamp stays dark and the list shows them all.
const INBOXES_MAX: usize = 1_024;

/// Samples of a millisecond.
const SAMPLES_PER_MS: u64 = 8;

/// A recording that runs, or a message that was spoken and not yet sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Running {
    pub id: RecordingId,
    pub is_message: bool,
}

/// What is to be done with a recording.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RecordingOrder {
    /// It begins: make its key and its file.
    Begin {
        /// Which.
        recording: RecordingId,
        /// Whose call.
        call: CallId,
        /// When its first sample is.
        started: jiff::Timestamp,
        /// One or two.
        channels: u8,
        /// Whether it is a message.
        is_message: bool,
    },
    /// A message is for this inbox, once it has ended.
    Deliver {
        /// Which.
        recording: RecordingId,
        /// Whose.
        inbox: String,
        /// Whether the caller marked it so.
        urgent: bool,
        /// The least of it that must have been spoken; less is forgotten.
        least: Duration,
    },
    /// Nobody is ever to hear it.
    Discard {
        /// Which.
        recording: RecordingId,
    },
}

/// What became of a recording.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RecordingNews {
    /// It is on the disk.
    Stored {
        /// Which.
        recording: RecordingId,
        /// Whose call.
        call: CallId,
        /// Of the sealed file, in hex.
        sha256: String,
        /// How long it is.
        length_ms: u64,
        /// How much of that was lost on the way to the disk.
        missing_ms: u64,
    },
    /// The disk refused; what was written before is readable.
    Failed {
        /// Which.
        recording: RecordingId,
        /// Whose call.
        call: CallId,
    },
    /// A message waits in its inbox.
    Delivered {
        /// Which.
        recording: RecordingId,
        /// Whose call.
        call: CallId,
        /// Where.
        inbox: String,
        /// Whether the caller marked it so.
        urgent: bool,
    },
    /// Its key was destroyed: it was spoken anew, or nothing was said.
    Discarded {
        /// Which.
        recording: RecordingId,
        /// Whose call.
        call: CallId,
    },
    /// How many messages wait in an inbox.
    Waiting {
        /// Which.
        inbox: String,
        /// Nobody has heard them.
        new: u32,
        /// Somebody has.
        heard: u32,
    },
}

impl Switch {
    /// What her flow wants of recordings.
    pub(crate) fn recording(&mut self, now: Now, call: &mut Call, what: Recording, out: &mut Vec<Output>) {
        match what {
            Recording::Start { one_party } => {
                let leave = one_party.map_or("asked".to_owned(), |reason| format!("one_party: {reason}"));
                self.begin_recording(now, call, Channels::Both, Duration::ZERO, leave, out);
            }
            Recording::Message { hush_after } => {
                let leave = "message".to_owned();
                self.begin_recording(now, call, Channels::Heard, hush_after, leave, out);
            }
            Recording::Unasked => self.hop(now, Some(call), Hop::RecordingRefused, out),
            Recording::Pause { secret } => self.pause_recording(now, call, (true, secret), out),
            Recording::Resume { secret } => self.pause_recording(now, call, (false, secret), out),
            Recording::Stop | Recording::MessageEnds => {
                if call.recording.is_some() {
                    let command = media::Command::StopRecording { port: call.party.port };
                    out.push(Output::Media { shard: call.shard, command });
                }
                if what == Recording::Stop {
                    call.recording = None;
                }
            }
            Recording::Consent { given } => {
                call.may_be_heard = Some(given);
                self.hop(now, Some(call), Hop::Consented { given }, out);
            }
            Recording::Disclosed { prompts } => {
                call.may_be_heard.get_or_insert(true);
                let prompts = prompts.iter().map(ToString::to_string).collect();
                let language = call.language.to_string();
                self.hop(now, Some(call), Hop::Disclosed { prompts, language }, out);
            }
            Recording::Deliver { inbox, urgent, least } => {
                if let Some(Running { id: recording, .. }) = call.recording.take() {
                    let inbox = inbox.to_string();
                    out.push(Output::Recording(RecordingOrder::Deliver { recording, inbox, urgent, least }));
                }
            }
            Recording::Discard => {
                if let Some(Running { id: recording, .. }) = call.recording.take() {
                    out.push(Output::Recording(RecordingOrder::Discard { recording }));
                }
            }
        }
    }

    fn begin_recording(
        &mut self,
        now: Now,
        call: &mut Call,
        channels: Channels,
        hush_after: Duration,
        leave: String,
        out: &mut Vec<Output>,
    ) {
        let id = RecordingId(self.random());
        let is_message = channels == Channels::Heard;
        call.recording = Some(Running { id, is_message });
        self.hop(now, Some(call), Hop::RecordingStarted { recording: id.to_string(), leave }, out);
        out.push(Output::Recording(RecordingOrder::Begin {
            recording: id,
            call: call.id,
            started: now.wall,
            channels: channels.count(),
            is_message,
        }));
        let plan = RecordingPlan { id, channels, hush_after };
        let command = media::Command::Record { port: call.party.port, plan };
        out.push(Output::Media { shard: call.shard, command });
    }

    fn pause_recording(
        &mut self,
        now: Now,
        call: &mut Call,
        (paused, secret): (bool, bool),
        out: &mut Vec<Output>,
    ) {
        let Some(Running { id, .. }) = call.recording else { return };
        let command = media::Command::PauseRecording { port: call.party.port, paused };
        out.push(Output::Media { shard: call.shard, command });
        let hop = Hop::RecordingPaused { recording: id.to_string(), paused, secret };
        self.hop(now, Some(call), hop, out);
    }

    /// The recording of her port says something; `None`: it was ended.
    pub(crate) fn recorded(
        &mut self,
        now: Now,
        call: &mut Call,
        (recording, voiced): (RecordingId, Option<u64>),
        out: &mut Vec<Output>,
    ) {
        if call.recording != Some(Running { id: recording, is_message: true }) {
            return;
        }
        let news = match voiced {
            None => MessageNews::Hushed,
            Some(samples) => MessageNews::Ended { voiced: Duration::from_millis(samples / SAMPLES_PER_MS) },
        };
        self.run_flow(now, call, flow::Event::Message(news), out);
    }

    /// What became of a recording, whose call may long be over.
    pub(crate) fn recording_settled(&mut self, now: Now, news: RecordingNews, out: &mut Vec<Output>) {
        let hop = match news {
            RecordingNews::Stored { recording, call, sha256, length_ms, missing_ms } => {
                Hop::RecordingStored {
                    recording: recording.to_string(),
                    of: call.to_string(),
                    sha256,
                    length_ms,
                    missing_ms,
                }
            }
            RecordingNews::Failed { recording, call } => {
                Hop::RecordingIncomplete { recording: recording.to_string(), of: call.to_string() }
            }
            RecordingNews::Delivered { recording, call, inbox, urgent } => Hop::MessageDelivered {
                recording: recording.to_string(),
                of: call.to_string(),
                inbox,
                urgent,
            },
            RecordingNews::Discarded { recording, call } => {
                Hop::RecordingDiscarded { recording: recording.to_string(), of: call.to_string() }
            }
            RecordingNews::Waiting { inbox, new, heard } => {
                // As many as there are names in the flows that ship, and in those of the operator.
                if self.inboxes.len() < INBOXES_MAX || self.inboxes.contains_key(&inbox) {
                    self.inboxes.insert(inbox, (new, heard));
                    self.tell_watchers(now, out);
                }
                return;
            }
        };
        self.hop(now, None, hop, out);
    }
}
