//! Cuts one JSON value out of what a model says around it: a greeting, a fence, a good-bye.
//!
//! Only where the value begins and ends is looked at here. Whether it is JSON, and follows a schema, is checked when it is whole.

/// Passes on the first object (or the first value) of a text, as it comes, and nothing else.
#[derive(Clone, Debug)]
pub(crate) struct JsonCut {
    any_value: bool,
    state: State,
    /// How many brackets are open.
    depth: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The value has not begun.
    Before,
    /// Within it, and in none of its strings.
    Within,
    InString,
    /// Within a string, behind a backslash.
    Escaped,
    /// After it.
    After,
}

impl JsonCut {
    /// For an answer that must be an object, or where `any_value` is allowed an object or an array.
    pub(crate) fn new(any_value: bool) -> Self {
        Self { any_value, state: State::Before, depth: 0 }
    }

    /// Takes a delta, and gives back what of it belongs to the value.
    pub(crate) fn push(&mut self, delta: &str) -> String {
        let mut kept = String::with_capacity(delta.len());
        for character in delta.chars() {
            self.state = match (self.state, character) {
                (State::Before, '[') if !self.any_value => continue,
                (State::Before | State::Within, '{' | '[') => {
                    self.depth += 1;
                    State::Within
                }
                (State::Before, _) => continue,
                (State::After, _) => break,
                (State::Within, '}' | ']') => {
                    self.depth -= 1;
                    if self.depth == 0 { State::After } else { State::Within }
                }
                (State::InString, '\\') => State::Escaped,
                (State::InString, '"') => State::Within,
                (State::Within, '"') | (State::InString | State::Escaped, _) => State::InString,
                (State::Within, _) => State::Within,
            };
            kept.push(character);
        }
        kept
    }

    /// Whether the value is whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.state == State::After
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn cut(mut json: JsonCut, deltas: &[&str]) -> (String, bool) {
        let text = deltas.iter().map(|delta| json.push(delta)).collect();
        (text, json.is_whole())
    }

    #[test]
    fn what_stands_around_an_object_is_left_out() {
        let said = ["Sure, [1]! ```json\n{\"a\"", ": \"}\\\"{\", \"b\": [1", "]}", "\n``` {\"c\":1}"];
        assert_eq!(cut(JsonCut::new(false), &said), ("{\"a\": \"}\\\"{\", \"b\": [1]}".to_owned(), true));
        assert_eq!(cut(JsonCut::new(true), &said).0, "[1]");
    }

    #[test]
    fn an_object_without_an_end_and_no_object_are_unfinished() {
        assert_eq!(cut(JsonCut::new(false), &["{\"a\": 1"]), ("{\"a\": 1".to_owned(), false));
        assert_eq!(cut(JsonCut::new(false), &["sorry"]), (String::new(), false));
        assert!(!cut(JsonCut::new(false), &["{\"a\": \"\\\"}"]).1, "the brace is within the string");
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
        fn an_object_comes_out_byte_for_byte_wherever_the_deltas_are_cut(
            value in value(), pretty: bool, before in "[a-z `\n\"]{0,12}", after in "\\PC{0,12}",
            cuts in prop::collection::vec(any::<usize>(), 0..8)
        ) {
            let object = json!({ "it": value });
            let text = if pretty { serde_json::to_string_pretty(&object).unwrap() } else { object.to_string() };
            let said = format!("{before}{text}{after}");
            let mut places: Vec<usize> =
                cuts.iter().map(|cut| said.floor_char_boundary(cut % (said.len() + 1))).collect();
            places.extend([0, said.len()]);
            places.sort_unstable();
            let deltas: Vec<&str> = places.windows(2).map(|pair| &said[pair[0]..pair[1]]).collect();
            prop_assert_eq!(cut(JsonCut::new(false), &deltas), (text, true));
        }
    }
}
