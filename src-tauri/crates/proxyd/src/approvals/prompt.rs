//! The answer to one question, line by line: a small state machine without IO.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use codex_client::{FormField, FormInput, InputOption, InputQuestion};
use proxy::approvals::{Approval, ApprovalAnswer, ApprovalQuestion};

/// A line that was typed for what stood there before must not answer this question.
const INERT_FOR: Duration = Duration::from_millis(500);

/// A question that is being answered.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) approval: Approval,
    shown_at: Instant,
    fields: Vec<Field>,
    /// The fields so far, once there was a yes.
    values: Option<Vec<(String, Vec<String>)>>,
}

/// What to do after a line.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Print this, and read on.
    Say(String),
    Answer(ApprovalAnswer),
}

#[derive(Debug)]
struct Field {
    name: String,
    label: String,
    options: Vec<InputOption>,
    /// Whether only the options are answers.
    only_options: bool,
    several: bool,
    required: bool,
    initial: Vec<String>,
    is_secret: bool,
}

impl Prompt {
    pub(super) fn new(approval: Approval, now: Instant) -> Self {
        let fields = fields(&approval.question);
        Self { approval, shown_at: now, fields, values: None }
    }

    /// What to print before a line is read.
    pub(super) fn text(&self) -> String {
        let Some(values) = &self.values else {
            let yes = if self.fields.is_empty() { "allow once" } else { "answer" };
            let always = if self.approval.can_remember { ", (a) allow from now on" } else { "" };
            return format!("(y) {yes}{always}, (n) deny, (s) deny and stop. Enter denies: ");
        };
        let Some(field) = self.fields.get(values.len()) else { return String::new() };
        let mut text = format!("{}\n", one_line(&field.label));
        for (number, option) in (1..).zip(&field.options) {
            let more = if option.description.is_empty() { "" } else { ": " };
            let (label, description) = (one_line(&option.label), one_line(&option.description));
            text.push_str(&format!("  {number}) {label}{more}{description}\n"));
        }
        let what = match (field.options.is_empty(), field.only_options, field.several) {
            (true, ..) => "Your answer",
            (_, _, true) => "Numbers, with commas",
            (_, true, _) => "Number",
            _ => "Number, or your own answer",
        };
        let enter = match (field.initial.is_empty(), field.required) {
            (false, _) => format!("Enter: {}", one_line(&field.initial.join(", "))),
            (true, true) => "Enter denies".to_owned(),
            (true, false) => "Enter leaves it out".to_owned(),
        };
        let secret = if field.is_secret { "; what you type can be seen" } else { "" };
        format!("{text}{what} ({enter}{secret}): ")
    }

    /// Takes a line.
    pub(super) fn line(&mut self, line: &str, now: Instant) -> Next {
        let line = line.trim();
        if self.values.is_some() {
            return self.value(line);
        }
        if now.duration_since(self.shown_at) < INERT_FOR {
            return Next::Say("Too fast: this was not read yet. Answer again.".to_owned());
        }
        match line.to_lowercase().as_str() {
            "y" if self.fields.is_empty() => Next::Answer(ApprovalAnswer::AllowOnce),
            "y" => {
                self.values = Some(Vec::new());
                Next::Say(String::new())
            }
            "a" if self.approval.can_remember => Next::Answer(ApprovalAnswer::AllowFromNowOn),
            "" | "n" => Next::Answer(ApprovalAnswer::Deny),
            "s" => Next::Answer(ApprovalAnswer::DenyAndStop),
            _ => Next::Say("This is none of the answers.".to_owned()),
        }
    }

    fn value(&mut self, line: &str) -> Next {
        let Some(values) = &mut self.values else { return Next::Say(String::new()) };
        let Some(field) = self.fields.get(values.len()) else { return Next::Answer(ApprovalAnswer::Deny) };
        let given = match line {
            "" if field.initial.is_empty() && field.required => return Next::Answer(ApprovalAnswer::Deny),
            "" => field.initial.clone(),
            line => match field.read(line) {
                Some(given) => given,
                None => return Next::Say("This is none of the answers.".to_owned()),
            },
        };
        values.push((field.name.clone(), given));
        if values.len() < self.fields.len() {
            return Next::Say(String::new());
        }
        let given = std::mem::take(values).into_iter().filter(|(_, values)| !values.is_empty());
        Next::Answer(ApprovalAnswer::Values { values: given.collect::<BTreeMap<_, _>>() })
    }
}

impl Field {
    fn read(&self, line: &str) -> Option<Vec<String>> {
        let option = |text: &str| {
            let number = text.trim().parse::<usize>().ok()?.checked_sub(1)?;
            self.options.get(number).map(|option| option.label.clone())
        };
        if self.several {
            return line.split(',').map(option).collect();
        }
        match option(line) {
            Some(label) => Some(vec![label]),
            None if self.only_options => None,
            None => Some(vec![line.to_owned()]),
        }
    }
}

fn fields(question: &ApprovalQuestion) -> Vec<Field> {
    match question {
        ApprovalQuestion::Input { questions } => {
            let field = |question: &InputQuestion| Field {
                name: question.id.clone(),
                label: question.question.clone(),
                only_options: !question.options.is_empty() && !question.is_other,
                options: question.options.clone(),
                several: false,
                required: true,
                initial: Vec::new(),
                is_secret: question.is_secret,
            };
            questions.iter().map(field).collect()
        }
        ApprovalQuestion::Form { fields, .. } => fields.iter().map(form_field).collect(),
        _ => Vec::new(),
    }
}

fn form_field(field: &FormField) -> Field {
    let named = |label: &str| InputOption { label: label.to_owned(), description: String::new() };
    let (options, several) = match &field.input {
        FormInput::Choice { options } => (options.clone(), false),
        FormInput::Choices { options } => (options.clone(), true),
        FormInput::Boolean => (vec![named("true"), named("false")], false),
        FormInput::Text | FormInput::Number | FormInput::Integer => (Vec::new(), false),
    };
    let more = if field.description.is_empty() { "" } else { ": " };
    Field {
        name: field.name.clone(),
        label: format!("{}{more}{}", field.title, field.description),
        only_options: !options.is_empty(),
        options,
        several,
        required: field.required,
        initial: field.initial.clone(),
        is_secret: false,
    }
}

fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prompt(question: &serde_json::Value, can_remember: bool) -> Prompt {
        let approval = json!({"id":"1","request":"r","key":"laptop","client":"curl","model":"codex-local","folder":"/w",
            "reason":null,"askedAt":0,"expiresAt":1,"canRemember":can_remember,"question":question});
        let long_ago = Instant::now().checked_sub(INERT_FOR).unwrap();
        Prompt::new(serde_json::from_value(approval).unwrap(), long_ago)
    }

    fn command(can_remember: bool) -> Prompt {
        prompt(&json!({"kind":"command","command":"touch x","outsideSandbox":true,"also":[]}), can_remember)
    }

    fn answered(prompt: &mut Prompt, lines: &[&str]) -> Option<ApprovalAnswer> {
        lines.iter().find_map(|line| match prompt.line(line, Instant::now()) {
            Next::Answer(answer) => Some(answer),
            Next::Say(_) => None,
        })
    }

    #[test]
    fn only_a_letter_allows_and_enter_denies() {
        for (line, answer) in [
            ("y", Some(ApprovalAnswer::AllowOnce)),
            ("a", Some(ApprovalAnswer::AllowFromNowOn)),
            ("n", Some(ApprovalAnswer::Deny)),
            ("s", Some(ApprovalAnswer::DenyAndStop)),
            ("", Some(ApprovalAnswer::Deny)),
            ("yy", None),
        ] {
            assert_eq!(answered(&mut command(true), &[line]), answer, "{line}");
        }
        assert_eq!(answered(&mut command(false), &["a"]), None);
    }

    #[test]
    fn line_that_was_typed_before_the_question_does_not_answer_it() {
        let Prompt { approval, .. } = command(true);
        let mut prompt = Prompt::new(approval, Instant::now());
        for line in ["y", "a", ""] {
            assert!(matches!(prompt.line(line, prompt.shown_at), Next::Say(_)), "{line}");
        }
    }

    #[test]
    fn values_are_asked_one_by_one() {
        let question = json!({"kind":"form","server":"s","message":"m","fields":[
            {"name":"name","title":"Name","description":"","required":true,"input":{"type":"text"},"initial":[]},
            {"name":"age","title":"Age","description":"","required":false,"input":{"type":"integer"},"initial":[]},
            {"name":"member","title":"Member","description":"","required":true,"input":{"type":"boolean"},"initial":["false"]},
            {"name":"days","title":"Days","description":"","required":false,"input":{"type":"choices","options":[
                {"label":"Mon","description":""},{"label":"Fri","description":""}]},"initial":[]}]});
        let values = |pairs: &[(&str, &str)]| {
            let value = |(name, value): &(&str, &str)| ((*name).to_owned(), vec![(*value).to_owned()]);
            Some(ApprovalAnswer::Values { values: pairs.iter().map(value).collect() })
        };
        let answer = answered(&mut prompt(&question, false), &["y", "Ann", "", "", "3", "2"]);
        assert_eq!(answer, values(&[("name", "Ann"), ("member", "false"), ("days", "Fri")]));
        // A required one that is left out denies.
        assert_eq!(answered(&mut prompt(&question, false), &["y", ""]), Some(ApprovalAnswer::Deny));
        let question = json!({"kind":"input","questions":[{"id":"c","header":"h","question":"Which?","isOther":true,
            "isSecret":false,"options":[{"label":"Red","description":"d"}]}]});
        for (line, answer) in [("1", "Red"), ("mauve", "mauve")] {
            assert_eq!(answered(&mut prompt(&question, false), &["y", line]), values(&[("c", answer)]));
        }
        assert!(prompt(&question, false).text().contains("(y) answer"));
    }
}
