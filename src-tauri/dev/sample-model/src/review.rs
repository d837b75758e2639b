//! Answers codex's own prompt for reviews with findings in the form that it asks for.

use std::path::Path;

use serde_json::{Value, json};

/// How codex's prompt for reviews begins.
const PROMPT: &str = "# Review guidelines:";

/// Whether codex asks for a review, in the instructions or, in newer versions, in a developer message.
pub(crate) fn is_review(body: &Value, messages: &[(String, String)]) -> bool {
    let in_message = |(role, text): &(String, String)| role == "developer" && text.starts_with(PROMPT);
    body["instructions"].as_str().is_some_and(|text| text.starts_with(PROMPT))
        || messages.iter().any(in_message)
}

/// A review with this many findings, in the first file of the patch in the prompt.
pub(crate) fn answer(messages: &[(String, String)], prompt: &str, findings: usize) -> String {
    let folder = messages.iter().find_map(|(_, text)| between(text, "<cwd>", "</cwd>")).unwrap_or_default();
    let path = prompt.lines().find_map(|line| line.strip_prefix("+++ b/").or(line.strip_prefix("--- a/")));
    let file = Path::new(folder).join(path.unwrap_or("unknown").trim_end());
    let found: Vec<Value> = (1..=findings)
        .map(|n| {
            json!({
                "title": format!("[P2] Sample finding {n}"),
                "body": "The sample model finds something in every change.",
                "confidence_score": 0.5,
                "priority": 2,
                "code_location": { "absolute_file_path": file, "line_range": { "start": n, "end": n + 1 } },
            })
        })
        .collect();
    let (verdict, why) = match findings {
        0 => ("patch is correct", "The sample model found nothing."),
        _ => ("patch is incorrect", "The sample model found something."),
    };
    json!({
        "findings": found,
        "overall_correctness": verdict,
        "overall_explanation": why,
        "overall_confidence_score": 0.5,
    })
    .to_string()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_names_the_first_file_of_the_patch() {
        let messages = [
            ("developer".to_owned(), "# Review guidelines:\n\nYou are".to_owned()),
            ("user".to_owned(), "<environment_context>\n  <cwd>/w</cwd>".to_owned()),
        ];
        assert!(is_review(&json!({}), &messages) && !is_review(&json!({}), &messages[1..]));
        let review: Value =
            serde_json::from_str(&answer(&messages, "--- /dev/null\n+++ b/src/a.rs\n+x", 2)).unwrap();
        assert_eq!(
            review["findings"][1]["code_location"]["absolute_file_path"],
            Path::new("/w").join("src/a.rs").to_str().unwrap()
        );
        assert_eq!(review["findings"].as_array().map(Vec::len), Some(2));
    }
}
