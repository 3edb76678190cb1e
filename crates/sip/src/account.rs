//! Who we are to a server that knows us: a carrier, a registrar, an outbound proxy.

use primitives::Private;

/// A user name and its password, for 401 and 407 (RFC 3261 §22).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Credentials {
    /// The digest username.
    pub user: Private<String>,
    /// The shared secret. Never sent.
    pub password: Private<String>,
}

/// How a request of ours is addressed where a carrier is in between. The default is nobody in particular.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// What challenges are answered with. Default: they are not, and refuse the request.
    pub credentials: Option<Credentials>,
    /// The host of our From. Default the endpoint's realm.
    pub domain: Option<String>,
    /// The user part of our Contact, by which the carrier's requests find us. Default none.
    pub contact_user: Option<String>,
    /// The Routes the request starts with (RFC 3261 §8.1.2, RFC 3608), nearest first: URIs, or addresses in
    /// angle brackets. What is neither is passed over.
    pub routes: Vec<String>,
}
