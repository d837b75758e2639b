//! What to paste where, for each app. The window gets the text with a masked key; the clipboard gets the same text with the real
//! one, which is never shown.

use super::input::{ANY_KEY, Filled, PLACEHOLDER, RecipeInput, ShownKey};
use super::types::{ChatRequest, CodeLanguage, Recipe};
use super::{apps, code, open_webui};
use proxy::Key;

/// The recipes for the window, with a masked key.
#[must_use]
pub fn recipes(input: &RecipeInput) -> Vec<Recipe> {
    let key = match &input.key {
        ShownKey::Masked(masked) => masked,
        ShownKey::Missing => PLACEHOLDER,
        ShownKey::NotNeeded => ANY_KEY,
    };
    all(&Filled { input, key: key.to_owned() })
}

/// One piece of a recipe with the real key, for the clipboard.
///
/// If the keychain did not return the key, the text has a placeholder. `None` if the piece is only the key, or does not exist.
#[must_use]
pub fn piece_text(
    recipe_id: &str,
    index: usize,
    input: &RecipeInput,
    real_key: Option<&Key>,
) -> Option<String> {
    let recipes = all(&filled(input, real_key));
    let piece = recipes.into_iter().find(|recipe| recipe.id == recipe_id)?.pieces.into_iter().nth(index)?;
    (piece.text != PLACEHOLDER).then_some(piece.text)
}

/// The base URL and the key of a recipe, or else of the recipe for any app, as variables.
///
/// `None` if the recipe has no such fields, or the key is not known.
#[must_use]
pub fn both_text(recipe_id: Option<&str>, input: &RecipeInput, real_key: Option<&Key>) -> Option<String> {
    let filled = filled(input, real_key);
    let recipe = all(&filled).into_iter().find(|recipe| recipe.id == recipe_id.unwrap_or("other"))?;
    let url = recipe.pieces.into_iter().find(|piece| !piece.code && piece.text.starts_with("http"))?.text;
    (filled.key != PLACEHOLDER).then(|| format!("OPENAI_BASE_URL={url}\nOPENAI_API_KEY={}", filled.key))
}

/// Why the containers of a recipe cannot connect; `None` if they can, or need nothing for it.
#[must_use]
pub fn unreachable_by_containers(recipe_id: &str, input: &RecipeInput) -> Option<String> {
    let in_docker = recipe_id == "openWebUiDocker";
    open_webui::unreachable_reason(input).filter(|_| in_docker).map(|(why, _)| why)
}

/// A conversation as code, with the real key or a placeholder.
#[must_use]
pub fn conversation_code(
    language: CodeLanguage,
    request: &ChatRequest,
    input: &RecipeInput,
    real_key: Option<&Key>,
) -> String {
    code::conversation(language, &filled(input, real_key), request)
}

fn filled<'a>(input: &'a RecipeInput, real_key: Option<&Key>) -> Filled<'a> {
    let key = match (&input.key, real_key) {
        (ShownKey::NotNeeded, _) => ANY_KEY,
        (_, Some(key)) => key.reveal(),
        (_, None) => PLACEHOLDER,
    };
    Filled { input, key: key.to_owned() }
}

fn all(filled: &Filled<'_>) -> Vec<Recipe> {
    let mut recipes = open_webui::all(filled);
    recipes.extend(apps::all(filled));
    recipes.extend([code::curl(filled), code::python(filled), code::node(filled), code::other(filled)]);
    recipes
}

#[cfg(test)]
#[path = "recipes_tests.rs"]
mod tests;
