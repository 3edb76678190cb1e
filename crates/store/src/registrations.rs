use std::net::SocketAddr;

use jiff::Timestamp;
use rusqlite::{Row, params};

use crate::database::{Database, DatabaseError};

/// How a phone is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StoredTransport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream inside TLS.
    Tls,
}

impl StoredTransport {
    fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// One contact of a user (RFC 3261 §10.3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRegistration {
    /// Whose: the user name.
    pub user: String,
    /// The contact's URI.
    pub contact: String,
    /// The way the REGISTER came.
    pub transport: StoredTransport,
    /// Our address on that way.
    pub local: SocketAddr,
    /// The phone's address on it.
    pub peer: SocketAddr,
    /// When the contact lapses.
    pub expires: Timestamp,
    /// Call-ID of the REGISTER.
    pub sip_call_id: String,
    /// CSeq of the REGISTER.
    pub cseq: u32,
    /// `q` in thousandths.
    pub preference: u16,
}

impl Database {
    /// Stores a contact, new or refreshed.
    pub fn save_registration(&self, of: &StoredRegistration) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO registrations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?
            .execute(params![
                of.user,
                of.contact,
                of.transport.word(),
                of.local.to_string(),
                of.peer.to_string(),
                of.expires.as_microsecond(),
                of.sip_call_id,
                of.cseq,
                of.preference,
            ])?;
        Ok(())
    }

    /// Forgets a contact.
    pub fn remove_registration(&self, user: &str, contact: &str) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("DELETE FROM registrations WHERE user = ? AND contact = ?")?
            .execute([user, contact])?;
        Ok(())
    }

    /// The contacts that have not lapsed; those that have are forgotten.
    pub fn load_registrations(&self, now: Timestamp) -> Result<Vec<StoredRegistration>, DatabaseError> {
        self.connection.execute("DELETE FROM registrations WHERE expires_us <= ?", [now.as_microsecond()])?;
        let mut statement =
            self.connection.prepare_cached("SELECT * FROM registrations ORDER BY user, contact")?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read_registration(row)?);
        }
        Ok(found)
    }
}

fn read_registration(row: &Row<'_>) -> Result<StoredRegistration, DatabaseError> {
    let bad = |column| DatabaseError::Row { table: "registrations", column };
    let transport = match row.get_ref("transport")?.as_str() {
        Ok("udp") => StoredTransport::Udp,
        Ok("tcp") => StoredTransport::Tcp,
        Ok("tls") => StoredTransport::Tls,
        _ => return Err(bad("transport")),
    };
    let local: String = row.get("local")?;
    let peer: String = row.get("peer")?;
    Ok(StoredRegistration {
        user: row.get("user")?,
        contact: row.get("contact")?,
        transport,
        local: local.parse().map_err(|_| bad("local"))?,
        peer: peer.parse().map_err(|_| bad("peer"))?,
        expires: Timestamp::from_microsecond(row.get("expires_us")?).map_err(|_| bad("expires_us"))?,
        sip_call_id: row.get("sip_call_id")?,
        cseq: row.get("cseq")?,
        preference: row.get("preference")?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use jiff::{SignedDuration, Timestamp};

    use super::{StoredRegistration, StoredTransport};
    use crate::Database;

    #[test]
    fn contacts_survive_a_restart_until_they_lapse_or_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("careline.db");
        let now: Timestamp = "2026-11-23T14:00:00.000001Z".parse().unwrap();
        let desk = StoredRegistration {
            user: "ana".to_owned(),
            contact: "sip:ana@10.0.0.7:5062;transport=tls".to_owned(),
            transport: StoredTransport::Tls,
            local: "10.0.0.1:5061".parse().unwrap(),
            peer: "[2001:db8::7]:40000".parse().unwrap(),
            expires: now + SignedDuration::from_mins(5),
            sip_call_id: "a84b4c76e66710".to_owned(),
            cseq: u32::MAX,
            preference: 1_000,
        };
        let mobile =
            StoredRegistration { contact: "sip:ana@mobile".to_owned(), expires: now, ..desk.clone() };
        let old = StoredRegistration { contact: "sip:ana@old".to_owned(), ..desk.clone() };
        let database = Database::open(&path).unwrap();
        for registration in [&desk, &mobile, &old] {
            database.save_registration(registration).unwrap();
        }
        let refreshed = StoredRegistration { cseq: 8, ..desk };
        database.save_registration(&refreshed).unwrap();
        database.remove_registration("ana", "sip:ana@old").unwrap();
        drop(database);
        assert_eq!(Database::open(&path).unwrap().load_registrations(now).unwrap(), [refreshed]);
    }
}
