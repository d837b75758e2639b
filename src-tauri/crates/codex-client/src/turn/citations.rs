//! The pages that a message cites, which only its raw item has.

use serde::Deserialize;

use crate::event::Citation;

/// What every raw item with a citation contains. Few do, and an item can be large.
const MARK: &str = "\"url_citation\"";

/// The fields of a raw message that we read.
#[derive(Deserialize)]
struct RawMessage {
    role: String,
    content: Vec<RawPart>,
}

#[derive(Deserialize)]
struct RawPart {
    #[serde(default)]
    text: String,
    #[serde(default)]
    annotations: Vec<RawAnnotation>,
}

/// An annotation; those of other kinds lack some of the fields.
#[derive(Deserialize)]
struct RawAnnotation {
    #[serde(rename = "type", default)]
    kind: String,
    start_index: Option<usize>,
    end_index: Option<usize>,
    url: Option<String>,
    title: Option<String>,
}

/// The citations in a raw item, placed in an answer that has the text `before` and then the `message`. codex may have cut something
/// out of the message: a citation is left out if the message has another text in its place.
pub(super) fn citations(item: &str, before: &str, message: &str) -> Vec<Citation> {
    if !item.contains(MARK) {
        return Vec::new();
    }
    let Ok(RawMessage { role, content }) = serde_json::from_str(item) else { return Vec::new() };
    if role != "assistant" {
        return Vec::new();
    }
    let message: Vec<char> = message.chars().collect();
    let (first, mut part_start) = (before.chars().count(), 0);
    let mut found = Vec::new();
    for RawPart { text, annotations } in content {
        let text: Vec<char> = text.chars().collect();
        for annotation in annotations {
            let RawAnnotation { kind, start_index: Some(start), end_index: Some(end), url: Some(url), title } =
                annotation
            else {
                continue;
            };
            let Some(cited) = text.get(start..end).filter(|_| kind == "url_citation") else { continue };
            let (start, end) = (part_start + start, part_start + end);
            if message.get(start..end) == Some(cited) {
                let title = title.unwrap_or_default();
                found.push(Citation { start: first + start, end: first + end, url, title });
            }
        }
        part_start += text.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn cite(start: u64, end: u64) -> Value {
        json!({"type":"url_citation","start_index":start,"end_index":end,"url":"https://a.org","title":"A"})
    }

    fn places(parts: &Value, before: &str, message: &str) -> Vec<(usize, usize)> {
        let item = json!({"type":"message","role":"assistant","content":parts}).to_string();
        citations(&item, before, message).iter().map(|citation| (citation.start, citation.end)).collect()
    }

    #[test]
    fn places_count_code_points_of_the_whole_answer() {
        let part = json!([{"type":"output_text","text":"日本 😀 here","annotations":[cite(5, 9)]}]);
        assert_eq!(places(&part, "", "日本 😀 here"), [(5, 9)]);
        assert_eq!(places(&part, "é\n\n", "日本 😀 here"), [(8, 12)]);
        let second = json!([{"text":"日本 "}, {"text":"😀 here","annotations":[cite(2, 6), cite(u64::MAX, u64::MAX)]}]);
        assert_eq!(places(&second, "", "日本 😀 here"), [(5, 9)]);
    }

    #[test]
    fn a_citation_of_text_that_was_not_sent_is_left_out() {
        let part = json!([{"text":"one two","annotations":[
            cite(0, 3), cite(4, 7), cite(4, 8), cite(5, 4), cite(u64::MAX, u64::MAX),
            {"type":"file_citation","index":1,"file_id":"f"},
            {"type":"url_citation","start_index":0,"end_index":3}]}]);
        assert_eq!(places(&part, "", "one two"), [(0, 3), (4, 7)]);
        assert_eq!(places(&part, "", "one"), [(0, 3)]);
        assert_eq!(places(&part, "", "two"), []);
    }
}
