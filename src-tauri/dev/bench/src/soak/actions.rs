//! Well-behaved clients, which chat and return tool outputs.

use tokio::time::Instant;

use super::client::Client;
use super::request::{self, Script};
use crate::answer::Route;
use crate::round_spec::MODEL;

/// A conversation of one or more turns, streamed or not, on any route.
pub(super) async fn talk(client: &mut Client<'_>, name: &str) {
    let (route, model) = (client.random_route(), client.random_model());
    let n = if route != Route::RESPONSES && client.one_in(8) { client.rng.u64(2..=3) } else { 1 };
    let (streamed, mut slow) = (!client.one_in(3), client.one_in(6));
    let mut script = Script::random(name, &mut client.rng);
    let mut body = request::opening(route, model, &script.prompt(), streamed, n);
    let mut id = name.to_owned();
    for turn in 2.. {
        let Some(answer) = client.ask(&id, route, &body, slow).await else { return };
        let wanted: Vec<String> = (0..n).map(|_| script.answer()).collect();
        let correct = client.check(&id, &answer, (&wanted, &[]), false);
        if !correct || n > 1 || route == Route::COMPLETIONS || !client.one_in(3) {
            return;
        }
        let reply = script.answer();
        id = format!("{name}-{turn}");
        script = Script::random(&id, &mut client.rng);
        body = request::next_text(route, &body, &answer.id, &reply, &script.prompt());
        slow = false;
    }
}

/// A request whose stream breaks off upstream, and is asked for again. A stream cannot take back what it has sent.
pub(super) async fn survive_break(client: &mut Client<'_>, name: &str) {
    let (route, model) = (client.random_route(), client.random_model());
    let (streamed, differs) = (client.one_in(2), client.one_in(2));
    let script = Script::random(name, &mut client.rng);
    let prompt = script.breaking_prompt(&mut client.rng, differs);
    let body = request::opening(route, model, &prompt, streamed, 1);
    if streamed && differs {
        // A response has no better code.
        return client.ask_in_vain(name, route, &body, &["answer_cut", "server_error"]).await;
    }
    if let Some(answer) = client.ask(name, route, &body, false).await {
        let wanted = if differs { script.other_answer() } else { script.answer() };
        client.check(name, &answer, (&[wanted], &[]), false);
    }
}

/// A request while upstream cannot be reached.
pub(super) async fn meet_dead_network(client: &mut Client<'_>, name: &str, route: Route, streamed: bool) {
    let body = request::opening(route, MODEL, name, streamed, 1);
    client.ask_in_vain(name, route, &body, &["upstream_unreachable", "server_error"]).await;
}

/// A conversation with one or two tool calls, whose outputs the client returns, or abandons.
pub(super) async fn use_tools(client: &mut Client<'_>, name: &str) {
    let route = if client.one_in(2) { Route::CHAT } else { Route::RESPONSES };
    let calls = if client.one_in(3) { 2 } else { 1 };
    // If calls come one at a time, a killed codex takes the remaining ones with it.
    let (shared, started, streamed) = (client.shared, Instant::now(), client.one_in(2));
    let killed = || shared.faults.killed_within(started, Instant::now());
    let mut body = request::opening(route, MODEL, &request::calls_prompt(name, calls), streamed, 1);
    body["tools"] = request::tools(route);
    let mut answered = 0;
    while answered < calls {
        let id = format!("{name}-{answered}");
        let Some(answer) = client.ask(&id, route, &body, false).await else { return };
        // If codex pauses between two calls of a response, each is a separate answer.
        let now = answer.calls.len().clamp(1, calls - answered);
        let wanted: Vec<_> = (answered..answered + now).map(|call| request::arguments(name, call)).collect();
        if !client.check(&id, &answer, (&[String::new()], &wanted), killed()) || client.one_in(4) {
            return;
        }
        let outputs = (answered..).map(|call| request::output(name, call));
        let outputs: Vec<_> = answer.calls.values().zip(outputs).collect();
        body = request::next_outputs(route, &body, &answer.id, &outputs);
        answered += now;
    }
    let id = format!("{name}-{answered}");
    if let Some(answer) = client.ask(&id, route, &body, false).await {
        client.check(&id, &answer, (&[request::after_outputs(name, calls)], &[]), killed());
    }
}
