//! What waiting and being served is like, with the clock in the hand of the test.

use std::time::Duration;

use super::*;

const WAIT: Duration = Duration::from_secs(120);

pub(super) fn admission(turns: usize, waiting: usize) -> Admission {
    Admission::new(&Limits { turns, waiting, wait: WAIT, ..Limits::default() })
}

impl Admission {
    pub(super) fn now(&self) -> (u32, u32) {
        let turns = *self.turns().borrow();
        (turns.running, turns.waiting)
    }

    /// A place that is there at once.
    fn take(&self, key: &str, turns: u32) -> Place {
        match self.ask(key, turns) {
            Ok(Asked::Placed(place)) => place,
            other => panic!("not placed: {other:?}"),
        }
    }

    /// A request that has to wait.
    fn queue(&self, key: &str, turns: u32) -> Waiting {
        match self.ask(key, turns) {
            Ok(Asked::Waits(waiting)) => waiting,
            other => panic!("not in the queue: {other:?}"),
        }
    }

    fn refused(&self, key: &str, turns: u32) -> Why {
        self.ask(key, turns).unwrap_err().why
    }
}

impl Waiting {
    /// The place or the refusal, if it has come.
    pub(super) fn now(&mut self) -> Option<Result<Place, Why>> {
        self.answer.try_recv().ok().map(|answer| answer.map_err(|refused| refused.why))
    }

    fn still_waits(&mut self) -> bool {
        self.now().is_none()
    }
}

#[test]
fn those_of_one_key_are_served_in_the_order_in_which_they_came() {
    let admission = admission(1, 3);
    let mut running = admission.take("a", 1);
    let mut queue: Vec<Waiting> = (0..3).map(|_| admission.queue("a", 1)).collect();
    assert_eq!(admission.now(), (1, 3));
    while !queue.is_empty() {
        drop(running);
        running = queue.remove(0).now().unwrap().unwrap();
        assert!(queue.iter_mut().all(Waiting::still_waits));
    }
    drop(running);
    assert_eq!(admission.now(), (0, 0));
}

#[test]
fn a_key_may_use_every_place_while_nobody_else_waits_and_no_more_than_its_share_when_somebody_does() {
    let admission = admission(4, 64);
    let mut of_a: Vec<Place> = (0..4).map(|_| admission.take("a", 1)).collect();
    let mut more_of_a: Vec<Waiting> = (0..8).map(|_| admission.queue("a", 1)).collect();
    let mut of_b: Vec<Waiting> = (0..3).map(|_| admission.queue("b", 1)).collect();
    // The next two places are b's, who came later and has none; from then on they have as many each.
    let mut got_b = Vec::new();
    for waiting in &mut of_b[..2] {
        of_a.pop();
        got_b.push(waiting.now().unwrap().unwrap());
    }
    of_a.pop();
    of_a.push(more_of_a[0].now().expect("a has one and b two").unwrap());
    assert!(of_b[2].still_waits());
    // Neither keeps what it does not use.
    got_b.clear();
    assert!(of_b[2].now().is_some() && more_of_a[1].now().is_some());
}

#[test]
fn where_one_turn_runs_at_a_time_the_keys_that_wait_take_turns() {
    let admission = admission(1, 64);
    let mut running = admission.take("a", 1);
    let mut queue: Vec<(&str, Waiting)> =
        ["a", "a", "a", "b", "b", "c"].map(|key| (key, admission.queue(key, 1))).into();
    let mut order = Vec::new();
    while !queue.is_empty() {
        drop(running);
        let mut served = None;
        queue.retain_mut(|(key, waiting)| match waiting.now() {
            None => true,
            Some(place) => {
                order.push(*key);
                served = place.ok();
                false
            }
        });
        running = served.unwrap();
        if order.len() == 3 {
            // Who has had a turn already is not served before those who wait for their second.
            queue.push(("c", admission.queue("c", 1)));
        }
    }
    assert_eq!(order, ["a", "b", "c", "a", "b", "c", "a"]);
    assert!(admission.0.state.lock().had_turn.is_empty(), "nobody waits, so nothing is held against anybody");
}

#[test]
fn whoever_comes_is_behind_those_who_wait_even_where_a_place_is_free() {
    let admission = admission(2, 8);
    let _one = admission.take("a", 1);
    let mut both = admission.queue("b", 2);
    let mut narrow = admission.queue("c", 1);
    assert_eq!(admission.now(), (1, 2));
    assert!(both.still_waits() && narrow.still_waits());
}

#[test]
fn a_wide_request_is_not_starved_by_narrow_ones() {
    let admission = admission(3, 64);
    let mut running: Vec<Place> = ["a", "b", "c"].map(|key| admission.take(key, 1)).into();
    let mut wide = admission.queue("d", 8);
    let mut narrow: Vec<Waiting> = ["e", "f", "g"].map(|key| admission.queue(key, 1)).into();
    running.pop();
    running.pop();
    assert!(wide.still_waits() && narrow.iter_mut().all(Waiting::still_waits));
    running.pop();
    let all = wide.now().unwrap().unwrap();
    assert_eq!(admission.now(), (3, 3));
    drop(all);
    assert!(narrow.iter_mut().all(|waiting| waiting.now().is_some()));
}

#[test]
fn the_places_that_are_saved_for_a_wide_request_go_to_nobody_who_comes_later() {
    let admission = admission(2, 64);
    let (of_a, of_b) = (admission.take("a", 1), admission.take("b", 1));
    let mut wide = admission.queue("a", 2);
    drop(of_b);
    // c has no turn at all and a has one; but a's second request had its turn before c came.
    let mut of_c = admission.queue("c", 1);
    assert!(of_c.still_waits() && wide.still_waits());
    drop(of_a);
    let wide = wide.now().unwrap().unwrap();
    assert!(of_c.still_waits());
    drop(wide);
    assert!(of_c.now().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_wide_request_holds_the_others_up_no_longer_than_it_may_wait() {
    let admission = admission(2, 8);
    let _for_ever = admission.take("a", 1);
    let wide = admission.queue("b", 2);
    tokio::time::advance(Duration::from_secs(1)).await;
    let narrow = admission.queue("c", 1);
    let (wide, narrow) = tokio::join!(wide.place(), narrow.place());
    assert_eq!(wide.unwrap_err().why, Why::WaitedTooLong);
    assert!(narrow.is_ok());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_limit() {
    let admission = admission(1, 1);
    let _first = admission.take("a", 1);
    let begun = Instant::now();
    assert_eq!(admission.queue("a", 1).place().await.unwrap_err().why, Why::WaitedTooLong);
    assert_eq!(begun.elapsed(), WAIT);
    assert_eq!(admission.now(), (1, 0));
}

#[test]
fn whoever_gives_up_leaves_the_queue_and_the_next_one_moves_up() {
    let admission = admission(2, 8);
    let _one = admission.take("a", 1);
    for _ in 0..3 {
        drop(admission.queue("b", 2));
        assert_eq!(admission.now(), (1, 0));
    }
    let wide = admission.queue("b", 2);
    let mut narrow = admission.queue("c", 1);
    drop(wide);
    assert!(narrow.now().unwrap().is_ok());
}

#[test]
fn a_place_that_came_too_late_goes_to_the_next() {
    let admission = admission(1, 8);
    let first = admission.take("a", 1);
    let (gone, mut next) = (admission.queue("a", 1), admission.queue("a", 1));
    drop(first);
    // The place is there, and whoever waited for it goes away before it is taken.
    drop(gone);
    assert!(next.now().unwrap().is_ok());
    drop(next);
    assert_eq!(admission.now(), (0, 0));
}

#[test]
fn one_key_that_fills_the_queue_shuts_no_other_out() {
    let admission = admission(1, 4);
    let _running = admission.take("a", 1);
    let mut of_a: Vec<Waiting> = (0..4).map(|_| admission.queue("a", 1)).collect();
    assert_eq!(admission.refused("a", 1), Why::Full);
    let mut first_of_b = admission.queue("b", 1);
    assert_eq!(of_a.pop().unwrap().now().unwrap().unwrap_err(), Why::GaveWay);
    assert!(of_a.iter_mut().all(Waiting::still_waits), "the youngest gives way, and it alone");
    let mut second_of_b = admission.queue("b", 1);
    assert_eq!(of_a.pop().unwrap().now().unwrap().unwrap_err(), Why::GaveWay);
    // a has three turns with the one that runs, b two: another of b's would only turn it round.
    assert_eq!(admission.refused("b", 1), Why::Full);
    assert!(first_of_b.still_waits() && second_of_b.still_waits());
    // A third key comes in all the same, and who holds most gives way.
    let _of_c = admission.queue("c", 1);
    assert_eq!(of_a.pop().unwrap().now().unwrap().unwrap_err(), Why::GaveWay);
    assert_eq!(admission.now(), (1, 4));
}

#[test]
fn with_no_queue_at_all_there_is_a_place_at_once_or_none() {
    let admission = admission(1, 0);
    let place = admission.take("a", 1);
    assert_eq!((admission.refused("a", 1), admission.refused("b", 1)), (Why::Full, Why::Full));
    drop(place);
    admission.take("b", 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_try_again_follows_from_the_queue_and_from_how_long_turns_take() {
    let admission = admission(2, 4);
    let retry = |admission: &Admission| admission.ask("a", 1).unwrap_err().retry.as_secs();
    let fill = || (admission.take("a", 2), [(); 4].map(|()| admission.queue("a", 1)));
    let (first, queue) = fill();
    assert_eq!(retry(&admission), 5, "nobody knows yet");
    drop(queue);
    tokio::time::advance(Duration::from_secs(10)).await;
    drop(first);
    let (_first, _queue) = fill();
    assert_eq!(retry(&admission), 20, "four that wait, two at a time, ten seconds each");
}

#[test]
fn whoever_watches_is_told_of_every_change() {
    let admission = admission(1, 1);
    let mut watched = admission.turns();
    let mut told = || {
        let changed = watched.has_changed().unwrap();
        let Occupancy { running, waiting } = *watched.borrow_and_update();
        changed.then_some((running, waiting))
    };
    assert_eq!(told(), None);
    let place = admission.take("a", 1);
    assert_eq!(told(), Some((1, 0)));
    let waiting = admission.queue("a", 1);
    assert_eq!(told(), Some((1, 1)));
    assert_eq!((admission.refused("a", 1), told()), (Why::Full, None));
    drop(waiting);
    assert_eq!(told(), Some((1, 0)));
    drop(place);
    assert_eq!(told(), Some((0, 0)));
}
