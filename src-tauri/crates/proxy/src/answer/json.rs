//! Extracts one JSON value from a model's text, dropping greetings, code fences and closing remarks.
//!
//! Finds only where the value starts and ends; syntax and schema are validated once the value is complete.

/// Streams the first object (or first value) of a text and drops the rest.
#[derive(Clone, Debug)]
pub(crate) struct JsonExtractor {
    any_value: bool,
    state: State,
    /// How many characters before the value were dropped.
    pub(crate) skipped: usize,
    /// Open brackets.
    depth: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Before,
    /// Inside the value, outside its strings.
    Inside,
    InString,
    /// Inside a string, after a backslash.
    Escaped,
    After,
}

impl JsonExtractor {
    /// Expects an object; with `any_value`, an object or an array.
    pub(crate) fn new(any_value: bool) -> Self {
        Self { any_value, state: State::Before, skipped: 0, depth: 0 }
    }

    /// Takes a delta and returns the part that belongs to the value.
    pub(crate) fn push(&mut self, delta: &str) -> String {
        let mut value = String::with_capacity(delta.len());
        for character in delta.chars() {
            self.state = match (self.state, character) {
                (State::Before, '{') | (State::Inside, '{' | '[') => {
                    self.depth += 1;
                    State::Inside
                }
                (State::Before, '[') if self.any_value => {
                    self.depth += 1;
                    State::Inside
                }
                (State::Before, _) => {
                    self.skipped += 1;
                    continue;
                }
                (State::After, _) => break,
                (State::Inside, '}' | ']') => {
                    self.depth -= 1;
                    if self.depth == 0 { State::After } else { State::Inside }
                }
                (State::InString, '\\') => State::Escaped,
                (State::InString, '"') => State::Inside,
                (State::Inside, '"') | (State::InString | State::Escaped, _) => State::InString,
                (State::Inside, _) => State::Inside,
            };
            value.push(character);
        }
        value
    }

    /// Whether the value is complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.state == State::After
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn cut(mut json: JsonExtractor, deltas: &[&str]) -> (String, bool) {
        let text = deltas.iter().map(|delta| json.push(delta)).collect();
        (text, json.is_complete())
    }

    #[test]
    fn text_around_an_object_is_dropped() {
        let text = ["Sure, [1]! ```json\n{\"a\"", ": \"}\\\"{\", \"b\": [1", "]}", "\n``` {\"c\":1}"];
        assert_eq!(
            cut(JsonExtractor::new(false), &text),
            ("{\"a\": \"}\\\"{\", \"b\": [1]}".to_owned(), true)
        );
        assert_eq!(cut(JsonExtractor::new(true), &text).0, "[1]");
    }

    #[test]
    fn truncated_and_missing_objects_are_incomplete() {
        assert_eq!(cut(JsonExtractor::new(false), &["{\"a\": 1"]), ("{\"a\": 1".to_owned(), false));
        assert_eq!(cut(JsonExtractor::new(false), &["sorry"]), (String::new(), false));
        assert!(!cut(JsonExtractor::new(false), &["{\"a\": \"\\\"}"]).1, "the brace is inside the string");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[\\PC\"\\\\{}\\[\\]\n]{0,8}".prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"{]{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_object_is_extracted_byte_for_byte_whatever_the_deltas(
            value in value(), pretty: bool, before in "[a-z `\n\"]{0,12}", after in "\\PC{0,12}",
            cuts in prop::collection::vec(any::<usize>(), 0..8)
        ) {
            let object = json!({ "it": value });
            let text = if pretty { serde_json::to_string_pretty(&object).unwrap() } else { object.to_string() };
            let answer = format!("{before}{text}{after}");
            let mut places: Vec<usize> =
                cuts.iter().map(|cut| answer.floor_char_boundary(cut % (answer.len() + 1))).collect();
            places.extend([0, answer.len()]);
            places.sort_unstable();
            let deltas: Vec<&str> = places.windows(2).map(|pair| &answer[pair[0]..pair[1]]).collect();
            prop_assert_eq!(cut(JsonExtractor::new(false), &deltas), (text, true));
        }
    }
}
