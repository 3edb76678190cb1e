//! Audio prepared once and sent from shared memory: no sample is touched while it plays.

/// A recording, encoded ahead of time for every codec a leg may have.
#[derive(Debug)]
pub struct Prompt {
    // 8 kHz, one byte a sample; both of equal length.
    pcmu: Box<[u8]>,
    pcma: Box<[u8]>,
}
