//! Which of codex's models costs the least, for calls that nobody typed.
//!
//! codex's list says nothing of sizes, so the names have to, and where they do not, the sentence that codex says of each.

use codex_client::{Effort, Model};

/// Words in a model's id that mean a small one, the smallest first. Of sol, terra and luna, luna is the smallest.
const SMALL: &[&[&str]] = &[&["nano"], &["mini"], &["small", "lite", "light", "tiny", "luna"]];

/// Words in the sentence about a model that mean a small one.
const SMALL_IN_WORDS: &[&str] =
    &["affordable", "cheap", "cheaper", "cheapest", "small", "smaller", "smallest"];

/// Efforts from the lowest on. One that is not here is taken for a high one.
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"];

/// The smallest of the models that codex does not hide: by its name, else by what codex says of it, and else the last one, since
/// codex lists the most able first. Of two that are as small, the first one, which is the newer.
pub(crate) fn smallest(models: &[Model]) -> Option<&Model> {
    let shown = || models.iter().filter(|model| !model.hidden);
    let by_name = shown().filter_map(|model| Some((size(model)?, model)));
    by_name.min_by_key(|(size, _)| *size).map(|(_, model)| model).or_else(|| shown().next_back())
}

/// The lowest effort that the model knows; `None` when codex names none for it.
pub(crate) fn lowest_effort(model: &Model) -> Option<&Effort> {
    let rank = |effort: &Effort| EFFORTS.iter().position(|known| known == effort).unwrap_or(EFFORTS.len());
    model.efforts.iter().min_by_key(|effort| rank(effort))
}

/// How small a model is by its own word; `None` when it says nothing.
fn size(model: &Model) -> Option<usize> {
    let by_name = SMALL.iter().position(|names| has_one_of(&model.id, names));
    by_name.or_else(|| has_one_of(&model.description, SMALL_IN_WORDS).then_some(SMALL.len()))
}

/// Whether any of the words stands in the text, as a whole word.
fn has_one_of(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn models(ids: &[&str]) -> Vec<Model> {
        // A name that begins with a mark is one that codex hides.
        let model = |id: &&str| {
            let hidden = id.starts_with('!');
            serde_json::from_value(json!({"id":id.trim_start_matches('!'),"hidden":hidden})).unwrap()
        };
        ids.iter().map(model).collect()
    }

    #[test]
    fn the_smallest_is_known_by_its_name_and_else_stands_last() {
        for (ids, wanted) in [
            (&["gpt-5.5", "gpt-5.5-mini", "gpt-5-nano", "gpt-5"][..], "gpt-5-nano"),
            (&["gpt-5.5", "gpt-5.5-mini", "gpt-5.1-codex-mini"], "gpt-5.5-mini"),
            (&["gpt-7-lite", "gpt-6-Mini"], "gpt-6-Mini"),
            (&["gpt-7-small", "gpt-6"], "gpt-7-small"),
            (&["gpt-6.1-sol", "gpt-6-luna", "gpt-6.1-terra", "gpt-5.6-luna", "gpt-5.5"], "gpt-6-luna"),
            (&["gpt-5.5", "!gpt-5-nano", "gpt-5"], "gpt-5"),
            // Only whole words count.
            (&["gemini-2", "gpt-5", "minimal-1"], "minimal-1"),
            (&["gemini-2", "gpt-5"], "gpt-5"),
        ] {
            assert_eq!(smallest(&models(ids)).unwrap().id, wanted, "{ids:?}");
        }
        assert!(smallest(&[]).is_none() && smallest(&models(&["!hidden-mini"])).is_none());
    }

    #[test]
    fn a_list_whose_names_say_nothing_is_judged_by_what_codex_says_of_each() {
        let models: Vec<Model> = [
            ("gpt-9-big", "Latest workhorse model."),
            ("gpt-9-moon", "Fast and affordable model for easier tasks."),
            ("gpt-5.5", "Legacy coding model."),
        ]
        .into_iter()
        .map(|(id, words)| serde_json::from_value(json!({"id":id,"description":words})).unwrap())
        .collect();
        assert_eq!(smallest(&models).unwrap().id, "gpt-9-moon");
    }

    #[test]
    fn the_lowest_effort_is_one_that_the_model_knows() {
        for (efforts, wanted) in [
            (&["medium", "low", "high"][..], Some("low")),
            (&["low", "minimal"], Some("minimal")),
            (&["high", "none"], Some("none")),
            (&["unheard-of", "xhigh"], Some("xhigh")),
            (&[], None),
        ] {
            let efforts: Vec<_> = efforts.iter().map(|effort| json!({"reasoningEffort":effort})).collect();
            let model: Model =
                serde_json::from_value(json!({"id":"m","supportedReasoningEfforts":efforts})).unwrap();
            assert_eq!(lowest_effort(&model).map(String::as_str), wanted);
        }
    }
}
