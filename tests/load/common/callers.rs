//! Callers who come at a rate and stay until they are hung up on, or for a while: one socket, one thread, INVITE
//! repeated as RFC 3261 wants it (T1), nothing parsed that nobody looks at.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use phone::Lateness;

use super::Outcome;

/// T1 and 64 × T1 of RFC 3261 §17.1.1.2.
const T1: Duration = Duration::from_millis(500);
const TIMER_B: Duration = Duration::from_secs(32);

/// Who calls whom, how often and how long.
#[derive(Clone, Debug)]
pub struct Stream<'a> {
    pub server: SocketAddr,
    pub number: &'a str,
    pub calls_per_sec: f64,
    /// New calls come for so long; then those under way may end.
    pub lasts: Duration,
    /// What begins the Call-IDs: no two streams of a run may share it.
    pub name: &'a str,
    /// How long a caller stays once she is answered. Default until she is hung up on.
    pub stays: Option<Duration>,
    /// Where they want to hear.
    pub audio: SocketAddr,
    /// Where each answered caller may speak to, in the order they were answered.
    pub answered_at: Arc<Mutex<Vec<SocketAddr>>>,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct StreamSummary {
    pub placed: usize,
    pub answered: usize,
    /// Hung up to the last message, by either side.
    pub ended: usize,
    pub refused: BTreeMap<u16, usize>,
    /// From the first INVITE to the 200.
    pub answer: Lateness,
    /// Calls answered in each whole second of the stream.
    pub answered_in_second: Vec<usize>,
    repeated: usize,
}

impl fmt::Display for StreamSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { placed, answered, ended, repeated, answer, .. } = self;
        write!(
            f,
            "{placed} placed, {answered} answered, {ended} ended, {repeated} INVITEs repeated, answer {answer}"
        )?;
        self.refused.iter().try_for_each(|(status, calls)| write!(f, ", {calls} refused with {status}"))
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Stage {
    Calling,
    /// A provisional answer stops the repetitions.
    Ringing,
    Talking,
    /// BYE sent.
    Leaving,
    Over,
}

struct Call {
    stage: Stage,
    placed: Instant,
    /// To with their tag, and their Contact, of who leaves by herself.
    far: (String, String),
}

struct Callers<'a> {
    stream: Stream<'a>,
    socket: UdpSocket,
    local: SocketAddr,
    calls: Vec<Call>,
    /// INVITEs to repeat: when, which call, and after how long the next.
    repeats: VecDeque<(Instant, usize, Duration)>,
    /// When who leaves.
    leaves: VecDeque<(Instant, usize)>,
    answer_us: Vec<u32>,
    open: usize,
    summary: StreamSummary,
}

/// Runs a stream to its end, on the calling thread.
pub fn run(stream: Stream<'_>) -> Outcome<StreamSummary> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    // As short as a socket waits: the pace is looked at in between.
    socket.set_read_timeout(Some(Duration::from_millis(1)))?;
    let callers = Callers {
        local: socket.local_addr()?,
        stream,
        socket,
        calls: Vec::new(),
        repeats: VecDeque::new(),
        leaves: VecDeque::new(),
        answer_us: Vec::new(),
        open: 0,
        summary: StreamSummary::default(),
    };
    callers.run()
}

impl Callers<'_> {
    fn run(mut self) -> Outcome<StreamSummary> {
        let start = Instant::now();
        let mut buffer = vec![0; 65_535];
        loop {
            let now = Instant::now();
            let since = now.duration_since(start);
            let due = (since.min(self.stream.lasts).as_secs_f64() * self.stream.calls_per_sec) as usize;
            // A few at a time, so that answers are read in between.
            for _ in 0..8 {
                if self.calls.len() < due {
                    self.place(now)?;
                }
            }
            self.repeat(now)?;
            self.leave(now)?;
            if since > self.stream.lasts && (self.open == 0 || since > self.stream.lasts + TIMER_B) {
                break;
            }
            match self.socket.recv(&mut buffer) {
                Ok(length) => self.on_message(now, start, buffer.get(..length).unwrap_or_default())?,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionRefused) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.summary.placed = self.calls.len();
        self.summary.answer = Lateness::of(self.answer_us);
        Ok(self.summary)
    }

    fn place(&mut self, now: Instant) -> Outcome<()> {
        let index = self.calls.len();
        self.calls.push(Call { stage: Stage::Calling, placed: now, far: Default::default() });
        self.open += 1;
        self.repeats.push_back((now + T1, index, T1));
        self.invite(index)
    }

    /// Those whose time has come and who have heard nothing.
    fn repeat(&mut self, now: Instant) -> Outcome<()> {
        while self.repeats.front().is_some_and(|(due, ..)| *due <= now) {
            let Some((_, index, after)) = self.repeats.pop_front() else { break };
            let Some(call) = self.calls.get_mut(index).filter(|call| call.stage == Stage::Calling) else {
                continue;
            };
            if now > call.placed + TIMER_B {
                call.stage = Stage::Over;
                self.open -= 1;
                continue;
            }
            self.summary.repeated += 1;
            self.invite(index)?;
            let next = (now + after * 2, index, after * 2);
            let at = self.repeats.partition_point(|(due, ..)| *due <= next.0);
            self.repeats.insert(at, next);
        }
        Ok(())
    }

    /// Those who have heard enough.
    fn leave(&mut self, now: Instant) -> Outcome<()> {
        while self.leaves.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, index)) = self.leaves.pop_front() else { break };
            let Some(call) = self.calls.get_mut(index).filter(|call| call.stage == Stage::Talking) else {
                continue;
            };
            call.stage = Stage::Leaving;
            let (to, target) = std::mem::take(&mut call.far);
            let Self { local, stream: Stream { name, .. }, .. } = &*self;
            self.send(&format!(
                "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK-bye-{name}-{index}\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:+15550100123@{local}>;tag=f{index}\r\nTo: {to}\r\n\
                 Call-ID: {name}-{index}\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n"
            ))?;
        }
        Ok(())
    }

    fn over(&mut self, index: usize) {
        if let Some(call) = self.calls.get_mut(index).filter(|call| call.stage != Stage::Over) {
            call.stage = Stage::Over;
            self.open -= 1;
            self.summary.ended += 1;
        }
    }

    fn invite(&self, index: usize) -> Outcome<()> {
        let Self { local, stream: Stream { server, number, name, audio, .. }, .. } = self;
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 0 101\r\n\
             a=rtpmap:101 telephone-event/8000\r\n",
            audio.ip(),
            audio.port()
        );
        let text = format!(
            "INVITE sip:{number}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK-{name}-{index}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:+15550100123@{local}>;tag=f{index}\r\nTo: <sip:{number}@{server}>\r\n\
             Call-ID: {name}-{index}\r\nCSeq: 1 INVITE\r\nContact: <sip:load@{local}>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        );
        self.send(&text)
    }

    fn send(&self, text: &str) -> Outcome<()> {
        self.socket.send_to(text.as_bytes(), self.stream.server)?;
        Ok(())
    }

    fn on_message(&mut self, now: Instant, start: Instant, datagram: &[u8]) -> Outcome<()> {
        let text = std::str::from_utf8(datagram)?;
        let line =
            |name: &str| text.split("\r\n").find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let index = line("Call-ID: ").rsplit('-').next().unwrap_or_default();
        let Ok(index) = index.parse::<usize>() else { return Ok(()) };
        let Some(call) = self.calls.get_mut(index) else { return Ok(()) };
        if text.starts_with("BYE ") {
            self.over(index);
            let head = ["Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "];
            let head = head.map(|name| format!("{name}{}\r\n", line(name))).concat();
            return self.send(&format!("SIP/2.0 200 OK\r\n{head}Content-Length: 0\r\n\r\n"));
        }
        let status: u16 = text.get(8..11).and_then(|status| status.parse().ok()).unwrap_or_default();
        if !line("CSeq: ").ends_with("INVITE") {
            self.over(index);
            return Ok(());
        }
        match (status, call.stage) {
            (100..=199, Stage::Calling) => call.stage = Stage::Ringing,
            (200..=299, stage) => {
                if matches!(stage, Stage::Calling | Stage::Ringing) {
                    call.stage = Stage::Talking;
                    if let Some(stays) = self.stream.stays {
                        let contact = line("Contact: ").trim_start_matches('<');
                        let contact = contact.split('>').next().unwrap_or_default();
                        call.far = (line("To: ").to_owned(), contact.to_owned());
                        self.leaves.push_back((now + stays, index));
                    }
                    if let Some(media) = media(text) {
                        self.stream.answered_at.lock().unwrap_or_else(PoisonError::into_inner).push(media);
                    }
                    self.answer_us.push(now.duration_since(call.placed).as_micros() as u32);
                    self.summary.answered += 1;
                    let second = now.duration_since(start).as_secs() as usize;
                    if self.summary.answered_in_second.len() <= second {
                        self.summary.answered_in_second.resize(second + 1, 0);
                    }
                    self.summary.answered_in_second.last_mut().into_iter().for_each(|calls| *calls += 1);
                }
                self.ack(index, line("To: "), &format!("ack-{}", self.stream.name))?;
            }
            (300.., stage) => {
                if matches!(stage, Stage::Calling | Stage::Ringing) {
                    call.stage = Stage::Over;
                    self.open -= 1;
                    *self.summary.refused.entry(status).or_default() += 1;
                }
                self.ack(index, line("To: "), self.stream.name)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Of a 200 with a branch of its own, of a refusal with the INVITE's.
    fn ack(&self, index: usize, to: &str, branch: &str) -> Outcome<()> {
        let Self { local, stream: Stream { server, number, name, .. }, .. } = self;
        self.send(&format!(
            "ACK sip:{number}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK-{branch}-{index}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:+15550100123@{local}>;tag=f{index}\r\nTo: {to}\r\n\
             Call-ID: {name}-{index}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
        ))
    }
}

/// Where a message's description wants audio.
pub fn media(text: &str) -> Option<SocketAddr> {
    let line = |name: &str| text.split("\r\n").find_map(|line| line.strip_prefix(name));
    Some(SocketAddr::new(
        line("c=IN IP4 ")?.parse().ok()?,
        line("m=audio ")?.split(' ').next()?.parse().ok()?,
    ))
}

/// Waits until so many callers are answered.
pub fn wait_for(answered_at: &Mutex<Vec<SocketAddr>>, calls: usize, within: Duration) -> Outcome<()> {
    let begun = Instant::now();
    while copied(answered_at).len() < calls {
        if begun.elapsed() > within {
            return Err(format!("{} of {calls} calls are up", copied(answered_at).len()).into());
        }
        // Sleeps: calls come up meanwhile.
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// What is there so far.
pub fn copied(of: &Mutex<Vec<SocketAddr>>) -> Vec<SocketAddr> {
    of.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
