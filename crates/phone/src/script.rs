//! What a script holds: a phone, a call, and a call that rings.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{Mutex, broadcast, mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::config::PhoneConfig;
use crate::dtmf::{Digit, KEYS_MAX, PACKETS_PER_KEY};
use crate::error::{Ended, PhoneError};
use crate::hearing::{Recording, deadline};
use crate::line::{ARRIVALS_MAX, Arrival, CALLS_MAX, COMMANDS_MAX, Command, Line, PhoneEvent, Progress};
use crate::media::{FRAME, Media, Sound};

/// Events an inattentive watcher may fall behind before it loses the oldest.
const EVENTS_MAX: usize = 256;

/// A telephone with its own SIP socket. It lives until it and all its calls are dropped.
#[derive(Debug)]
pub struct Phone {
    address: SocketAddr,
    desk: Desk,
    arrivals: Mutex<mpsc::Receiver<Arrival>>,
}

/// What phone, call and ringing call share.
#[derive(Clone, Debug)]
struct Desk {
    commands: mpsc::Sender<Command>,
    events: broadcast::Sender<PhoneEvent>,
    config: Arc<PhoneConfig>,
}

impl Desk {
    async fn command(&self, command: Command) -> Result<(), PhoneError> {
        let sent = timeout(self.config.patience, self.commands.send(command)).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(PhoneError::Unavailable { calls: CALLS_MAX }),
        }
    }

    /// The line's answer to a command.
    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, PhoneError>>) -> Command,
        what: &'static str,
    ) -> Result<T, PhoneError> {
        let (reply, answer) = oneshot::channel();
        self.command(command(reply)).await?;
        let within = self.config.patience;
        match timeout(within, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(PhoneError::Unavailable { calls: CALLS_MAX }),
            Err(_) => Err(PhoneError::NotInTime { what, within, heard: None }),
        }
    }

    fn tell(&self, event: PhoneEvent) {
        // Nobody has to listen.
        _ = self.events.send(event);
    }
}

impl Phone {
    /// Opens the socket and starts the line. It is not registered yet.
    pub async fn start(config: PhoneConfig) -> Result<Self, PhoneError> {
        let local = config.local;
        let bind = async {
            let socket = UdpSocket::bind((local, 0)).await?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        let (socket, address) = bind.await.map_err(|source| PhoneError::Bind { local, source })?;
        let (commands, commanded) = mpsc::channel(COMMANDS_MAX);
        let (arrived, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let events = broadcast::Sender::new(EVENTS_MAX);
        let line = Line::new(config.clone(), socket, address, commanded, arrived, events.clone())?;
        tokio::spawn(line.run());
        let desk = Desk { commands, events, config: Arc::new(config) };
        Ok(Self { address, desk, arrivals: Mutex::new(arrivals) })
    }

    /// Its SIP address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens to it from now on. A watcher that falls 256 events behind loses the oldest.
    pub fn events(&self) -> broadcast::Receiver<PhoneEvent> {
        self.desk.events.subscribe()
    }

    /// Registers and stays registered. Returns the seconds granted.
    pub async fn register(&self) -> Result<u32, PhoneError> {
        let expires_secs = self.desk.config.expires_secs;
        self.desk.ask(|reply| Command::Register { expires_secs, reply }, "an answer to REGISTER").await
    }

    /// Takes the registration back.
    pub async fn unregister(&self) -> Result<(), PhoneError> {
        let asked =
            self.desk.ask(|reply| Command::Register { expires_secs: 0, reply }, "an answer to REGISTER");
        asked.await.map(|_| ())
    }

    /// Calls a number at the server. Returns at once; [`Call::established`] waits for the answer.
    pub async fn call(&self, number: &str) -> Result<Call, PhoneError> {
        let media = Media::open(self.desk.config.local).await?;
        let placed = {
            let (media, number) = (media.clone(), number.to_owned());
            self.desk.ask(|reply| Command::Call { number, media, reply }, "the line").await?
        };
        Ok(Call { call: placed.call, progress: placed.progress, media, desk: self.desk.clone() })
    }

    /// The next call that comes in.
    pub async fn incoming(&self) -> Result<Ringing, PhoneError> {
        self.incoming_within(self.desk.config.patience).await
    }

    /// The next call that comes in, if one comes within this time.
    pub async fn incoming_within(&self, within: Duration) -> Result<Ringing, PhoneError> {
        let next = async { self.arrivals.lock().await.recv().await };
        match timeout(within, next).await {
            Ok(Some(Arrival { call, caller, replaces, progress })) => {
                Ok(Ringing { call: Some(call), caller, replaces, progress, desk: self.desk.clone() })
            }
            Ok(None) => Err(PhoneError::Unavailable { calls: CALLS_MAX }),
            Err(_) => Err(PhoneError::NotInTime { what: "an incoming call", within, heard: None }),
        }
    }
}

/// A call that came in and was neither answered nor refused. Dropping it refuses it with 603.
pub struct Ringing {
    /// Taken when it is answered, declined or ignored.
    call: Option<Arc<str>>,
    caller: String,
    replaces: String,
    progress: watch::Receiver<Progress>,
    desk: Desk,
}

impl Ringing {
    /// What a Replaces header (RFC 3891) says to take its place, once it rings.
    pub fn replaces(&self) -> &str {
        &self.replaces
    }

    /// User part of the caller's address. Private: for an assertion, not for a log.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// Tells the caller that it rings (180).
    pub async fn ring(&self) -> Result<(), PhoneError> {
        match &self.call {
            Some(call) => self.desk.command(Command::Ring { call: Arc::clone(call) }).await,
            None => Ok(()),
        }
    }

    /// Picks up. [`Call::established`] waits for the caller's ACK.
    pub async fn answer(mut self) -> Result<Call, PhoneError> {
        let media = Media::open(self.desk.config.local).await?;
        let call = self.call.take().ok_or(PhoneError::Unavailable { calls: CALLS_MAX })?;
        self.desk.command(Command::Answer { call: Arc::clone(&call), media: media.clone() }).await?;
        Ok(Call { call, progress: self.progress.clone(), media, desk: self.desk.clone() })
    }

    /// Refuses with this status: 486 for busy, 603 for no.
    pub async fn decline(mut self, status: u16) -> Result<(), PhoneError> {
        match self.call.take() {
            Some(call) => self.desk.command(Command::Decline { call, status }).await,
            None => Ok(()),
        }
    }

    /// Lets it ring and never picks up. What becomes of the call is in the returned watch.
    pub fn ignore(mut self) -> Unanswered {
        self.call = None;
        Unanswered { progress: self.progress.clone(), patience: self.desk.config.patience }
    }

    /// Waits until the caller gives up, or somebody else answered.
    pub async fn withdrawn(&mut self) -> Result<Ended, PhoneError> {
        ended(&mut self.progress, self.desk.config.patience).await
    }
}

/// Without the caller.
impl fmt::Debug for Ringing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ringing").field("progress", &*self.progress.borrow()).finish_non_exhaustive()
    }
}

impl Drop for Ringing {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            // A full channel leaves the call to the caller's own patience.
            _ = self.desk.commands.try_send(Command::Decline { call, status: 603 });
        }
    }
}

/// A call that rings out.
#[derive(Debug)]
pub struct Unanswered {
    progress: watch::Receiver<Progress>,
    patience: Duration,
}

impl Unanswered {
    /// Waits until the caller gives up.
    pub async fn ended(&mut self) -> Result<Ended, PhoneError> {
        ended(&mut self.progress, self.patience).await
    }
}

/// A call in progress. Dropping it hangs up.
#[derive(Debug)]
pub struct Call {
    call: Arc<str>,
    progress: watch::Receiver<Progress>,
    media: Media,
    desk: Desk,
}

impl Call {
    /// Waits until the call is answered and acknowledged.
    pub async fn established(&self) -> Result<(), PhoneError> {
        self.reaches(Progress::Established, "an answer").await
    }

    /// Waits until the other side rings, or answers at once.
    pub async fn ringing(&self) -> Result<(), PhoneError> {
        self.reaches(Progress::Ringing, "ringing").await
    }

    async fn reaches(&self, wanted: Progress, what: &'static str) -> Result<(), PhoneError> {
        let within = self.desk.config.patience;
        let mut progress = self.progress.clone();
        let reached =
            progress.wait_for(|p| *p == wanted || matches!(p, Progress::Established | Progress::Ended(_)));
        match timeout(within, reached).await.map(|p| p.map(|p| *p)) {
            Ok(Ok(Progress::Ended(how))) => Err(PhoneError::Ended(how)),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(PhoneError::Unavailable { calls: CALLS_MAX }),
            Err(_) => Err(PhoneError::NotInTime { what, within, heard: None }),
        }
    }

    /// Whether it is answered and not over.
    pub fn is_established(&self) -> bool {
        *self.progress.borrow() == Progress::Established
    }

    /// Presses keys one after the other and returns when the last one was released.
    pub async fn press(&self, keys: &str) -> Result<(), PhoneError> {
        let digits = keys.chars().map(Digit::new).collect::<Result<Vec<_>, _>>()?;
        let count = digits.len();
        if count > KEYS_MAX {
            return Err(PhoneError::NotADigit);
        }
        // Twice the time it takes, and a second for a busy machine.
        let within = FRAME * u32::from(PACKETS_PER_KEY) * 2 * count as u32 + Duration::from_secs(1);
        let pressed = async {
            let released = self.media.press(digits).await?;
            released.await.ok()
        };
        match timeout(within, pressed).await {
            Ok(Some(())) => {
                self.desk.tell(PhoneEvent::Pressed(count));
                Ok(())
            }
            Ok(None) => Err(self.over()),
            Err(_) => Err(PhoneError::NotInTime { what: "the release of the last key", within, heard: None }),
        }
    }

    /// Speaks a steady tone from now on.
    pub fn play_tone(&self, hz: f64) {
        self.media.sound(Sound::Tone(hz));
    }

    /// Sends quiet packets from now on, as a phone does whose user listens.
    pub fn silence(&self) {
        self.media.sound(Sound::Quiet);
    }

    /// Sends no packets at all from now on, as a phone does that lost its network.
    pub fn stop_sending(&self) {
        self.media.sound(Sound::Still);
    }

    /// What is heard from now on.
    pub fn hear(&self) -> Recording {
        self.media.hear()
    }

    /// What was heard since the call began.
    pub fn heard(&self) -> Recording {
        self.media.heard()
    }

    /// Waits for 200 ms of this tone.
    pub async fn hears_tone(&self, hz: f64, within: Duration) -> Result<(), PhoneError> {
        self.hears(within, "the tone", |heard| heard.ends_in_tone(hz)).await?;
        self.desk.tell(PhoneEvent::HeardTone(hz));
        Ok(())
    }

    /// Waits for 200 ms of anything audible.
    pub async fn hears_energy(&self, within: Duration) -> Result<(), PhoneError> {
        self.hears(within, "a sound", Recording::ends_in_energy).await
    }

    /// Waits for a second that sounds like a voice.
    pub async fn hears_speech(&self, within: Duration) -> Result<(), PhoneError> {
        self.hears(within, "a voice", Recording::ends_in_speech).await?;
        self.desk.tell(PhoneEvent::HeardSpeech);
        Ok(())
    }

    /// Waits for 200 ms of quiet packets.
    pub async fn hears_silence(&self, within: Duration) -> Result<(), PhoneError> {
        self.hears(within, "silence", Recording::ends_in_silence).await
    }

    /// Waits until these keys, pressed by the other side, came in since the call began.
    pub async fn hears_keys(&self, keys: &str, within: Duration) -> Result<(), PhoneError> {
        self.notices(self.heard(), within, "the keys", |heard| heard.digits().ends_with(keys)).await
    }

    async fn hears(
        &self,
        within: Duration,
        what: &'static str,
        is_it: impl FnMut(&Recording) -> bool,
    ) -> Result<(), PhoneError> {
        self.notices(self.hear(), within, what, is_it).await
    }

    /// Looks at the recording with every packet until it holds what is wanted or the call is over.
    async fn notices(
        &self,
        recording: Recording,
        within: Duration,
        what: &'static str,
        is_it: impl FnMut(&Recording) -> bool,
    ) -> Result<(), PhoneError> {
        let mut progress = self.progress.clone();
        tokio::select! {
            biased;
            found = recording.until(deadline(within), is_it) => match found {
                true => Ok(()),
                false => Err(PhoneError::NotInTime { what, within, heard: Some(recording.describe()) }),
            },
            _ = progress.wait_for(|p| matches!(p, Progress::Ended(_))) => Err(self.over()),
        }
    }

    /// Hangs up, or gives up calling, and waits until the other side agreed.
    pub async fn hang_up(&self) -> Result<Ended, PhoneError> {
        self.desk.command(Command::HangUp { call: Arc::clone(&self.call) }).await?;
        self.ended().await
    }

    /// Waits for the end of the call, whoever makes it.
    pub async fn ended(&self) -> Result<Ended, PhoneError> {
        ended(&mut self.progress.clone(), self.desk.config.patience).await
    }

    fn over(&self) -> PhoneError {
        match *self.progress.borrow() {
            Progress::Ended(how) => PhoneError::Ended(how),
            Progress::Trying | Progress::Ringing | Progress::Established => {
                PhoneError::Unavailable { calls: CALLS_MAX }
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // A full channel leaves a call that the other side's media timeout ends.
        _ = self.desk.commands.try_send(Command::HangUp { call: Arc::clone(&self.call) });
    }
}

async fn ended(progress: &mut watch::Receiver<Progress>, within: Duration) -> Result<Ended, PhoneError> {
    let over = progress.wait_for(|p| matches!(p, Progress::Ended(_)));
    match timeout(within, over).await.map(|p| p.map(|p| *p)) {
        Ok(Ok(Progress::Ended(how))) => Ok(how),
        Ok(Ok(_)) | Ok(Err(_)) => Err(PhoneError::Unavailable { calls: CALLS_MAX }),
        Err(_) => Err(PhoneError::NotInTime { what: "the end of the call", within, heard: None }),
    }
}
