//! The provider that the user's settings choose.

use toml::{Table, Value};

use crate::account::Provider;

/// The provider that serves the models.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ActiveProvider {
    /// Where it is reached, if the settings say so.
    pub(crate) base_url: Option<String>,
    /// The provider, if it has its own key and does not use codex's sign-in.
    pub(crate) own: Option<Provider>,
}

/// codex's built-in provider, which uses its sign-in.
const OPENAI: &str = "openai";

/// The provider that `settings` choose, in the active profile if it chooses one.
pub(crate) fn active(settings: &Table) -> ActiveProvider {
    let named = |table: &str, name: &str| settings.get(table).and_then(|tables| tables.get(name));
    let profile = settings.get("profile").and_then(Value::as_str).and_then(|name| named("profiles", name));
    let text = |name: &str| {
        let value = profile.and_then(|profile| profile.get(name)).or_else(|| settings.get(name));
        value.and_then(Value::as_str)
    };
    let id = text("model_provider").unwrap_or(OPENAI);
    let Some(provider) = named("model_providers", id) else {
        let base_url = text("openai_base_url").filter(|_| id == OPENAI).map(str::to_owned);
        let own = (id != OPENAI).then(|| Provider { name: id.to_owned(), env_key: None });
        return ActiveProvider { base_url, own };
    };
    let text = |name: &str| provider.get(name).and_then(Value::as_str).map(str::to_owned);
    let uses_sign_in = provider.get("requires_openai_auth").and_then(Value::as_bool) == Some(true);
    let own = (!uses_sign_in)
        .then(|| Provider { name: text("name").unwrap_or_else(|| id.to_owned()), env_key: text("env_key") });
    ActiveProvider { base_url: text("base_url"), own }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_active_provider_is_found_with_its_address_and_key() {
        let corp =
            "[model_providers.corp]\nname = \"Corp\"\nbase_url = \"http://c\"\nenv_key = \"CORP_KEY\"\n";
        let own = |name: &str, key: Option<&str>| {
            Some(Provider { name: name.to_owned(), env_key: key.map(str::to_owned) })
        };
        for (settings, base_url, expected) in [
            ("", None, None),
            ("openai_base_url = \"http://o\"", Some("http://o"), None),
            ("model_provider = \"corp\"", Some("http://c"), own("Corp", Some("CORP_KEY"))),
            (
                "profile = \"p\"\nprofiles.p.model_provider = \"corp\"",
                Some("http://c"),
                own("Corp", Some("CORP_KEY")),
            ),
            ("model_provider = \"oss\"", None, own("oss", None)),
        ] {
            let settings = toml::from_str(&format!("{settings}\n{corp}")).unwrap();
            let base_url = base_url.map(str::to_owned);
            assert_eq!(active(&settings), ActiveProvider { base_url, own: expected }, "{settings}");
        }
        let with_sign_in = format!("model_provider = \"corp\"\n{corp}requires_openai_auth = true");
        assert_eq!(active(&toml::from_str(&with_sign_in).unwrap()).own, None);
    }
}
