use proptest::prelude::*;

use super::*;
use crate::item::{Content, Role, ToolCall};
use crate::request::ThreadProfile;
use crate::turn::event_queue;

fn request(owner: &str, items: &[Item]) -> TurnRequest {
    TurnRequest {
        profile: ThreadProfile { model: Some("m".into()), ..ThreadProfile::plain("/w".into()) },
        owner: owner.into(),
        items: items.to_vec(),
        turn_instructions: None,
        effort: None,
        reasoning_summary: true,
        output_schema: None,
        one_call_at_a_time: false,
        one_shot: false,
        unseen_items: 0,
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

/// The number of items in the thread found for a conversation.
fn found(cache: &ThreadCache, owner: &str, items: &[Item]) -> Option<usize> {
    cache.take(&fingerprints(owner, items), &mut items.to_vec()).map(|(_, count)| count)
}

/// An idle thread with this conversation and its answer.
fn idle(owner: &str, items: &[Item], answer: &str) -> CachedState {
    CachedState::Idle(fingerprints(owner, items).with_answer(answer))
}

fn parked(request: &TurnRequest, calls: &[ToolCall]) -> CachedState {
    CachedState::Parked(ParkedTurn::new(&Fingerprints::new(request), calls))
}

#[test]
fn idle_thread_is_found_once_by_its_conversation_and_answer() {
    let cache = cache(8);
    let _receiver = cache.insert(idle("me", &[user("a")], "b "), "me", ThreadKind::Plain);
    let continued = [user("a"), message(Role::Assistant, "b"), user("c")];
    assert_eq!(found(&cache, "another", &continued), None);
    assert_eq!(found(&cache, "me", &continued[..2]), None, "there is no new item");
    assert_eq!(found(&cache, "me", &[user("a"), message(Role::Assistant, "edited"), user("c")]), None);
    assert_eq!(found(&cache, "me", &continued), Some(2));
    assert_eq!(found(&cache, "me", &continued), None);
}

#[test]
fn parked_turn_resumes_only_with_exactly_its_outputs_in_any_order() {
    let cache = cache(8);
    let calls = [call("1"), call("2")];
    let _receiver = cache.insert(parked(&request("me", &[user("a")]), &calls), "me", ThreadKind::Plain);
    let prefix = [user("a"), Item::ToolCall(call("1")), Item::ToolCall(call("2"))];
    let with = |more: &[Item]| [&prefix[..], more].concat();
    assert_eq!(found(&cache, "me", &with(&[output("1")])), None);
    assert_eq!(found(&cache, "me", &with(&[output("1"), output("1")])), None);
    assert_eq!(found(&cache, "me", &with(&[output("1"), output("2"), output("2")])), None);
    assert_eq!(found(&cache, "me", &with(&[output("1"), output("2"), user("and?")])), None);
    let begun = message(Role::Assistant, "So");
    assert_eq!(found(&cache, "me", &with(&[output("1"), output("2"), begun])), None, "an answer has begun");
    assert_eq!(found(&cache, "another", &with(&[output("2"), output("1")])), None);
    assert_eq!(found(&cache, "me", &with(&[output("2"), output("1")])), Some(1));
}

#[test]
fn parked_turn_is_found_by_its_call_ids_whatever_stands_beside_them() {
    let (one, two) = (Item::ToolCall(call("1")), Item::ToolCall(call("2")));
    let says = |text| message(Role::Assistant, text);
    for answer in [
        vec![says("<think>Hm.</think>"), one.clone(), two.clone(), output("1"), output("2")],
        vec![one.clone(), output("1"), says(" "), two.clone(), output("2")],
        vec![two.clone(), one.clone(), says("a"), says("b"), output("2"), output("1")],
    ] {
        // A client can begin the answer itself.
        for prompt in [vec![user("a")], vec![user("a"), says("b")]] {
            let cache = cache(8);
            let state = parked(&request("me", &prompt), &[call("1"), call("2")]);
            let _receiver = cache.insert(state, "me", ThreadKind::Plain);
            let items = [&prompt[..], &answer].concat();
            assert_eq!(found(&cache, "me", &items), Some(prompt.len()), "{items:?}");
        }
    }
}

#[test]
fn parked_turn_is_found_by_its_call_alone_if_the_client_has_no_ids() {
    let theirs = |name: &str, arguments: &str| {
        let call_id = ToolCall::id_by_position(1, 0);
        let call = ToolCall { call_id: call_id.clone(), name: name.into(), arguments: arguments.into() };
        vec![user("a"), Item::ToolCall(call), output(&call_id)]
    };
    let cache = cache(8);
    let _receiver = cache.insert(parked(&request("me", &[user("a")]), &[call("1")]), "me", ThreadKind::Plain);
    for items in [theirs("g", "{}"), theirs("f", "{\"a\":1}")] {
        assert_eq!(found(&cache, "me", &items), None);
    }
    let mut items = theirs("f", "{ }");
    assert_eq!(cache.take(&fingerprints("me", &items), &mut items).unwrap().1, 1);
    assert_eq!(items[1..], [Item::ToolCall(ToolCall { arguments: "{ }".into(), ..call("1") }), output("1")]);
}

#[test]
fn parked_turn_that_cannot_give_what_is_wanted_now_is_dropped() {
    let changes: [fn(&mut TurnRequest); 3] = [
        |request| request.turn_instructions = Some("note".into()),
        |request| request.output_schema = Some(serde_json::json!({"type":"object"})),
        |request| request.reasoning_summary = false,
    ];
    for change in changes {
        let cache = cache(8);
        let before = request("me", &[user("a")]);
        let mut receiver = cache.insert(parked(&before, &[call("1")]), "me", ThreadKind::Plain);
        let mut now = request("me", &[user("a"), Item::ToolCall(call("1")), output("1")]);
        change(&mut now);
        assert!(cache.take(&Fingerprints::new(&now), &mut now.items).is_none());
        assert_eq!(receiver.try_recv().unwrap_err(), oneshot::error::TryRecvError::Closed);
        // Within a turn that began with the same, it goes on.
        let mut before = before;
        change(&mut before);
        let _receiver = cache.insert(parked(&before, &[call("1")]), "me", ThreadKind::Plain);
        assert!(cache.take(&Fingerprints::new(&now), &mut now.items).is_some());
    }
}

#[test]
fn fingerprint_covers_everything_that_stays_with_a_thread() {
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

fn is_evicted(receiver: &mut oneshot::Receiver<AnswerJob>) -> bool {
    matches!(receiver.try_recv(), Err(oneshot::error::TryRecvError::Closed))
}

/// Caches a thread of `owner`.
fn insert(cache: &ThreadCache, owner: &str, kind: ThreadKind) -> oneshot::Receiver<AnswerJob> {
    cache.insert(idle(owner, &[user("a")], "x"), owner, kind)
}

#[test]
fn least_recently_used_thread_is_evicted_and_agents_only_by_agents_over_their_limit() {
    let cache = ThreadCache::new(Retention { max_threads: 2, max_agents: 1, ..Retention::default() });
    let mut first = insert(&cache, "a", ThreadKind::Plain);
    let mut agent = insert(&cache, "b", ThreadKind::Agent);
    let mut other = insert(&cache, "c", ThreadKind::Agent);
    assert!(is_evicted(&mut agent) && !is_evicted(&mut first) && !is_evicted(&mut other));
    let _more = insert(&cache, "d", ThreadKind::Plain);
    assert!(is_evicted(&mut first) && !is_evicted(&mut other));
}

#[test]
fn a_key_holds_at_most_half_of_the_threads() {
    let cache = cache(8);
    let mut chat = insert(&cache, "chat", ThreadKind::Plain);
    let mut busy: Vec<_> = (0..20).map(|_| insert(&cache, "busy", ThreadKind::Plain)).collect();
    assert!(!is_evicted(&mut chat));
    let kept: Vec<bool> = busy.iter_mut().map(|thread| !is_evicted(thread)).collect();
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 4);
    assert!(kept[16..].iter().all(|kept| *kept), "the most recent ones are kept");
}

#[test]
fn a_key_with_more_than_half_of_the_agents_evicts_its_own() {
    let cache = ThreadCache::new(Retention { max_agents: 4, ..Retention::default() });
    let mut other = insert(&cache, "other", ThreadKind::Agent);
    let mut busy: Vec<_> = (0..4).map(|_| insert(&cache, "busy", ThreadKind::Agent)).collect();
    assert!(!is_evicted(&mut other));
    assert!(is_evicted(&mut busy[0]) && busy[1..].iter_mut().all(|thread| !is_evicted(thread)));
    // A key with fewer evicts the least recently used one.
    let _more = insert(&cache, "third", ThreadKind::Agent);
    assert!(is_evicted(&mut other) && !is_evicted(&mut busy[1]));
}

#[test]
fn thread_whose_task_has_ended_is_not_found() {
    let cache = cache(8);
    drop(cache.insert(idle("me", &[user("a")], "b"), "me", ThreadKind::Plain));
    assert_eq!(found(&cache, "me", &[user("a"), message(Role::Assistant, "b"), user("c")]), None);
}

#[test]
fn job_reaches_the_waiting_task() {
    let cache = cache(8);
    let mut items = [user("a"), message(Role::Assistant, "b"), user("c")];
    let mut receiver = cache.insert(idle("me", &items[..1], "b"), "me", ThreadKind::Plain);
    let (sender, items_in_thread) = cache.take(&fingerprints("me", &items), &mut items).unwrap();
    let (events, _) = event_queue();
    let request = request("me", &items);
    let fingerprints = Fingerprints::new(&request);
    let job = AnswerJob { request, fingerprints, items_in_thread, kept: None, review: None, events };
    assert!(sender.send(job).is_ok());
    assert_eq!(receiver.try_recv().unwrap().items_in_thread, 2);
}

/// A step of a chatting user, with few distinct texts so that conversations often share a prefix.
#[derive(Clone, Debug)]
struct Step {
    owner: u8,
    /// The earlier conversation to continue, and how many of its items to drop.
    from: usize,
    dropped: usize,
    prompt: u8,
    answer: u8,
}

fn step() -> impl Strategy<Value = Step> {
    (0..2_u8, 0..20_usize, 0..8_usize, 0..3_u8, 0..3_u8)
        .prop_map(|(owner, from, dropped, prompt, answer)| Step { owner, from, dropped, prompt, answer })
}

proptest! {
    /// Whether users continue, edit, regenerate or start alike: the thread found belongs to the same owner and holds the
    /// longest available prefix of the conversation, item by item.
    #[test]
    fn found_thread_always_holds_a_prefix_of_the_conversation(steps in prop::collection::vec(step(), 1..40)) {
        let cache = cache(128);
        let mut waiting: Vec<(u8, Vec<Item>, oneshot::Receiver<AnswerJob>)> = Vec::new();
        let mut conversations: Vec<Vec<Item>> = vec![Vec::new()];
        for step in steps {
            let mut items = conversations[step.from % conversations.len()].clone();
            items.truncate(items.len().saturating_sub(step.dropped));
            items.push(user(&step.prompt.to_string()));
            let owner = step.owner.to_string();
            let best = waiting
                .iter()
                .filter(|(by, thread, _)| *by == step.owner && thread.len() < items.len() && items.starts_with(thread))
                .map(|(_, thread, _)| thread.len())
                .max();
            let taken = cache.take(&fingerprints(&owner, &items), &mut items);
            prop_assert_eq!(taken.as_ref().map(|(_, count)| *count), best);
            if let Some((sender, count)) = taken {
                drop(sender);
                let position = waiting
                    .iter_mut()
                    .position(|(by, thread, receiver)| *by == step.owner && thread[..] == items[..count] && receiver.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
                prop_assert!(position.is_some(), "another thread was taken");
                waiting.remove(position.unwrap());
            }
            let answer = step.answer.to_string();
            let receiver = cache.insert(idle(&owner, &items, &answer), &owner, ThreadKind::Plain);
            items.push(message(Role::Assistant, &answer));
            waiting.push((step.owner, items.clone(), receiver));
            conversations.push(items);
        }
    }
}
