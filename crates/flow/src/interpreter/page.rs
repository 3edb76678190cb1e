//! `page`: somebody on call is looked for while the caller hears that it goes on.

use std::time::Instant;

use primitives::Now;

use super::Interpreter;
use super::state::{Hearing, Jump, PageHold, Waiting};
use crate::flow::{Page, Verb};
use crate::{Action, PageNews};

impl PageHold {
    /// When the words of `while_waiting` interrupt the music.
    pub(super) fn announce_at(&self) -> Option<Instant> {
        self.next_words.filter(|_| self.hearing == Hearing::Music)
    }
}

impl Interpreter {
    pub(super) fn page(&mut self, now: Now, page: &Page, out: &mut Vec<Action>) -> Option<Jump> {
        self.typed_ahead.clear();
        self.answer(out);
        out.push(Action::Page { rota: page.rota.clone(), ask: page.ask.clone() });
        let next_words = Some(now.mono + page.while_waiting.every);
        self.waiting = Waiting::Page(PageHold { hearing: Hearing::Words, next_words, exit: None });
        match &page.say_first {
            Some(say) => self.play(say, out),
            None => self.page_music(out),
        }
        None
    }

    fn page_music(&mut self, out: &mut Vec<Action>) {
        if let Waiting::Page(hold) = &mut self.waiting {
            hold.hearing = Hearing::Music;
        }
        self.play_music(out);
    }

    /// Words are over while she waits: music, or the way out that had to wait for the 911 advice.
    pub(super) fn page_on(&mut self, out: &mut Vec<Action>) -> Option<Jump> {
        let Waiting::Page(hold) = &mut self.waiting else { return None };
        if let Some(news) = hold.exit.take() {
            hold.hearing = Hearing::Music;
            return self.page_news(news, out);
        }
        self.page_music(out);
        None
    }

    /// The words of `while_waiting`.
    pub(super) fn page_words(&mut self, now: Now, out: &mut Vec<Action>) {
        let flow = self.frame.flow.clone();
        let Some(Verb::Page(page)) = self.frame.step_of(&flow).map(|step| &step.verb) else { return };
        let Waiting::Page(hold) = &mut self.waiting else { return };
        hold.next_words = Some(now.mono + page.while_waiting.every);
        if let Some(say) = &page.while_waiting.play {
            hold.hearing = Hearing::Words;
            self.play(say, out);
        }
    }

    pub(super) fn page_news(&mut self, news: PageNews, out: &mut Vec<Action>) -> Option<Jump> {
        let flow = self.frame.flow.clone();
        let Some(Verb::Page(page)) = self.frame.step_of(&flow).map(|step| &step.verb) else { return None };
        let (go, why) = match (&mut self.waiting, news) {
            (Waiting::Talking, PageNews::Ended) => return self.conversation_over(out),
            (Waiting::Page(_), PageNews::Accepted) => {
                self.stop(out);
                self.sequence = None;
                self.waiting = Waiting::Talking;
                return None;
            }
            // Nothing but a person interrupts the 911 advice.
            (Waiting::Page(hold), _) if hold.hearing == Hearing::Advice => {
                hold.exit = Some(news);
                return None;
            }
            (Waiting::Page(_), PageNews::Exhausted) => (&page.on_exhausted, "on_exhausted"),
            (Waiting::Page(_), PageNews::Failed | PageNews::Ended) => (&page.on_error, "on_error"),
            _ => return None,
        };
        self.stop(out);
        self.go(go, why, out)
    }
}
