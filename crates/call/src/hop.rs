//! Everything a person could later ask about. One hop makes the trace line, the metric and the audit fact,
//! so that the three cannot disagree, and tells itself in words (`told.rs`) to whoever reads the log.
//!
//! Long: one list of all hops is what an auditor looks things up in.

mod told;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// A point in a caller's path, or in the life of the node, that somebody may later ask about.
///
/// No field holds anything private: numbers and keyed data are not here, only what kind they were.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "type")]
pub enum Hop {
    /// A call came in for a number a flow answers.
    #[serde(rename = "call.start")]
    Arrived {
        /// One of our own numbers.
        dialled: String,
        /// The number is `known`, `withheld`, or `known_and_withheld`: known for care, shown to nobody.
        caller: String,
        /// `udp`, `tcp`, `tls`.
        transport: String,
        /// The trunk it came by; `phone` of ours, `stranger`.
        #[serde(default)]
        trunk: String,
        /// What is known of the number: `none`, `passed_a` …
        #[serde(default)]
        verification: String,
    },
    /// What a carrier's signature for the caller's number is worth. Nobody is refused for it.
    #[serde(rename = "caller.verified")]
    Verified {
        /// `unverified`, `failed`, `passed_a`, `passed_b`, `passed_c`.
        verification: String,
        /// `signature`, `stale`, `orig`, `dest`, `certificate`, `unreachable`, `unknown_host` …
        why: String,
    },
    /// An agent's phone called somebody by name.
    #[serde(rename = "call.dial")]
    Dialled {
        /// Whose phone.
        agent: String,
        /// A colleague, a queue, or the name of a number.
        to: String,
        /// `udp`, `tcp`, `tls`.
        transport: String,
    },
    /// A call that never began.
    #[serde(rename = "call.refused")]
    Refused {
        /// The SIP status.
        status: u16,
        /// `no_such_number`, `full`, `draining`, `no_codec`, `stranger`, `trunk_channels`, `trunk_rate` …
        why: String,
        /// The trunk, where it was refused for being one, or too much of one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trunk: Option<String>,
    },
    /// We answered.
    #[serde(rename = "call.answer")]
    Answered {
        /// Milliseconds since the call came.
        after_ms: u64,
    },
    /// The caller came to a step.
    #[serde(rename = "flow.step")]
    Stepped {
        /// The step's verb.
        verb: String,
        /// What led here.
        why: String,
    },
    /// A key.
    #[serde(rename = "flow.key")]
    Keyed {
        /// `menu`, `wrong`, `emergency`, `operator`, `data`, `private`.
        class: String,
        /// Which, in a menu only.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<char>,
        /// How many digits of data that is not private.
        #[serde(skip_serializing_if = "Option::is_none")]
        digits: Option<u8>,
    },
    /// Her urgency or reason is now this.
    #[serde(rename = "flow.tag")]
    Tagged {
        /// The urgency.
        urgency: String,
        /// The reason.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Something her flow wants remembered.
    #[serde(rename = "flow.note")]
    Noted {
        /// `milestone`, `log`, `disposition`, `survey`, `vital`, `fail`.
        what: String,
        /// The milestone, the sentence, the code, the survey and what it measures, what was read.
        name: String,
        /// The answer on its scale, or the band of a reading.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
    /// She chose a language.
    #[serde(rename = "flow.language")]
    Language {
        /// Which.
        language: String,
    },
    /// She waits in a queue.
    #[serde(rename = "queue.enter")]
    Queued {
        /// Which.
        queue: String,
        /// How urgent.
        urgency: String,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What the agent must have.
        skills: Vec<String>,
    },
    /// She waits again at her place, because the agent was lost.
    #[serde(rename = "queue.return")]
    Requeued {
        /// Which queue.
        queue: String,
        /// How long she has waited in all.
        waited_ms: u64,
    },
    /// She became more urgent while waiting.
    #[serde(rename = "queue.raise")]
    Raised {
        /// How urgent now.
        urgency: String,
    },
    /// She left the queue, and goes on elsewhere in the flow.
    #[serde(rename = "queue.leave")]
    LeftQueue {
        /// Which.
        queue: String,
        /// How long she waited.
        waited_ms: u64,
        /// `key`, `timed_out`, `empty`, `full`, `failed`.
        why: String,
    },
    /// She hung up while waiting.
    #[serde(rename = "queue.abandon")]
    Abandoned {
        /// Which.
        queue: String,
        /// How urgent.
        urgency: String,
        /// How long she waited.
        waited_ms: u64,
    },
    /// An agent's phone is rung for her.
    #[serde(rename = "offer.made")]
    Offered {
        /// Which queue.
        queue: String,
        /// Who.
        agent: String,
        /// How long the caller has waited.
        waited_ms: u64,
    },
    /// The agent did not take it; the caller waits on at her place.
    #[serde(rename = "offer.failed")]
    NotTaken {
        /// Who.
        agent: String,
        /// `no_answer`, `busy`, `declined`, `unreachable`, `no_rtp_port`, `caller_left`, `agent_left`, `overtaken`.
        why: String,
        /// How long it rang.
        rang_ms: u64,
    },
    /// The agent answered.
    #[serde(rename = "offer.accepted")]
    Accepted {
        /// Who.
        agent: String,
        /// Of which queue.
        queue: String,
        /// The caller's urgency.
        urgency: String,
        /// How long it rang.
        rang_ms: u64,
        /// How long the caller waited in the queue.
        waited_ms: u64,
    },
    /// Caller and agent, or caller and the number outside, hear one another.
    #[serde(rename = "bridge.start")]
    Bridged {
        /// The agent, or the name of the number.
        with: String,
    },
    /// They no longer do.
    #[serde(rename = "bridge.end")]
    Parted {
        /// The agent, or the name of the number.
        with: String,
        /// `caller_hung_up`, `agent_hung_up`, `phone_lost` …
        why: String,
        /// How long they did.
        talked_ms: u64,
    },
    /// One side put the other on hold, or took her back.
    #[serde(rename = "bridge.hold")]
    Held {
        /// By whom.
        by: String,
        /// Whether now on hold.
        held: bool,
    },
    /// A number outside is rung, or a colleague whom an agent calls.
    #[serde(rename = "transfer.start")]
    Transferring {
        /// Its name in the configuration, or hers.
        number: String,
    },
    /// It did not lead to anybody.
    #[serde(rename = "transfer.failed")]
    TransferFailed {
        /// Its name.
        number: String,
        /// `busy`, `no_answer`, `failed`, `given_up`, `no_way`, `caller_unproven`.
        why: String,
    },
    /// Somebody on call is called.
    #[serde(rename = "page.call")]
    PageCalling {
        /// The rota.
        rota: String,
        /// An agent, or the name of a number.
        to: String,
        /// The rota's step, from 1.
        step: u32,
        /// How often the rota was begun, from 1.
        round: u32,
    },
    /// The telephone was answered, by whomever or whatever; the key that accepts is asked for.
    #[serde(rename = "page.answer")]
    PageAnswered {
        /// Whose telephone.
        to: String,
    },
    /// Nobody there accepted.
    #[serde(rename = "page.not_accepted")]
    PageNotAccepted {
        /// Whose telephone.
        to: String,
        /// `no_answer`, `no_key`, `hung_up`, `busy`, `declined`, `unreachable`, `caller_unproven` …
        why: String,
    },
    /// A person pressed the key and is joined with the caller.
    #[serde(rename = "page.accept")]
    PageAccepted {
        /// The rota.
        rota: String,
        /// Who.
        to: String,
        /// How long the search took.
        waited_ms: u64,
        /// How many telephones were called.
        attempts: u32,
    },
    /// Her flow asks a table, or another system.
    #[serde(rename = "inquiry.ask")]
    Inquired {
        /// `lookup`, `http`.
        verb: String,
        /// Which table, or which endpoint.
        of: String,
    },
    /// An endpoint is left alone because it failed, is tried, or is asked again.
    #[serde(rename = "endpoint.state")]
    EndpointNow {
        /// Which.
        endpoint: String,
        /// `closed`: it is asked; `open`: it is not; `half_open`: one caller tries.
        state: String,
    },
    /// What came of it.
    #[serde(rename = "inquiry.over")]
    InquiryOver {
        /// `lookup`, `http`.
        verb: String,
        /// Which table, or which endpoint.
        of: String,
        /// `found`, `ok`, `not_found`, `failed`, `timeout`, `given_up`. What was found is not written down.
        outcome: String,
        /// What is behind a failure: `busy`, `log_stalled`, `unreachable`, `left_alone` …
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// From asking.
        took_ms: u64,
    },
    /// The search ended without anybody.
    #[serde(rename = "page.over")]
    PageOver {
        /// The rota.
        rota: String,
        /// `exhausted`, `failed`, `given_up`.
        why: String,
        /// How long the search took.
        waited_ms: u64,
        /// How many telephones were called.
        attempts: u32,
    },
    /// A number outside is called by a trunk.
    #[serde(rename = "trunk.call")]
    TrunkCalled {
        /// Which trunk.
        trunk: String,
        /// Which destination of it, as configured.
        destination: String,
        /// Of this transfer, from 1.
        attempt: u32,
    },
    /// A trunk did not take the call; the next way is tried, if there is one.
    #[serde(rename = "trunk.failed")]
    TrunkNotReached {
        /// Which.
        trunk: String,
        /// A SIP status, or `no_response`, `unreachable`.
        why: String,
    },
    /// A trunk was passed over because a limit of it is reached.
    #[serde(rename = "trunk.full")]
    TrunkFull {
        /// Which.
        trunk: String,
        /// `channels_full`, `calls_per_second_full`.
        why: String,
    },
    /// A trunk brought in a call beyond its `channels_max`; it was let in.
    #[serde(rename = "trunk.over")]
    TrunkOver {
        /// Which.
        trunk: String,
    },
    /// A destination of a trunk is there, or no longer.
    #[serde(rename = "trunk.state")]
    TrunkNow {
        /// Which trunk.
        trunk: String,
        /// Which destination of it, as configured.
        destination: String,
        /// `up`, `down`.
        state: String,
        /// What showed it: `options`, `call`.
        by: String,
    },
    /// Our registration at a carrier.
    #[serde(rename = "trunk.registered")]
    TrunkRegistered {
        /// Which trunk.
        trunk: String,
        /// `registered`, `failed`; when we leave `withdrawn`, `not_withdrawn`.
        state: String,
        /// Why it failed: a SIP status, `no_response`, `unreachable`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// An agent asks to transfer whom she talks with.
    #[serde(rename = "transfer.asked")]
    TransferAsked {
        /// Who asks.
        by: String,
        /// A colleague, a queue, a number's name, or one of our own numbers.
        to: String,
        /// `blind`, or `attended`: she has asked there first.
        how: String,
    },
    /// She is not let: nobody of ours asked, or there is no such target.
    #[serde(rename = "transfer.refused")]
    TransferRefused {
        /// The SIP status.
        status: u16,
        /// `not_an_agent`, `no_such_target`, `no_such_call`, `not_her_call`, `not_now` …
        why: String,
    },
    /// The caller is there.
    #[serde(rename = "transfer.done")]
    Transferred {
        /// Where.
        to: String,
    },
    /// Another phone of an agent goes on with her call.
    #[serde(rename = "phone.changed")]
    PhoneChanged {
        /// Whose.
        agent: String,
    },
    /// An agent answers at her own phone what rang at a colleague's.
    #[serde(rename = "agent.taken_up")]
    TakenUp {
        /// Who answers.
        by: String,
        /// Whose phone rang.
        rang_for: String,
    },
    /// A side gave a reason when it hung up or took its call back (RFC 3326).
    #[serde(rename = "call.reason")]
    Reason {
        /// `caller`, or the name of the other side.
        by: String,
        /// `Q.850 16 normal`, `SIP 200 answered_elsewhere`: the number and what it means.
        reason: String,
    },
    /// An agent wants a third party in her conversation.
    #[serde(rename = "conference.call")]
    CallingIn {
        /// Who.
        by: String,
        /// A colleague, or the name of a number.
        to: String,
    },
    /// It hears both, and both hear it.
    #[serde(rename = "conference.join")]
    JoinedIn {
        /// The colleague, or the name of the number.
        who: String,
    },
    /// It is gone; the others talk on.
    #[serde(rename = "conference.leave")]
    LeftConference {
        /// As above.
        who: String,
        /// `far_end_hung_up`, `phone_lost`, `let_go`, `agent_left`, or why the call ended.
        why: String,
    },
    /// The agent has left, and it goes on with the caller.
    #[serde(rename = "conference.stay")]
    Remained {
        /// As above.
        who: String,
    },
    /// A supervisor hears the conversation from now on.
    #[serde(rename = "supervision.start")]
    Supervised {
        /// Who.
        by: String,
        /// Whose conversation.
        agent: String,
        /// `listen`: heard by nobody; `whisper`: by the agent alone; `barge`: by both.
        mode: String,
    },
    /// She is heard by others than before.
    #[serde(rename = "supervision.mode")]
    SupervisionChanged {
        /// As above.
        by: String,
        /// As above.
        agent: String,
        /// As above.
        mode: String,
    },
    /// She hears it no longer.
    #[serde(rename = "supervision.end")]
    SupervisionEnded {
        /// As above.
        by: String,
        /// As above.
        agent: String,
        /// `hung_up`, `conversation_ended`.
        why: String,
        /// How long she did.
        lasted_ms: u64,
    },
    /// Somebody wanted to hear an agent's conversation and was not let.
    #[serde(rename = "supervision.refused")]
    SupervisionRefused {
        /// Whose phone.
        by: String,
        /// Whose conversation, as dialled.
        agent: String,
        /// `not_a_supervisor`, `no_consent`, `no_such_agent`, `not_in_a_call`, `busy`, `too_many_supervisors`.
        why: String,
    },
    /// She was asked whether she may be recorded.
    #[serde(rename = "consent.asked")]
    Consented {
        /// Whether she may.
        given: bool,
    },
    /// She heard a text the law requires, to its end.
    #[serde(rename = "disclosure.heard")]
    Disclosed {
        /// Its prompts.
        prompts: Vec<String>,
        /// In which language.
        language: String,
    },
    /// A recording began.
    #[serde(rename = "recording.start")]
    RecordingStarted {
        /// Which.
        recording: String,
        /// Why it may be: `asked`, `one_party: …`, or it is a `message`.
        leave: String,
    },
    /// The flow says to record and nobody was asked, so nothing is recorded.
    #[serde(rename = "recording.refused")]
    RecordingRefused,
    /// A recording keeps nothing from now on, or something again.
    #[serde(rename = "recording.pause")]
    RecordingPaused {
        /// Which.
        recording: String,
        /// Whether it keeps nothing.
        paused: bool,
        /// Whether it is because digits are keyed that nobody may keep.
        secret: bool,
    },
    /// A recording is on the disk, sealed.
    #[serde(rename = "recording.stored")]
    RecordingStored {
        /// Which.
        recording: String,
        /// Of which call.
        of: String,
        /// SHA-256 of the sealed file.
        sha256: String,
        /// How long it is.
        length_ms: u64,
        /// How much of that never came to the disk and is silence.
        missing_ms: u64,
    },
    /// The disk refused a recording; what was written before can be heard.
    #[serde(rename = "recording.incomplete")]
    RecordingIncomplete {
        /// Which.
        recording: String,
        /// Of which call.
        of: String,
    },
    /// The key of a recording was destroyed: nobody can hear it.
    #[serde(rename = "recording.discarded")]
    RecordingDiscarded {
        /// Which.
        recording: String,
        /// Of which call.
        of: String,
    },
    /// A message waits in an inbox.
    #[serde(rename = "message.delivered")]
    MessageDelivered {
        /// Its recording.
        recording: String,
        /// Of which call.
        of: String,
        /// Whose.
        inbox: String,
        /// Whether the caller marked it so.
        urgent: bool,
    },
    /// The call is over.
    #[serde(rename = "call.end")]
    Ended {
        /// `caller_hung_up`, `completed`, `conversation_ended`, `failed` …
        cause: String,
        /// From arrival to end; not known of a call that a crash cut off.
        #[serde(skip_serializing_if = "Option::is_none")]
        lasted_ms: Option<u64>,
    },
    /// An agent's state.
    #[serde(rename = "agent.state")]
    AgentNow {
        /// Who.
        agent: String,
        /// `available`, `on_call` …
        state: String,
    },
    /// An agent asked for something, by phone or over HTTP.
    #[serde(rename = "agent.asked")]
    AgentAsked {
        /// Who.
        agent: String,
        /// `sign_in`, `sign_out`, `ready`, `pause`.
        what: String,
        /// `phone`, `api`, `restart`.
        by: String,
    },
    /// An agent asked for something and may not have it yet.
    #[serde(rename = "agent.refused")]
    AgentRefused {
        /// Who.
        agent: String,
        /// `ready`.
        what: String,
        /// `location_not_confirmed`.
        why: String,
    },
    /// An agent's phone dialled an emergency number.
    #[serde(rename = "emergency.start")]
    EmergencyCalled {
        /// Whose phone.
        agent: String,
        /// `911`, or `933` for a test.
        number: String,
        /// The location that is conveyed, by its name; none where none is configured.
        #[serde(skip_serializing_if = "Option::is_none")]
        location: Option<String>,
        /// `udp`, `tcp`, `tls`.
        transport: String,
    },
    /// A destination is called for help.
    #[serde(rename = "emergency.ring")]
    EmergencyRung {
        /// Its host.
        destination: String,
        /// The first, the second …
        attempt: u32,
    },
    /// It did not help; the next is called at once.
    #[serde(rename = "emergency.unreached")]
    EmergencyUnreached {
        /// Its host.
        destination: String,
        /// `refused_503`, `no_response`, `not_answered`, `unreachable`, `no_codec`.
        why: String,
    },
    /// No destination is left. She is told to take another phone.
    #[serde(rename = "emergency.failed")]
    EmergencyFailed {
        /// How many were called.
        tried: u32,
    },
    /// The people to be told of an emergency call were told, or could not be.
    #[serde(rename = "emergency.told")]
    EmergencyTold {
        /// Which call. It may be over.
        call: String,
        /// `called`, `answered`, `failed`, `ended`.
        what: String,
        /// Whether somebody took it. If not, it is tried again.
        delivered: bool,
    },
    /// The people to be told of an emergency call were not told for an hour, and will not be any more.
    #[serde(rename = "emergency.never_told")]
    EmergencyNeverTold {
        /// Which call.
        call: String,
        /// `called`, `answered`, `failed`, `ended`.
        what: String,
    },
    /// A phone registered, refreshed not counted, or is gone.
    #[serde(rename = "phone.registered")]
    Registered {
        /// Whose.
        agent: String,
        /// Contacts it now has.
        contacts: u32,
    },
    /// Flows and configuration were loaded.
    #[serde(rename = "setup.loaded")]
    Loaded {
        /// Digest of all flows together.
        flows: String,
        /// `start`, `signal`, `command`, `api`, `watch`, `rollback`.
        #[serde(default)]
        origin: String,
        /// Who, as far as they said so.
        #[serde(default)]
        by: String,
    },
    /// Flows and configuration were to be loaded and were not. What ran goes on.
    #[serde(rename = "setup.refused")]
    LoadRefused {
        /// As above.
        origin: String,
        /// As above.
        by: String,
        /// The first line of what is wrong.
        why: String,
    },
    /// The number dialled is one whose flow is gone; another flow answers.
    #[serde(rename = "call.fallback")]
    FellBack {
        /// Which.
        flow: String,
    },
    /// Messages were dropped at the door. Told once a minute for each reason.
    #[serde(rename = "security.shut_out")]
    ShutOut {
        /// `flood`, `barred`, `scanner`.
        why: String,
        /// How many since it was last told.
        messages: u64,
    },
    /// A rule of the configuration is set aside by an exception that has an end.
    #[serde(rename = "config.override")]
    Override {
        /// Which key: `sip.plaintext`; or which rule of which flow: `nurse-line S5`.
        what: String,
        /// Who answers for it, where the exception names somebody.
        #[serde(default)]
        by: String,
        /// Why, as its author wrote it.
        reason: String,
        /// Its last day.
        until: String,
        /// `in_force`, or `ended` while what it allowed still runs.
        state: String,
    },
    /// The audit log could not be written in time, or can again.
    #[serde(rename = "log.state")]
    Log {
        /// `stalled`, `durable`.
        state: String,
    },
}

/// A record that is not one of ours, or of a later version.
#[derive(Debug, Error)]
#[error("a record this version cannot tell: {0}")]
pub struct UnknownHop(#[from] serde_json::Error);

impl Hop {
    /// The fact of the audit log.
    pub fn fact(&self) -> audit::Fact {
        let mut fields = match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let kind = match fields.remove("type") {
            Some(Value::String(kind)) => kind,
            _ => String::new(),
        };
        audit::Fact { kind, fields }
    }

    /// The hop a record holds.
    pub fn from_record(kind: &str, fields: &Map<String, Value>) -> Result<Self, UnknownHop> {
        let mut fields = fields.clone();
        fields.insert("type".to_owned(), Value::String(kind.to_owned()));
        Ok(serde_json::from_value(Value::Object(fields))?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::Hop;

    #[test]
    fn a_hop_comes_back_from_its_own_fact() {
        let hop = Hop::Accepted {
            agent: "nurse1".into(),
            queue: "nurses".into(),
            urgency: "emergent".into(),
            rang_ms: 2_300,
            waited_ms: 9_100,
        };
        let fact = hop.fact();
        assert_eq!(fact.kind, "offer.accepted");
        assert_eq!(Hop::from_record(&fact.kind, &fact.fields).unwrap(), hop);
        assert_eq!(hop.tell(None), "nurse1 answers after ringing 2.3 s; waited 9.1 s");
    }
}
