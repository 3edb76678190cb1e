//! Registrations (RFC 3261 §10.3): who may be reached where, and for how long.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use primitives::{Now, Private};

use crate::config::Config;
use crate::deadlines::Deadlines;
use crate::path::{ConnectionId, Path};
use crate::uri::Uri;

/// Somebody who may register and place calls: an agent's phone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// The user part of the address of record and the digest username.
    pub name: String,
    /// The shared secret.
    pub secret: Private<String>,
}

/// One contact a user has registered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Binding {
    /// The contact's URI, where an INVITE for the user goes.
    pub contact: String,
    /// The way the REGISTER came, and so the way to reach a phone behind NAT. Where it is a connection, the
    /// contact is removed when the connection is lost, and is not restored after a restart.
    pub path: Path,
    /// `q` in thousandths, 1000 unless given.
    pub preference: u16,
    /// When it lapses, on the calendar, so that a restart keeps it.
    pub expires: jiff::Timestamp,
    /// The Call-ID and CSeq of the REGISTER that made it (§10.3 step 7: an older CSeq is refused).
    pub sip_call_id: String,
    /// See `sip_call_id`.
    pub cseq: u32,
}

/// What changed; the driver stores it, the call core learns whether an agent can be reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RegistrationChange {
    /// Made or refreshed.
    Bound {
        /// Whose.
        user: String,
        /// The contact as it now stands.
        binding: Binding,
        /// For the log: how long it was granted.
        granted: Duration,
        /// Whether the contact was there before, reached the same way: only its time is new.
        is_refresh: bool,
    },
    /// Removed by the phone, or lapsed.
    Unbound {
        /// Whose.
        user: String,
        /// Which.
        contact: String,
        /// How many contacts this user still has.
        left: usize,
    },
}

/// Contacts one user may have at once: a desk phone, a headset, a mobile and what each of them left behind
/// when it restarted on another port. The one that would lapse first gives way to a ninth.
pub(crate) const CONTACTS_MAX: usize = 8;

/// What a REGISTER wants of one contact.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) contact: Uri,
    /// In thousandths.
    pub(crate) preference: u16,
    /// Zero removes it.
    pub(crate) expires: Duration,
}

/// Which REGISTER it is, and how it came.
#[derive(Clone, Debug)]
pub(crate) struct Registering {
    pub(crate) user: String,
    pub(crate) path: Path,
    pub(crate) sip_call_id: String,
    pub(crate) cseq: u32,
}

/// A REGISTER that is older than one we have followed (§10.3 step 7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct OutOfOrder;

/// Users, their secrets and contacts. There are as many users as the configuration names.
#[derive(Debug)]
pub(crate) struct Registrar {
    users: BTreeMap<String, Account>,
    /// By user and contact.
    lapses: Deadlines<(String, String)>,
    /// User and contact of those that are reached over a connection.
    over: BTreeSet<(ConnectionId, String, String)>,
    max: Duration,
}

#[derive(Debug)]
struct Account {
    secret: Private<String>,
    /// Best first: the most preferred, among equals the one that registered last.
    bindings: Vec<Binding>,
}

impl Registrar {
    pub(crate) fn new(config: &Config) -> Self {
        let mut registrar = Self {
            users: BTreeMap::new(),
            lapses: Deadlines::new(),
            over: BTreeSet::new(),
            max: config.registration_max,
        };
        registrar.set_users(config.users.clone());
        registrar
    }

    /// What a user proves to know. `None`: there is no such user.
    pub(crate) fn secret(&self, user: &str) -> Option<&Private<String>> {
        self.users.get(user).map(|account| &account.secret)
    }

    /// Where a user can be reached, best first.
    pub(crate) fn bindings(&self, user: &str) -> &[Binding] {
        self.users.get(user).map_or(&[], |account| &account.bindings)
    }

    /// Whose phone is registered from where a message came: over its connection, or from its address and
    /// port. A phone that calls from another port than it registered from is known by its address and the
    /// name it gives itself.
    pub(crate) fn user_at(&self, came: &Path, from: Option<&str>) -> Option<&str> {
        let at = |is_there: &dyn Fn(&Path) -> bool, name: Option<&str>| {
            let mut users = self.users.iter().filter(|(user, _)| name.is_none_or(|name| *user == name));
            let found = users.find(|(_, account)| account.bindings.iter().any(|it| is_there(&it.path)));
            found.map(|(user, _)| user.as_str())
        };
        let exactly = |path: &Path| match (path.connection, came.connection) {
            (Some(one), Some(other)) => one == other,
            (None, None) => path.peer == came.peer,
            _ => false,
        };
        let nearly = |path: &Path| path.peer.ip() == came.peer.ip();
        from.and_then(|from| at(&exactly, Some(from)).or_else(|| at(&nearly, Some(from))))
            .or_else(|| at(&exactly, None))
    }

    /// The user who has registered this contact.
    pub(crate) fn user_of_contact(&self, contact: &Uri) -> Option<&str> {
        let has_it = |account: &Account| account.bindings.iter().any(|binding| binding.is_of(contact));
        self.users.iter().find(|(_, account)| has_it(account)).map(|(user, _)| user.as_str())
    }

    /// The way to a contact that is registered.
    pub(crate) fn way_to(&self, contact: &Uri) -> Option<Path> {
        let mut bindings = self.users.values().flat_map(|account| &account.bindings);
        bindings.find(|binding| binding.is_of(contact)).map(|binding| binding.path)
    }

    /// When the next contact lapses.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.lapses.soonest()
    }

    /// The users as they are now. Who is gone cannot be reached any more.
    pub(crate) fn set_users(&mut self, users: Vec<User>) -> Vec<RegistrationChange> {
        let secrets: BTreeMap<String, Private<String>> =
            users.into_iter().map(|user| (user.name, user.secret)).collect();
        let gone: Vec<String> =
            self.users.keys().filter(|user| !secrets.contains_key(*user)).cloned().collect();
        let changes = gone.iter().flat_map(|user| self.unbind_all(user)).collect();
        self.users.retain(|user, _| secrets.contains_key(user));
        for (name, secret) in secrets {
            match self.users.get_mut(&name) {
                Some(account) => account.secret = secret,
                None => {
                    self.users.insert(name, Account { secret, bindings: Vec::new() });
                }
            }
        }
        changes
    }

    /// A contact from before a restart. One that has lapsed meanwhile, whose user is gone, or that was
    /// reached over a connection (which did not survive) is reported as unbound, so that it is forgotten
    /// where it was stored.
    pub(crate) fn restore(&mut self, now: Now, user: String, binding: Binding) -> Vec<RegistrationChange> {
        let left = Duration::try_from(binding.expires.duration_since(now.wall)).unwrap_or_default();
        let granted = left.min(self.max);
        if granted.is_zero() || binding.path.connection.is_some() || !self.users.contains_key(&user) {
            let left = self.bindings(&user).len();
            return vec![RegistrationChange::Unbound { user, contact: binding.contact, left }];
        }
        let mut changes = Vec::new();
        self.bind(now, &user, binding, granted, &mut changes);
        changes
    }

    /// Follows a REGISTER, wholly or not at all (§10.3 step 7).
    pub(crate) fn update(
        &mut self,
        now: Now,
        register: &Registering,
        wishes: Vec<Wish>,
    ) -> Result<Vec<RegistrationChange>, OutOfOrder> {
        let existing =
            |wish: &Wish| self.bindings(&register.user).iter().find(|binding| binding.is_of(&wish.contact));
        if wishes.iter().filter_map(existing).any(|binding| binding.is_newer_than(register)) {
            return Err(OutOfOrder);
        }
        let mut changes = Vec::new();
        for wish in wishes {
            let known = existing_contact(self.bindings(&register.user), &wish.contact);
            if wish.expires.is_zero() {
                if let Some(contact) = known {
                    changes.extend(self.unbind(&register.user, &contact));
                }
                continue;
            }
            let granted = wish.expires.min(self.max);
            let binding = Binding {
                contact: known.unwrap_or_else(|| wish.contact.to_wire()),
                path: register.path,
                preference: wish.preference,
                expires: now.wall.checked_add(granted).unwrap_or(jiff::Timestamp::MAX),
                sip_call_id: register.sip_call_id.clone(),
                cseq: register.cseq,
            };
            self.bind(now, &register.user, binding, granted, &mut changes);
        }
        Ok(changes)
    }

    /// `Contact: *` (§10.2.2): none of this user's contacts holds any more.
    pub(crate) fn remove_all(
        &mut self,
        register: &Registering,
    ) -> Result<Vec<RegistrationChange>, OutOfOrder> {
        if self.bindings(&register.user).iter().any(|binding| binding.is_newer_than(register)) {
            return Err(OutOfOrder);
        }
        Ok(self.unbind_all(&register.user))
    }

    /// Whether somebody is registered over a connection.
    pub(crate) fn is_over(&self, id: ConnectionId) -> bool {
        let from = (id, String::new(), String::new());
        self.over.range(from..).next().is_some_and(|(connection, _, _)| *connection == id)
    }

    /// A connection is gone: whoever registered over it cannot be reached until he registers anew.
    pub(crate) fn lose_connection(&mut self, id: ConnectionId) -> Vec<RegistrationChange> {
        let from = (id, String::new(), String::new());
        let over = self.over.range(from..).take_while(|(connection, _, _)| *connection == id);
        let lost: Vec<(String, String)> =
            over.map(|(_, user, contact)| (user.clone(), contact.clone())).collect();
        lost.iter().filter_map(|(user, contact)| self.unbind(user, contact)).collect()
    }

    /// Contacts lapse.
    pub(crate) fn handle_timeout(&mut self, now: Now) -> Vec<RegistrationChange> {
        let mut changes = Vec::new();
        while let Some((user, contact)) = self.lapses.take_due(now.mono) {
            changes.extend(self.unbind(&user, &contact));
        }
        changes
    }

    fn bind(
        &mut self,
        now: Now,
        user: &str,
        binding: Binding,
        granted: Duration,
        changes: &mut Vec<RegistrationChange>,
    ) {
        let before = self.take(user, &binding.contact);
        let is_refresh = before.is_some_and(|before| before.path == binding.path);
        let bindings = self.bindings(user);
        if bindings.len() >= CONTACTS_MAX
            && let Some(first) = bindings.iter().min_by_key(|known| known.expires)
        {
            let contact = first.contact.clone();
            changes.extend(self.unbind(user, &contact));
        }
        let Some(account) = self.users.get_mut(user) else { return };
        let place = account.bindings.partition_point(|known| known.preference > binding.preference);
        account.bindings.insert(place, binding.clone());
        self.lapses.set((user.to_owned(), binding.contact.clone()), Some(now.mono + granted));
        if let Some(connection) = binding.path.connection {
            self.over.insert((connection, user.to_owned(), binding.contact.clone()));
        }
        changes.push(RegistrationChange::Bound { user: user.to_owned(), binding, granted, is_refresh });
    }

    fn unbind(&mut self, user: &str, contact: &str) -> Option<RegistrationChange> {
        let contact = self.take(user, contact)?.contact;
        let left = self.bindings(user).len();
        Some(RegistrationChange::Unbound { user: user.to_owned(), contact, left })
    }

    fn unbind_all(&mut self, user: &str) -> Vec<RegistrationChange> {
        let contacts: Vec<String> = self.bindings(user).iter().map(|it| it.contact.clone()).collect();
        contacts.iter().filter_map(|contact| self.unbind(user, contact)).collect()
    }

    /// Takes a contact out, wherever it is noted.
    fn take(&mut self, user: &str, contact: &str) -> Option<Binding> {
        let bindings = &mut self.users.get_mut(user)?.bindings;
        let at = bindings.iter().position(|known| known.contact == contact)?;
        let binding = bindings.remove(at);
        self.lapses.set((user.to_owned(), contact.to_owned()), None);
        if let Some(connection) = binding.path.connection {
            self.over.remove(&(connection, user.to_owned(), contact.to_owned()));
        }
        Some(binding)
    }
}

impl Binding {
    /// Whether it is this contact's (§10.3 step 7: compared as URIs).
    fn is_of(&self, contact: &Uri) -> bool {
        Uri::parse(&self.contact).is_ok_and(|own| own.is_equivalent(contact))
    }

    /// Whether it was made by a later request of the same phone than this one.
    fn is_newer_than(&self, register: &Registering) -> bool {
        self.sip_call_id == register.sip_call_id && self.cseq >= register.cseq
    }
}

/// A contact as it was first written.
fn existing_contact(bindings: &[Binding], contact: &Uri) -> Option<String> {
    bindings.iter().find(|binding| binding.is_of(contact)).map(|binding| binding.contact.clone())
}
