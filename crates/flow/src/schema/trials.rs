//! `promises:` and `tests:`.

use serde_json::{Value, json};

use super::kinds::{duration, name, object, text};
use crate::Urgency;
use crate::prove::Fault;

pub(super) fn promise() -> Value {
    let faults = Fault::ALL.map(|(word, _)| word);
    object(
        &["from", "within"],
        json!({
            "from": name(), "caller": { "enum": ["anything", "right_keys"] }, "hears": text(), "reaches": text(), "within": duration(),
            "even_if": { "anyOf": [{ "enum": faults }, { "type": "array", "items": { "enum": faults } }] },
        }),
    )
}

pub(super) fn test() -> Value {
    let texts = || json!({ "anyOf": [text(), { "type": "array", "items": text() }] });
    let by_name = |of: Value| json!({ "type": "object", "additionalProperties": of });
    let keys = || json!({ "type": ["string", "integer"] });
    let number = || json!({ "$ref": "#/definitions/number" });
    let caller = json!({ "anyOf": [{ "const": "anonymous" }, object(&["number"], json!({
        "number": number(), "verification": text(), "trunk": text(), "diverted_from": number(), "diversion_reason": text(),
    }))] });
    let script = json!({ "anyOf": [{ "const": "silence" }, object(&["at"], json!({
        "at": text(), "key": keys(), "keys": keys(), "hang_up": { "type": "boolean" }, "after": duration(),
    }))] });
    let agents = json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "enum": ["busy", "full", "closed", "failed"] }] });
    let expect = object(
        &[],
        json!({
            "hears": texts(), "reaches": text(), "before": duration(), "notes": { "type": "array", "items": text() }, "never": texts(),
            "urgency": { "enum": Urgency::ALL.map(Urgency::word) }, "reason": text(), "language": text(),
        }),
    );
    object(
        &["name", "expect"],
        json!({
            "name": text(), "at": text(), "caller": caller, "dialled": number(), "script": { "type": "array", "items": script },
            "agents": by_name(agents), "numbers": by_name(json!({ "enum": ["answers", "busy", "no_answer", "failed"] })),
            "rotas": by_name(json!({ "enum": ["nobody", "accepts", "failed"] })), "agent_leaves": duration(), "expect": expect,
            "endpoints": by_name(json!({ "anyOf": [{ "enum": ["failed", "timeout"] }, { "type": "object" }] })),
            "tables": by_name(json!({ "anyOf": [{ "enum": ["not_found", "failed", "timeout"] }, { "type": "object" }] })),
        }),
    )
}
