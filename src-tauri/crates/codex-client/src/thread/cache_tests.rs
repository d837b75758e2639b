use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::item::{Content, Role, ToolCall};
use crate::request::{SandboxMode, ThreadProfile};
use crate::turn::event_queue;

fn request(owner: &str, items: &[Item]) -> TurnRequest {
    TurnRequest {
        profile: ThreadProfile {
            kind: ThreadKind::Plain,
            model: Some("m".into()),
            workspace: "/w".into(),
            sandbox: SandboxMode::ReadOnly,
            tools: Arc::default(),
            verbosity: None,
            service_tier: None,
            web_search: None,
        },
        owner: owner.into(),
        items: items.to_vec(),
        turn_instructions: None,
        effort: None,
        reasoning_summary: true,
        output_schema: None,
        one_call_at_a_time: false,
    }
}

fn fingerprints(owner: &str, items: &[Item]) -> Fingerprints {
    Fingerprints::new(&request(owner, items))
}

fn message(role: Role, text: &str) -> Item {
    Item::Message { role, content: vec![Content::Text(text.into())] }
}

fn user(text: &str) -> Item {
    message(Role::User, text)
}

fn call(id: &str) -> ToolCall {
    ToolCall { call_id: id.into(), name: "f".into(), arguments: "{}".into() }
}

fn output(id: &str) -> Item {
    Item::ToolOutput { call_id: id.into(), output: vec![Content::Text("out".into())] }
}

fn cache(threads: usize) -> ThreadCache {
    ThreadCache::new(Retention { max_threads: threads, ..Retention::default() })
}

/// How many items the thread has that is found for a conversation.
fn found(cache: &ThreadCache, owner: &str, items: &[Item]) -> Option<usize> {
    cache.take(&fingerprints(owner, items), items).map(|(_, has)| has)
}

#[test]
fn an_idle_thread_is_found_by_the_conversation_and_its_answer_and_only_once() {
    let cache = cache(8);
    let at = fingerprints("me", &[user("a")]).with_answer("b ", &[]);
    let _waits = cache.insert(at, ThreadKind::Plain, Vec::new());
    let goes_on = [user("a"), message(Role::Assistant, "b"), user("c")];
    assert_eq!(found(&cache, "another", &goes_on), None);
    assert_eq!(found(&cache, "me", &goes_on[..2]), None, "there is nothing to go on with");
    assert_eq!(found(&cache, "me", &[user("a"), message(Role::Assistant, "edited"), user("c")]), None);
    assert_eq!(found(&cache, "me", &goes_on), Some(2));
    assert_eq!(found(&cache, "me", &goes_on), None);
}

#[test]
fn a_parked_turn_goes_on_with_all_its_outputs_in_any_order_and_with_nothing_else() {
    let cache = cache(8);
    let calls = [call("1"), call("2")];
    let at = fingerprints("me", &[user("a")]).with_answer("", &calls);
    let _waits = cache.insert(at, ThreadKind::Plain, vec!["1".into(), "2".into()]);
    let begins = [user("a"), Item::ToolCall(call("1")), Item::ToolCall(call("2"))];
    let with = |more: &[Item]| [&begins[..], more].concat();
    assert_eq!(found(&cache, "me", &with(&[output("1")])), None);
    assert_eq!(found(&cache, "me", &with(&[output("1"), output("1")])), None);
    assert_eq!(found(&cache, "me", &with(&[output("1"), output("2"), user("and?")])), None);
    assert_eq!(found(&cache, "me", &with(&[output("2"), output("1")])), Some(3));
}

#[test]
fn what_stays_with_a_thread_is_part_of_the_conversation() {
    let plain = request("me", &[user("a")]);
    let first = Fingerprints::new(&plain).after(1);
    let mut others = vec![plain.clone(), plain.clone(), plain.clone(), plain.clone()];
    others[0].effort = Some("high".into());
    others[1].profile.service_tier = Some("flex".into());
    others[2].profile.kind = ThreadKind::Agent;
    others[3].profile.tools =
        [crate::request::Tool { name: "f".into(), description: String::new(), schema: "{}".into() }].into();
    for other in others {
        assert_ne!(Fingerprints::new(&other).after(1), first, "{other:?}");
    }
}

#[test]
fn the_one_that_was_used_least_recently_gives_way_and_agents_give_way_to_agents() {
    let cache = ThreadCache::new(Retention { max_threads: 2, max_agents: 1, ..Retention::default() });
    let at = |text: &str| fingerprints("me", &[user(text)]).with_answer("x", &[]);
    let mut first = cache.insert(at("1"), ThreadKind::Plain, Vec::new());
    let mut agent = cache.insert(at("2"), ThreadKind::Agent, Vec::new());
    let mut other = cache.insert(at("3"), ThreadKind::Agent, Vec::new());
    let is_gone = |waits: &mut oneshot::Receiver<AnswerJob>| {
        matches!(waits.try_recv(), Err(oneshot::error::TryRecvError::Closed))
    };
    assert!(is_gone(&mut agent) && !is_gone(&mut first) && !is_gone(&mut other));
    let _more = cache.insert(at("4"), ThreadKind::Plain, Vec::new());
    assert!(is_gone(&mut first) && !is_gone(&mut other));
}

#[test]
fn a_thread_whose_task_has_ended_is_not_found() {
    let cache = cache(8);
    let at = fingerprints("me", &[user("a")]).with_answer("b", &[]);
    drop(cache.insert(at, ThreadKind::Plain, Vec::new()));
    assert_eq!(found(&cache, "me", &[user("a"), message(Role::Assistant, "b"), user("c")]), None);
}

#[test]
fn the_job_reaches_the_task_that_waits() {
    let cache = cache(8);
    let items = [user("a"), message(Role::Assistant, "b"), user("c")];
    let at = fingerprints("me", &items[..1]).with_answer("b", &[]);
    let mut waits = cache.insert(at, ThreadKind::Plain, Vec::new());
    let (go_on, has) = cache.take(&fingerprints("me", &items), &items).unwrap();
    let (events, _) = event_queue();
    let request = request("me", &items);
    let fingerprints = Fingerprints::new(&request);
    let job = AnswerJob { request, fingerprints, items_in_thread: has, events };
    assert!(go_on.send(job).is_ok());
    assert_eq!(waits.try_recv().unwrap().items_in_thread, 2);
}

/// A step of somebody who chats, over few words so that conversations often begin alike.
#[derive(Clone, Debug)]
struct Step {
    owner: u8,
    /// Which earlier conversation is gone on with, and how much of it is left in.
    from: usize,
    cut: usize,
    says: u8,
    answer: u8,
}

fn step() -> impl Strategy<Value = Step> {
    (0..2_u8, 0..20_usize, 0..8_usize, 0..3_u8, 0..3_u8).prop_map(|(owner, from, cut, says, answer)| Step {
        owner,
        from,
        cut,
        says,
        answer,
    })
}

proptest! {
    /// Whatever people do (go on, edit, regenerate, start alike): a thread that is found holds the conversation's own
    /// beginning, item by item, of the same owner, and as much of it as any thread does.
    #[test]
    fn a_thread_never_holds_anything_but_the_beginning_of_the_conversation(steps in prop::collection::vec(step(), 1..40)) {
        let cache = cache(64);
        let mut waiting: Vec<(u8, Vec<Item>, oneshot::Receiver<AnswerJob>)> = Vec::new();
        let mut said: Vec<Vec<Item>> = vec![Vec::new()];
        for step in steps {
            let mut items = said[step.from % said.len()].clone();
            items.truncate(items.len().saturating_sub(step.cut));
            items.push(user(&step.says.to_string()));
            let owner = step.owner.to_string();
            let best = waiting
                .iter()
                .filter(|(of, has, _)| *of == step.owner && has.len() < items.len() && items.starts_with(has))
                .map(|(_, has, _)| has.len())
                .max();
            let taken = cache.take(&fingerprints(&owner, &items), &items);
            prop_assert_eq!(taken.as_ref().map(|(_, has)| *has), best);
            if let Some((go_on, has)) = taken {
                drop(go_on);
                let place = waiting
                    .iter_mut()
                    .position(|(of, holds, waits)| *of == step.owner && holds[..] == items[..has] && waits.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
                prop_assert!(place.is_some(), "another thread was taken");
                waiting.remove(place.unwrap());
            }
            let answer = step.answer.to_string();
            let at = fingerprints(&owner, &items).with_answer(&answer, &[]);
            let waits = cache.insert(at, ThreadKind::Plain, Vec::new());
            items.push(message(Role::Assistant, &answer));
            waiting.push((step.owner, items.clone(), waits));
            said.push(items);
        }
    }
}
