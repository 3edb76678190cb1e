//! The schema for editors knows every key of the grammar, takes every flow that ships and refuses broken ones.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests"
)]

#[path = "harness/shipped.rs"]
mod shipped;

use std::collections::BTreeSet;
use std::path::Path;

use flow::flow_schema;
use serde_json::Value;

/// Whether a value is what a schema says, for the keywords ours uses; any other keyword is a mistake of the schema.
fn is_valid(root: &Value, schema: &Value, value: &Value) -> bool {
    let all = |check: &dyn Fn(&Value) -> bool, list: &Value| {
        list.as_array().unwrap().iter().filter(|one| check(one)).count()
    };
    schema.as_object().unwrap().iter().all(|(keyword, says)| match keyword.as_str() {
        "$ref" => is_valid(
            root,
            &root["definitions"][says.as_str().unwrap().strip_prefix("#/definitions/").unwrap()],
            value,
        ),
        "type" => {
            let is = |word: &Value| match word.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "number" => value.is_number(),
                "integer" => value.is_u64() || value.is_i64(),
                "boolean" => value.is_boolean(),
                "null" => value.is_null(),
                other => panic!("{other}"),
            };
            if says.is_array() { all(&is, says) > 0 } else { is(says) }
        }
        "enum" => says.as_array().unwrap().contains(value),
        "const" => says == value,
        "anyOf" => all(&|one| is_valid(root, one, value), says) > 0,
        "allOf" => all(&|one| is_valid(root, one, value), says) == says.as_array().unwrap().len(),
        "oneOf" => all(&|one| is_valid(root, one, value), says) == 1,
        "not" => !is_valid(root, says, value),
        "required" => says.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some()),
        "dependencies" => says.as_object().unwrap().iter().all(|(key, then)| {
            value.get(key).is_none()
                || match then {
                    Value::Array(keys) => keys.iter().all(|key| value.get(key.as_str().unwrap()).is_some()),
                    then => is_valid(root, then, value),
                }
        }),
        "propertyNames" => value
            .as_object()
            .is_none_or(|map| map.keys().all(|key| is_valid(root, says, &key.as_str().into()))),
        "items" => value.as_array().is_none_or(|list| list.iter().all(|one| is_valid(root, says, one))),
        "pattern" => value.as_str().is_none_or(|text| fits(says.as_str().unwrap(), text)),
        "properties" | "patternProperties" | "additionalProperties" => {
            let Some(map) = value.as_object() else { return true };
            map.iter().all(|(key, one)| {
                let named = schema["properties"].get(key);
                let patterns = schema["patternProperties"].as_object();
                let patterned = patterns.and_then(|all| all.iter().find(|(pattern, _)| fits(pattern, key)));
                match (named, patterned) {
                    (Some(says), _) | (None, Some((_, says))) => is_valid(root, says, one),
                    (None, None) => match &schema["additionalProperties"] {
                        Value::Bool(may) => *may,
                        Value::Null => true,
                        says => is_valid(root, says, one),
                    },
                }
            })
        }
        bound if bound.starts_with("min") || bound.starts_with("max") => is_within(bound, says, value),
        "$schema" | "title" | "description" | "definitions" => true,
        other => panic!("the schema says `{other}`, which nothing here knows"),
    })
}

/// Whether a number, or the length of anything else, is within one bound.
fn is_within(bound: &str, limit: &Value, value: &Value) -> bool {
    let size = match bound.trim_start_matches("min").trim_start_matches("max") {
        "Length" => value.as_str().map(|text| text.chars().count() as u64),
        "Items" => value.as_array().map(|list| list.len() as u64),
        "Properties" => value.as_object().map(|map| map.len() as u64),
        "imum" => value.as_u64(),
        other => panic!("{other}"),
    };
    let limit = limit.as_u64().unwrap();
    size.is_none_or(|size| if bound.starts_with("min") { size >= limit } else { size <= limit })
}

/// The handful of patterns the schema has.
fn fits(pattern: &str, text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    match pattern {
        "^[a-z][a-z0-9_-]*$" => text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(name),
        "^[a-z][a-z0-9_]*$" => {
            !text.contains('-')
                && text.starts_with(|c: char| c.is_ascii_lowercase())
                && text.chars().all(name)
        }
        "^/.*$" => text.starts_with('/'),
        "^inbox .+$" => text.strip_prefix("inbox ").is_some_and(|name| !name.is_empty()),
        "^[0-9]+(ms|s|m|h)$" => {
            ["ms", "s", "m", "h"].iter().any(|unit| text.strip_suffix(unit).is_some_and(digits))
        }
        "^(\\+[0-9]{7,15}|[0-9]{2,6})$" => digits(text.strip_prefix('+').unwrap_or(text)),
        "^[0-8*#]$" => text.len() == 1 && "012345678*#".contains(text),
        "^[1-8]$" => text.len() == 1 && "12345678".contains(text),
        other => panic!("{other}"),
    }
}

fn as_json(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn every_flow_that_ships_is_valid() {
    let schema = flow_schema();
    let (sources, _) = shipped::shipped();
    let flows = sources
        .iter()
        .filter(|source| source.text.contains("\nflow: ") && !source.path.ends_with(".test.yaml"));
    let mut count = 0;
    for source in flows {
        assert!(is_valid(&schema, &schema, &as_json(&source.text)), "{}", source.path);
        count += 1;
    }
    assert!(count >= 7, "{count}");
}

#[test]
fn a_flow_of_every_verb_is_valid() {
    let schema = flow_schema();
    let flow = r#"
        careline: 1
        flow: every-verb
        about: "all of them"
        languages: [en]
        steps:
          a: { say: [you_said, { time: "${at}" }] }
          b: { confirm: { say: { digits: "${zip}" }, "no": a } }
          c: { survey: { name: s, questions: [{ ask: x, kind: rating, measure: csat }] } }
          d: { vitals: { as: w, play: x, unit: lb, kind: decimal, plausible: [90, 110.5], thresholds: [{ above: 100.4, go: a }] } }
          e: { measure: triaged }
          f: { log: "older than 65" }
          g: { disposition: resolved }
          h: { fail: too_light, on_error: a }
          i: { page: { rota: r, while_waiting: { play: x, every: 30s }, on_accepted: connect, on_exhausted: a, on_error: a }, after_call: a }
          j: { consent: { play: x, refuse_key: 8, on_refuse: { set: { recorded: false } } } }
          k: { record: { start: call, one_party: "an agent agreed" } }
          l: { disclose: [x, x] }
          m: { take_message: { play: x, deliver: inbox nurses, max: 2m, review: x } }
          n: { collect: { as: pain, play: x, kind: number, range: [0, 10], terminator: none } }
          o: { tag: { urgency: urgent } }
          p: { return: {} }
          q: { lookup: { table: t, keys: { line: "${dialled}", floor: 2 }, take: { practice: whose }, play: x, not_found: a, failed: a } }
    "#;
    assert!(is_valid(&schema, &schema, &as_json(flow)));
}

#[test]
fn broken_flows_are_not() {
    let schema = flow_schema();
    let good = include_str!("harness/clinic.yaml");
    assert!(is_valid(&schema, &schema, &as_json(good)));
    for (right, wrong) in [
        ("careline: 1", "careline: 2"),
        ("flow: clinic", "flow: The Clinic"),
        ("calendar: clinic", "calender: clinic"),
        ("again: main_menu_short", "agian: main_menu_short"),
        ("urgency: urgent", "urgency: urgnt"),
        ("ring: 20s", "ring: 20"),
        ("      on_timeout: shut\n", ""),
        ("\"4\": prescriptions", "\"9\": prescriptions"),
        ("hang_up: { play: goodbye }", "hangup: { play: goodbye }"),
        ("play: closed_message", "play: closed_message\n    wait: 2s"),
        ("kind: zip", "kind: plz"),
        ("tries: 2", "tries: 9"),
        ("answers: [\"+15550100100\"]", "answers: []"),
        ("languages: [en, es]\n", ""),
        ("keys: keep", "keys: hold"),
        ("emergency: red_flag\n", ""),
        ("  shut:\n    play", "  the-end:\n    play"),
        ("      name: reception\n", ""),
        ("{ play: goodbye }", "{ play: goodbye, next: shut }"),
        ("play: closed_message", "play: closed_message\n    after_call: bye"),
        ("play: closed_message", "record: on"),
        ("play: closed_message", "consent: { play: welcome, refuse_key: 9 }"),
        ("play: closed_message", "page: { rota: nurse_on_call, on_exhausted: bye, on_error: bye }"),
        ("play: closed_message", "take_message: { play: welcome, deliver: nurses }"),
        (
            "play: closed_message",
            "survey: { name: x, questions: [{ ask: welcome, kind: stars, measure: csat }] }",
        ),
        ("play: closed_message", "say: [{ dgits: \"${zip}\" }]"),
        (
            "play: closed_message",
            "vitals: { as: w, play: welcome, unit: lb, plausible: [1, 2], thresholds: [{ go: bye }] }",
        ),
        ("play: closed_message", "log: \"\""),
        ("play: closed_message", "hours: { open: bye }"),
    ] {
        assert!(good.contains(right), "{right}");
        let wrong = good.replacen(right, wrong, 1);
        assert!(!is_valid(&schema, &schema, &as_json(&wrong)), "taken: {right}");
    }
}

/// Every key a schema names, at any depth.
fn keys_of(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| keys_of(value, keys));
        }
        Value::Array(list) => list.iter().for_each(|value| keys_of(value, keys)),
        _ => {}
    }
}

#[test]
fn every_key_the_grammar_takes_is_in_the_schema() {
    let mut known = BTreeSet::new();
    keys_of(&flow_schema(), &mut known);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/grammar");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Files of their own.
        if path
            .file_stem()
            .is_some_and(|stem| ["calendars", "rotas", "tables"].iter().any(|file| stem == *file))
        {
            continue;
        }
        let text: String = std::fs::read_to_string(&path).unwrap().split_whitespace().collect();
        for call in [
            ".take(\"",
            ".take_entry(\"",
            "require(self,\"",
            "required_go(&mutfields,\"",
            "optional_go(&mutfields,\"",
        ] {
            for key in text.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                let is_of_another_file = key == "dispositions";
                let is_known = known.contains(key) || is_of_another_file;
                assert!(is_known, "`{key}` of {} is not in src/schema/", path.display());
            }
        }
    }
}

#[test]
fn the_committed_schema_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/flow.schema.json");
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(committed == flow_schema(), "run `careline flow schema > config/flow.schema.json`");
}
