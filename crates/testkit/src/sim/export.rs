//! The log of a simulated node as an auditor is given it: tiles, bundles and a signed checkpoint, in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;

use audit::tile::append_entry;
use audit::{Checkpoint, Export, Record, SigningKey, TileKind, TilePath, Tree, TreeHead, Verified};

/// Records of one bundle (c2sp.org/tlog-tiles).
const BUNDLE_RECORDS: usize = 256;

struct Files(BTreeMap<String, Vec<u8>>);

impl Export for Files {
    type Error = Infallible;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(path).cloned())
    }

    fn tail(&mut self, _: u64) -> Result<Vec<Vec<u8>>, Infallible> {
        Ok(Vec::new())
    }
}

/// Publishes the records, signs them and verifies what was published.
pub(crate) fn verify(records: &[Record]) -> Result<Verified, String> {
    let key = SigningKey::from_seed("audit.example.org/sim", [7; 32]).map_err(|error| error.to_string())?;
    let mut files = BTreeMap::new();
    let mut tree = Tree::new();
    for record in records {
        let mut full = Vec::new();
        tree.append(record.leaf, &mut full);
        files.extend(full.iter().map(|tile| (tile.path().to_string(), tile.to_bytes())));
    }
    files.extend(tree.open_tiles().map(|tile| (tile.path().to_string(), tile.to_bytes())));
    for (index, bundle) in records.chunks(BUNDLE_RECORDS).enumerate() {
        let path = TilePath { kind: TileKind::Entries, index: index as u64, width: bundle.len() };
        let mut bytes = Vec::new();
        bundle.iter().for_each(|record| append_entry(&record.bytes, &mut bytes));
        files.insert(path.to_string(), bytes);
    }
    let head = TreeHead { size: tree.size(), root: tree.root() };
    files.insert("checkpoint".to_owned(), Checkpoint::sign(&key, head).note.into_bytes());
    audit::verify(&mut Files(files), &key.verifying_key(), None).map_err(|broken| broken.to_string())
}
