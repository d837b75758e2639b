//! Web searches, and the citations of what they found.

use serde_json::{Value, json};

use crate::conversation;

/// The actions of these searches; what is missing when codex does not offer the tool.
pub(crate) fn actions(body: &Value, searches: &[String]) -> Result<Vec<Value>, &'static str> {
    let is_offered = conversation::tool_names(body).iter().any(|tool| tool == "web_search");
    if !searches.is_empty() && !is_offered {
        return Err("No web search is offered.");
    }
    let action = |search: &String| match serde_json::from_str::<Value>(search) {
        Ok(action) if action.is_object() => action,
        _ => json!({"type": "search", "query": search, "queries": [search]}),
    };
    Ok(searches.iter().map(action).collect())
}

/// The annotations of a text. Those of text that it does not contain are left out.
pub(crate) fn annotations(text: &str, citations: &[String]) -> Vec<Value> {
    let annotation = |citation: &String| {
        if let Ok(annotation @ Value::Object(_)) = serde_json::from_str(citation) {
            return Some(annotation);
        }
        let (cited, source) = citation.split_once('|')?;
        let (url, title) = source.split_once('|').unwrap_or((source, source));
        let start = text[..text.find(cited)?].chars().count();
        let end = start + cited.chars().count();
        Some(
            json!({"type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": title}),
        )
    };
    citations.iter().filter_map(annotation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_needs_the_tool() {
        let searches = ["rust".to_owned(), r#"{"type":"open_page","url":"https://a.org"}"#.to_owned()];
        let offered = json!({"tools": [{"type": "web_search"}]});
        let made = actions(&offered, &searches).unwrap();
        assert_eq!(made[0], json!({"type": "search", "query": "rust", "queries": ["rust"]}));
        assert_eq!(made[1]["type"], "open_page");
        assert_eq!(actions(&json!({}), &searches), Err("No web search is offered."));
        assert_eq!(actions(&json!({}), &[]), Ok(Vec::new()));
    }

    #[test]
    fn citations_are_placed_by_characters() {
        let cite = ["b|https://b.org|B".to_owned(), "z|https://z.org".to_owned()];
        let made = annotations("日本 b", &cite);
        assert_eq!(made.len(), 1);
        assert_eq!((&made[0]["start_index"], &made[0]["end_index"]), (&json!(3), &json!(4)));
    }
}
