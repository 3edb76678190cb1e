//! A folder that is activated by itself when it changes.
//!
//! It is looked at every two seconds, by names, sizes and times of change, behind symbolic links. Notices of the
//! kernel would be sooner and are not sure: none come from NFS, and a ConfigMap changes by the swap of a link
//! beside the folder's files. Two seconds are nothing to whoever edits, and a look costs some hundred `stat`s.

use std::sync::Arc;
use std::time::Duration;

use crate::flows::fingerprint::looks;
use crate::node::Node;

/// How often the folder is looked at. It has come to rest when two looks are the same.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Tells an edit that is over from one that is under way: an editor writes a file in pieces, `git checkout` many
/// files one after the other.
#[derive(Debug)]
struct Rest<L> {
    /// How it looked when it last rested.
    rested: L,
    /// How it looked a moment ago, where it is not that.
    moving: Option<L>,
}

impl<L: PartialEq> Rest<L> {
    /// Whether it rests again, other than before.
    fn look(&mut self, looks: L) -> bool {
        if looks == self.rested {
            self.moving = None;
            return false;
        }
        if self.moving.as_ref() != Some(&looks) {
            self.moving = Some(looks);
            return false;
        }
        self.rested = looks;
        self.moving = None;
        true
    }
}

/// Watches until the runtime ends, whenever the configuration says so.
pub async fn watch(node: Arc<Node>) {
    let mut every = tokio::time::interval(LOOK_EVERY);
    let mut rest: Option<Rest<[u8; 32]>> = None;
    loop {
        every.tick().await;
        let (folder, is_watched) = node.flows_folder();
        if !is_watched {
            rest = None;
            continue;
        }
        // A network file system may take its time.
        let Ok(look) = tokio::task::spawn_blocking(move || looks(&folder)).await else { continue };
        let Some(rest) = &mut rest else {
            rest = Some(Rest { rested: look, moving: None });
            continue;
        };
        if rest.look(look) {
            let node = Arc::clone(&node);
            // What came of it is told where it is done; a panic there is logged by the runtime.
            let _ = tokio::task::spawn_blocking(move || node.reload_changed_files()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rest;

    #[test]
    fn a_change_counts_when_it_has_come_to_rest_and_once() {
        let mut rest = Rest { rested: "a", moving: None };
        let looks = ["a", "b", "c", "c", "c", "d", "c", "e", "e"];
        let settled: Vec<bool> = looks.into_iter().map(|look| rest.look(look)).collect();
        assert_eq!(settled, [false, false, false, true, false, false, false, false, true]);
    }
}
