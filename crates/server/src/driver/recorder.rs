//! The thread that keeps recordings: what the media threads hand over is sealed and written, and nobody in a call
//! waits for the disk.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use call::{CallId, RecordingNews, RecordingOrder};
use media::RecordingId;
use store::{Database, MasterKeys, Message as Kept, MessageState, RecordingHeader, RecordingWriter};

use crate::driver::inbox::{Inbox, Message};
use crate::metrics::Metrics;
use crate::node::NodeError;

/// What waits for the disk at most: four seconds of a thousand recorded calls, 64 MB. Beyond it a second is dropped and
/// counted, and is silence in its recording; the call goes on.
const WAITING_MAX: usize = 4_096;

/// Recordings under way, and messages not yet sent: one for each call, and a few that just ended.
const RUNNING_MAX: usize = 8_192;

/// Samples of a millisecond.
const SAMPLES_PER_MS: u64 = 8;

/// Something for the recorder.
#[derive(Debug)]
enum Work {
    Order(RecordingOrder),
    Media(media::Event),
    Mark { recording: String, state: MessageState },
}

/// The way to the recorder.
#[derive(Clone)]
pub struct Recorder {
    work: SyncSender<Work>,
    metrics: Arc<Metrics>,
}

impl Recorder {
    /// Starts the thread. It ends when every way to it is gone.
    pub fn start(data: &Path, inbox: Inbox, metrics: Arc<Metrics>) -> Result<Self, NodeError> {
        let keys = MasterKeys::open_or_generate(&data.join("recording.keys"))?;
        let (work, waiting) = sync_channel(WAITING_MAX);
        let thread = Thread {
            folder: data.join("recordings"),
            database: Database::open(&data.join("careline.db"))?,
            keys,
            running: HashMap::new(),
            inbox,
            metrics: Arc::clone(&metrics),
        };
        thread::Builder::new().name("recorder".to_owned()).spawn(move || thread.run(&waiting))?;
        Ok(Self { work, metrics })
    }

    /// From the switch.
    pub fn order(&self, order: RecordingOrder) {
        self.send(Work::Order(order));
    }

    /// From a media thread: a second of a recording, or its end. `false`: too far behind to take it.
    pub fn media(&self, event: media::Event) -> bool {
        self.send(Work::Media(event))
    }

    /// Somebody heard a message, or is done with it.
    pub fn mark(&self, recording: String, state: MessageState) -> bool {
        self.send(Work::Mark { recording, state })
    }

    fn send(&self, work: Work) -> bool {
        let is_sent = self.work.try_send(work).is_ok();
        if !is_sent {
            self.metrics.recordings_dropped.inc();
        }
        is_sent
    }
}

/// One recording.
struct Running {
    call: CallId,
    is_message: bool,
    /// `None`: the disk refused it, or it has ended.
    writer: Option<RecordingWriter>,
    length_ms: u64,
    /// How much of it was spoken, once it has ended.
    voiced: Option<Duration>,
    delivery: Option<Delivery>,
}

struct Delivery {
    inbox: String,
    urgent: bool,
    least: Duration,
}

struct Thread {
    folder: PathBuf,
    database: Database,
    keys: MasterKeys,
    running: HashMap<RecordingId, Running>,
    inbox: Inbox,
    metrics: Arc<Metrics>,
}

impl Thread {
    fn run(mut self, waiting: &Receiver<Work>) {
        match self.database.message_counts() {
            Ok(counts) => counts.into_iter().for_each(|(inbox, new, heard)| {
                self.tell(RecordingNews::Waiting { inbox, new, heard });
            }),
            Err(error) => tracing::error!(%error, "messages cannot be counted"),
        }
        while let Ok(work) = waiting.recv() {
            match work {
                Work::Order(order) => self.order(order),
                Work::Media(media::Event::Recorded { recording, at, audio }) => {
                    self.write(recording, at, &audio.0);
                }
                Work::Media(media::Event::RecordingEnded { recording, voiced, .. }) => {
                    self.end(recording, Duration::from_millis(voiced / SAMPLES_PER_MS));
                }
                Work::Media(_) => {}
                Work::Mark { recording, state } => self.mark(&recording, state),
            }
        }
    }

    fn order(&mut self, order: RecordingOrder) {
        match order {
            RecordingOrder::Begin { recording, call, started, channels, is_message } => {
                let purpose = if is_message { "message" } else { "call" };
                let name = recording.to_string();
                let header = RecordingHeader::new(name, call.to_string(), started, channels, purpose);
                let has_room = self.running.len() < RUNNING_MAX;
                let begun = has_room.then(|| RecordingWriter::begin(&self.folder, &self.keys, header));
                let writer = match begun {
                    Some(Ok(writer)) => Some(writer),
                    Some(Err(error)) => {
                        tracing::error!(%error, "a call is not recorded");
                        None
                    }
                    None => None,
                };
                if writer.is_none() {
                    self.metrics.recordings_failed.inc();
                    self.tell(RecordingNews::Failed { recording, call });
                }
                if has_room {
                    let running =
                        Running { call, is_message, writer, length_ms: 0, voiced: None, delivery: None };
                    self.running.insert(recording, running);
                }
            }
            RecordingOrder::Deliver { recording, inbox, urgent, least } => {
                if let Some(running) = self.running.get_mut(&recording) {
                    running.delivery = Some(Delivery { inbox, urgent, least });
                    self.settle(recording);
                }
            }
            RecordingOrder::Discard { recording } => {
                if let Some(running) = self.running.remove(&recording) {
                    self.discard(recording, running);
                }
            }
        }
    }

    fn write(&mut self, recording: RecordingId, at: u64, audio: &[u8]) {
        let Some(running) = self.running.get_mut(&recording) else { return };
        let Some(writer) = &mut running.writer else { return };
        if let Err(error) = writer.write(at, audio) {
            tracing::error!(%error, "a recording ends early; its call goes on");
            running.writer = None;
            let call = running.call;
            self.metrics.recordings_failed.inc();
            self.tell(RecordingNews::Failed { recording, call });
        }
    }

    fn end(&mut self, recording: RecordingId, voiced: Duration) {
        let Some(running) = self.running.get_mut(&recording) else { return };
        running.voiced = Some(voiced);
        if let Some(writer) = running.writer.take() {
            let call = running.call;
            let news = match writer.finish() {
                Ok(stored) => {
                    running.length_ms = stored.samples / SAMPLES_PER_MS;
                    self.metrics.recordings_stored.inc();
                    RecordingNews::Stored {
                        recording,
                        call,
                        sha256: stored.sha256,
                        length_ms: stored.samples / SAMPLES_PER_MS,
                        missing_ms: stored.missing / SAMPLES_PER_MS,
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a recording cannot be ended");
                    self.metrics.recordings_failed.inc();
                    RecordingNews::Failed { recording, call }
                }
            };
            self.tell(news);
        }
        self.settle(recording);
    }

    /// A message is delivered once it has ended and its caller has sent it, in whichever order that becomes known.
    fn settle(&mut self, recording: RecordingId) {
        let Some(running) = self.running.get(&recording) else { return };
        let Some(voiced) = running.voiced else { return };
        if running.is_message && running.delivery.is_none() {
            return;
        }
        let Some(running) = self.running.remove(&recording) else { return };
        let Some(Delivery { inbox, urgent, least }) = &running.delivery else { return };
        if voiced < *least {
            return self.discard(recording, running);
        }
        let message = Kept {
            recording: recording.to_string(),
            call: running.call.to_string(),
            inbox: inbox.clone(),
            is_urgent: *urgent,
            arrived: jiff::Timestamp::now(),
            length_ms: running.length_ms,
            state: MessageState::New,
        };
        if let Err(error) = self.database.save_message(&message) {
            tracing::error!(%error, "a message is kept and stands in no inbox");
            self.metrics.recordings_failed.inc();
            return self.tell(RecordingNews::Failed { recording, call: running.call });
        }
        let (inbox, urgent) = (inbox.clone(), *urgent);
        self.count(&inbox);
        self.tell(RecordingNews::Delivered { recording, call: running.call, inbox, urgent });
    }

    fn discard(&mut self, recording: RecordingId, running: Running) {
        let path = self.folder.join(recording.to_string()).with_extension("rec");
        drop(running.writer);
        match store::remove_recording(&path) {
            Ok(()) => self.tell(RecordingNews::Discarded { recording, call: running.call }),
            Err(error) => tracing::error!(%error, "a recording nobody wants cannot be destroyed"),
        }
    }

    fn mark(&mut self, recording: &str, state: MessageState) {
        match self.database.mark_message(recording, state) {
            Ok(Some(inbox)) => self.count(&inbox),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "a message cannot be marked"),
        }
    }

    fn count(&self, inbox: &str) {
        let counts = self.database.message_counts().unwrap_or_default();
        for (inbox, new, heard) in counts.into_iter().filter(|(name, ..)| name == inbox) {
            self.tell(RecordingNews::Waiting { inbox, new, heard });
        }
    }

    fn tell(&self, news: RecordingNews) {
        if !self.inbox.send(Message::Recording(news)) {
            self.metrics.media_events_delayed.inc();
        }
    }
}
