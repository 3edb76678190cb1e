//! What holds for every caller, whatever she presses, and for every file, whatever is in it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod harness;

use std::time::Duration;

use flow::{Action, Event, QueueNews, TransferNews, Urgency, compile};
use harness::{CALENDARS, CLINIC, Phone, clinic_sources, environment, source, words};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Happening {
    Key(char),
    Finish,
    Secs(u64),
    Queue(QueueNews),
    Transfer(TransferNews),
}

fn happening() -> impl Strategy<Value = Happening> {
    let key = prop::sample::select("0123456789*#111999".chars().collect::<Vec<_>>());
    let queue = prop::sample::select(vec![
        QueueNews::Connected,
        QueueNews::AgentLeft,
        QueueNews::AgentLost,
        QueueNews::TimedOut,
        QueueNews::Empty,
        QueueNews::Full,
        QueueNews::Closed,
        QueueNews::Failed,
        QueueNews::Position { ahead: 3, estimate: Some(Duration::from_secs(400)) },
    ]);
    let transfer = prop::sample::select(vec![
        TransferNews::Connected,
        TransferNews::Ended,
        TransferNews::Busy,
        TransferNews::NoAnswer,
        TransferNews::Failed,
    ]);
    prop_oneof![
        6 => key.prop_map(Happening::Key),
        4 => Just(Happening::Finish),
        3 => (0_u64..12).prop_map(Happening::Secs),
        2 => queue.prop_map(Happening::Queue),
        1 => transfer.prop_map(Happening::Transfer),
    ]
}

/// Follows a call from outside, as whoever carries out its actions would.
#[derive(Default)]
struct Watch {
    is_answered: bool,
    /// Words play, or music.
    plays: Option<bool>,
    /// The last words came to their end by themselves.
    is_said: bool,
    is_queued: bool,
    is_ringing: bool,
    is_talking: bool,
    is_with_agent: bool,
    is_over: bool,
    urgency: Option<Urgency>,
}

impl Watch {
    fn see(&mut self, action: &Action) {
        assert!(!self.is_over, "after the end: {}", words(action));
        match action {
            Action::Answer => assert!(!std::mem::replace(&mut self.is_answered, true), "answered twice"),
            Action::Play(play) => {
                assert!(self.is_answered && !play.prompts.is_empty());
                (self.plays, self.is_said) = (Some(play.repeats), false);
            }
            Action::Stop => (self.plays, self.is_said) = (None, false),
            Action::Tagged { urgency, .. } => {
                assert!(self.urgency.is_none_or(|before| *urgency <= before), "urgency fell");
                self.urgency = Some(*urgency);
            }
            Action::Enqueue(_) => {
                assert!(self.is_answered && !self.is_queued && !self.is_ringing);
                self.is_queued = true;
            }
            Action::Raise { .. } => assert!(self.is_queued),
            Action::Dequeue => assert!(std::mem::take(&mut self.is_queued)),
            Action::Transfer { .. } | Action::Page { .. } => {
                assert!(self.is_answered && !self.is_queued && !self.is_ringing);
                self.is_ringing = true;
            }
            Action::CancelTransfer | Action::CancelPage => assert!(std::mem::take(&mut self.is_ringing)),
            Action::HangUp { .. } => {
                assert!(self.is_said, "hung up in silence");
                assert!(!self.is_queued && !self.is_ringing, "hung up on a waiting caller");
                self.is_over = true;
            }
            Action::Entered { .. }
            | Action::Noted(_)
            | Action::Recording(_)
            | Action::Inquire(_)
            | Action::CancelInquiry { .. }
            | Action::Key(_)
            | Action::Language(_) => {}
        }
    }

    /// Only what can happen at this moment: nobody hears from a queue she is not in.
    fn admits(&mut self, happening: &Happening) -> bool {
        match happening {
            Happening::Key(_) | Happening::Secs(_) => true,
            Happening::Finish => {
                let ends = self.plays == Some(false);
                if ends {
                    (self.plays, self.is_said) = (None, true);
                }
                ends
            }
            Happening::Queue(QueueNews::AgentLeft) => std::mem::take(&mut self.is_talking),
            Happening::Queue(QueueNews::AgentLost) => {
                let was = self.is_with_agent && std::mem::take(&mut self.is_talking);
                self.is_queued |= was;
                was || self.is_queued
            }
            Happening::Queue(QueueNews::Position { .. }) => self.is_queued,
            Happening::Queue(news) => {
                let was = std::mem::take(&mut self.is_queued);
                self.is_with_agent = was && *news == QueueNews::Connected;
                self.is_talking |= self.is_with_agent;
                was
            }
            Happening::Transfer(TransferNews::Ended) => std::mem::take(&mut self.is_talking),
            Happening::Transfer(news) => {
                let was = std::mem::take(&mut self.is_ringing);
                self.is_talking |= was && *news == TransferNews::Connected;
                self.is_with_agent &= !self.is_talking;
                was
            }
        }
    }
}

fn live_through(happenings: &[Happening]) -> (Phone, Watch) {
    let mut phone = Phone::call();
    let mut watch = Watch::default();
    let look = |phone: &mut Phone, watch: &mut Watch| {
        let actions = std::mem::take(&mut phone.heard);
        assert!(actions.len() < 300, "one event, {} actions", actions.len());
        actions.iter().for_each(|action| watch.see(action));
        let is_served = watch.is_talking || watch.is_over;
        let waits = phone.interpreter.poll_timeout().is_some() || watch.plays.is_some();
        // Out of the queue while the 911 advice plays: its end is what she waits for.
        assert!(is_served || waits, "dead air at {:?}", phone.interpreter.position());
    };
    look(&mut phone, &mut watch);
    for happening in happenings {
        if !watch.admits(happening) {
            continue;
        }
        let is_talk_over = matches!(
            happening,
            Happening::Queue(QueueNews::AgentLeft) | Happening::Transfer(TransferNews::Ended)
        );
        match happening.clone() {
            Happening::Key(key) => phone.keys(&key.to_string()),
            Happening::Finish => phone.finish(),
            Happening::Secs(secs) => phone.secs(secs),
            // Whose conversation ended, only the step tells; the other news is ignored.
            Happening::Queue(_) | Happening::Transfer(_) if is_talk_over => {
                phone.event(Event::Queue(QueueNews::AgentLeft));
                phone.event(Event::Transfer(TransferNews::Ended));
            }
            Happening::Queue(news) => phone.event(Event::Queue(news)),
            Happening::Transfer(news) => phone.event(Event::Transfer(news)),
        }
        look(&mut phone, &mut watch);
    }
    (phone, watch)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_caller_is_left_in_silence_or_hung_up_on_and_urgency_never_falls(
        happenings in prop::collection::vec(happening(), 0..80),
    ) {
        live_through(&happenings);
    }

    #[test]
    fn the_emergency_key_raises_her_wherever_she_is(happenings in prop::collection::vec(happening(), 0..40)) {
        let (mut phone, watch) = live_through(&happenings);
        if !watch.is_talking && !watch.is_over {
            phone.keys("*9");
            prop_assert!(phone.interpreter.urgency() <= Urgency::Emergent);
        }
    }

    #[test]
    fn zero_leads_to_a_person_from_every_question(happenings in prop::collection::vec(happening(), 0..40)) {
        let (mut phone, watch) = live_through(&happenings);
        let step = phone.interpreter.position().1.to_owned();
        if ["language", "main", "topics", "start"].contains(&step.as_str()) && !watch.is_over && watch.plays.is_some() {
            let is_advice = phone.all.iter().rev().find_map(|action| match action {
                Action::Play(play) => Some(play.prompts.iter().any(|prompt| &*prompt.name == "hang_up_and_dial_911")),
                _ => None,
            });
            if is_advice == Some(false) {
                phone.keys("0");
                prop_assert_eq!(phone.interpreter.position().1, "reception");
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused_and_never_a_panic(text in "\\PC{0,300}") {
        for path in ["clinic.yaml", "calendars.yaml", "clinic.test.yaml"] {
            let sources = [source(path, &text)];
            for finding in compile(&sources, &environment()).findings {
                finding.render(Some(&text));
                finding.render(None);
            }
        }
    }

    #[test]
    fn any_condition_is_typed_or_refused_and_never_a_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "dob", "zip", "language", "caller", ".", "known", "==", "!=", "&&", "||", "!", "(", ")", "[", "]", "{", "}",
            "1", "9223372036854775807", "-", "+", "%", "/", "0", "\"en\"", "in", "?", ":", ",", "size", "matches", "x",
            "has", "all", "exists", "map", "b\"a\"", "0x", "1e9", "u", "true", "null", "\\\\", "`", "\"", "é", " ", "@",
        ]), 0..40),
    ) {
        let condition = words.concat().replace('\'', "''");
        let mut sources = clinic_sources();
        sources[0].text = CLINIC.replace("dob != \"\" && caller.known", &condition);
        let compiled = compile(&sources, &environment());
        if let Some(library) = compiled.library {
            let flow = library.flow("clinic").unwrap().clone();
            let mut phone = Phone::start(library, flow, "2026-01-07T16:00:00Z");
            phone.finish();
            phone.keys("12#");
            phone.secs(30);
        }
    }

    #[test]
    fn a_flow_with_pieces_lost_or_put_elsewhere_is_read_or_refused(
        file in 0_usize..3,
        from in 0_usize..6_000,
        length in 0_usize..40,
        to in 0_usize..6_000,
        extra in "[ \\n\\t:#{}\\[\\],'\"a-z0-9&*!|>$-]{0,6}",
    ) {
        let mut sources = clinic_sources();
        let original = sources[file].text.clone();
        let characters: Vec<char> = original.chars().collect();
        let from = from % characters.len();
        let end = (from + length).min(characters.len());
        let piece: String = characters[from..end].iter().collect();
        let mut rest: Vec<char> = characters[..from].iter().chain(&characters[end..]).copied().collect();
        let to = to % (rest.len() + 1);
        let added: Vec<char> = piece.chars().chain(extra.chars()).collect();
        rest.splice(to..to, added);
        sources[file].text = rest.into_iter().collect();
        let compiled = compile(&sources, &environment());
        for finding in &compiled.findings {
            let text = sources.iter().find(|source| source.path == finding.path);
            finding.render(text.map(|source| &*source.text));
        }
    }
}

#[test]
fn hostile_files_are_refused_quickly() {
    let deep = "[".repeat(100_000);
    let laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n";
    let endless = format!("about: {}", "x".repeat(2 * 1024 * 1024));
    let brackets = CLINIC.replace("'dob != \"\" && caller.known'", &format!("'{}'", "(".repeat(200)));
    let signs = CLINIC.replace("'dob != \"\" && caller.known'", &format!("'{}'", "!".repeat(200)));
    for text in [
        deep.as_str(),
        laughs,
        &endless,
        &brackets,
        &signs,
        "",
        "\u{0}",
        "\u{feff}",
        "- a\n- b",
        "---\n---\n",
    ] {
        let compiled =
            compile(&[source("clinic.yaml", text), source("calendars.yaml", CALENDARS)], &environment());
        assert!(compiled.library.is_none());
        assert!(!compiled.findings.is_empty());
    }
}

#[test]
fn a_version_depends_on_meaning_and_sound_and_not_on_layout() {
    let digest = |text: &str, environment: &flow::Environment| {
        let mut sources = clinic_sources();
        sources[0].text = text.to_owned();
        compile(&sources, environment).library.unwrap().flow("clinic").unwrap().digest()
    };
    let original = digest(CLINIC, &environment());
    assert_eq!(
        original,
        digest(
            &CLINIC.replace("# ", "#  ").replace("calendar: clinic\n", "\ncalendar:   \"clinic\"\n"),
            &environment()
        )
    );
    assert_ne!(original, digest(&CLINIC.replace("ring: 20s", "ring: 21s"), &environment()));
    let mut other = environment();
    other.prompts.get_mut("es").unwrap().get_mut("goodbye").unwrap().checksum = [8; 32];
    assert_ne!(original, digest(CLINIC, &other));
    let mut unused = environment();
    unused.prompts.get_mut("es").unwrap().get_mut("topic_flu").unwrap().checksum = [8; 32];
    assert_eq!(original, digest(CLINIC, &unused), "a prompt of another flow");
}
