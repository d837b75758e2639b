//! What a well-behaved client does: it talks, and it brings the outputs of tools.

use reqwest::Client;
use tokio::time::Instant;

use super::ask::{self, AGENT, Route, Wish};
use super::dice::Dice;
use super::world::{Reader, World};
use crate::bare::MODEL;

/// A conversation of a turn or more, whole or streamed, by any route.
pub(super) async fn talk(world: &World, http: &Client, name: &str, dice: &mut Dice) {
    let route = Route::ALL[dice.index(Route::ALL.len())];
    let model = if dice.one_in(10) { AGENT } else { MODEL };
    let n = if route != Route::Responses && dice.one_in(8) { dice.between(2, 3) } else { 1 };
    let wish = Wish::draw(name.to_owned(), dice);
    let streamed = !dice.one_in(3);
    let reader = if dice.one_in(6) { Reader::Slow(dice.clone()) } else { Reader::Quick };
    let mut body = ask::opening(route, model, &wish.prompt(), streamed, n);
    let wanted: Vec<String> = (0..n).map(|_| wish.answer()).collect();
    let Some(mut answer) = world.ask(http, name, route, &body, reader).await else { return };
    if !world.judge(name, &answer, &wanted, &[], false) || n > 1 || route == Route::Completions {
        return;
    }
    let mut said = wish.answer();
    let mut turn = 1;
    while dice.one_in(3) {
        turn += 1;
        let id = format!("{name}-{turn}");
        let wish = Wish::draw(id.clone(), dice);
        body = ask::next_text(route, &body, &answer.id, &said, &wish.prompt());
        let Some(next) = world.ask(http, &id, route, &body, Reader::Quick).await else { return };
        said = wish.answer();
        if !world.judge(&id, &next, std::slice::from_ref(&said), &[], false) {
            return;
        }
        answer = next;
    }
}

/// The model calls a tool, once or more; the client brings the outputs, or never comes back.
pub(super) async fn use_tools(world: &World, http: &Client, name: &str, dice: &mut Dice) {
    let route = if dice.one_in(2) { Route::Chat } else { Route::Responses };
    let calls = if dice.one_in(3) { 2 } else { 1 };
    let begun = Instant::now();
    // Of calls that came one by one, those that were left are gone with the codex that knew of them.
    let killed = || world.faults.killed_within(begun, Instant::now());
    let mut body = ask::opening(route, MODEL, &ask::calls_prompt(name, calls), dice.one_in(2), 1);
    ask::with_tool(route, &mut body);
    let mut made = 0;
    while made < calls {
        let id = format!("{name}-{made}");
        let Some(answer) = world.ask(http, &id, route, &body, Reader::Quick).await else { return };
        // Where codex is silent between two calls of a response, they come as answers of their own.
        let now = answer.calls.len().clamp(1, calls - made);
        let wanted: Vec<_> = (made..made + now).map(|call| ("lookup", ask::arguments(name, call))).collect();
        if !world.judge(&id, &answer, &[String::new()], &wanted, killed()) || dice.one_in(4) {
            return;
        }
        body = ask::next_outputs(route, &body, &answer.id, name, made, &answer.calls);
        made += now;
    }
    let id = format!("{name}-{made}");
    if let Some(answer) = world.ask(http, &id, route, &body, Reader::Quick).await {
        world.judge(&id, &answer, &[ask::after_outputs(name, calls)], &[], killed());
    }
}
