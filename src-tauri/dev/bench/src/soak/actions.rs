//! What a well-behaved client does: it talks, and it brings the outputs of tools.

use tokio::time::Instant;

use super::client::Client;
use super::request::{self, Script};
use crate::answer::Route;
use crate::round_spec::MODEL;

/// A conversation of a turn or more, whole or streamed, by any route.
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
        let right = client.check(&id, &answer, (&wanted, &[]), false);
        if !right || n > 1 || route == Route::COMPLETIONS || !client.one_in(3) {
            return;
        }
        let said = script.answer();
        id = format!("{name}-{turn}");
        script = Script::random(&id, &mut client.rng);
        body = request::next_text(route, &body, &answer.id, &said, &script.prompt());
        slow = false;
    }
}

/// The model calls a tool, once or more; the client brings the outputs, or never comes back.
pub(super) async fn use_tools(client: &mut Client<'_>, name: &str) {
    let route = if client.one_in(2) { Route::CHAT } else { Route::RESPONSES };
    let calls = if client.one_in(3) { 2 } else { 1 };
    // Of calls that came one by one, those that were left are gone with the codex that knew of them.
    let (shared, begun, streamed) = (client.shared, Instant::now(), client.one_in(2));
    let killed = || shared.faults.killed_within(begun, Instant::now());
    let mut body = request::opening(route, MODEL, &request::calls_prompt(name, calls), streamed, 1);
    body["tools"] = request::tools(route);
    let mut made = 0;
    while made < calls {
        let id = format!("{name}-{made}");
        let Some(answer) = client.ask(&id, route, &body, false).await else { return };
        // Where codex is silent between two calls of a response, each is a separate answer.
        let now = answer.calls.len().clamp(1, calls - made);
        let wanted: Vec<_> = (made..made + now).map(|call| request::arguments(name, call)).collect();
        if !client.check(&id, &answer, (&[String::new()], &wanted), killed()) || client.one_in(4) {
            return;
        }
        let outputs = (made..).map(|call| request::output(name, call));
        let outputs: Vec<_> = answer.calls.values().zip(outputs).collect();
        body = request::next_outputs(route, &body, &answer.id, &outputs);
        made += now;
    }
    let id = format!("{name}-{made}");
    if let Some(answer) = client.ask(&id, route, &body, false).await {
        client.check(&id, &answer, (&[request::after_outputs(name, calls)], &[]), killed());
    }
}
