//! Finds codex's cheapest model, for background tasks.
//!
//! codex's list has no sizes, so the names decide, or else the descriptions.

use codex_client::{Effort, Model};

use super::efforts;

/// Words in a model id that mean small, smallest first. Of sol, terra and luna, luna is the smallest.
const SMALL: &[&[&str]] = &[&["nano"], &["mini"], &["small", "lite", "light", "tiny", "luna"]];

/// Words in a description that mean small.
const SMALL_IN_WORDS: &[&str] =
    &["affordable", "cheap", "cheaper", "cheapest", "small", "smaller", "smallest"];

/// The smallest visible model: by name, else by description, else the last, since codex lists the most capable first.
/// Of equals, the first, which is newer.
pub(crate) fn smallest(models: &[Model]) -> Option<&Model> {
    let shown = || models.iter().filter(|model| !model.hidden);
    let by_name = shown().filter_map(|model| Some((size(model)?, model)));
    by_name.min_by_key(|(size, _)| *size).map(|(_, model)| model).or_else(|| shown().next_back())
}

/// The model's lowest effort; `None` if codex lists none.
pub(crate) fn lowest_effort(model: &Model) -> Option<&Effort> {
    model.efforts.iter().min_by_key(|effort| efforts::rank(effort))
}

/// A model's size rank; `None` if unknown.
fn size(model: &Model) -> Option<usize> {
    let by_name = SMALL.iter().position(|names| has_one_of(&model.id, names));
    by_name.or_else(|| has_one_of(&model.description, SMALL_IN_WORDS).then_some(SMALL.len()))
}

/// Whether the text contains any of the words, as a whole word.
fn has_one_of(text: &str, description: &[&str]) -> bool {
    let text = text.to_lowercase();
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| description.contains(&word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn models(ids: &[&str]) -> Vec<Model> {
        // `!` marks a model as hidden.
        let model = |id: &&str| {
            let hidden = id.starts_with('!');
            serde_json::from_value(json!({"id":id.trim_start_matches('!'),"hidden":hidden})).unwrap()
        };
        ids.iter().map(model).collect()
    }

    #[test]
    fn the_smallest_is_found_by_name_or_is_the_last() {
        for (ids, expected) in [
            (&["gpt-5.5", "gpt-5.5-mini", "gpt-5-nano", "gpt-5"][..], "gpt-5-nano"),
            (&["gpt-5.5", "gpt-5.5-mini", "gpt-5.1-codex-mini"], "gpt-5.5-mini"),
            (&["gpt-7-lite", "gpt-6-Mini"], "gpt-6-Mini"),
            (&["gpt-7-small", "gpt-6"], "gpt-7-small"),
            (&["gpt-6.1-sol", "gpt-6-luna", "gpt-6.1-terra", "gpt-5.6-luna", "gpt-5.5"], "gpt-6-luna"),
            (&["gpt-5.5", "!gpt-5-nano", "gpt-5"], "gpt-5"),
            // Only whole words match.
            (&["gemini-2", "gpt-5", "minimal-1"], "minimal-1"),
            (&["gemini-2", "gpt-5"], "gpt-5"),
        ] {
            assert_eq!(smallest(&models(ids)).unwrap().id, expected, "{ids:?}");
        }
        assert!(smallest(&[]).is_none() && smallest(&models(&["!hidden-mini"])).is_none());
    }

    #[test]
    fn descriptions_decide_if_names_say_nothing() {
        let models: Vec<Model> = [
            ("gpt-9-big", "Latest workhorse model."),
            ("gpt-9-moon", "Fast and affordable model for easier tasks."),
            ("gpt-5.5", "Legacy coding model."),
        ]
        .into_iter()
        .map(|(id, description)| serde_json::from_value(json!({"id":id,"description":description})).unwrap())
        .collect();
        assert_eq!(smallest(&models).unwrap().id, "gpt-9-moon");
    }

    #[test]
    fn the_lowest_listed_effort_is_chosen() {
        for (efforts, expected) in [
            (&["medium", "low", "high"][..], Some("low")),
            (&["low", "minimal"], Some("minimal")),
            (&["high", "none"], Some("none")),
            (&["unheard-of", "xhigh"], Some("xhigh")),
            (&[], None),
        ] {
            let efforts: Vec<_> = efforts.iter().map(|effort| json!({"reasoningEffort":effort})).collect();
            let model: Model =
                serde_json::from_value(json!({"id":"m","supportedReasoningEfforts":efforts})).unwrap();
            assert_eq!(lowest_effort(&model).map(String::as_str), expected);
        }
    }
}
