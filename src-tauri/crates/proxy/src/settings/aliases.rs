//! Other names for models, for clients that insist on one of their own.
//!
//! An alias leads to a model and never to another alias. Whether codex lists the model is not known here; the catalog says so
//! when a client asks.

use std::collections::BTreeMap;

/// The id of Codex itself.
pub const CODEX_LOCAL: &str = "codex-local";

/// The models by their other names.
pub type Aliases = BTreeMap<String, String>;

/// The longest name of a model or an alias; the real ones are far shorter.
const LONGEST_NAME: usize = 200;

/// Aliases out of texts such as `gpt-4o=gpt-5.5`.
///
/// # Errors
/// The first text that cannot be used, and what is wrong with it.
pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Aliases, (String, String)> {
    let mut aliases = Aliases::new();
    for text in texts {
        let wrong = |what: &str| (text.to_owned(), what.to_owned());
        let (alias, model) =
            text.split_once('=').ok_or_else(|| wrong("Write ALIAS=MODEL, such as gpt-4o=gpt-5.5."))?;
        let (alias, model) = (alias.trim(), model.trim());
        check(alias, model).map_err(wrong)?;
        if aliases.insert(alias.to_owned(), model.to_owned()).is_some_and(|other| other != model) {
            return Err(wrong("The same alias leads to another model already. Leave one of them out."));
        }
    }
    Ok(aliases)
}

/// Aliases as texts that [`parse`] reads.
pub fn texts(aliases: &Aliases) -> impl Iterator<Item = String> {
    aliases.iter().map(|(alias, model)| format!("{alias}={model}"))
}

/// Whether `alias` can lead to `model`.
///
/// # Errors
/// What is wrong with it.
pub fn check(alias: &str, model: &str) -> Result<(), &'static str> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= LONGEST_NAME
            && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',')
    };
    if !is_name(alias) || !is_name(model) {
        Err(
            "Write the alias and the model that it leads to, such as gpt-4o and gpt-5.5, without blanks or commas.",
        )
    } else if alias == CODEX_LOCAL {
        Err("codex-local is Codex itself and cannot lead elsewhere. Choose another alias.")
    } else if alias == model {
        Err("The alias is the model's own name. Choose another alias.")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_survive_being_written_down() {
        let aliases = parse(["gpt-4o = gpt-5.5", "agent=codex-local"]).unwrap();
        assert_eq!(aliases["gpt-4o"], "gpt-5.5");
        let texts: Vec<String> = texts(&aliases).collect();
        assert_eq!(parse(texts.iter().map(String::as_str)).unwrap(), aliases);
    }

    #[test]
    fn what_cannot_be_an_alias_is_named_with_the_reason() {
        for (texts, words) in [
            (&["gpt-4o"][..], "ALIAS=MODEL"),
            (&["=gpt-5.5"], "such as gpt-4o"),
            (&["gpt-4o="], "such as gpt-4o"),
            (&["my gpt=gpt-5.5"], "without blanks"),
            (&["codex-local=gpt-5.5"], "Codex itself"),
            (&["a=a"], "own name"),
            (&["a=b", "a=c"], "another model already"),
        ] {
            let (text, what) = parse(texts.iter().copied()).unwrap_err();
            assert!(what.contains(words), "{what}");
            assert_eq!(text, texts[texts.len() - 1]);
        }
        assert!(parse(["a=b", "a=b"]).is_ok());
    }
}
