//! Looks rows up for flows, on a thread of its own: the signalling thread waits for no table.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Instant;

use call::LookUp;
use flow::InquiryNews;

use crate::driver::inbox::{Inbox, Message};

/// Look-ups that wait for their turn. Each takes microseconds, so that so many are a burst nobody has seen yet; what
/// comes then has failed, and its caller goes on at once.
const WAITING_MAX: usize = 1_024;

/// The way to the thread that looks things up.
#[derive(Clone)]
pub struct Lookups {
    waiting: SyncSender<(Instant, LookUp)>,
    inbox: Inbox,
}

impl Lookups {
    /// Starts the thread. It ends when nobody can ask any more.
    pub fn start(inbox: Inbox) -> io::Result<Self> {
        let (waiting, asked) = sync_channel(WAITING_MAX);
        let answers = inbox.clone();
        std::thread::Builder::new().name("lookups".to_owned()).spawn(move || run(&asked, &answers))?;
        Ok(Self { waiting, inbox })
    }

    /// Asks. The answer comes by the inbox.
    pub fn ask(&self, look_up: LookUp) {
        if let Err(TrySendError::Full((_, look_up)) | TrySendError::Disconnected((_, look_up))) =
            self.waiting.try_send((Instant::now(), look_up))
        {
            answer(&self.inbox, &look_up, InquiryNews::Failed, "busy");
        }
    }
}

fn run(asked: &Receiver<(Instant, LookUp)>, inbox: &Inbox) {
    while let Ok((since, look_up)) = asked.recv() {
        // Its caller has gone on; whoever waits behind it still wants an answer.
        if since.elapsed() < look_up.inquiry.within {
            let news = look_up.table.find(&look_up.inquiry);
            answer(inbox, &look_up, news, "");
        }
    }
}

/// Leaves the answer. An inbox that is full loses it, and the caller's own time limit leads her on.
fn answer(inbox: &Inbox, look_up: &LookUp, news: InquiryNews, why: &'static str) {
    let (call, number) = (look_up.call, look_up.inquiry.number);
    inbox.send(Message::Inquired { call, number, news, why });
}
