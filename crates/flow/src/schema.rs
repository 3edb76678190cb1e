//! The JSON Schema of a flow's file, for editors: which keys there are, what they are for, what they take.
//!
//! The grammar is the judge. The schema helps while somebody types; names of queues, prompts and steps it does not
//! know. Draft 7, which is what the YAML extensions of editors read.

mod kinds;
mod trials;
mod verbs;

use kinds::{duration, go, name, object, text, whole};
use serde_json::{Map, Value, json};

use crate::Urgency;

/// The schema of a flow's file.
pub fn flow_schema() -> Value {
    let defaults = object(
        &[],
        json!({
            "input": object(&[], json!({ "wait": duration(), "between": duration(), "tries": whole(1, 5) })),
            "give_up": name(), "on_error": name(), "goodbye": text(), "emergency_advice": text(),
            "emergency_notice": text(), "hold_music": text(),
        }),
    );
    let said = |text: &str, of: Value| kinds::described(of, text);
    let properties = json!({
        "careline": { "const": 1, "description": "The version of the language: 1." },
        "flow": said("The flow's name, that of its file.", name()),
        "about": said("What it is for, and whose.", text()),
        "approved_by": { "type": ["string", "null"], "description": "The medical director and the date; required in production." },
        "answers": { "type": "array", "minItems": 1, "items": { "$ref": "#/definitions/number" },
            "description": "Numbers dialled that start this flow, quoted. Without them it is a sub-flow." },
        "languages": { "type": "array", "minItems": 1, "maxItems": 12, "items": text(),
            "description": "The first is the one a call begins with; every prompt must exist in all of them." },
        "calendar": said("The calendar `hours` asks where it names none.", text()),
        "emergency": said("The step key 9 leads to, from everywhere.", name()),
        "operator": said("The step key 0 leads to.", name()),
        "defaults": said("What holds where a step does not say otherwise.", defaults),
        "promises": { "type": "array", "items": { "$ref": "#/definitions/promise" }, "description": "Proved by `careline flow prove`." },
        "steps": { "type": "object", "minProperties": 1, "propertyNames": { "pattern": "^[a-z][a-z0-9_]*$" },
            "additionalProperties": { "$ref": "#/definitions/step" }, "description": "Names in order; the first is the start." },
        "tests": { "type": "array", "items": { "$ref": "#/definitions/test" }, "description": "Run by `careline flow test`." },
    });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A careline call flow",
        "type": "object",
        "additionalProperties": false,
        "required": ["careline", "flow", "about", "languages", "steps"],
        "dependencies": { "answers": ["emergency", "defaults"] },
        "properties": properties,
        "definitions": definitions(),
    })
}

fn definitions() -> Value {
    json!({
        "name": { "type": "string", "pattern": "^[a-z][a-z0-9_-]*$" },
        "duration": { "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" },
        "number": { "type": "string", "pattern": "^(\\+[0-9]{7,15}|[0-9]{2,6})$" },
        "prompts": { "anyOf": [
            text(),
            { "type": "array", "items": text(), "minItems": 1, "maxItems": 12 },
            object(&["prompts"], json!({ "prompts": kinds::one_or_more(), "languages": { "const": "all" } })),
        ] },
        "words": kinds::words(),
        "tag": object(&[], json!({ "urgency": { "enum": Urgency::ALL.map(Urgency::word) }, "reason": name() })),
        "set": { "type": "object", "minProperties": 1, "additionalProperties": { "type": ["string", "number", "boolean"] } },
        "go": { "anyOf": [name(), {
            "type": "object", "additionalProperties": false, "minProperties": 1,
            "properties": { "set": { "$ref": "#/definitions/set" }, "tag": { "$ref": "#/definitions/tag" }, "call": name(), "go": name() },
        }] },
        "step": step(),
        "promise": trials::promise(),
        "test": trials::test(),
    })
}

/// One verb, or a lone `tag`, and what may stand beside it.
fn step() -> Value {
    let verbs = verbs::all();
    let required = |verb: &str| json!({ "required": [verb] });
    let each: Vec<Value> = verbs.iter().map(|(verb, ..)| required(verb)).collect();
    let alone = json!({ "required": ["tag"], "not": { "anyOf": each } });
    let one_verb: Vec<Value> = each.iter().cloned().chain([alone]).collect();
    let beside = [
        (
            "tag",
            "On entering the step: urgency, which only rises, and reason.",
            json!({ "$ref": "#/definitions/tag" }),
        ),
        ("next", "Where it goes on; default the following step.", name()),
        ("on_error", "When the step fails; default `defaults.on_error`.", go()),
        ("after_call", "When the conversation ended and the caller is still there.", go()),
    ];
    let properties: Map<String, Value> = verbs
        .into_iter()
        .chain(beside)
        .map(|(key, what, of)| (key.to_owned(), kinds::described(of, what)))
        .collect();
    let talks: Vec<Value> = ["queue", "transfer", "page"].map(required).into();
    json!({
        "type": "object", "additionalProperties": false, "properties": properties, "oneOf": one_verb,
        "dependencies": { "after_call": { "anyOf": talks } },
    })
}
