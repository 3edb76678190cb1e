//! A SIP user agent core (RFC 3261): bytes and commands in, bytes and leg events out.
//!
//! What comes goes from `connections` (streams) through `receive` (parse, match, refuse at the door) to
//! `invited`, `in_dialog`, `reinvite`, `reliable`, `update` and `register` for requests, and to `uac`,
//! `early`, `reinvite`, `update` and `session` for responses. What the call wants enters in `place` (a call
//! of ours) and `uas` (all else); what did not come in time is `overdue`. Requests of ours outside any
//! dialog (REGISTER, OPTIONS) are `outside`. `reply`, `send` and `way` write what leaves. `legs` keeps the
//! state of each
//! leg; `crate::transaction` repeats, `crate::dialog` remembers.

mod authenticate;
mod connections;
mod early;
mod in_dialog;
mod invited;
mod legs;
mod lookup;
mod notify;
mod outside;
mod overdue;
mod place;
mod receive;
mod refer;
mod referring;
mod regain;
mod register;
mod reinvite;
mod reliable;
mod reply;
mod send;
mod session;
mod size;
mod subscribe;
mod uac;
mod uas;
mod update;
mod way;

use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::{Now, Private, Seed};

use crate::account::Account;
use crate::config::Config;
use crate::digest::Authenticator;
use crate::event::{Package, Told};
use crate::guard::{Guard, Security, ShutOut};
use crate::leg::{LegCommand, LegEvent, LegId};
use crate::names::Names;
use crate::path::{ConnectionChange, ConnectionId, HostName, Path, ResolveId, Target};
use crate::registrar::{Binding, Registrar, RegistrationChange, User};
use crate::transaction::layer::{Layer, News, Owner};

use connections::Connections;
pub(crate) use invited::PARTS_MAX;
use legs::Legs;
use outside::Outside;
pub use outside::{FinalResponse, OutOfDialog, Outcome, RequestId};
use overdue::Failure;
use regain::LookedUp;
pub(crate) use reply::Arrived;
use size::DatagramsOnly;
pub use size::Unsent;
pub(crate) use subscribe::SubscriptionId;
use subscribe::Subscriptions;

/// What happens to an endpoint.
#[derive(Debug)]
pub enum Input<'a> {
    /// One datagram, or the next bytes of a stream.
    Received {
        /// The listener, the peer, and on a stream its connection.
        path: Path,
        /// What came.
        bytes: &'a [u8],
    },
    /// The answer to `Output::Resolve`, in the order to try; empty when the name stands for nothing.
    Resolved {
        /// Which question.
        id: ResolveId,
        /// RFC 3263's list.
        targets: &'a [Target],
    },
    /// The driver opened or lost a connection.
    Connection {
        /// Which.
        id: ConnectionId,
        /// What became of it.
        change: ConnectionChange,
    },
    /// A message of `Output::Send` could not be sent.
    Unsent {
        /// Where it was to go.
        path: Path,
        /// What it was.
        bytes: Bytes,
        /// Why not.
        why: Unsent,
    },
    /// What the call wants of a leg.
    Command {
        /// Which.
        leg: LegId,
        /// What.
        command: LegCommand,
    },
    /// The carriers that call as a digest user were read anew.
    Carriers(Vec<User>),
    /// What phones that watch a user are to be told of her.
    Tell {
        /// Whom they watch.
        user: String,
        /// What.
        told: Told,
    },
    /// The users were read anew. Bindings of users that are gone are removed.
    Users(Vec<User>),
    /// Other limits from now on: the configuration was read anew.
    Security(Security),
    /// A binding that was stored before a restart.
    Restore {
        /// Whose.
        user: String,
        /// What was stored.
        binding: Binding,
    },
    /// Whether more has come than the driver takes in one turn: said when it changes. While it stays so, new calls are
    /// turned away.
    Behind(bool),
    /// `poll_timeout` has passed.
    Timeout,
}

/// What an endpoint wants done, in this order.
#[derive(Debug)]
pub enum Output {
    /// Send these bytes this way.
    Send {
        /// Where.
        path: Path,
        /// One whole message.
        bytes: Bytes,
        /// Whether it may leave before the facts that go with it are durable.
        release: Release,
    },
    /// Look a name up and come back with `Input::Resolved`.
    Resolve {
        /// Names the question.
        id: ResolveId,
        /// What to look up.
        name: HostName,
    },
    /// Open a connection and come back with `Input::Connection`.
    Connect {
        /// Its number from now on.
        id: ConnectionId,
        /// Where to.
        target: Target,
    },
    /// Close a connection: its peer sent what no message can be.
    Disconnect {
        /// Which.
        id: ConnectionId,
    },
    /// Something happened on a leg.
    Leg {
        /// Which.
        leg: LegId,
        /// What.
        event: LegEvent,
    },
    /// A request of ours outside any dialog is over. Always sent, once.
    Answered {
        /// Which.
        request: RequestId,
        /// How.
        outcome: Outcome,
    },
    /// A phone watches a user: say with `Input::Tell` how she is, now and when it changes.
    Watched {
        /// What it watches.
        package: Package,
        /// Whom.
        user: String,
    },
    /// Nobody does any more.
    Unwatched {
        /// What.
        package: Package,
        /// Whom.
        user: String,
    },
    /// A contact was registered, refreshed or removed.
    Registration(RegistrationChange),
    /// Something came that was not acted on. Counted by kind, never logged with its content.
    Dropped(Discarded),
    /// The same, of what somebody may want to know about. At most once a minute for each reason.
    ShutOut(ShutOut),
}

/// When bytes may leave, where facts are made in the same breath.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Release {
    /// 100 Trying, ACK, repetitions, and answers to what no fact is made of.
    AtOnce,
    /// Everything a person could ask about: 180, 2xx, refusals, INVITE, BYE, CANCEL.
    AfterFacts,
}

/// Why something that came was not acted on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Discarded {
    /// Not a SIP message, or one too broken to answer.
    Malformed,
    /// A response to nothing we asked.
    StrayResponse,
    /// An ACK or CANCEL that belongs to nothing.
    StrayRequest,
    /// A table is full; the newest work is refused.
    Full,
    /// A keep-alive (RFC 5626 §4.4.1), answered or ignored.
    KeepAlive,
    /// The beginning of a message on a stream, without its end in time.
    Slow,
    /// More than its source, or all strangers together, may send.
    Flood,
    /// From a source that is barred for a while.
    Barred,
    /// By a program that looks for telephone systems to abuse.
    Scanner,
    /// A new call while there are more than can be answered; its caller was told so.
    Overload,
    /// A message of ours that the network did not take.
    Unsent,
}

impl Discarded {
    /// The label of the metric.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::StrayResponse => "stray_response",
            Self::StrayRequest => "stray_request",
            Self::Full => "full",
            Self::KeepAlive => "keep_alive",
            Self::Slow => "slow",
            Self::Flood => "flood",
            Self::Barred => "barred",
            Self::Scanner => "scanner",
            Self::Overload => "overload",
            Self::Unsent => "unsent",
        }
    }
}

/// A call we place.
#[derive(Clone, Debug, Default)]
pub struct Invite {
    /// The request URI: a registered contact, or a trunk's `sip:number@host`.
    pub uri: String,
    /// The way to it, where a registration told it; otherwise it follows from the URI (RFC 3263).
    pub path: Option<Path>,
    /// The user part of From: who calls. `None` is anonymous (RFC 3323).
    pub from: Option<Private<String>>,
    /// The display name of From: what the agent's phone shows. Never a name of the patient; a phone's
    /// display is read by whoever stands beside it.
    pub display_name: String,
    /// Our SDP offer, or a body that holds it among other parts; then `headers` says its Content-Type.
    pub offer: Bytes,
    /// Headers to add, e.g. `Alert-Info`. Names and values without CR and LF.
    pub headers: Vec<(String, String)>,
    /// Who we are to a carrier in between.
    pub account: Account,
    /// How long a target may say nothing at all before the next is called; `None`: as long as Timer B.
    pub first_response: Option<Duration>,
}

/// A SIP user agent core.
///
/// One owner drives it: hand every input to [`Endpoint::handle`], perform the outputs in their order, and
/// come back no later than [`Endpoint::poll_timeout`] says. Nothing is done in between.
pub struct Endpoint {
    config: Config,
    names: Names,
    transactions: Layer,
    connections: Connections,
    datagrams_only: DatagramsOnly,
    looked_up: LookedUp,
    legs: Legs,
    outside: Outside,
    subscriptions: Subscriptions,
    registrar: Registrar,
    authenticator: Authenticator,
    guard: Guard,
}

impl Endpoint {
    /// An endpoint nothing has happened to. All its names and nonces follow from the seed.
    pub fn new(config: Config, seed: Seed) -> Self {
        Self {
            names: Names::new(&seed),
            guard: Guard::new(config.security.clone()),
            transactions: Layer::new(config.timers),
            connections: Connections::new(&config),
            datagrams_only: DatagramsOnly::default(),
            looked_up: LookedUp::new(),
            legs: Legs::new(),
            outside: Outside::new(),
            subscriptions: Subscriptions::new(),
            registrar: Registrar::new(&config),
            authenticator: Authenticator::new(
                config.realm.clone(),
                config.digest.clone(),
                &seed.part("nonces"),
                config.nonce_life,
            ),
            config,
        }
    }

    /// Places a call. The leg's first event follows; `LegEvent::Ended` when it could not even be tried.
    pub fn dial(&mut self, now: Now, invite: Invite, out: &mut Vec<Output>) -> LegId {
        let start = out.len();
        let leg = self.place(now, invite, out);
        self.settle_ways(now, start, out);
        leg
    }

    /// Sends a request outside any dialog: REGISTER, OPTIONS. `Output::Answered` follows, at once where it
    /// could not even be tried.
    pub fn request(&mut self, now: Now, request: OutOfDialog, out: &mut Vec<Output>) -> RequestId {
        let start = out.len();
        let id = self.send_outside(now, request, out);
        self.settle_ways(now, start, out);
        id
    }

    /// Takes one input and appends what is to be done to `out`.
    pub fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>) {
        let start = out.len();
        match input {
            Input::Received { path, bytes } => self.receive(now, path, bytes, out),
            Input::Resolved { id, targets } => self.resolved(now, id, targets, out),
            Input::Connection { id, change } => self.connection_changed(now, id, change, out),
            Input::Unsent { path, bytes, why } => self.unsent(now, path, &bytes, why, out),
            Input::Command { leg, command } => self.command(now, leg, command, out),
            Input::Carriers(carriers) => self.config.carriers = carriers,
            Input::Users(users) => self.set_users(now, users, out),
            Input::Tell { user, told } => self.tell(now, &user, told, out),
            Input::Security(security) => self.guard.set_security(security),
            Input::Restore { user, binding } => self.restore(now, user, binding, out),
            Input::Behind(is_behind) => self.guard.overload.is_behind(now.mono, is_behind),
            Input::Timeout => self.timeout(now, out),
        }
        self.look_up_hops(out);
        self.settle_ways(now, start, out);
    }

    /// When to call `handle` with `Input::Timeout`, or earlier.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let outside = [self.outside.poll_timeout(), self.connections.poll_timeout()];
        let outside = outside.into_iter().flatten().min();
        let lapses = [self.registrar.poll_timeout(), self.subscriptions.poll_timeout()];
        [self.transactions.poll_timeout(), self.legs.poll_timeout(), outside]
            .into_iter()
            .chain(lapses)
            .flatten()
            .min()
    }

    /// The contacts a user can be reached at now, best first.
    pub fn bindings(&self, user: &str) -> &[Binding] {
        self.registrar.bindings(user)
    }

    /// Whose phone is registered from where a message came. Where several are (a NAT, a shared device), the
    /// one that calls itself `from`.
    pub fn registered_at(&self, came: &Path, from: Option<&str>) -> Option<&str> {
        self.registrar.user_at(came, from)
    }

    /// Whether anything, and be it 100 Trying, came back for an INVITE of ours.
    pub fn has_heard_from(&self, leg: LegId) -> bool {
        self.legs.has_heard_from(leg)
    }

    /// Whether nothing is under way: no transaction, no dialog. Registrations may remain.
    pub fn is_idle(&self) -> bool {
        self.transactions.len() == 0 && self.legs.is_empty()
    }

    /// Dialogs and attempts under way.
    pub fn legs(&self) -> usize {
        self.legs.under_way()
    }

    fn set_users(&mut self, now: Now, users: Vec<User>, out: &mut Vec<Output>) {
        report(self.registrar.set_users(users), out);
        self.end_subscriptions_of_the_gone(now, out);
        self.guard.retain_users(|user| self.registrar.secret(user).is_some());
    }

    /// Where a phone was before the restart, it is at home.
    fn restore(&mut self, now: Now, user: String, binding: Binding, out: &mut Vec<Output>) {
        if self.registrar.secret(&user).is_some() {
            self.guard.proof_succeeded(now.mono, binding.path.peer.ip(), &user);
        }
        report(self.registrar.restore(now, user, binding), out);
    }

    /// Takes the passing of time: first the transactions, so that what is repeated is repeated before the
    /// legs give up, then the legs, then the registrations.
    fn timeout(&mut self, now: Now, out: &mut Vec<Output>) {
        while let Some((transaction, owner, news)) = self.transactions.take_timeout(now.mono, out) {
            if let (Owner::Request(request), Some(News::TimedOut)) = (owner, news) {
                self.request_failed(now, request, Outcome::NoResponse, out);
            }
            if let (Owner::Subscription(id), Some(News::TimedOut)) = (owner, news) {
                self.watcher_heard(now, id, transaction, None, out);
            }
            let Owner::Leg(leg) = owner else { continue };
            if news == Some(News::TimedOut) {
                self.transaction_failed(now, leg, transaction, Failure::NoResponse, out);
            } else {
                self.legs.settle(leg, &self.transactions);
            }
        }
        self.outside_timeout(now, out);
        while let Some((connection, owes)) = self.connections.take_due(now.mono) {
            self.connection_due(now, connection, owes, out);
        }
        while let Some(leg) = self.legs.take_due(now.mono) {
            self.leg_timeout(now, leg, out);
        }
        self.subscriptions_lapse(now, out);
        report(self.registrar.handle_timeout(now), out);
    }
}

/// Appends what became of registrations.
fn report(changes: Vec<RegistrationChange>, out: &mut Vec<Output>) {
    out.extend(changes.into_iter().map(Output::Registration));
}
