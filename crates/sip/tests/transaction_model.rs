//! A transaction after any sequence of events is where `src/transaction/table.md` says: its tables are read
//! into a small reference model, and both walk the same way.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod machine;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use machine::{Machine, TABLE, action_names, wakes_after};
use proptest::collection::vec;
use proptest::prelude::*;
use sip::Transport;

const TABLES: [&str; 4] = ["INVITE client", "INVITE server", "Non-INVITE client", "Non-INVITE server"];

/// §17.1.2.1: no interval of Timers E and G is longer.
const T2: Duration = Duration::from_secs(4);

/// One row on one transport.
#[derive(Clone, Copy)]
struct Row {
    next: &'static str,
    actions: &'static str,
    wakes: &'static str,
    /// The same cell on TCP: a state's timer that is not the first to fire on UDP is named there.
    wakes_on_tcp: &'static str,
}

/// One table on one transport: by state and input.
fn rows(table: &str, transport: Transport) -> BTreeMap<(&'static str, &'static str), Row> {
    let (_, text) = TABLE.split_once(&format!("## {table}\n")).unwrap();
    let lines = text.lines().take_while(|line| !line.starts_with("## "));
    let cells = lines.filter_map(|line| line.strip_prefix("| "));
    cells
        .map(|line| line.trim_end_matches('|').split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells[0] != "State")
        .map(|cells| {
            let at = if transport == Transport::Udp { 2 } else { 5 };
            let row =
                Row { next: cells[at], actions: cells[at + 1], wakes: cells[at + 2], wakes_on_tcp: cells[7] };
            ((cells[0], cells[1]), row)
        })
        .collect()
}

/// What the table says of a transaction.
struct Model {
    rows: BTreeMap<(&'static str, &'static str), Row>,
    transport: Transport,
    state: &'static str,
    /// When each running timer fires, and after what interval.
    timers: BTreeMap<&'static str, (Instant, Duration)>,
}

impl Model {
    fn new(table: &str, transport: Transport, now: Instant) -> Self {
        let rows = rows(table, transport);
        let input = *rows.keys().find_map(|(state, input)| (*state == "(new)").then_some(input)).unwrap();
        let mut model = Self { rows, transport, state: "(new)", timers: BTreeMap::new() };
        model.take(input, now);
        model
    }

    /// Inputs but for timers.
    fn inputs(&self) -> Vec<&'static str> {
        let inputs = self.rows.keys().filter(|(state, _)| *state != "(new)").map(|(_, input)| *input);
        let mut inputs: Vec<_> = inputs.filter(|input| !input.starts_with("Timer")).collect();
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.values().map(|(due, _)| *due).min()
    }

    /// The timer that fires first; of two at one moment the one that ends the transaction.
    fn due(&self) -> Option<(&'static str, Instant)> {
        let first = self.poll_timeout()?;
        let fires = |letter: &&str| self.timers[*letter].0 == first;
        let ends = |letter: &&str| self.rows[&(self.state, self.timer(letter))].next == "Terminated";
        let fire: Vec<&'static str> = self.timers.keys().copied().filter(fires).collect();
        let letter = fire.iter().copied().find(ends).or(fire.first().copied())?;
        Some((letter, first))
    }

    /// The input of a timer in the present state.
    fn timer(&self, letter: &str) -> &'static str {
        let name = format!("Timer {letter}");
        let row = self.rows.keys().find(|(state, input)| *state == self.state && *input == name);
        row.unwrap_or_else(|| panic!("{} has no row for {name}", self.state)).1
    }

    /// What is done; nothing where there is no row.
    fn take(&mut self, input: &'static str, now: Instant) -> &'static str {
        let Some(row) = self.rows.get(&(self.state, input)).copied() else { return "–" };
        if row.next == "–" {
            return "–";
        }
        let (before, is_move) = (self.state, row.next != self.state);
        self.state = row.next;
        let has_row = |this: &Self, letter: &str| {
            this.rows.keys().any(|(state, input)| *state == this.state && *input == format!("Timer {letter}"))
        };
        let running: Vec<&'static str> = self.timers.keys().copied().collect();
        for letter in running {
            if has_row(self, letter) {
                continue;
            }
            self.timers.remove(letter);
        }
        if is_move {
            let second = if self.transport == Transport::Udp { row.wakes_on_tcp } else { "–" };
            for cell in [row.wakes, second] {
                let letter = cell.split(' ').next().unwrap_or_default();
                if cell.contains(' ') && !self.timers.contains_key(letter) && has_row(self, letter) {
                    self.timers.insert(letter, (now + wakes_after(cell), wakes_after(cell)));
                }
            }
        } else if let Some(letter) = input.strip_prefix("Timer ")
            && let Some((due, interval)) = self.timers.get_mut(letter)
        {
            // §17.1.1.2: Timer A doubles without end; §17.1.2.2, §17.2.1: E and G up to T2.
            let doubled = if letter == "A" { *interval * 2 } else { T2.min(*interval * 2) };
            *interval = if before == "Proceeding" { wakes_after(row.wakes) } else { doubled };
            *due = now + *interval;
        }
        row.actions
    }
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// One of the table's inputs.
    Input(prop::sample::Index),
    /// The next timer fires.
    Timer,
    /// Time passes, but not as much as to the next timer.
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => any::<prop::sample::Index>().prop_map(Event::Input),
        3 => Just(Event::Timer),
        1 => (1..3_000_u64).prop_map(Event::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_leads_where_the_table_leads(
        table in 0..TABLES.len(),
        is_stream in any::<bool>(),
        events in vec(event(), 1..40),
    ) {
        let (table, transport) = (TABLES[table], if is_stream { Transport::Tcp } else { Transport::Udp });
        let mut now = Instant::now();
        let mut out = Vec::new();
        let mut machine = Machine::new(table, transport, now, &mut out);
        let mut model = Model::new(table, transport, now);
        if table == "INVITE server" {
            // As the table wants it: 100 Trying was sent.
            machine.feed("1xx from the user", now, &mut out);
            model.take("1xx from the user", now);
        }
        for event in events {
            prop_assert_eq!(machine.state(), model.state);
            prop_assert_eq!(machine.poll_timeout(), model.poll_timeout(), "{} {}", table, model.state);
            if model.state == "Terminated" {
                break;
            }
            out.clear();
            let (input, expected) = match event {
                Event::Input(index) => {
                    let inputs = model.inputs();
                    let input = inputs[index.index(inputs.len())];
                    machine.feed(input, now, &mut out);
                    (input, model.take(input, now))
                }
                Event::Timer => {
                    let Some((letter, due)) = model.due() else { continue };
                    now = due;
                    let input = model.timer(letter);
                    machine.handle_timeout(now, &mut out);
                    (input, model.take(input, now))
                }
                Event::Wait(ms) => {
                    let soon = now + Duration::from_millis(ms);
                    now = model.poll_timeout().map_or(soon, |due| soon.min(due));
                    continue;
                }
            };
            prop_assert_eq!(action_names(&out), expected, "{} after {}", table, input);
        }
    }
}
