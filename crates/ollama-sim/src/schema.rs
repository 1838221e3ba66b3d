//! A value that fits a schema: what a model says that has to keep to `format`, and the arguments of a call.

use serde_json::{Map, Value, json};

/// The smallest value that fits; `None`: it is no schema.
pub(crate) fn instance(schema: &Value) -> Option<Value> {
    within(schema, MAX_DEPTH)
}

fn within(schema: &Value, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let schema = schema.as_object()?;
    if let Some(value) = schema.get("const") {
        return Some(value.clone());
    }
    if let Some(value) = list(schema, "enum").first() {
        return Some(value.clone());
    }
    for name in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = list(schema, name).first() {
            return within(first, depth);
        }
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str)?,
        Some(kind) => kind.as_str()?,
        None if schema.contains_key("properties") => "object",
        None => return Some(json!({})),
    };
    match kind {
        "object" => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let members = properties.into_iter().flatten();
            let members =
                members.map(|(name, schema)| Some((name.clone(), within(schema, depth)?)));
            members.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        "array" => {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1);
            let item = match schema.get("items") {
                Some(items) => within(items, depth)?,
                None => Value::Null,
            };
            Some((0..least.min(MAX_ITEMS)).map(|_| item.clone()).collect())
        }
        "string" => Some("text".into()),
        "integer" | "number" => Some(1.into()),
        "boolean" => Some(true.into()),
        "null" => Some(Value::Null),
        _ => None,
    }
}

fn list<'a>(schema: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    let list = schema.get(name).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

const MAX_DEPTH: usize = 32;
const MAX_ITEMS: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_fits_its_schema() {
        let schema = json!({ "type": "object", "properties": {
            "city": { "type": "string", "enum": ["Paris", "Rome"] },
            "days": { "type": "array", "items": { "type": "integer" }, "minItems": 2 },
            "is_warm": { "anyOf": [{ "type": "boolean" }, { "type": "null" }] },
        }});
        let expected = json!({ "city": "Paris", "days": [1, 1], "is_warm": true });
        assert_eq!(instance(&schema), Some(expected));
    }

    #[test]
    fn what_is_no_schema_has_no_value() {
        for schema in [
            json!({ "type": "nosuch" }),
            json!("x"),
            json!({ "type": 7 }),
        ] {
            assert_eq!(instance(&schema), None, "{schema}");
        }
        let mut deep = json!({});
        for _ in 0..40 {
            deep = json!({ "anyOf": [deep] });
        }
        assert_eq!(instance(&deep), None);
    }
}
