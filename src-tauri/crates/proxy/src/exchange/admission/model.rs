//! A model test: random requests, ends and cancellations, and the invariants after each.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::tests::{admission, limits};
use super::*;

#[derive(Clone, Debug)]
enum Action {
    Request {
        key: usize,
        turns: u32,
    },
    /// Ends a running request, or cancels a queued one.
    End(usize),
    Cancel(usize),
    /// Changes the maximum number of turns.
    Limit(usize),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        4 => (0..4usize, 1..6u32).prop_map(|(key, turns)| Action::Request { key, turns }),
        3 => any::<usize>().prop_map(Action::End),
        1 => any::<usize>().prop_map(Action::Cancel),
        1 => (1..5usize).prop_map(Action::Limit),
    ];
    prop::collection::vec(action, 1..120)
}

/// The invariants: no permit is lost or issued twice, the counts match, no request waits while there is room for the
/// next one.
fn check_invariants(actions: &[Action]) -> Result<(), TestCaseError> {
    const KEYS: [&str; 4] = ["a", "b", "c", "d"];
    let admission = admission(4, 5);
    let mut running: Vec<(usize, Permit)> = Vec::new();
    let mut waiting: Vec<(usize, QueuedRequest)> = Vec::new();
    for action in actions {
        match action {
            Action::Request { key, turns } => match admission.admit(KEYS[*key], *turns) {
                Ok(Admit::Now(permit)) => {
                    running.push((*key, permit));
                    let state = admission.0.state.lock();
                    prop_assert!(state.in_use <= state.max_turns, "admitted beyond the limit");
                }
                Ok(Admit::Queued(wait)) => waiting.push((*key, wait)),
                Err(refused) => prop_assert_eq!(refused.why, RejectReason::Full),
            },
            Action::End(which) if !running.is_empty() => drop(running.remove(which % running.len())),
            Action::Cancel(which) if !waiting.is_empty() => drop(waiting.remove(which % waiting.len())),
            Action::End(_) | Action::Cancel(_) => {}
            Action::Limit(max_turns) => admission.set_limits(&limits(*max_turns, 5)),
        }
        waiting.retain_mut(|(key, wait)| match wait.now() {
            None => true,
            Some(Ok(permit)) => {
                running.push((*key, permit));
                false
            }
            Some(Err(_)) => false,
        });
        let (taken, queued) = admission.now();
        prop_assert_eq!(taken, running.iter().map(|(_, permit)| permit.turns).sum::<u32>());
        prop_assert_eq!(queued as usize, waiting.len());
        prop_assert!(taken <= 4 && queued <= 5);
        let state = admission.0.state.lock();
        prop_assert_eq!(state.running.values().sum::<u32>(), taken);
        if let Some(at) = state.next_waiter() {
            prop_assert!(
                state.needed(&state.queue[at]) > state.free(),
                "the next request waits although there is room"
            );
        }
    }
    // After all queued requests are served and done, nothing is left.
    while !running.is_empty() {
        drop(running.remove(0));
        waiting.retain_mut(|(key, wait)| match wait.now() {
            Some(Ok(permit)) => {
                running.push((*key, permit));
                false
            }
            _ => true,
        });
    }
    prop_assert!(waiting.is_empty(), "a request waits forever");
    prop_assert_eq!(admission.now(), (0, 0));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_permit_is_lost_or_issued_twice_and_every_request_is_served(actions in actions()) {
        check_invariants(&actions)?;
    }
}
