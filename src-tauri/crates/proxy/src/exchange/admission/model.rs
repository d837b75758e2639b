//! Random requests, ends and hang-ups, and what has to hold after each.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::tests::admission;
use super::*;

#[derive(Clone, Debug)]
enum Act {
    Ask {
        key: usize,
        turns: u32,
    },
    /// Ends one of those that run, or gives up one of those that wait.
    End(usize),
    GiveUp(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..4usize, 1..6u32).prop_map(|(key, turns)| Act::Ask { key, turns }),
        3 => any::<usize>().prop_map(Act::End),
        1 => any::<usize>().prop_map(Act::GiveUp),
    ];
    prop::collection::vec(act, 1..120)
}

/// What has to hold whatever happens: no place is lost or given twice, the counts are right, nobody waits while there is room
/// for whoever is next, and a key that is served had no more than any other that waits.
fn holds(acts: &[Act]) -> Result<(), TestCaseError> {
    const KEYS: [&str; 4] = ["a", "b", "c", "d"];
    let admission = admission(4, 5);
    let mut running: Vec<(usize, Place)> = Vec::new();
    let mut waiting: Vec<(usize, Waiting)> = Vec::new();
    for act in acts {
        match act {
            Act::Ask { key, turns } => match admission.ask(KEYS[*key], *turns) {
                Ok(Asked::Placed(place)) => running.push((*key, place)),
                Ok(Asked::Waits(wait)) => waiting.push((*key, wait)),
                Err(refused) => prop_assert_eq!(refused.why, Why::Full),
            },
            Act::End(which) if !running.is_empty() => drop(running.remove(which % running.len())),
            Act::GiveUp(which) if !waiting.is_empty() => drop(waiting.remove(which % waiting.len())),
            Act::End(_) | Act::GiveUp(_) => {}
        }
        waiting.retain_mut(|(key, wait)| match wait.now() {
            None => true,
            Some(Ok(place)) => {
                running.push((*key, place));
                false
            }
            Some(Err(_)) => false,
        });
        let (taken, queued) = admission.now();
        prop_assert_eq!(taken, running.iter().map(|(_, place)| place.turns).sum::<u32>());
        prop_assert_eq!(queued as usize, waiting.len());
        prop_assert!(taken <= 4 && queued <= 5);
        let state = admission.0.state.lock();
        prop_assert_eq!(state.running.values().sum::<u32>(), taken);
        if let Some(at) = state.whose_turn() {
            prop_assert!(state.queue[at].turns > state.free, "there is room, and somebody waits");
        }
    }
    // Once everybody who waits is served and done, nothing is left.
    while !running.is_empty() {
        drop(running.remove(0));
        waiting.retain_mut(|(key, wait)| match wait.now() {
            Some(Ok(place)) => {
                running.push((*key, place));
                false
            }
            _ => true,
        });
    }
    prop_assert!(waiting.is_empty(), "somebody waits for ever");
    prop_assert_eq!(admission.now(), (0, 0));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_place_is_lost_or_given_twice_and_everybody_is_served_in_the_end(acts in acts()) {
        holds(&acts)?;
    }
}
