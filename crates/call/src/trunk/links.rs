//! Every trunk as it stands: destinations, registration, traffic; and the requests that keep us informed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use primitives::{Generator, Now, Private};
use rand_core::Rng;
use sip::message::Method;
use sip::{Account, Credentials, LegId, OutOfDialog, Outcome, RequestId};

use super::Trunk;
use super::choice::{Down, choose};
use super::health::{self, Checking, Destination};
use super::limits::{Full, Passage, Traffic};
use super::number::TrunkNumber;
use super::registration::{self, Registration};
use crate::hop::Hop;

/// Our user in OPTIONS to a carrier that gave us none.
const NAMELESS: &str = "careline";

/// Registrations and first checks of a start are spread over this, so that a restart is no burst.
const START_SPREAD: Duration = Duration::from_millis(1_000);

/// Registrations waiting to be withdrawn. As many as there are trunks; one that finds no room ends by its own time.
const WITHDRAWALS_MAX: usize = 256;

/// All trunks.
#[derive(Debug)]
pub(crate) struct Links {
    links: BTreeMap<Arc<str>, Link>,
    /// Requests under way, and what each is for.
    asked: BTreeMap<RequestId, (Arc<str>, Purpose)>,
    /// The trunk of each leg that goes by one.
    legs: BTreeMap<LegId, Arc<str>>,
    generator: Generator,
    wake_at: Option<Instant>,
    /// Registrations to be withdrawn, which go out at once.
    withdrawals: VecDeque<(Arc<str>, OutOfDialog)>,
    /// The node stops: no registration is made any more.
    is_leaving: bool,
}

/// One trunk.
#[derive(Debug)]
struct Link {
    trunk: Trunk,
    destinations: Vec<Destination>,
    registration: Option<Registration>,
    /// What the registrar told our calls to pass (RFC 3608).
    service_route: Vec<String>,
    traffic: Traffic,
}

/// What a request was for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Purpose {
    Register,
    /// The end of a registration, whose trunk may be gone.
    Withdraw,
    Check(usize),
}

/// One destination of one trunk: where an attempt goes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Way {
    pub(crate) trunk: Arc<str>,
    pub(crate) destination: usize,
}

/// How one trunk stands, for the API and the metrics.
#[derive(Clone, Debug, serde::Serialize)]
pub struct TrunkStatus {
    /// Its name.
    pub name: String,
    /// `none`, `registered`, `unregistered`, and `leaving` until the carrier knows that we are gone.
    pub registration: &'static str,
    /// Its destinations.
    pub destinations: Vec<DestinationStatus>,
    /// Calls out under way.
    pub channels: usize,
}

/// One destination of a trunk.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DestinationStatus {
    /// Its SIP URI, as configured.
    pub uri: String,
    /// `unknown`, `up`, `down`.
    pub state: &'static str,
}

impl Links {
    pub(crate) fn new(generator: Generator) -> Self {
        Self {
            links: BTreeMap::new(),
            asked: BTreeMap::new(),
            legs: BTreeMap::new(),
            generator,
            wake_at: None,
            withdrawals: VecDeque::new(),
            is_leaving: false,
        }
    }

    /// Takes the trunks as they are configured now. One that stayed the same keeps what is known of it; one that
    /// changed starts anew, but for its calls.
    pub(crate) fn configure(&mut self, now: Now, trunks: &BTreeMap<String, Trunk>) {
        let mut before = std::mem::take(&mut self.links);
        for (name, trunk) in trunks {
            let name: Arc<str> = name.as_str().into();
            let link = match before.remove(&name) {
                Some(link) if link.trunk == *trunk => link,
                changed => {
                    let mut link = self.begin(now.mono, trunk.clone());
                    if let Some(mut changed) = changed {
                        link.traffic = std::mem::take(&mut changed.traffic);
                        if changed.is_registered_as(&link) {
                            link.registration = changed.registration;
                            link.service_route = changed.service_route;
                        } else {
                            self.withdraw(&name, &mut changed);
                        }
                    }
                    link
                }
            };
            self.links.insert(name, link);
        }
        for (name, mut link) in before {
            self.withdraw(&name, &mut link);
        }
        let is_awaited = |link: &Link, id: &RequestId| {
            let mut requests = link.destinations.iter().filter_map(|destination| destination.asked);
            let registers = link.registration.as_ref().and_then(|registration| registration.asked);
            registers == Some(*id) || requests.any(|request| request == *id)
        };
        self.asked.retain(|id, (name, purpose)| {
            *purpose == Purpose::Withdraw || self.links.get(name).is_some_and(|link| is_awaited(link, id))
        });
        self.plan_withdrawals(now.mono);
    }

    /// The node stops: carriers are told to bring their calls elsewhere. Those under way go on.
    pub(crate) fn leave(&mut self, now: Instant) {
        self.is_leaving = true;
        for (name, mut link) in std::mem::take(&mut self.links) {
            self.withdraw(&name, &mut link);
            self.links.insert(name, link);
        }
        self.asked.retain(|_, (_, purpose)| *purpose != Purpose::Register);
        self.plan_withdrawals(now);
    }

    fn withdraw(&mut self, name: &Arc<str>, link: &mut Link) {
        let Some(registration) = &mut link.registration else { return };
        let Some(cseq) = registration.leave() else { return };
        let series = (registration.call_id.clone(), cseq);
        if self.withdrawals.len() < WITHDRAWALS_MAX
            && let Some(request) = link.register(series, 0)
        {
            self.withdrawals.push_back((Arc::clone(name), request));
        }
    }

    fn plan_withdrawals(&mut self, now: Instant) {
        self.plan();
        if !self.withdrawals.is_empty() {
            self.wake_at = Some(now);
        }
    }

    fn begin(&mut self, now: Instant, trunk: Trunk) -> Link {
        let config = &trunk.config;
        let generator = &mut self.generator;
        let call_id = format!("{:016x}{:016x}", generator.next_u64(), generator.next_u64());
        let mut soon = || now + START_SPREAD.mul_f64(f64::from(generator.next_u32()) / f64::from(u32::MAX));
        let is_checked = config.check_secs > 0;
        let destinations = config.reach.iter().map(|reach| {
            let first = if is_checked { Some(soon()) } else { None };
            Destination::new(reach.clone(), first)
        });
        let destinations = destinations.collect();
        let register = config.register.as_ref().filter(|_| !self.is_leaving);
        let registration = register.map(|register| {
            let at = soon();
            Registration::new(call_id, register.expires_secs, at)
        });
        let (service_route, traffic) = (Vec::new(), Traffic::default());
        Link { trunk, destinations, registration, service_route, traffic }
    }

    /// When to call `take_due`.
    pub(crate) const fn poll_timeout(&self) -> Option<Instant> {
        self.wake_at
    }

    /// The next request that is due. Its number goes to `sent`.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(Ask, OutOfDialog)> {
        if let Some((trunk, request)) = self.withdrawals.pop_front() {
            return Some((Ask { trunk, purpose: Purpose::Withdraw }, request));
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        for (name, link) in &mut self.links {
            if let Some(registration) = &mut link.registration
                && due(registration.next_at)
            {
                let (cseq, expires) = registration.ask();
                let series = (registration.call_id.clone(), cseq);
                let Some(request) = link.register(series, expires) else { continue };
                return Some((Ask { trunk: Arc::clone(name), purpose: Purpose::Register }, request));
            }
            let check = link.destinations.iter().position(|destination| due(destination.check_at));
            if let Some(at) = check {
                let Some(request) = link.check(at) else { continue };
                return Some((Ask { trunk: Arc::clone(name), purpose: Purpose::Check(at) }, request));
            }
        }
        self.plan();
        None
    }

    /// A request that was due is under way.
    pub(crate) fn sent(&mut self, ask: Ask, id: RequestId) {
        let Ask { trunk, purpose } = ask;
        if purpose == Purpose::Withdraw {
            self.asked.insert(id, (trunk, purpose));
        } else if let Some(link) = self.links.get_mut(&trunk) {
            match purpose {
                Purpose::Withdraw => {}
                Purpose::Register => {
                    if let Some(registration) = &mut link.registration {
                        registration.asked = Some(id);
                    }
                }
                Purpose::Check(at) => {
                    if let Some(destination) = link.destinations.get_mut(at) {
                        destination.asked = Some(id);
                    }
                }
            }
            self.asked.insert(id, (trunk, purpose));
        }
        self.plan();
    }

    /// What became of a request; what a person could ask about it later.
    pub(crate) fn answered(&mut self, now: Instant, id: RequestId, outcome: &Outcome) -> Option<Hop> {
        let (name, purpose) = self.asked.remove(&id)?;
        if purpose == Purpose::Withdraw {
            return Some(withdrawn(&name, outcome));
        }
        let chance = self.generator.next_u64();
        let link = self.links.get_mut(&name)?;
        let hop = match purpose {
            Purpose::Withdraw => None,
            Purpose::Register => {
                let change = link.registration.as_mut()?.answered(now, outcome, chance);
                if let Outcome::Final(answer) = outcome
                    && (200..300).contains(&answer.status)
                {
                    link.service_route.clone_from(&answer.service_route);
                }
                change.map(|change| {
                    let (state, why) = match change {
                        registration::Change::Registered => ("registered", String::new()),
                        registration::Change::Failed(why) => ("failed", why),
                    };
                    Hop::TrunkRegistered { trunk: name.to_string(), state: state.to_owned(), why }
                })
            }
            Purpose::Check(at) => {
                let checking = link.checking();
                let destination = link.destinations.get_mut(at)?;
                let is_news = destination.checked(now, checking, outcome);
                is_news.then(|| destination.told(&name, "options"))
            }
        };
        self.plan();
        hop
    }

    /// The way of the next attempt: of each trunk in order the destinations that are there, then, when nothing
    /// else is left, those that are down. A trunk that is full is passed over, which `full` says, but never for an
    /// emergency. `calls_in` counts the calls a trunk brought in.
    pub(crate) fn way(
        &mut self,
        now: Instant,
        ways: &[TrunkNumber],
        tried: &BTreeSet<Way>,
        (passage, calls_in): (Passage, &dyn Fn(&str) -> usize),
        full: &mut Vec<(Arc<str>, Full)>,
    ) -> Option<(Way, TrunkNumber)> {
        for down in [Down::Skipped, Down::Tried] {
            for number in ways {
                let Some((name, link)) = self.links.get_key_value(&*number.trunk) else { continue };
                let name = Arc::clone(name);
                let is_tried =
                    |destination: usize| tried.contains(&Way { trunk: Arc::clone(&name), destination });
                let chance = self.generator.next_u64();
                let Some(destination) = choose(now, &link.destinations, is_tried, down, chance) else {
                    continue;
                };
                let Some(link) = self.links.get_mut(&name) else { continue };
                let (channels, rate) =
                    (link.trunk.config.channels_max, link.trunk.config.calls_per_second_max);
                match link.traffic.has_room(now, calls_in(&name), channels, rate) {
                    Err(limit) if passage == Passage::Ordinary => {
                        if !full.iter().any(|(known, _)| *known == name) {
                            full.push((name, limit));
                        }
                    }
                    Ok(()) | Err(_) => {
                        return Some((Way { trunk: name, destination }, number.clone()));
                    }
                }
            }
        }
        None
    }

    /// How a way is called: the request URI's host part, who we are there, and how long it may say nothing.
    pub(crate) fn entry(&self, way: &Way) -> Option<Entry<'_>> {
        let link = self.links.get(&way.trunk)?;
        let reach = &link.destinations.get(way.destination)?.reach;
        Some(Entry {
            trunk: &link.trunk,
            uri: &reach.uri,
            domain: link.trunk.config.domain_at(&reach.uri),
            account: link.account(&reach.uri),
            first_response: Duration::from_secs(link.trunk.config.first_response_secs.into()),
        })
    }

    /// An attempt is out.
    pub(crate) fn begun(&mut self, now: Instant, leg: LegId, way: &Way) {
        let Some(link) = self.links.get_mut(&way.trunk) else { return };
        link.traffic.begin(now, leg, link.trunk.config.calls_per_second_max);
        self.legs.insert(leg, Arc::clone(&way.trunk));
    }

    /// A leg is over; if it went by a trunk, its channel is free.
    pub(crate) fn ended(&mut self, leg: LegId) {
        if let Some(trunk) = self.legs.remove(&leg)
            && let Some(link) = self.links.get_mut(&trunk)
        {
            link.traffic.end(leg);
        }
    }

    /// A destination took a call.
    pub(crate) fn works(&mut self, way: &Way) -> Option<Hop> {
        let destination = self.links.get_mut(&way.trunk)?.destinations.get_mut(way.destination)?;
        destination.answered_call().then(|| destination.told(&way.trunk, "call"))
    }

    /// A destination took none.
    pub(crate) fn fails(&mut self, now: Instant, way: &Way, retry_after: Option<Duration>) -> Option<Hop> {
        let link = self.links.get_mut(&way.trunk)?;
        let checking = link.checking();
        let destination = link.destinations.get_mut(way.destination)?;
        let hop =
            destination.failed_call(now, checking, retry_after).then(|| destination.told(&way.trunk, "call"));
        self.plan();
        hop
    }

    /// Every destination of a trunk, to mark them as tried.
    pub(crate) fn ways_of(&self, trunk: &Arc<str>) -> impl Iterator<Item = Way> {
        let count = self.links.get(trunk).map_or(0, |link| link.destinations.len());
        let trunk = Arc::clone(trunk);
        (0..count).map(move |destination| Way { trunk: Arc::clone(&trunk), destination })
    }

    /// Which destination of a trunk a URI of a redirection names: by its host, since a redirection anywhere else
    /// could be somebody's premium number.
    pub(crate) fn redirected(&self, from: &Way, contact: &str) -> Option<Way> {
        let host = host_of(contact)?;
        let link = self.links.get(&from.trunk)?;
        let at = link
            .destinations
            .iter()
            .position(|destination| host_of(&destination.reach.uri).as_ref() == Some(&host))?;
        Some(Way { trunk: Arc::clone(&from.trunk), destination: at })
    }

    /// Calls out by a trunk, of those its limit counts.
    pub(crate) fn channels_out(&self, trunk: &str) -> usize {
        self.links.get(trunk).map_or(0, |link| link.traffic.channels())
    }

    /// How every trunk stands.
    pub(crate) fn status(&self) -> Vec<TrunkStatus> {
        let one = |(name, link): (&Arc<str>, &Link)| TrunkStatus {
            name: name.to_string(),
            registration: match &link.registration {
                None => "none",
                Some(Registration { state: registration::State::Registered { .. }, .. }) => "registered",
                Some(_) if self.is_withdrawing(name) => "leaving",
                Some(_) => "unregistered",
            },
            destinations: link
                .destinations
                .iter()
                .map(|destination| DestinationStatus {
                    uri: destination.reach.uri.clone(),
                    state: destination.state.word(),
                })
                .collect(),
            channels: link.traffic.channels(),
        };
        self.links.iter().map(one).collect()
    }

    fn is_withdrawing(&self, trunk: &Arc<str>) -> bool {
        let mut asked = self.asked.values();
        asked.any(|(name, purpose)| name == trunk && *purpose == Purpose::Withdraw)
            || self.withdrawals.iter().any(|(name, _)| name == trunk)
    }

    /// Finds the soonest thing to do.
    fn plan(&mut self) {
        let times = self.links.values().flat_map(|link| {
            let registration = link.registration.iter().filter_map(|registration| registration.next_at);
            registration.chain(link.destinations.iter().filter_map(|destination| destination.check_at))
        });
        self.wake_at = times.min();
    }
}

/// A request that is due.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    trunk: Arc<str>,
    purpose: Purpose,
}

/// How a way is called.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) trunk: &'a Trunk,
    /// The destination as configured.
    pub(crate) uri: &'a str,
    /// The host of addresses at this carrier.
    pub(crate) domain: String,
    pub(crate) account: Account,
    pub(crate) first_response: Duration,
}

/// What became of the end of a registration.
fn withdrawn(trunk: &str, outcome: &Outcome) -> Hop {
    let (state, why) = match outcome {
        Outcome::Final(answer) if (200..300).contains(&answer.status) => ("withdrawn", String::new()),
        Outcome::Final(answer) => ("not_withdrawn", answer.status.to_string()),
        Outcome::NoResponse => ("not_withdrawn", "no_response".to_owned()),
        Outcome::Unreachable => ("not_withdrawn", "unreachable".to_owned()),
    };
    Hop::TrunkRegistered { trunk: trunk.to_owned(), state: state.to_owned(), why }
}

impl Link {
    /// Whether the same address is registered with the same registrar: whatever else changed, it is kept, since
    /// its end could overtake the beginning of the next and leave us unregistered.
    fn is_registered_as(&self, other: &Self) -> bool {
        let of = |link: &Self| {
            let config = &link.trunk.config;
            (config.register.clone(), config.user.clone(), config.domain.clone())
        };
        self.registration.is_some() && other.registration.is_some() && of(self) == of(other)
    }

    fn checking(&self) -> Checking {
        let config = &self.trunk.config;
        Checking { every: Duration::from_secs(config.check_secs.into()), misses: config.check_misses }
    }

    fn account(&self, uri: &str) -> Account {
        let config = &self.trunk.config;
        let credentials = config.user.as_ref().zip(self.trunk.password.as_ref());
        let proxy = config.proxy.iter().map(|proxy| format!("<{}>", with_lr(proxy)));
        Account {
            credentials: credentials.map(|(user, password)| Credentials {
                user: Private::new(user.clone()),
                password: password.clone(),
            }),
            domain: Some(config.domain_at(uri)),
            contact_user: config.user.clone(),
            routes: proxy.chain(self.service_route.iter().cloned()).collect(),
        }
    }

    fn register(&self, series: (String, u32), expires_secs: u32) -> Option<OutOfDialog> {
        let config = &self.trunk.config;
        let registrar = &config.register.as_ref()?.registrar;
        let address = format!("sip:{}@{}", config.user.as_ref()?, config.domain_at(registrar));
        // What the last registration told our calls to pass is for calls (RFC 3608 §5).
        let mut account = self.account(registrar);
        account.routes.truncate(config.proxy.iter().len());
        Some(OutOfDialog {
            method: Method::Register,
            uri: registrar.clone(),
            path: None,
            from: address.clone(),
            to: Some(address),
            account,
            series: Some(series),
            headers: vec![
                ("Expires".to_owned(), expires_secs.to_string()),
                ("Supported".to_owned(), "path".to_owned()),
            ],
            body: None,
            patience: Duration::from_secs(32),
        })
    }

    fn check(&mut self, at: usize) -> Option<OutOfDialog> {
        let destination = self.destinations.get_mut(at)?;
        destination.check_at = None;
        let uri = destination.reach.uri.clone();
        let config = &self.trunk.config;
        let user = config.user.as_deref().unwrap_or(NAMELESS);
        let mut account = self.account(&uri);
        account.routes.truncate(config.proxy.iter().len());
        Some(OutOfDialog {
            method: Method::Options,
            from: format!("sip:{user}@{}", config.domain_at(&uri)),
            uri,
            path: None,
            to: None,
            account,
            series: None,
            headers: vec![("Accept".to_owned(), "application/sdp".to_owned())],
            body: None,
            patience: Duration::from_secs(config.first_response_secs.into()),
        })
    }
}

impl Destination {
    fn told(&self, trunk: &Arc<str>, by: &str) -> Hop {
        Hop::TrunkNow {
            trunk: trunk.to_string(),
            destination: self.reach.uri.clone(),
            state: match self.state {
                health::State::Up | health::State::Unknown => "up",
                health::State::Down => "down",
            }
            .to_owned(),
            by: by.to_owned(),
        }
    }
}

impl super::TrunkConfig {
    /// The host of our addresses at this carrier.
    fn domain_at(&self, uri: &str) -> String {
        let registrar = self.register.as_ref().map(|register| register.registrar.as_str());
        let of = |uri: &str| host_of(uri).unwrap_or_else(|| "anonymous.invalid".to_owned());
        self.domain.clone().unwrap_or_else(|| of(registrar.unwrap_or(uri)))
    }
}

/// The host of a SIP URI, lower case.
fn host_of(uri: &str) -> Option<String> {
    let uri = sip::uri::Uri::parse(uri).ok()?;
    uri.as_sip().map(|uri| uri.host.to_string().to_ascii_lowercase())
}

/// People write a proxy's address as they know it; it routes loosely, as every proxy has since 2002.
fn with_lr(proxy: &str) -> String {
    let has_lr = proxy.split(';').skip(1).any(|param| param.eq_ignore_ascii_case("lr"));
    if has_lr { proxy.to_owned() } else { format!("{proxy};lr") }
}
