//! The life of a version of the call flows: read, proved, kept, activated, found again and let go.
//!
//! A version is named by the digest of what callers hear and meet. It never changes: what was activated once lies in
//! the data folder, and can be activated again by its name.

mod archive;
mod audio;
mod fallback;
mod fingerprint;
mod first;
mod gate;
mod live;
mod watch;

pub use archive::{Activation, Archive, ArchiveError};
pub use audio::Audio;
pub use fingerprint::fingerprint;
pub use first::{First, passed};
pub use gate::Unsafe;
pub use live::{Flows, VersionListed};
pub use watch::watch;
