//! The index of calls is a shortcut that can always be made again.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod log_dir;

use audit::CallId;
use log_dir::{events, place};
use store::{AuditFiles, CallSpan, Database, records_of_call};

#[test]
fn calls_are_found_through_the_index_and_the_index_is_rebuilt_from_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut database = Database::open(&dir.path().join("careline.db")).unwrap();
    let (mut files, _) = AuditFiles::open(&place(dir.path())).unwrap();
    files.append(events(600)).unwrap();
    files.checkpoint().unwrap();
    assert_eq!(database.update_index(&log).unwrap(), 600);
    files.append(events(5)).unwrap();
    assert_eq!(database.update_index(&log).unwrap(), 5, "records not in tiles yet are indexed too");
    assert_eq!(database.update_index(&log).unwrap(), 0);

    let call = CallId(100);
    let span = database.call_span(call).unwrap().unwrap();
    assert_eq!(span, CallSpan { call, first_seq: 500, last_seq: 508 });
    let found = records_of_call(&log, &call.to_string(), span.first_seq).unwrap();
    assert_eq!(found.records.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [500, 502, 504, 506, 508]);
    assert_eq!(database.call_span(CallId(9_999)).unwrap(), None);

    assert_eq!(database.rebuild_index(&log).unwrap(), 605);
    assert_eq!(database.call_span(call).unwrap(), Some(span));
}
