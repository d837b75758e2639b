//! Whatever is asked, in whatever order: only the owner's yes is a yes, and the card shows what would run.

use codex_client::{FileDiff, FileDiffKind, FormField, FormInput};
use proptest::prelude::*;

use super::*;

/// Texts that hide something: control characters, right-to-left marks, blanks, escapes of their own.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        "[\u{0}-\u{1f}\u{7f}-\u{9f}]{0,3}",
        "[\u{200b}-\u{200f}\u{2028}-\u{202e}\u{2066}-\u{2069}\u{feff}]{0,3}",
        Just("\\u{202e}".to_owned()),
        Just("\r".to_owned()),
        Just("ا\u{301}ب".to_owned()),
        Just("x".repeat(70_000)),
    ];
    prop::collection::vec(word, 0..6).prop_map(|words| words.concat())
}

fn question() -> impl Strategy<Value = Question> {
    let texts = || prop::collection::vec(text(), 0..3);
    prop_oneof![
        (text(), texts(), text(), any::<bool>(), prop::option::of(text()), prop::option::of(text()))
            .prop_map(|(command, argv, folder, escalates, extra_permissions, network)| Question::Command {
                command,
                argv,
                folder: folder.into(),
                escalates,
                extra_permissions,
                network,
            }),
        (text(), text(), text()).prop_map(|(path, to, diff)| Question::FileChange {
            changes: vec![FileDiff { path, kind: FileDiffKind::Rename { to }, diff }],
            grant_root: None,
        }),
        (texts(), text()).prop_map(|(wants, folder)| Question::Permissions { wants, folder: folder.into() }),
        (text(), text(), text()).prop_map(|(id, question, label)| Question::Input {
            questions: vec![codex_client::InputQuestion {
                id,
                header: question.clone(),
                question,
                options: vec![codex_client::InputOption { description: label.clone(), label }],
                is_other: false,
                is_secret: false,
            }],
        }),
        (text(), text(), text()).prop_map(|(server, message, name)| Question::Form {
            server,
            message: message.clone(),
            fields: vec![FormField {
                title: name.clone(),
                description: message,
                name,
                required: true,
                input: FormInput::Text,
                initial: Vec::new(),
            }],
        }),
        (text(), text(), text()).prop_map(|(server, message, url)| Question::Url { server, message, url }),
    ]
}

/// What happens at the desk. The numbers choose a question.
#[derive(Clone, Debug)]
enum Event {
    Ask(Question),
    Answer(prop::sample::Index, ApprovalAnswer),
    /// The turn ends.
    Drop(prop::sample::Index),
    /// codex takes it back.
    Withdraw(prop::sample::Index),
    Wait(u64),
    Attend,
    Leave,
    Close,
}

fn event() -> impl Strategy<Value = Event> {
    let answer = prop_oneof![
        Just(ApprovalAnswer::AllowOnce),
        Just(ApprovalAnswer::Deny),
        Just(ApprovalAnswer::DenyAndStop),
        text().prop_map(|value| ApprovalAnswer::Values { values: values(&value, &value) }),
        Just(ApprovalAnswer::Values { values: BTreeMap::new() }),
    ];
    prop_oneof![
        4 => question().prop_map(Event::Ask),
        3 => (any::<prop::sample::Index>(), answer).prop_map(|(at, answer)| Event::Answer(at, answer)),
        1 => any::<prop::sample::Index>().prop_map(Event::Drop),
        1 => any::<prop::sample::Index>().prop_map(Event::Withdraw),
        1 => (0..400_u64).prop_map(Event::Wait),
        2 => Just(Event::Attend),
        1 => Just(Event::Leave),
        1 => Just(Event::Close),
    ]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// A question, its id, and whether the owner has said yes to it.
struct Case {
    waiting: Option<Waiting>,
    codex: PendingAsk,
    id: String,
    allowed: bool,
    /// Whether codex has taken it back.
    withdrawn: bool,
}

async fn play(events: Vec<Event>) {
    let desk = Desk::new();
    let (mut attending, mut cases) = (Vec::new(), Vec::<Case>::new());
    for event in events {
        match event {
            Event::Ask(question) => {
                let Asked { waiting, codex } = desk.ask(question);
                let (id, codex) = (waiting.id.clone(), codex.unwrap());
                cases.push(Case { waiting: Some(waiting), codex, id, allowed: false, withdrawn: false });
            }
            Event::Attend => attending.push(desk.approvals.attend()),
            Event::Leave => drop(attending.pop()),
            Event::Close => desk.approvals.close(),
            Event::Wait(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            Event::Answer(..) | Event::Drop(_) | Event::Withdraw(_) if cases.is_empty() => {}
            Event::Answer(at, answer) => {
                let case = at.get_mut(&mut cases);
                let yes = !matches!(answer, ApprovalAnswer::Deny | ApprovalAnswer::DenyAndStop);
                let counts = desk.approvals.answer(&case.id, answer).is_ok();
                assert!(!(counts && case.allowed), "it was answered twice");
                case.allowed |= counts && yes;
            }
            Event::Drop(at) => drop(at.get_mut(&mut cases).waiting.take()),
            Event::Withdraw(at) => {
                let case = at.get_mut(&mut cases);
                case.codex.withdraw();
                case.withdrawn = true;
            }
        }
    }
    drop(attending);
    for case in cases {
        drop(case.waiting);
        let received = case.codex.outcome().await;
        let yes = matches!(received, AskOutcome::Answered(Decision::Accept | Decision::Values(_)));
        // An answer that codex no longer waited for has no effect.
        assert!(yes == case.allowed || (case.withdrawn && !yes), "{received:?}, allowed: {}", case.allowed);
    }
    assert!(desk.shown().is_empty());
}

/// Every text in a JSON value.
fn texts(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn only_the_owners_yes_is_a_yes(events in prop::collection::vec(event(), 0..40)) {
        runtime().block_on(play(events));
    }

    #[test]
    fn a_card_hides_nothing_and_shows_what_would_run(question in question()) {
        runtime().block_on(async {
            let desk = Desk::new();
            let _attendance = desk.approvals.attend();
            let _asked = desk.ask(question.clone());
            let shown = desk.shown();
            let mut found = Vec::new();
            texts(&serde_json::to_value(&*shown).unwrap(), &mut found);
            let is_hidden = |c: char| (c.is_control() && c != '\n' && c != '\t')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
            for text in &found {
                assert!(!text.replace("\r\n", "\n").contains(is_hidden), "{text:?}");
            }
            match (&question, shown.first().map(|approval| &approval.question)) {
                (Question::Command { command, .. }, Some(ApprovalQuestion::Command { command: shown, .. })) => {
                    assert_eq!(visible::original(shown), *command);
                }
                (Question::FileChange { changes, .. }, Some(ApprovalQuestion::FileChange { files, .. })) => {
                    assert_eq!(visible::original(&files[0].diff), changes[0].diff);
                }
                // Too long to show, so it was denied.
                (_, None) => {}
                (Question::Command { .. } | Question::FileChange { .. }, shown) => panic!("{shown:?}"),
                _ => {}
            }
        });
    }
}
