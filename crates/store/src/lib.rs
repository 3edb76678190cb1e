//! SQLite and the audit files: what careline keeps.
