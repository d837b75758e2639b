//! Alternative names for models, for clients with a fixed model id.
//!
//! An alias resolves to a model, never to another alias. Whether codex lists the model is checked per request, by the catalog.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::folders::FOLDER_PREFIX;

/// The id of Codex itself, the agent.
pub const CODEX_LOCAL: &str = "codex-local";

/// Model ids by alias.
pub type Aliases = BTreeMap<String, String>;

/// Bytes of a model id or alias; real ones are far shorter.
const MAX_NAME: usize = 200;

/// Parses a list such as `gpt-4o=gpt-5.5,agent=codex-local`.
///
/// # Errors
/// What is wrong with the first invalid alias.
pub(super) fn parse(list: &str) -> Result<Aliases, String> {
    let mut aliases = Aliases::new();
    for text in super::values::items(list) {
        let (alias, model) = text.split_once('=').ok_or_else(|| {
            format!("Use ALIAS=MODEL, such as gpt-4o=gpt-5.5. {text:?} has no equals sign.")
        })?;
        let (alias, model) = pair(alias, model)?;
        if aliases.get(&alias).is_some_and(|other| *other != model) {
            return Err(format!("{alias} already stands for another model. Remove one of the two."));
        }
        aliases.insert(alias, model);
    }
    Ok(aliases)
}

/// Aliases as an object or as text; or as a list of texts, from a window where one alias may stand twice.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Aliases, D::Error> {
    let aliases = match Value::deserialize(deserializer)? {
        Value::Object(named) => {
            named.iter().map(|(alias, model)| pair(alias, model.as_str().unwrap_or_default())).collect()
        }
        Value::String(list) => parse(&list),
        list => match Vec::<String>::deserialize(list) {
            Ok(texts) => parse(&texts.join(",")),
            Err(_) => Err("Enter an alias and a model.".to_owned()),
        },
    };
    aliases.map_err(D::Error::custom)
}

/// Validates an alias and its model.
fn pair(alias: &str, model: &str) -> Result<(String, String), String> {
    let (alias, model) = (alias.trim(), model.trim());
    let wrong = if !is_name(alias) || !is_name(model) {
        "Enter an alias and a model, such as gpt-4o and gpt-5.5, without spaces or commas."
    } else if alias == CODEX_LOCAL {
        "codex-local always stands for Codex itself. Choose another alias."
    } else if alias.starts_with(FOLDER_PREFIX) {
        "Names that begin with codex: belong to folders. Choose another alias."
    } else if alias == model {
        "The alias and the model are the same. Choose another alias."
    } else {
        return Ok((alias.to_owned(), model.to_owned()));
    };
    Err(format!("{alias}={model}: {wrong}"))
}

/// Whether `name` is valid for a model, an alias or an effort.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_invalid = |c: char| c.is_whitespace() || c.is_control() || c == ',';
    !name.is_empty() && name.len() <= MAX_NAME && !name.contains(is_invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_survive_a_round_trip_through_json() {
        let aliases = parse("gpt-4o = gpt-5.5, agent=codex-local").unwrap();
        assert_eq!(aliases["gpt-4o"], "gpt-5.5");
        let written = serde_json::to_value(&aliases).unwrap();
        assert_eq!(deserialize(written).unwrap(), aliases);
        assert_eq!(deserialize(serde_json::json!(["gpt-4o=gpt-5.5", "agent=codex-local"])).unwrap(), aliases);
    }

    #[test]
    fn an_invalid_alias_is_named_with_the_reason() {
        for (list, words) in [
            ("gpt-4o", "ALIAS=MODEL"),
            ("=gpt-5.5", "such as gpt-4o"),
            ("gpt-4o=", "such as gpt-4o"),
            ("my gpt=gpt-5.5", "without spaces"),
            ("codex-local=gpt-5.5", "Codex itself"),
            ("codex:web=gpt-5.5", "folders"),
            ("a=a", "are the same"),
            ("a=b,a=c", "stands for another model"),
        ] {
            let wrong = parse(list).unwrap_err();
            assert!(
                wrong.contains(words) && wrong.contains(list.split(['=', ',']).next().unwrap()),
                "{wrong}"
            );
            let texts: Vec<&str> = list.split(',').collect();
            assert_eq!(deserialize(serde_json::json!(texts)).unwrap_err().to_string(), wrong);
        }
        assert!(parse("a=b,a=b").is_ok());
        for wrong in [serde_json::json!({"a": ""}), serde_json::json!({"codex-local": "b"}), 3.into()] {
            assert!(deserialize(wrong).is_err());
        }
    }
}
