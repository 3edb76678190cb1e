//! An implementation by other hands reads what ours writes (tlog_tiles and signed_note, both Cloudflare's).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use audit::proof::{ShortTile, TileNodes, consistency, inclusion};
use audit::tile::tile_hashes;
use audit::{Checkpoint, SigningKey, TileKind, TilePath, Tree, TreeHead, leaf_hash};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{TileHashReader, TileReader};

fn record(seq: u64) -> Vec<u8> {
    format!("record {seq}").into_bytes()
}

#[test]
fn their_verifier_accepts_our_key_signature_and_checkpoint() {
    let key = SigningKey::from_seed("audit.example.org/ivr/site-1", [7; 32]).unwrap();
    let head = TreeHead { size: 8, root: [0x5d; 32] };
    let signed = Checkpoint::sign(&key, head);
    let note = Note::from_bytes(signed.note.as_bytes()).unwrap();
    let verifier = StandardVerifier::new(&key.verifying_key().to_string()).unwrap();
    let (verified, unverified) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), (key.origin(), 8));
    assert_eq!(checkpoint.hash().0, head.root);
}

#[test]
fn their_parser_names_tiles_as_ours_does() {
    for (level, index, width) in
        [(0, 0, 256), (0, 1_234_067, 256), (1, 999, 17), (3, 1_000, 1), (0, 1_000_000, 256)]
    {
        let ours = TilePath { kind: TileKind::Hashes { level }, index, width }.to_string();
        let theirs = tlog_tiles::Tile::new(8, level, index, u32::try_from(width).unwrap(), false).path();
        // Theirs writes the height too, as Go's module log does; the specification fixed it at 8.
        assert_eq!(ours, theirs.replacen("tile/8/", "tile/", 1));
    }
}

struct Tiles(BTreeMap<String, Vec<u8>>);

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let path = |tile: &tlog_tiles::Tile| tile.path().replacen("tile/8/", "tile/", 1);
        Ok(tiles.iter().map(|tile| self.0[&path(tile)].clone()).collect())
    }

    fn save_tiles(&self, _tiles: &[tlog_tiles::Tile], _data: &[Vec<u8>]) {}
}

#[test]
fn their_proofs_from_our_tiles_are_our_proofs() {
    let size = 66_321;
    let mut tree = Tree::new();
    let mut full = Vec::new();
    let mut old_head = None;
    for seq in 0..size {
        if seq == 300 {
            old_head = Some(tree.root());
        }
        tree.append(leaf_hash(&record(seq)), &mut full);
    }
    full.extend(tree.open_tiles());
    let tiles = Tiles(full.iter().map(|tile| (tile.path().to_string(), tile.to_bytes())).collect());
    let root = tlog_tiles::Hash(tree.root());
    let theirs = TileHashReader::new(size, root, &tiles);
    let mut ours = TileNodes::new(size, |path: TilePath| -> Result<_, ShortTile> {
        Ok(tile_hashes(&tiles.0[&path.to_string()]).unwrap())
    });
    for seq in [0, 255, 256, 65_535, 65_536, 66_320] {
        let proof = tlog_tiles::prove_record(size, seq, &theirs).unwrap();
        let same: Vec<[u8; 32]> = proof.iter().map(|hash| hash.0).collect();
        assert_eq!(inclusion(&mut ours, seq, size).unwrap(), same, "record {seq}");
        tlog_tiles::check_record(&proof, size, root, seq, tlog_tiles::record_hash(&record(seq))).unwrap();
    }
    let proof: Vec<tlog_tiles::Hash> =
        consistency(&mut ours, 300, size).unwrap().into_iter().map(tlog_tiles::Hash).collect();
    tlog_tiles::check_tree(&proof, size, root, 300, tlog_tiles::Hash(old_head.unwrap())).unwrap();
}
