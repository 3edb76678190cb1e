//! Facts, Merkle log, signed checkpoints and verification.
