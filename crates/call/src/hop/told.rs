//! Each hop in words, as a person would tell it.

use super::Hop;

impl Hop {
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
            Self::Inquired { verb, of } => format!("{verb} {of} begins"),
            Self::EndpointNow { endpoint, state } => match state.as_str() {
                "open" => format!("endpoint {endpoint} is left alone: it failed several times in a row"),
                "half_open" => format!("endpoint {endpoint} is tried"),
                _ => format!("endpoint {endpoint} answers again"),
            },
            Self::InquiryOver { verb, of, outcome, why, took_ms } => {
                let outcome = outcome.replace('_', " ");
                format!("{verb} {of} after {}: {outcome}{}", seconds(took_ms), because(why))
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
