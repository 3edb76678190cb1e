//! Somebody on call is looked for: one telephone after the other, step after step, until a person presses 1.
//!
//! A telephone that is answered proves nothing: it may be a mailbox, or a child. Whoever answers hears how urgent
//! it is and why, and nothing else of the caller, and is joined with her by the key alone. The caller hears what
//! her flow plays all the while.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::{Contact, Ladder, PageNews, PromptRef, ROUND_MIN};
use media::Playlist;
use primitives::Now;
use sip::EndCause;

use crate::call::{Call, FarState, Who, millis};
use crate::hop::Hop;
use crate::output::Output;
use crate::switch::{Pending, Switch};
use crate::target::Target;

/// The key that accepts.
const ACCEPT: char = '1';
/// Silence before what asks for the key, each time.
const BEFORE_ASKING: Duration = Duration::from_millis(700);

/// A search under way.
#[derive(Debug)]
pub(crate) struct Page {
    rota: Arc<str>,
    ask: Arc<str>,
    /// Of this round: whom else to call, with the step.
    left: VecDeque<(usize, Contact)>,
    ring: Duration,
    accept: Duration,
    /// From 1; 0 before the first.
    round: u32,
    began: Now,
    round_began: Instant,
    /// Whether any telephone of this round was called.
    has_rung: bool,
    /// How many were called in all.
    attempts: u32,
    /// The next round begins then.
    resume_at: Option<Instant>,
}

impl Page {
    /// When the next round begins, where it waits for its time.
    pub(crate) const fn resume_at(&self) -> Option<Instant> {
        self.resume_at
    }

    fn over(&self, now: Now, why: &str) -> Hop {
        let waited_ms = millis(now.mono.saturating_duration_since(self.began.mono));
        let (rota, why) = (self.rota.to_string(), why.to_owned());
        Hop::PageOver { rota, why, waited_ms, attempts: self.attempts }
    }
}

impl Switch {
    /// The flow wants somebody on call.
    pub(crate) fn page(
        &mut self,
        now: Now,
        call: &mut Call,
        (rota, ask): (Arc<str>, Arc<str>),
        out: &mut Vec<Output>,
    ) {
        call.page = Some(Page {
            rota,
            ask,
            left: VecDeque::new(),
            ring: Duration::ZERO,
            accept: Duration::ZERO,
            round: 0,
            began: now,
            round_began: now.mono,
            has_rung: false,
            attempts: 0,
            resume_at: None,
        });
        call.waits_since.get_or_insert(now.wall);
        if call.far.is_some() {
            return self.page_over(now, call, PageNews::Failed, out);
        }
        self.call_next(now, call, out);
    }

    /// Calls whoever comes next, or says that nobody does.
    fn call_next(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        loop {
            let Some(page) = &mut call.page else { return };
            let Some((step, contact)) = page.left.pop_front() else {
                match self.next_round(now, call) {
                    Round::Begins => continue,
                    Round::Waits => return,
                    Round::None(news) => return self.page_over(now, call, news, out),
                }
            };
            let ring = page.ring;
            let calling = Hop::PageCalling {
                rota: page.rota.to_string(),
                to: contact.name().to_string(),
                step: u32::try_from(step).unwrap_or(u32::MAX),
                round: page.round,
            };
            self.hop(now, Some(call), calling, out);
            match self.call_contact(now, call, &contact, ring, out) {
                Ok(()) => {
                    if let Some(page) = &mut call.page {
                        page.has_rung = true;
                        page.attempts += 1;
                    }
                    return;
                }
                Err(why) => self.not_accepted(now, call, contact.name(), why, out),
            }
        }
    }

    fn call_contact(
        &mut self,
        now: Now,
        call: &mut Call,
        contact: &Contact,
        ring: Duration,
        out: &mut Vec<Output>,
    ) -> Result<(), &'static str> {
        let target = match contact {
            Contact::Agent(name) => {
                let agent = self.acd.agent(name).ok_or("no_such_agent")?;
                Target::Agent { agent, name: name.to_string() }
            }
            Contact::Number(_) if !call.origin.may_call_out() => return Err("caller_unproven"),
            Contact::Number(name) => Target::Number { name: Arc::clone(name) },
        };
        self.ring_target(now, call, &target, ring, out).map_err(|status| match status {
            486 => "busy",
            404 => "not_bound",
            503 => "no_rtp_port",
            _ => "unreachable",
        })
    }

    /// Who is on call is asked anew each round: a shift may have changed.
    fn next_round(&self, now: Now, call: &mut Call) -> Round {
        let Some(page) = &mut call.page else { return Round::None(PageNews::Failed) };
        let Some(ladder) = call.setup.library.on_call(&page.rota, now.wall) else {
            return Round::None(PageNews::Failed);
        };
        let is_due = page.round == 0 || page.resume_at.take().is_some();
        if page.round >= ladder.rounds || (page.round > 0 && !page.has_rung) {
            return Round::None(PageNews::Exhausted);
        }
        let earliest = page.round_began + ROUND_MIN;
        if !is_due && now.mono < earliest {
            page.resume_at = Some(earliest);
            return Round::Waits;
        }
        let Ladder { contacts, ring, accept, .. } = ladder;
        page.left = contacts.into();
        (page.ring, page.accept) = (ring, accept);
        page.round += 1;
        page.round_began = now.mono;
        page.has_rung = false;
        if page.left.is_empty() { Round::None(PageNews::Exhausted) } else { Round::Begins }
    }

    /// The next round's time, or the time to press the key is over.
    pub(crate) fn page_when_due(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let resumes = call.page.as_ref().and_then(Page::resume_at).is_some_and(|at| at <= now.mono);
        if resumes && call.far.is_none() {
            return self.call_next(now, call, out);
        }
        let Some(far) = &call.far else { return };
        match far.state {
            FarState::Asking { until, .. } if until <= now.mono => {
                self.far_failed(now, call, "no_key", out);
            }
            FarState::Opening | FarState::Ringing
                if far.paged && far.who.ring_until().is_some_and(|until| until <= now.mono) =>
            {
                self.far_failed(now, call, "no_answer", out);
            }
            _ => {}
        }
    }

    /// Somebody, or something, has answered: urgency and reason, and to press the key.
    pub(crate) fn ask_to_accept(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(page) = &call.page else { return };
        let (ask, until) = (Arc::clone(&page.ask), now.mono + page.accept);
        let Some(far) = &mut call.far else { return };
        let who = far.who.name();
        far.state = FarState::Asking { until, playlist: 0, ask };
        self.hop(now, Some(call), Hop::PageAnswered { to: who }, out);
        self.ask_again(call, out);
    }

    /// Says it, and once more as long as no key comes.
    pub(crate) fn ask_again(&mut self, call: &mut Call, out: &mut Vec<Output>) {
        let id = self.next_playlist();
        let language = Arc::clone(&call.setup.agent_language);
        let urgency = format!("whisper_{}", call.urgency);
        let reason = call.reason.as_ref().map(|reason| format!("reason_{reason}"));
        let Some(far) = &mut call.far else { return };
        let FarState::Asking { playlist, ask, .. } = &mut far.state else { return };
        *playlist = id;
        let names = [Some(urgency), reason, Some(ask.to_string())];
        let prompt = |name: String| {
            let prompt = PromptRef { language: Arc::clone(&language), name: name.into() };
            call.setup.prompts.find(&prompt).map(Arc::clone)
        };
        let prompts = names.into_iter().flatten().filter_map(prompt).collect();
        let list = Playlist { prompts, repeats: false, lead_in: BEFORE_ASKING, id };
        let command = media::Command::Play { port: far.party.port, playlist: list };
        out.push(Output::Media { shard: call.shard, command });
    }

    /// A key of who answered. Only the one that accepts means anything.
    pub(crate) fn page_key(&mut self, now: Now, call: &mut Call, key: char, out: &mut Vec<Output>) {
        let Some(far) = &call.far else { return };
        if key != ACCEPT || !matches!(far.state, FarState::Asking { .. }) {
            return;
        }
        let (to, port) = (far.who.name(), far.party.port);
        let Some(page) = call.page.take() else { return };
        let waited_ms = millis(now.mono.saturating_duration_since(page.began.mono));
        let accepted =
            Hop::PageAccepted { rota: page.rota.to_string(), to, waited_ms, attempts: page.attempts };
        self.hop(now, Some(call), accepted, out);
        out.push(Output::Media { shard: call.shard, command: media::Command::Stop { port } });
        self.bridge(now, call, out);
    }

    /// The one under way did not accept; `far_failed` has let go of the telephone.
    pub(crate) fn page_failed(
        &mut self,
        now: Now,
        call: &mut Call,
        who: &Who,
        why: &str,
        out: &mut Vec<Output>,
    ) {
        self.not_accepted(now, call, &who.name(), why, out);
        self.call_next(now, call, out);
    }

    fn not_accepted(&self, now: Now, call: &Call, to: &str, why: &str, out: &mut Vec<Output>) {
        self.hop(now, Some(call), Hop::PageNotAccepted { to: to.to_owned(), why: why.to_owned() }, out);
    }

    fn page_over(&mut self, now: Now, call: &mut Call, news: PageNews, out: &mut Vec<Output>) {
        let Some(page) = call.page.take() else { return };
        let why = if news == PageNews::Exhausted { "exhausted" } else { "failed" };
        self.hop(now, Some(call), page.over(now, why), out);
        // Said when the step that asked for it is done.
        self.pending.push_back(Pending::Flow(call.id, flow::Event::Page(news)));
    }

    /// The flow goes elsewhere with her.
    pub(crate) fn cancel_page(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(page) = call.page.take() else { return };
        self.drop_far(now, call, EndCause::OtherLegEnded, "given_up", out);
        self.hop(now, Some(call), page.over(now, "given_up"), out);
    }
}

/// What comes after everybody of a round was called.
enum Round {
    Begins,
    Waits,
    None(PageNews),
}
