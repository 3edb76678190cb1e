//! What a simulation does to its node, and what it says when the node could not stand it.

use std::fmt;
use std::time::Duration;

use super::Disk;
use crate::link::Faults;

/// What a simulation does to the node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions {
    /// The network, each way.
    pub faults: Faults,
    /// The disk of the audit log.
    pub disk: Disk,
    /// How many RTP sockets in a thousand cannot be bound.
    pub unbindable_permille: u64,
}

impl Conditions {
    /// A good network a few milliseconds wide, and a disk that never hangs.
    pub fn quiet() -> Self {
        let faults = Faults { delay: Duration::from_millis(5), ..Faults::default() };
        Self { faults, ..Self::default() }
    }

    /// So many in a hundred datagrams lost each way, a twentieth doubled, and later ones overtaking.
    pub fn lossy(percent: u32) -> Self {
        let faults = Faults {
            loss: f64::from(percent) / 100.0,
            duplication: 0.05,
            delay: Duration::from_millis(5),
            jitter: Duration::from_millis(60),
        };
        Self { faults, disk: Disk { stalls_permille: 1 }, unbindable_permille: 5 }
    }
}

/// Why a simulation failed. Says which seed to run again.
pub struct Failure {
    pub(super) seed: u64,
    pub(super) violations: Vec<String>,
    pub(super) last: Vec<String>,
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} fails; run it alone with CARELINE_SEED={}", self.seed, self.seed)?;
        for violation in &self.violations {
            writeln!(f, "  {violation}")?;
        }
        writeln!(f, "what happened last:")?;
        self.last.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}
