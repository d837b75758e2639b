//! Other names for models, for clients that insist on one of their own.
//!
//! An alias leads to a model and never to another alias. Whether codex lists the model is not known here; the catalog says so
//! when a client asks.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The id of Codex itself.
pub const CODEX_LOCAL: &str = "codex-local";

/// The models by their other names.
pub type Aliases = BTreeMap<String, String>;

/// The longest name of a model or an alias; the real ones are far shorter.
const MAX_NAME: usize = 200;

/// Aliases out of a list such as `gpt-4o=gpt-5.5,agent=codex-local`.
///
/// # Errors
/// What is wrong with the first one that cannot be used.
pub(super) fn parse(list: &str) -> Result<Aliases, String> {
    let mut aliases = Aliases::new();
    for text in super::values::items(list) {
        let (alias, model) = text.split_once('=').ok_or_else(|| {
            format!("Write ALIAS=MODEL, such as gpt-4o=gpt-5.5. {text:?} has no equals sign.")
        })?;
        let (alias, model) = pair(alias, model)?;
        if aliases.get(&alias).is_some_and(|other| *other != model) {
            return Err(format!("{alias} leads to another model already. Leave one of them out."));
        }
        aliases.insert(alias, model);
    }
    Ok(aliases)
}

/// Aliases by name, as they are written; or a list of them as on the command line, for a window in which one name stands twice.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Aliases, D::Error> {
    let aliases = match Value::deserialize(deserializer)? {
        Value::Object(named) => {
            named.iter().map(|(alias, model)| pair(alias, model.as_str().unwrap_or_default())).collect()
        }
        list => match Vec::<String>::deserialize(list) {
            Ok(texts) => parse(&texts.join(",")),
            Err(_) => Err("Write an alias and the model that it leads to.".to_owned()),
        },
    };
    aliases.map_err(D::Error::custom)
}

/// An alias and its model, if the one can lead to the other.
fn pair(alias: &str, model: &str) -> Result<(String, String), String> {
    let (alias, model) = (alias.trim(), model.trim());
    let wrong = if !is_name(alias) || !is_name(model) {
        "Write the alias and the model that it leads to, such as gpt-4o and gpt-5.5, without blanks or commas."
    } else if alias == CODEX_LOCAL {
        "codex-local is Codex itself and cannot lead elsewhere. Choose another alias."
    } else if alias == model {
        "The alias is the model's own name. Choose another alias."
    } else {
        return Ok((alias.to_owned(), model.to_owned()));
    };
    Err(format!("{alias}={model}: {wrong}"))
}

/// Whether `name` can be that of a model, an alias or an effort.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_wrong = |c: char| c.is_whitespace() || c.is_control() || c == ',';
    !name.is_empty() && name.len() <= MAX_NAME && !name.contains(is_wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_read_as_they_were_written_down() {
        let aliases = parse("gpt-4o = gpt-5.5, agent=codex-local").unwrap();
        assert_eq!(aliases["gpt-4o"], "gpt-5.5");
        let written = serde_json::to_value(&aliases).unwrap();
        assert_eq!(deserialize(written).unwrap(), aliases);
        assert_eq!(deserialize(serde_json::json!(["gpt-4o=gpt-5.5", "agent=codex-local"])).unwrap(), aliases);
    }

    #[test]
    fn what_cannot_be_an_alias_is_named_with_the_reason() {
        for (list, words) in [
            ("gpt-4o", "ALIAS=MODEL"),
            ("=gpt-5.5", "such as gpt-4o"),
            ("gpt-4o=", "such as gpt-4o"),
            ("my gpt=gpt-5.5", "without blanks"),
            ("codex-local=gpt-5.5", "Codex itself"),
            ("a=a", "own name"),
            ("a=b,a=c", "another model already"),
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
