//! Everything a person could later ask about. One hop makes the trace line, the metric and the audit fact,
//! so that the three cannot disagree, and tells itself in words to whoever reads the log.
//!
//! Long: one list of all hops, and beside it the words for each, is what an auditor looks things up in.

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
    /// Her flow asks a table.
    #[serde(rename = "inquiry.ask")]
    Inquired {
        /// `lookup`.
        verb: String,
        /// Which table.
        of: String,
    },
    /// What came of it.
    #[serde(rename = "inquiry.over")]
    InquiryOver {
        /// `lookup`.
        verb: String,
        /// Which table.
        of: String,
        /// `found`, `not_found`, `failed`, `timeout`, `given_up`. What was found is not written down.
        outcome: String,
        /// What is behind a failure: `busy`, `log_stalled` …
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

    /// The hop in words, as a person would tell it. `step` is the flow and step the caller was at.
    // Long: one sentence for each kind.
    pub fn tell(&self, step: Option<&str>) -> String {
        let seconds = |ms: &u64| format!("{}.{} s", ms / 1_000, ms % 1_000 / 100);
        let because =
            |reason: &Option<String>| reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
        match self {
            Self::Arrived { dialled, caller, transport, trunk, verification } => {
                let by = if trunk.is_empty() { String::new() } else { format!(" from {trunk}") };
                let signed = match verification.as_str() {
                    "" | "none" => String::new(),
                    word => format!(", its signature {word}"),
                };
                format!("call to {dialled} arrives{by} over {transport}, number {caller}{signed}")
            }
            Self::Verified { verification, why } => {
                format!("signature of the caller's number {verification}: {why}")
            }
            Self::Dialled { agent, to, transport } => format!("{agent} calls {to} over {transport}"),
            Self::Refused { status, why, trunk: Some(trunk) } => {
                format!("call from {trunk} refused with {status}: {why}")
            }
            Self::Refused { status, why, trunk: None } => format!("call refused with {status}: {why}"),
            Self::Answered { after_ms } => format!("answered after {}", seconds(after_ms)),
            Self::Stepped { verb, why } => {
                format!("{} ({verb}), because of {why}", step.unwrap_or("a step"))
            }
            Self::Keyed { class, key: Some(key), .. } => format!("presses {key} ({class})"),
            Self::Keyed { class, digits: Some(digits), .. } => format!("keys {digits} digits ({class})"),
            Self::Keyed { class, .. } => format!("keys something ({class})"),
            Self::Tagged { urgency, reason } => format!("is now {urgency}{}", because(reason)),
            Self::Noted { what, name, value: Some(value) } => format!("{what} {name}: {value}"),
            Self::Noted { what, name, value: None } => format!("{what} {name}"),
            Self::Language { language } => format!("language {language}"),
            Self::Queued { queue, urgency, reason, skills } => {
                let need =
                    if skills.is_empty() { String::new() } else { format!(", needs {}", skills.join(" ")) };
                format!("waits in queue {queue} as {urgency}{}{need}", because(reason))
            }
            Self::Requeued { queue, waited_ms } => {
                format!("waits again at her place in {queue}, {} in all", seconds(waited_ms))
            }
            Self::Raised { urgency } => format!("becomes {urgency} while waiting"),
            Self::LeftQueue { queue, waited_ms, why } => {
                format!("leaves queue {queue} after {}: {why}", seconds(waited_ms))
            }
            Self::Abandoned { queue, urgency, waited_ms } => {
                format!("hangs up in queue {queue} after {} as {urgency}", seconds(waited_ms))
            }
            Self::Offered { agent, queue, waited_ms } => {
                format!("{agent} is rung for queue {queue} after {}", seconds(waited_ms))
            }
            Self::NotTaken { agent, why, rang_ms } => {
                format!("{agent} does not take it after {}: {why}", seconds(rang_ms))
            }
            Self::Accepted { agent, rang_ms, waited_ms, .. } => {
                format!("{agent} answers after ringing {}; waited {}", seconds(rang_ms), seconds(waited_ms))
            }
            Self::Bridged { with } => format!("talks with {with}"),
            Self::Parted { with, why, talked_ms } => {
                format!("conversation with {with} ends after {}: {why}", seconds(talked_ms))
            }
            Self::Held { by, held: true } => format!("put on hold by {by}"),
            Self::Held { by, held: false } => format!("taken back by {by}"),
            Self::Reason { by, reason } => format!("reason given by {by}: {reason}"),
            Self::Transferring { number } => format!("{number} is rung"),
            Self::TransferFailed { number, why } => format!("{number} is not reached: {why}"),
            Self::PageCalling { rota, to, step, round } => {
                format!("{to} is called for {rota}, step {step}, round {round}")
            }
            Self::PageAnswered { to } => format!("{to} is answered and asked to accept"),
            Self::PageNotAccepted { to, why } => format!("{to} does not accept: {why}"),
            Self::PageAccepted { rota, to, waited_ms, attempts } => {
                format!("{to} accepts for {rota} after {}, attempt {attempts}", seconds(waited_ms))
            }
            Self::Inquired { verb, of } => format!("{verb} in {of} begins"),
            Self::InquiryOver { verb, of, outcome, why, took_ms } => {
                let outcome = outcome.replace('_', " ");
                format!("{verb} in {of} after {}: {outcome}{}", seconds(took_ms), because(why))
            }
            Self::PageOver { rota, why, waited_ms, attempts } => {
                format!("nobody of {rota} after {} and {attempts} attempts: {why}", seconds(waited_ms))
            }
            Self::TrunkCalled { trunk, destination, attempt } => {
                format!("called by trunk {trunk}, at {destination}, attempt {attempt}")
            }
            Self::TrunkNotReached { trunk, why } => format!("trunk {trunk} does not take the call: {why}"),
            Self::TrunkFull { trunk, why } => format!("trunk {trunk} is passed over: {why}"),
            Self::TrunkOver { trunk } => {
                format!("trunk {trunk} brings in a call beyond its channels_max, which is let in")
            }
            Self::TrunkNow { trunk, destination, state, by } => {
                format!("trunk {trunk}: {destination} is {state}, as its {by} shows")
            }
            Self::TrunkRegistered { trunk, state, why } => {
                let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                format!("registration at trunk {trunk} {state}{why}")
            }
            Self::TransferAsked { by, to, how } => format!("{by} transfers to {to}, {how}"),
            Self::TransferRefused { status, why } => format!("transfer refused with {status}: {why}"),
            Self::Transferred { to } => format!("transferred to {to}"),
            Self::PhoneChanged { agent } => format!("{agent} goes on at another phone"),
            Self::TakenUp { by, rang_for } => format!("{by} takes up what rings for {rang_for}"),
            Self::CallingIn { by, to } => format!("{by} calls in {to}"),
            Self::JoinedIn { who } => format!("{who} joins the conversation"),
            Self::LeftConference { who, why } => format!("{who} leaves the conversation: {why}"),
            Self::Remained { who } => format!("{who} goes on in the agent's place"),
            Self::Supervised { by, agent, mode } => format!("{by} supervises {agent}: {mode}"),
            Self::SupervisionChanged { by, agent, mode } => {
                format!("{by} supervises {agent} otherwise: {mode}")
            }
            Self::SupervisionEnded { by, agent, why, lasted_ms } => {
                format!("{by} supervises {agent} no longer, after {}: {why}", seconds(lasted_ms))
            }
            Self::SupervisionRefused { by, agent, why } => format!("{by} may not supervise {agent}: {why}"),
            Self::Consented { given: true } => "may be recorded: asked, and did not decline".to_owned(),
            Self::Consented { given: false } => "declines to be recorded".to_owned(),
            Self::Disclosed { prompts, language } => {
                format!("has heard {} in {language} to the end", prompts.join(", "))
            }
            Self::RecordingStarted { recording, leave } => format!("recording {recording} begins ({leave})"),
            Self::RecordingRefused => "is not recorded: nobody asked whether she may be".to_owned(),
            Self::RecordingPaused { recording, paused, secret } => {
                let state = if *paused { "pauses" } else { "goes on" };
                format!("recording {recording} {state}{}", if *secret { ", for a secret" } else { "" })
            }
            Self::RecordingStored { recording, of, sha256, length_ms, missing_ms } => {
                let hole = if *missing_ms == 0 {
                    String::new()
                } else {
                    format!(", {} of it missing", seconds(missing_ms))
                };
                let digest = sha256.get(..12).unwrap_or_default();
                format!("recording {recording} of call {of} stored, {}{hole}, {digest}", seconds(length_ms))
            }
            Self::RecordingIncomplete { recording, of } => {
                format!("recording {recording} of call {of} is incomplete: the disk refused")
            }
            Self::RecordingDiscarded { recording, of } => {
                format!("recording {recording} of call {of} is forgotten")
            }
            Self::MessageDelivered { recording, of, inbox, urgent } => {
                let urgent = if *urgent { "urgent " } else { "" };
                format!("{urgent}message {recording} of call {of} waits in {inbox}")
            }
            Self::Ended { cause, lasted_ms: Some(ms) } => format!("call ends after {}: {cause}", seconds(ms)),
            Self::Ended { cause, lasted_ms: None } => format!("call ends: {cause}"),
            Self::AgentNow { agent, state } => format!("{agent} is {state}"),
            Self::AgentAsked { agent, what, by } => format!("{agent} asks to {what} by {by}"),
            Self::AgentRefused { agent, what, why } => format!("{agent} may not {what} yet: {why}"),
            Self::EmergencyCalled { agent, number, location, transport } => {
                let place = location.as_deref().unwrap_or("a place nobody wrote down");
                format!("{agent} dials {number} over {transport} from {place}")
            }
            Self::EmergencyRung { destination, attempt } => {
                format!("help is called at {destination}, attempt {attempt}")
            }
            Self::EmergencyUnreached { destination, why } => format!("{destination} does not help: {why}"),
            Self::EmergencyFailed { tried } => format!("nobody helps; {tried} were called"),
            Self::EmergencyTold { call, what, delivered: true } => {
                format!("people were told of emergency call {call}: {what}")
            }
            Self::EmergencyTold { call, what, delivered: false } => {
                format!("people could not be told of emergency call {call}: {what}")
            }
            Self::EmergencyNeverTold { call, what } => {
                format!("people were never told of emergency call {call}: {what}")
            }
            Self::Registered { agent, contacts } => format!("{agent} has {contacts} phone contacts"),
            Self::Loaded { flows, origin, by } => {
                format!("flows loaded, version {}{}", flows.get(..12).unwrap_or(flows), through(origin, by))
            }
            Self::LoadRefused { origin, by, why } => {
                format!("flows not loaded{}: {why}", through(origin, by))
            }
            Self::FellBack { flow } => format!("no flow answers this number any more; {flow} does instead"),
            Self::ShutOut { why, messages } => format!("{messages} SIP messages dropped at the door: {why}"),
            Self::Override { what, by, reason, until, state } => {
                let state = state.replace('_', " ");
                let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
                format!("exception {what}{by} until {until} is {state}: {reason}")
            }
            Self::Log { state } => format!("audit log {state}"),
        }
    }
}

/// What brought it about, and who.
fn through(origin: &str, by: &str) -> String {
    match (origin, by) {
        ("", _) => String::new(),
        (origin, "") => format!(" ({origin})"),
        (origin, by) => format!(" ({origin}, by {by})"),
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
