//! `queue` and `transfer`: waiting for a person, and what comes after one.

use std::sync::Arc;

use primitives::Now;

use super::Interpreter;
use super::state::{Hearing, Hold, Jump, Waiting};
use crate::flow::{Queue, Transfer, Verb, WAIT_BANDS};
use crate::{Action, Enqueue, HangUpCause, Play, PromptRef, QueueNews, TransferNews};

impl Interpreter {
    pub(super) fn enqueue(&mut self, now: Now, queue: &Queue, out: &mut Vec<Action>) -> Option<Jump> {
        let values = self.values();
        let skills: Result<Vec<Arc<str>>, _> = queue.skills.iter().map(|skill| skill.text(&values)).collect();
        let Ok(skills) = skills else { return Some(Jump::Failed) };
        self.typed_ahead.clear();
        self.answer(out);
        out.push(Action::Enqueue(Enqueue {
            queue: queue.name.clone(),
            urgency: self.urgency(),
            reason: self.reason.clone(),
            skills,
            language: self.language.clone(),
        }));
        self.waiting = Waiting::Queue(Hold {
            hearing: Hearing::Words,
            next_announcement: queue.announce.as_ref().map(|announce| now.mono + announce.every),
            estimate: None,
            exit: None,
        });
        match &queue.say_first {
            Some(say) => self.play(say, out),
            None => self.play_hold_music(out),
        }
        None
    }

    fn play_hold_music(&mut self, out: &mut Vec<Action>) {
        if let Waiting::Queue(hold) = &mut self.waiting {
            hold.hearing = Hearing::Music;
        }
        self.play_music(out);
    }

    /// The music of the queue, transfer, search or question the caller is at, over and over.
    pub(super) fn play_music(&mut self, out: &mut Vec<Action>) {
        let flow = self.frame.flow.clone();
        let name = match self.frame.step_of(&flow).map(|step| &step.verb) {
            Some(Verb::Queue(queue)) => &queue.music,
            Some(Verb::Transfer(transfer)) => &transfer.music,
            Some(Verb::Page(page)) => &page.music,
            Some(Verb::Inquire(inquire)) => &inquire.music,
            _ => return,
        };
        self.answer(out);
        self.is_playing = true;
        out.push(Action::Play(Play {
            prompts: vec![PromptRef { language: self.language.clone(), name: name.clone() }],
            repeats: true,
            lead_in: Default::default(),
        }));
    }

    /// Words are over while she waits: music, or the way out that had to wait for the 911 advice.
    pub(super) fn hold_on(&mut self, now: Now, out: &mut Vec<Action>) -> Option<Jump> {
        let Waiting::Queue(hold) = &mut self.waiting else { return None };
        if let Some(news) = hold.exit.take() {
            hold.hearing = Hearing::Music;
            return self.queue_news(now, &news, out);
        }
        self.play_hold_music(out);
        None
    }

    pub(super) fn announce(&mut self, now: Now, out: &mut Vec<Action>) {
        let flow = self.frame.flow.clone();
        let Some(Verb::Queue(queue)) = self.frame.step_of(&flow).map(|step| &step.verb) else { return };
        let (Some(announce), Waiting::Queue(hold)) = (&queue.announce, &mut self.waiting) else { return };
        hold.next_announcement = Some(now.mono + announce.every);
        let band = hold.estimate.filter(|_| announce.band).and_then(|estimate| {
            WAIT_BANDS.iter().find(|(covers, _)| estimate < *covers).map(|(_, prompt)| Arc::from(*prompt))
        });
        let mut say = announce.play.clone().unwrap_or_default();
        say.prompts.extend(band);
        if !say.prompts.is_empty() {
            hold.hearing = Hearing::Words;
            self.play(&say, out);
        }
    }

    pub(super) fn queue_news(&mut self, now: Now, news: &QueueNews, out: &mut Vec<Action>) -> Option<Jump> {
        let hold = match (&mut self.waiting, news) {
            (Waiting::Queue(_) | Waiting::Talking, QueueNews::AgentLeft) => {
                return self.conversation_over(out);
            }
            (Waiting::Talking, QueueNews::AgentLost) => {
                self.wait_again(now, out);
                return None;
            }
            (Waiting::Queue(hold), _) => hold,
            // Said before she left the queue, heard after it.
            _ => return None,
        };
        match news {
            QueueNews::Position { estimate, .. } => {
                hold.estimate = *estimate;
                return None;
            }
            QueueNews::Connected => {
                self.stop(out);
                self.sequence = None;
                self.waiting = Waiting::Talking;
                return None;
            }
            // Lost while she still heard the music: nothing changes for her.
            QueueNews::AgentLost | QueueNews::AgentLeft => return None,
            _ if hold.hearing == Hearing::Advice => {
                hold.exit = Some(news.clone());
                return None;
            }
            _ => {}
        }
        let flow = self.frame.flow.clone();
        let Some(Verb::Queue(queue)) = self.frame.step_of(&flow).map(|step| &step.verb) else { return None };
        let (go, why) = match news {
            QueueNews::TimedOut => (&queue.on_timeout, "on_timeout"),
            QueueNews::Empty => (&queue.on_empty, "on_empty"),
            QueueNews::Full => (&queue.on_full, "on_full"),
            QueueNews::Closed => (&queue.on_closed, "on_closed"),
            QueueNews::Failed => (&queue.on_error, "on_error"),
            QueueNews::Position { .. }
            | QueueNews::Connected
            | QueueNews::AgentLeft
            | QueueNews::AgentLost => return None,
        };
        self.stop(out);
        self.go(go, why, out)
    }

    /// The switch has given her her old place back; her flow only lets her hear that she waits.
    fn wait_again(&mut self, now: Now, out: &mut Vec<Action>) {
        let flow = self.frame.flow.clone();
        let Some(Verb::Queue(queue)) = self.frame.step_of(&flow).map(|step| &step.verb) else { return };
        self.waiting = Waiting::Queue(Hold {
            hearing: Hearing::Music,
            next_announcement: queue.announce.as_ref().map(|announce| now.mono + announce.every),
            estimate: None,
            exit: None,
        });
        self.play_music(out);
    }

    pub(super) fn conversation_over(&mut self, out: &mut Vec<Action>) -> Option<Jump> {
        let flow = self.frame.flow.clone();
        self.stop(out);
        match self.frame.step_of(&flow).and_then(|step| step.after_call.as_ref()) {
            Some(go) => self.go(go, "after_call", out),
            None => Some(Jump::Goodbye(HangUpCause::ConversationEnded)),
        }
    }

    pub(super) fn transfer(&mut self, transfer: &Transfer, out: &mut Vec<Action>) -> Option<Jump> {
        self.typed_ahead.clear();
        self.answer(out);
        out.push(Action::Transfer { number: transfer.number.clone(), ring: transfer.ring });
        self.waiting = Waiting::Ringing;
        match &transfer.say_first {
            Some(say) => self.play(say, out),
            None => self.play_music(out),
        }
        None
    }

    pub(super) fn transfer_news(&mut self, news: &TransferNews, out: &mut Vec<Action>) -> Option<Jump> {
        let flow = self.frame.flow.clone();
        let Some(Verb::Transfer(transfer)) = self.frame.step_of(&flow).map(|step| &step.verb) else {
            return None;
        };
        let (go, why) = match (&self.waiting, news) {
            (Waiting::Ringing, TransferNews::Connected) => {
                self.stop(out);
                self.sequence = None;
                self.waiting = Waiting::Talking;
                return None;
            }
            (Waiting::Talking, TransferNews::Ended) => return self.conversation_over(out),
            (Waiting::Ringing, TransferNews::Busy) => (&transfer.on_busy, "on_busy"),
            (Waiting::Ringing, TransferNews::NoAnswer) => (&transfer.on_no_answer, "on_no_answer"),
            (Waiting::Ringing, TransferNews::Failed | TransferNews::Ended) => {
                (&transfer.on_failed, "on_failed")
            }
            _ => return None,
        };
        self.stop(out);
        self.go(go, why, out)
    }
}
