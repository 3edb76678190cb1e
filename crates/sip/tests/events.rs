//! The notifier's table, walked row by row.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use sip::event::{Due, Happening, Notifier};

#[test]
fn the_notifier_follows_its_table() {
    let mut rows = 0;
    for line in include_str!("../src/event/table.md").lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [state, input, next, action] = cells.as_slice() else { panic!("{line}") };
        let (Some(mut notifier), Some(happening)) = (state_of(state), happening_of(input)) else { continue };
        let due = notifier.handle(happening);
        assert_eq!(notifier, state_of(next).unwrap(), "{line}");
        let expected = match *action {
            "notify" => Some(Due::Notify),
            "notify last" => Some(Due::NotifyLast),
            _ => None,
        };
        assert_eq!(due, expected, "{line}");
        assert_eq!(notifier.is_over(), *next == "Over");
        rows += 1;
    }
    assert_eq!(rows, 24, "six states, four inputs");
}

fn state_of(name: &str) -> Option<Notifier> {
    Some(match name {
        "Idle" => Notifier::Idle,
        "Notifying" => Notifier::Notifying,
        "Due" => Notifier::Due,
        "LastDue" => Notifier::LastDue,
        "Closing" => Notifier::Closing,
        "Over" => Notifier::Over,
        _ => return None,
    })
}

fn happening_of(name: &str) -> Option<Happening> {
    Some(match name {
        "changed" => Happening::Changed,
        "last" => Happening::Last,
        "accepted" => Happening::Accepted,
        "refused" => Happening::Refused,
        _ => return None,
    })
}
