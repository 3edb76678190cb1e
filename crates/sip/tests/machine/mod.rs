//! The four transaction machines behind one face, and the words `src/transaction/table.md` has for what they do.

#![allow(dead_code, reason = "each test file uses its part")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::transaction::{Action, Class, Client, InviteClient, InviteServer, Server};
use sip::{Timers, Transport};

pub const TABLE: &str = include_str!("../../src/transaction/table.md");

/// Any of the four machines, told apart by the heading of its table.
pub enum Machine {
    InviteClient(InviteClient),
    InviteServer(InviteServer),
    Client(Client),
    Server(Server),
}

pub fn message(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

impl Machine {
    pub fn new(table: &str, transport: Transport, now: Instant, out: &mut Vec<Action>) -> Self {
        let timers = Timers::default();
        match table {
            "INVITE client" => {
                Self::InviteClient(InviteClient::new(now, timers, transport, message("INVITE"), out))
            }
            "INVITE server" => Self::InviteServer(InviteServer::new(timers, transport)),
            "Non-INVITE client" => Self::Client(Client::new(now, timers, transport, message("BYE"), out)),
            "Non-INVITE server" => Self::Server(Server::new(timers, transport)),
            other => panic!("table.md has a table nobody implements: {other}"),
        }
    }

    /// Brings a new machine to a state by the shortest way.
    pub fn bring_to(&mut self, state: &str, now: Instant) {
        let way: &[&str] = match (&self, state) {
            (Self::InviteServer(_), "Proceeding") => &["1xx from the user"],
            (Self::InviteServer(_), "Completed") => &["300–699 from the user"],
            (Self::InviteServer(_), "Confirmed") => &["300–699 from the user", "ACK"],
            (Self::InviteServer(_), "Accepted") | (Self::Server(_), "Completed") => &["2xx from the user"],
            (_, "Proceeding") => &["1xx"],
            (Self::InviteClient(_), "Completed") => &["300–699"],
            (_, "Accepted" | "Completed") => &["2xx"],
            (_, "Calling" | "Trying") => &[],
            (_, other) => panic!("table.md names a state nobody has: {other}"),
        };
        for input in way {
            self.feed(input, now, &mut Vec::new());
        }
        assert_eq!(self.state(), state, "the way to {state} leads elsewhere");
    }

    pub fn feed(&mut self, input: &str, now: Instant, out: &mut Vec<Action>) {
        if input.starts_with("Timer") {
            return self.handle_timeout(now, out);
        }
        let class = if input.starts_with("1xx") {
            Class::of(180)
        } else if input.starts_with("2xx") {
            Class::of(200)
        } else {
            Class::of(486)
        };
        let from_user = input.ends_with("from the user");
        match self {
            Self::InviteServer(machine) if input == "INVITE" => machine.handle_request(out),
            Self::InviteServer(machine) if input == "ACK" => machine.handle_ack(now, out),
            Self::InviteServer(machine) if from_user => {
                machine.respond(now, class, message("response"), out);
            }
            Self::Server(machine) if input == "request" => machine.handle_request(out),
            Self::Server(machine) if from_user => machine.respond(now, class, message("response"), out),
            Self::InviteClient(machine) => machine.handle_response(now, class, || message("ACK"), out),
            Self::Client(machine) => machine.handle_response(now, class, out),
            _ => panic!("table.md has an input nobody takes: {input}"),
        }
    }

    pub fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        match self {
            Self::InviteClient(machine) => machine.handle_timeout(now, out),
            Self::InviteServer(machine) => machine.handle_timeout(now, out),
            Self::Client(machine) => machine.handle_timeout(now, out),
            Self::Server(machine) => machine.handle_timeout(now),
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::InviteClient(machine) => machine.poll_timeout(),
            Self::InviteServer(machine) => machine.poll_timeout(),
            Self::Client(machine) => machine.poll_timeout(),
            Self::Server(machine) => machine.poll_timeout(),
        }
    }

    pub fn state(&self) -> &'static str {
        match self {
            Self::InviteClient(machine) => machine.state(),
            Self::InviteServer(machine) => machine.state(),
            Self::Client(machine) => machine.state(),
            Self::Server(machine) => machine.state(),
        }
    }
}

/// `A 500 ms` or `M 32 s` as a length of time.
pub fn wakes_after(cell: &str) -> Duration {
    let words: Vec<&str> = cell.split(' ').collect();
    let number: u64 = words[1].parse().unwrap();
    match words[2] {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        unit => panic!("no such unit: {unit}"),
    }
}

pub fn action_names(actions: &[Action]) -> String {
    let names: Vec<&str> = actions
        .iter()
        .map(|action| match action {
            Action::Send(_) => "send",
            Action::Repeat(_) => "repeat",
            Action::Deliver => "deliver",
            Action::TimedOut => "timed out",
        })
        .collect();
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}
