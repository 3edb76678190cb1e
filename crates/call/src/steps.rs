//! What a caller's flow wants done.

use std::sync::Arc;

use acd::QueueExit;
use flow::{Action, Enqueue, HangUpCause, KeyClass, Play, QueueNews, Urgency};
use media::Playlist;
use primitives::Now;
use sip::EndCause;

use crate::call::{Call, Progress, Waiting};
use crate::caller::waited_ms;
use crate::hop::Hop;
use crate::output::Output;
use crate::switch::Switch;

impl Switch {
    /// Does one thing the flow wants.
    pub(crate) fn perform(&mut self, now: Now, call: &mut Call, action: Action, out: &mut Vec<Output>) {
        match action {
            Action::Entered { flow, step, verb, why } => {
                call.at = (flow, step);
                let stepped = Hop::Stepped { verb: verb.to_owned(), why: why.to_owned() };
                self.hop(now, Some(call), stepped, out);
            }
            Action::Answer => self.answer(now, call, out),
            Action::Play(play) => self.play(call, &play, out),
            Action::Stop => self.stop(call, out),
            Action::Key(class) => self.hop(now, Some(call), keyed(class), out),
            Action::Tagged { urgency, reason } => {
                call.urgency = urgency;
                call.reason.clone_from(&reason);
                let reason = reason.map(|reason| reason.to_string());
                self.hop(now, Some(call), Hop::Tagged { urgency: urgency.word().to_owned(), reason }, out);
            }
            Action::Noted(note) => {
                let noted =
                    Hop::Noted { what: note.kind().to_owned(), name: note.name(), value: note.value() };
                self.hop(now, Some(call), noted, out);
            }
            Action::Language(language) => {
                let chosen = Hop::Language { language: language.to_string() };
                call.language = language;
                self.hop(now, Some(call), chosen, out);
            }
            Action::Enqueue(request) => self.enqueue(now, call, request, out),
            Action::Raise { urgency } => self.raise(now, call, urgency, out),
            Action::Dequeue => self.dequeue(now, call, out),
            Action::Transfer { number, ring } => self.transfer(now, call, number, ring, out),
            Action::Page { rota, ask } => self.page(now, call, (rota, ask), out),
            Action::CancelPage => self.cancel_page(now, call, out),
            Action::Inquire(inquiry) => self.inquire(now, call, inquiry, out),
            Action::CancelInquiry { timed_out } => self.cancel_inquiry(now, call, timed_out, out),
            Action::CancelTransfer => self.cancel_transfer(now, call, out),
            Action::Recording(what) => self.recording(now, call, what, out),
            Action::HangUp { cause } => {
                let cause = match cause {
                    HangUpCause::Completed => "completed",
                    HangUpCause::ConversationEnded => "conversation_ended",
                    HangUpCause::Failed => "failed",
                };
                self.end(now, call, cause, out);
            }
        }
    }

    fn play(&mut self, call: &mut Call, play: &Play, out: &mut Vec<Output>) {
        let prompts =
            play.prompts.iter().filter_map(|prompt| call.setup.prompts.find(prompt)).map(Arc::clone);
        let playlist = Playlist {
            prompts: prompts.collect(),
            repeats: play.repeats,
            lead_in: play.lead_in,
            id: self.next_playlist(),
        };
        call.playlist = playlist.id;
        if let Progress::Answered { then } = &mut call.progress {
            *then = Some(playlist);
        } else {
            let command = media::Command::Play { port: call.party.port, playlist };
            out.push(Output::Media { shard: call.shard, command });
        }
    }

    fn stop(&mut self, call: &mut Call, out: &mut Vec<Output>) {
        call.playlist = 0;
        if let Progress::Answered { then } = &mut call.progress {
            *then = None;
        }
        let command = media::Command::Stop { port: call.party.port };
        out.push(Output::Media { shard: call.shard, command });
    }

    pub(crate) fn enqueue(&mut self, now: Now, call: &mut Call, request: Enqueue, out: &mut Vec<Output>) {
        // She keeps her waiting time when a flow moves her from one queue to the next.
        let since = *call.waits_since.get_or_insert(now.wall);
        if let Some(before) = call.waiting.take() {
            self.entries.remove(&before.entry);
            self.acd_input(now, acd::Input::Abandon { entry: before.entry });
        }
        let queued = Hop::Queued {
            queue: request.queue.to_string(),
            urgency: request.urgency.word().to_owned(),
            reason: request.reason.as_ref().map(ToString::to_string),
            skills: request.skills.iter().map(ToString::to_string).collect(),
        };
        self.hop(now, Some(call), queued, out);
        call.summary.queue = Some(request.queue.to_string());
        self.join_queue(now, call, request, since);
    }

    /// Puts her into the queue's line, new or at her old place.
    pub(crate) fn join_queue(&mut self, now: Now, call: &mut Call, request: Enqueue, since: jiff::Timestamp) {
        let Some(queue) = self.acd.queue(&request.queue) else {
            // The queue went with a reload after this flow was checked.
            let failed = flow::Event::Queue(QueueNews::Failed);
            return self.pending.push_back(crate::switch::Pending::Flow(call.id, failed));
        };
        let entry = self.next_entry();
        self.entries.insert(entry, call.id);
        let joining = acd::Enqueue {
            entry,
            queue,
            urgency: acd_urgency(request.urgency),
            skills: request.skills.iter().map(ToString::to_string).collect(),
            since,
        };
        call.waiting = Some(Waiting { entry, request, since });
        self.acd_input(now, acd::Input::Enqueue(joining));
    }

    fn raise(&mut self, now: Now, call: &mut Call, urgency: Urgency, out: &mut Vec<Output>) {
        call.urgency = urgency;
        self.hop(now, Some(call), Hop::Raised { urgency: urgency.word().to_owned() }, out);
        if let Some(waiting) = &mut call.waiting {
            waiting.request.urgency = urgency;
            let entry = waiting.entry;
            self.acd_input(now, acd::Input::Raise { entry, urgency: acd_urgency(urgency) });
        }
    }

    /// The flow takes her out of the queue, and out of the hands of an agent who is just answering.
    fn dequeue(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        if let Some(waiting) = call.waiting.take() {
            self.entries.remove(&waiting.entry);
            self.acd_input(now, acd::Input::Abandon { entry: waiting.entry });
            let left = Hop::LeftQueue {
                queue: waiting.request.queue.to_string(),
                waited_ms: waited_ms(now, waiting.since),
                why: "key".to_owned(),
            };
            self.hop(now, Some(call), left, out);
        }
        self.drop_far(now, call, EndCause::OtherLegEnded, "caller_left", out);
    }

    /// The queue lets her out unserved; her flow goes on.
    pub(crate) fn exit(
        &mut self,
        now: Now,
        call: &mut Call,
        exit: QueueExit,
        waited: std::time::Duration,
        out: &mut Vec<Output>,
    ) {
        let Some(waiting) = call.waiting.take() else { return };
        let (why, news) = match exit {
            QueueExit::TimedOut => ("timed_out", QueueNews::TimedOut),
            QueueExit::Empty => ("empty", QueueNews::Empty),
            QueueExit::Full => ("full", QueueNews::Full),
            QueueExit::Failed => ("failed", QueueNews::Failed),
        };
        let left = Hop::LeftQueue {
            queue: waiting.request.queue.to_string(),
            waited_ms: crate::call::millis(waited),
            why: why.to_owned(),
        };
        self.hop(now, Some(call), left, out);
        self.run_flow(now, call, flow::Event::Queue(news), out);
    }
}

fn keyed(class: KeyClass) -> Hop {
    let (class, key, digits) = match class {
        KeyClass::Menu(key) => ("menu", Some(key), None),
        KeyClass::Wrong(key) => ("wrong", Some(key), None),
        KeyClass::Emergency => ("emergency", None, None),
        KeyClass::Operator => ("operator", None, None),
        KeyClass::Data(digits) => ("data", None, Some(digits)),
        KeyClass::PrivateData => ("private", None, None),
    };
    Hop::Keyed { class: class.to_owned(), key, digits }
}

/// The same word in the queues' vocabulary: both lists are declared from most to least urgent.
fn acd_urgency(urgency: Urgency) -> acd::Urgency {
    match urgency {
        Urgency::Emergency => acd::Urgency::Emergency,
        Urgency::Emergent => acd::Urgency::Emergent,
        Urgency::Urgent => acd::Urgency::Urgent,
        Urgency::Soon => acd::Urgency::Soon,
        Urgency::Routine => acd::Urgency::Routine,
        Urgency::Admin => acd::Urgency::Admin,
    }
}
