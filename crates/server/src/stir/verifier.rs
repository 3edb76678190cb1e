//! The certificates at hand, and the calls that wait for one. Nothing here holds a call up: whoever asks gets a
//! verdict at once or by way of the inbox, and goes on either way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use call::{CallId, Passport, SignatureVerdict};
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use tokio_rustls::TlsConnector;

use super::certificate::Chain;
use super::fetch::fetch;
use super::tn_auth_list::Authority;
use crate::config::Stir;
use crate::driver::inbox::{Inbox, Message};
use crate::net::tls::{CertificateError, Renewable, certificates, provider, roots};
use crate::net::tls_client::system_roots;

/// Longest a certificate is waited for, whatever its repository does.
const FETCH_MAX: Duration = Duration::from_secs(2);
/// How long a certificate is used before it is fetched and its chain checked again.
const KEPT_FOR: Duration = Duration::from_secs(3_600);
/// How long a certificate that could not be had is not asked for again.
const ABSENT_FOR: Duration = Duration::from_secs(30);
/// Certificates at hand. A few hundred carriers sign; whoever asks for more addresses pushes out the oldest.
const CERTIFICATES_MAX: usize = 1_024;
/// Certificates fetched at once: a burst of calls with an address of its own each opens no more connections.
const FETCHES_MAX: usize = 16;
/// Calls that wait for one certificate.
const WAITING_MAX: usize = 256;

/// Whom we trust to vouch for carriers and for their repositories, and what came of it so far. A reload begins
/// anew.
pub struct Trust {
    authorities: Vec<TrustAnchor<'static>>,
    https: TlsConnector,
    known: Mutex<BTreeMap<String, Known>>,
}

/// What is known of one address.
enum Known {
    /// On its way; these calls wait.
    Asked(Vec<(CallId, Box<Passport>)>),
    /// Here, and vouched for.
    Trusted { chain: Arc<Chain>, until: Instant },
    /// What any signature by it is worth, for a while.
    Worthless { verdict: SignatureVerdict, until: Instant },
}

impl Known {
    const fn until(&self) -> Option<Instant> {
        match self {
            Self::Asked(_) => None,
            Self::Trusted { until, .. } | Self::Worthless { until, .. } => Some(*until),
        }
    }
}

impl Trust {
    /// As configured; without authorities nobody is trusted, and nothing is asked.
    pub fn read(config: &Stir) -> Result<Self, CertificateError> {
        let authorities = match &config.authorities {
            Some(path) => {
                let anchor = |certificate: &CertificateDer<'static>| {
                    let anchor =
                        webpki::anchor_from_trusted_cert(certificate).map(|anchor| anchor.to_owned());
                    anchor.map_err(|cause| CertificateError::Roots {
                        path: path.clone(),
                        cause: cause.to_string(),
                    })
                };
                certificates(path)?.iter().map(anchor).collect::<Result<_, _>>()?
            }
            None => Vec::new(),
        };
        let https = match &config.https_roots {
            Some(path) => roots(path)?,
            None if config.authorities.is_some() => system_roots(),
            None => rustls::RootCertStore::empty(),
        };
        let client = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let client = client.map_err(|cause| CertificateError::Roots {
            path: config.https_roots.clone().unwrap_or_default(),
            cause: cause.to_string(),
        })?;
        let https = Arc::new(client.with_root_certificates(https).with_no_client_auth());
        Ok(Self { authorities, https: TlsConnector::from(https), known: Mutex::default() })
    }

    /// What an answer of a repository is worth from now on.
    fn judge(&self, answer: Result<bytes::Bytes, &'static str>, now: Instant, wall: UnixTime) -> Known {
        let worthless = |verdict| Known::Worthless { verdict, until: now + ABSENT_FOR };
        match answer.map(|body| Chain::read(&body)) {
            Err(why) => worthless(SignatureVerdict::Unknown(why)),
            Ok(Some(chain)) if chain.is_vouched_for(&self.authorities, wall) => {
                Known::Trusted { chain: Arc::new(chain), until: now + KEPT_FOR }
            }
            Ok(_) => worthless(SignatureVerdict::Broken("certificate")),
        }
    }
}

/// Checks signatures.
#[derive(Clone)]
pub struct Verifier {
    trust: Renewable<Arc<Trust>>,
    inbox: Inbox,
    runtime: tokio::runtime::Handle,
}

impl Verifier {
    /// Verdicts that come later go to `inbox`.
    pub fn new(trust: Renewable<Arc<Trust>>, inbox: Inbox, runtime: tokio::runtime::Handle) -> Self {
        Self { trust, inbox, runtime }
    }

    /// The verdict, where the certificate is at hand; else it comes later. Never waits.
    pub fn check(&self, call: CallId, passport: Box<Passport>) -> Option<(Box<Passport>, SignatureVerdict)> {
        let now = Instant::now();
        let trust = self.trust.current();
        let mut known = trust.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get_mut(&passport.certificate) {
            Some(Known::Trusted { chain, until }) if *until > now => {
                let chain = Arc::clone(chain);
                drop(known);
                let verdict = verdict(&chain, &passport);
                return Some((passport, verdict));
            }
            Some(Known::Worthless { verdict, until }) if *until > now => return Some((passport, *verdict)),
            Some(Known::Asked(waiting)) if waiting.len() < WAITING_MAX => {
                waiting.push((call, passport));
                return None;
            }
            Some(Known::Asked(_)) => return Some((passport, SignatureVerdict::Unknown("busy"))),
            Some(_) | None => {}
        }
        let under_way = known.values().filter(|known| known.until().is_none()).count();
        if under_way >= FETCHES_MAX {
            return Some((passport, SignatureVerdict::Unknown("busy")));
        }
        let url = passport.certificate.clone();
        make_room(&mut known);
        known.insert(url.clone(), Known::Asked(vec![(call, passport)]));
        drop(known);
        let inbox = self.inbox.clone();
        self.runtime.spawn(async move { ask(&trust, url, &inbox).await });
        None
    }
}

async fn ask(trust: &Trust, url: String, inbox: &Inbox) {
    let answer = tokio::time::timeout(FETCH_MAX, fetch(&trust.https, &url)).await;
    let outcome = trust.judge(answer.unwrap_or(Err("timed_out")), Instant::now(), UnixTime::now());
    let judge = |passport: &Passport| match &outcome {
        Known::Trusted { chain, .. } => verdict(chain, passport),
        Known::Worthless { verdict, .. } => *verdict,
        Known::Asked(_) => SignatureVerdict::Unknown("busy"),
    };
    let mut known = trust.known.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Known::Asked(waiting)) = known.remove(&url) else { return };
    for (call, passport) in waiting {
        let verdict = judge(&passport);
        // An inbox that is full means seconds of calls to answer: these go on unverified.
        inbox.send(Message::Verified { call, passport, verdict });
    }
    known.insert(url, outcome);
}

/// A signature that holds is worth nothing from somebody who may not speak for this number (RFC 8226 §8).
fn verdict(chain: &Chain, passport: &Passport) -> SignatureVerdict {
    if !chain.has_signed(passport) {
        return SignatureVerdict::Broken("signature");
    }
    let number = passport.claims.orig.as_ref().map(|number| number.expose().as_str());
    match chain.authority() {
        Authority::NotSaid => SignatureVerdict::Unknown("numbers_not_said"),
        authority if authority.covers(number.unwrap_or_default()) => SignatureVerdict::Holds,
        Authority::Unreadable | Authority::Entries(_) => SignatureVerdict::Broken("not_its_number"),
    }
}

/// Lets go of the one that has the shortest time to go.
fn make_room(known: &mut BTreeMap<String, Known>) {
    if known.len() >= CERTIFICATES_MAX {
        let done = known.iter().filter_map(|(url, known)| Some((known.until()?, url)));
        if let Some(first) = done.min().map(|(_, url)| url.clone()) {
            known.remove(&first);
        }
    }
}
