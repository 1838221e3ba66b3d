//! The list of models as Anthropic's clients read it, from OpenAI's.

use serde_json::{Value, json};

use crate::heartbeat::rfc3339;

/// A list of models, or one model; `None`: it is neither.
pub fn models(openai: &Value) -> Option<Value> {
    let Some(list) = openai["data"].as_array() else {
        return model(openai);
    };
    let models: Vec<Value> = list.iter().filter_map(model).collect();
    let id = |model: Option<&Value>| model.map_or(Value::Null, |model| model["id"].clone());
    Some(json!({
        "first_id": id(models.first()),
        "last_id": id(models.last()),
        "has_more": false,
        "data": models,
    }))
}

fn model(openai: &Value) -> Option<Value> {
    let id = openai["id"].as_str()?;
    let created_s = openai["created"].as_u64().unwrap_or(0);
    Some(json!({
        "type": "model",
        "id": id,
        "display_name": id,
        "created_at": rfc3339(created_s.saturating_mul(1_000)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_a_model_have_anthropics_members() {
        let openai = |id: &str| json!({ "id": id, "object": "model", "created": 1_767_225_600, "owned_by": "library" });
        let ours = |id: &str| json!({ "type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00.000Z" });
        let list = json!({ "object": "list", "data": [openai("a"), openai("b")] });
        let expected = json!({ "data": [ours("a"), ours("b")], "has_more": false, "first_id": "a", "last_id": "b" });
        assert_eq!(models(&list), Some(expected));
        assert_eq!(models(&openai("a")), Some(ours("a")));
        let none = json!({ "data": [], "has_more": false, "first_id": null, "last_id": null });
        assert_eq!(models(&json!({ "data": [] })), Some(none));
        assert_eq!(models(&json!({ "error": "x" })), None);
    }
}
