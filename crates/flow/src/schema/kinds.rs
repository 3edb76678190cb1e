//! The values of the language as schemas: names, durations, prompts, words, where to go on.

use serde_json::{Map, Value, json};

use crate::speech::Form;

/// A map of these keys and no others.
pub(super) fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

/// With the line an editor shows beside it. A reference alone hides what stands beside it, so it is wrapped.
pub(super) fn described(of: Value, text: &str) -> Value {
    let mut described = if of.get("$ref").is_some() { json!({ "allOf": [of] }) } else { of };
    if let Some(map) = described.as_object_mut() {
        map.insert("description".to_owned(), text.into());
    }
    described
}

pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

pub(super) fn name() -> Value {
    json!({ "$ref": "#/definitions/name" })
}

pub(super) fn go() -> Value {
    json!({ "$ref": "#/definitions/go" })
}

pub(super) fn prompts() -> Value {
    json!({ "$ref": "#/definitions/prompts" })
}

pub(super) fn duration() -> Value {
    json!({ "$ref": "#/definitions/duration" })
}

pub(super) fn whole(from: u32, to: u32) -> Value {
    json!({ "type": "integer", "minimum": from, "maximum": to })
}

/// Two numbers, the lower one first.
pub(super) fn range() -> Value {
    json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 })
}

pub(super) fn one_or_more() -> Value {
    json!({ "anyOf": [text(), { "type": "array", "items": text(), "minItems": 1, "maxItems": 12 }] })
}

/// WORDS: a prompt, a value of the call, or a list of both.
pub(super) fn words() -> Value {
    let values: Map<String, Value> = Form::WORDS
        .iter()
        .map(|(word, _)| ((*word).to_owned(), text()))
        .chain([("prompt".to_owned(), text())])
        .collect();
    let word = json!({ "anyOf": [text(), {
        "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": values,
    }] });
    json!({ "anyOf": [word, { "type": "array", "items": word, "minItems": 1, "maxItems": 12 }] })
}

/// A question's own patience, and where it leads when it runs out.
pub(super) fn question(required: &[&str], own: Value) -> Value {
    let mut properties = json!({
        "play": prompts(), "again": prompts(), "wait": duration(), "tries": whole(1, 5), "give_up": go(),
    });
    if let (Some(all), Value::Object(own)) = (properties.as_object_mut(), own) {
        all.extend(own);
    }
    object(required, properties)
}
