//! Which rows a query asks for, said once for memory and once for SQLite; both must take the same rows.

use rusqlite::types::Value;

use super::sql;
use super::types::{ExchangeQuery, ExchangeRow, ExchangeState};

/// The longest text that is searched for, in characters; the rest of a longer one is passed over. SQLite refuses patterns that
/// are very long.
const LONGEST_TEXT: usize = 200;

/// What rows must be like.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    before: Option<String>,
    text: Option<String>,
    state: Option<ExchangeState>,
    key: Option<String>,
    model: Option<String>,
}

impl Filter {
    pub(super) fn new(query: ExchangeQuery) -> Self {
        let ExchangeQuery { before, limit: _, text, state, key, model } = query;
        // SQLite ends a pattern at a NUL.
        let searched = |text: String| text.chars().take_while(|&c| c != '\0').take(LONGEST_TEXT).collect();
        let text = text.map(searched).filter(|text: &String| !text.is_empty());
        Self { before, text, state, key, model }
    }

    /// Whether a row in memory is asked for.
    pub(super) fn takes(&self, row: &ExchangeRow) -> bool {
        let Self { before, text, state, key, model } = self;
        let searched = [&row.key, &row.client, &row.model, &row.route, &row.request_id].map(Some);
        before.as_ref().is_none_or(|before| row.id < *before)
            && state.is_none_or(|state| row.state == state)
            && key.as_ref().is_none_or(|key| row.key == *key)
            && model.as_ref().is_none_or(|model| row.model == *model)
            && text.as_ref().is_none_or(|text| {
                searched.into_iter().chain([row.error.as_ref()]).flatten().any(|field| holds(field, text))
            })
    }

    /// The id that rows must be older than.
    pub(super) fn before(&self) -> Option<&str> {
        self.before.as_deref()
    }

    /// The rest of it as conditions of SQL, with their values.
    pub(super) fn conditions(&self) -> (String, Vec<Value>) {
        let Self { before: _, text, state, key, model } = self;
        let (mut sql, mut values) = (String::new(), Vec::new());
        let mut and = |condition: &str, value: String| {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.extend(condition.matches('?').map(|_| Value::Text(value.clone())));
        };
        if let Some(state) = state {
            and("state = ?", sql::state_word(*state).to_owned());
        }
        if let Some(key) = key {
            and("key_name = ?", key.clone());
        }
        if let Some(model) = model {
            and("model = ?", model.clone());
        }
        if let Some(text) = text {
            let fields = ["key_name", "client", "model", "route", "request_id", "error"];
            let any = fields.map(|field| format!(r"{field} LIKE ? ESCAPE '\'")).join(" OR ");
            and(&format!("({any})"), pattern(text));
        }
        (sql, values)
    }
}

/// Whether a text holds another one. Case counts as it does for SQLite's LIKE: the letters of ASCII are folded, others are not.
fn holds(field: &str, text: &str) -> bool {
    field.as_bytes().windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()))
}

/// The pattern for LIKE that finds a text anywhere, whatever it holds.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
