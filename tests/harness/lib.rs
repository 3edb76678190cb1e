//! Starts the real binary on free ports and drives it with real telephones.
