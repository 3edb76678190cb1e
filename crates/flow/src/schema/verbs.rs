//! Every verb of a step: its word, the line an editor shows, what it takes.

use serde_json::{Map, Value, json};

use super::kinds::{duration, go, name, object, one_or_more, prompts, question, range, text, whole};

use crate::not_configured::{self, Takes, VerbSpec};

type Verb = (&'static str, &'static str, Value);

pub(super) fn all() -> Vec<Verb> {
    [said(), asked(), noted(), decided(), people(), sought(), kept(), not_configured()].concat()
}

/// Prompts, or a map with `play`.
fn spoken() -> Value {
    json!({ "anyOf": [prompts(), object(&["play"], json!({ "play": prompts() }))] })
}

fn keys() -> Value {
    json!({ "enum": ["stop", "keep", "ignore"] })
}

fn said() -> Vec<Verb> {
    let words = || json!({ "$ref": "#/definitions/words" });
    let play = json!({ "anyOf": [prompts(), object(&["prompts"], json!({
        "prompts": one_or_more(), "languages": { "const": "all" }, "keys": keys(),
    }))] });
    let say = json!({ "anyOf": [words(), object(&["words"], json!({ "words": words(), "keys": keys() }))] });
    vec![
        ("play", "Prompts, one after the other.", play),
        ("say", "Prompts with values of the call between them.", say),
        ("emergency", "The advice to dial 911, which no key ends.", spoken()),
        ("disclose", "A text the law requires, heard to its end.", spoken()),
        ("hang_up", "The goodbye; then the call ends.", spoken()),
        ("wait", "Silence, at most 3s.", duration()),
    ]
}

fn asked() -> Vec<Verb> {
    let leads = json!({ "no_input": go(), "wrong_key": go() });
    let mut menu = question(&["play"], leads);
    if let Some(menu) = menu.as_object_mut() {
        menu.insert("patternProperties".to_owned(), json!({ "^[0-8*#]$": go() }));
        menu.insert("minProperties".to_owned(), 2.into());
    }
    let confirm = object(
        &["say", "no"],
        json!({
            "say": { "$ref": "#/definitions/words" }, "yes": go(), "no": go(), "no_input": go(), "wrong_key": go(), "give_up": go(),
            "wait": duration(), "tries": whole(1, 5),
        }),
    );
    let digits = || json!({ "type": ["integer", "string"] });
    let collect = question(
        &["as", "play"],
        json!({
            "as": name(), "kind": { "enum": ["digits", "number", "decimal", "date", "time", "money", "phone", "yes_no", "zip"] },
            "digits": digits(), "min": digits(), "max": digits(), "range": range(),
            "order": { "enum": ["month_day_year", "day_month_year", "year_month_day"] },
            "sensitive": { "enum": ["phi", "identifier", "credential"] }, "optional": { "type": "boolean" },
            "terminator": { "enum": ["#", "none"] }, "confirm": text(), "between": duration(),
        }),
    );
    let star_or_hash = || json!({ "enum": ["*", "#"] });
    let library = question(
        &["play", "topics"],
        json!({
            "topics": { "type": "object", "additionalProperties": false, "minProperties": 1, "patternProperties": { "^[1-8]$": prompts() } },
            "repeat": star_or_hash(), "back": star_or_hash(), "no_input": go(),
        }),
    );
    let asked = object(
        &["ask", "kind", "measure"],
        json!({
            "ask": prompts(), "kind": { "enum": ["rating", "yes_no"] }, "measure": { "enum": ["csat", "fcr", "nps", "access"] },
        }),
    );
    let survey = object(
        &["name", "questions"],
        json!({
            "name": name(), "wait": duration(), "tries": whole(1, 5),
            "questions": { "type": "array", "minItems": 1, "maxItems": 3, "items": asked },
        }),
    );
    let limit = || json!({ "type": ["number", "string"] });
    let threshold = json!({
        "type": "object", "additionalProperties": false, "required": ["go"],
        "properties": { "above": limit(), "below": limit(), "go": go() },
        "oneOf": [{ "required": ["above"] }, { "required": ["below"] }],
    });
    let vitals = question(
        &["as", "play", "unit", "plausible", "thresholds"],
        json!({
            "as": name(), "unit": text(), "kind": { "enum": ["number", "decimal"] }, "plausible": range(), "between": duration(),
            "confirm": text(), "thresholds": { "type": "array", "minItems": 1, "maxItems": 8, "items": threshold },
        }),
    );
    vec![
        ("menu", "Choices by one key: 1, 2, 3 and so on lead on; 9 and 0 are the engine's.", menu),
        ("confirm", "A question of yes, 1, and no, 2.", confirm),
        ("collect", "Digits keyed in, kept in a variable.", collect),
        ("library", "Recorded topics behind keys.", library),
        ("survey", "One to three questions whose answers are noted.", survey),
        ("vitals", "A reading keyed in, with thresholds.", vitals),
    ]
}

fn noted() -> Vec<Verb> {
    vec![
        ("measure", "The call has come this far.", name()),
        (
            "log",
            "A sentence for the log, without values.",
            json!({ "type": "string", "minLength": 1, "maxLength": 200 }),
        ),
        ("disposition", "What became of the caller's concern: a code of dispositions.yaml.", text()),
        ("fail", "The step fails, for this reason.", name()),
    ]
}

fn decided() -> Vec<Verb> {
    let branch = json!({ "anyOf": [
        object(&["if", "go"], json!({ "if": text(), "go": go() })),
        object(&["else"], json!({ "else": go() })),
    ] });
    let hours = object(
        &["open", "closed"],
        json!({ "calendar": text(), "open": go(), "closed": go(), "holiday": go() }),
    );
    vec![
        (
            "set",
            "Variables: text, a whole number, true or false, or \"${…}\".",
            json!({ "$ref": "#/definitions/set" }),
        ),
        (
            "when",
            "Branches by conditions, the first that is true.",
            json!({ "type": "array", "minItems": 1, "items": branch }),
        ),
        ("hours", "Branches by a calendar.", hours),
        ("call", "Another flow, which comes back to `next`.", name()),
        (
            "return",
            "Back to the flow that called.",
            json!({ "type": ["object", "null"], "maxProperties": 0 }),
        ),
        ("goto", "On to another step.", name()),
    ]
}

fn people() -> Vec<Verb> {
    let announce =
        object(&["every"], json!({ "every": duration(), "play": prompts(), "wait": { "const": "band" } }));
    let queue = object(
        &["name", "on_timeout", "on_empty", "on_full", "on_error", "on_closed"],
        json!({
            "name": name(), "skills": { "type": "array", "items": text() }, "say_first": prompts(), "music": text(),
            "announce": announce, "on_timeout": go(), "on_empty": go(), "on_full": go(), "on_error": go(), "on_closed": go(),
        }),
    );
    let transfer = object(
        &["number", "on_busy", "on_no_answer", "on_failed"],
        json!({
            "number": name(), "ring": duration(), "say_first": prompts(), "music": text(), "on_busy": go(), "on_no_answer": go(),
            "on_failed": go(),
        }),
    );
    let page = object(
        &["rota", "while_waiting", "on_exhausted", "on_error"],
        json!({
            "rota": name(), "say_first": prompts(), "music": text(), "ask": text(), "on_accepted": { "const": "connect" },
            "while_waiting": object(&["play"], json!({ "play": prompts(), "every": duration() })),
            "on_exhausted": go(), "on_error": go(),
        }),
    );
    vec![
        ("queue", "Callers wait for an agent of this queue.", queue),
        ("transfer", "A number outside is called and joined.", transfer),
        ("page", "Who is on call is looked for until somebody presses 1.", page),
    ]
}

fn sought() -> Vec<Verb> {
    let value = json!({ "type": ["string", "number", "boolean"] });
    let lookup = object(
        &["table", "keys", "not_found", "failed"],
        json!({
            "table": name(), "keys": { "type": "object", "minProperties": 1, "additionalProperties": value },
            "take": { "type": "object", "additionalProperties": name() }, "play": prompts(), "music": text(),
            "within": duration(), "found": go(), "not_found": go(), "failed": go(),
        }),
    );
    let part = object(
        &["as", "type"],
        json!({
            "as": name(), "type": { "enum": ["text", "number", "true_false"] }, "private": { "type": "boolean" },
            "optional": { "type": "boolean" },
        }),
    );
    let parts =
        json!({ "type": "object", "additionalProperties": false, "patternProperties": { "^/.*$": part } });
    let values = || json!({ "type": "object", "minProperties": 1, "additionalProperties": value });
    let http = object(
        &["endpoint", "failed", "timeout"],
        json!({
            "endpoint": name(), "send": values(), "query": values(), "take": parts, "play": prompts(), "music": text(),
            "within": duration(), "ok": go(), "failed": go(), "timeout": go(),
        }),
    );
    vec![
        ("lookup", "A row of a table is looked up, and its values are taken into variables.", lookup),
        ("http", "Another system is asked, and parts of its answer are taken into variables.", http),
    ]
}

fn kept() -> Vec<Verb> {
    let record = json!({ "anyOf": [
        { "enum": ["start", "pause", "resume", "stop"] },
        object(&["start", "one_party"], json!({ "start": { "const": "call" }, "one_party": text() })),
    ] });
    let key = json!({ "anyOf": [whole(1, 8), { "type": "string", "pattern": "^[1-8]$" }] });
    let consent =
        object(&["play", "refuse_key"], json!({ "play": prompts(), "refuse_key": key, "on_refuse": go() }));
    let message = object(
        &["play", "deliver"],
        json!({
            "play": prompts(), "deliver": { "type": "string", "pattern": "^inbox .+$" }, "max": duration(), "silence": duration(),
            "minimum": duration(), "empty": prompts(), "review": prompts(), "sent": prompts(),
        }),
    );
    vec![
        ("consent", "The notice that the call is recorded, and the key that declines.", consent),
        ("record", "What becomes of the recording.", record),
        ("take_message", "The caller speaks a message for an inbox.", message),
    ]
}

/// Verbs whose system nobody has connected, as their own list has them.
fn not_configured() -> Vec<Verb> {
    let of = |spec: &VerbSpec| {
        let keys = spec.keys.iter().map(|(key, takes, _)| ((*key).to_owned(), taken(*takes)));
        let keys: Map<String, Value> = keys.chain([(spec.well.to_owned(), go())]).collect();
        let required: Vec<&str> = spec.keys.iter().filter(|(.., must)| *must).map(|(key, ..)| *key).collect();
        (spec.word, spec.about, object(&required, keys.into()))
    };
    not_configured::VERBS.iter().map(of).collect()
}

fn taken(takes: Takes) -> Value {
    let value = || json!({ "type": ["string", "number", "boolean"] });
    match takes {
        Takes::Prompts => prompts(),
        Takes::Music | Takes::Text => text(),
        Takes::Secs(..) => duration(),
        Takes::Whole(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Takes::Truth => json!({ "type": "boolean" }),
        Takes::Name | Takes::Variable(_) => name(),
        Takes::Word(words) => json!({ "enum": words }),
        Takes::Map(least, []) => {
            json!({ "type": "object", "minProperties": least, "additionalProperties": value() })
        }
        Takes::Map(least, names) => json!({
            "type": "object", "minProperties": least, "additionalProperties": value(), "propertyNames": { "enum": names },
        }),
        Takes::Go => go(),
    }
}
