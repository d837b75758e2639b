//! Queueing and admission with a paused clock.

use std::time::Duration;

use super::*;

const WAIT: Duration = Duration::from_secs(120);

pub(super) fn admission(turns: usize, waiting: usize) -> Admission {
    Admission::new(&limits(turns, waiting))
}

pub(super) fn limits(turns: usize, waiting: usize) -> Limits {
    Limits { max_turns: turns, max_queued: waiting, queue_timeout: WAIT, ..Limits::default() }
}

impl Admission {
    pub(super) fn now(&self) -> (u32, u32) {
        let turns = *self.occupancy().borrow();
        (turns.running, turns.waiting)
    }

    /// Takes a permit that is available immediately.
    fn take(&self, key: &str, turns: u32) -> Permit {
        match self.admit(key, turns) {
            Ok(Admit::Now(permit)) => permit,
            other => panic!("not placed: {other:?}"),
        }
    }

    /// Queues a request.
    fn queue(&self, key: &str, turns: u32) -> QueuedRequest {
        match self.admit(key, turns) {
            Ok(Admit::Queued(waiting)) => waiting,
            other => panic!("not in the queue: {other:?}"),
        }
    }

    fn refused(&self, key: &str, turns: u32) -> RejectReason {
        self.admit(key, turns).unwrap_err().why
    }
}

impl QueuedRequest {
    /// The permit or the rejection, if it has arrived.
    pub(super) fn now(&mut self) -> Option<Result<Permit, RejectReason>> {
        self.answer.try_recv().ok().map(|answer| answer.map_err(|refused| refused.why))
    }

    fn still_waits(&mut self) -> bool {
        self.now().is_none()
    }
}

#[test]
fn requests_of_one_key_are_served_in_order() {
    let admission = admission(1, 3);
    let mut running = admission.take("a", 1);
    let mut queue: Vec<QueuedRequest> = (0..3).map(|_| admission.queue("a", 1)).collect();
    assert_eq!(admission.now(), (1, 3));
    while !queue.is_empty() {
        drop(running);
        running = queue.remove(0).now().unwrap().unwrap();
        assert!(queue.iter_mut().all(QueuedRequest::still_waits));
    }
    drop(running);
    assert_eq!(admission.now(), (0, 0));
}

#[test]
fn a_raised_limit_admits_waiting_requests_and_a_lowered_one_lets_running_turns_finish() {
    let admission = admission(1, 64);
    let first = admission.take("a", 1);
    let (mut second, mut third) = (admission.queue("a", 1), admission.queue("b", 1));
    admission.set_limits(&limits(3, 64));
    let (second, third) = (second.now().unwrap().unwrap(), third.now().unwrap().unwrap());
    let mut fourth = admission.queue("a", 2);
    admission.set_limits(&limits(1, 64));
    assert_eq!(admission.now(), (3, 1));
    drop((first, second));
    assert!(fourth.still_waits(), "the lowered limit is used up");
    drop(third);
    assert_eq!(fourth.now().unwrap().unwrap().turns, 1);
}

#[test]
fn a_key_may_use_every_permit_only_while_no_other_key_waits() {
    let admission = admission(4, 64);
    let mut of_a: Vec<Permit> = (0..4).map(|_| admission.take("a", 1)).collect();
    let mut more_of_a: Vec<QueuedRequest> = (0..8).map(|_| admission.queue("a", 1)).collect();
    let mut of_b: Vec<QueuedRequest> = (0..3).map(|_| admission.queue("b", 1)).collect();
    // The next two permits go to b, which arrived later and has none; from then on a and b have equal shares.
    let mut got_b = Vec::new();
    for waiting in &mut of_b[..2] {
        of_a.pop();
        got_b.push(waiting.now().unwrap().unwrap());
    }
    of_a.pop();
    of_a.push(more_of_a[0].now().expect("a has one and b two").unwrap());
    assert!(of_b[2].still_waits());
    // Unused shares go to the other key.
    got_b.clear();
    assert!(of_b[2].now().is_some() && more_of_a[1].now().is_some());
}

#[test]
fn with_one_permit_waiting_keys_alternate() {
    let admission = admission(1, 64);
    let mut running = admission.take("a", 1);
    let mut queue: Vec<(&str, QueuedRequest)> =
        ["a", "a", "a", "b", "b", "c"].map(|key| (key, admission.queue(key, 1))).into();
    let mut order = Vec::new();
    while !queue.is_empty() {
        drop(running);
        let mut served = None;
        queue.retain_mut(|(key, waiting)| match waiting.now() {
            None => true,
            Some(permit) => {
                order.push(*key);
                served = permit.ok();
                false
            }
        });
        running = served.unwrap();
        if order.len() == 3 {
            // A key already served is not served before keys waiting for their second turn.
            queue.push(("c", admission.queue("c", 1)));
        }
    }
    assert_eq!(order, ["a", "b", "c", "a", "b", "c", "a"]);
    assert!(admission.0.state.lock().last_served.is_empty(), "an empty queue resets the order");
}

#[test]
fn a_new_request_queues_behind_waiting_ones_even_if_a_permit_is_free() {
    let admission = admission(2, 8);
    let _one = admission.take("a", 1);
    let mut both = admission.queue("b", 2);
    let mut narrow = admission.queue("c", 1);
    assert_eq!(admission.now(), (1, 2));
    assert!(both.still_waits() && narrow.still_waits());
}

#[test]
fn a_request_for_several_turns_is_not_starved_by_smaller_ones() {
    let admission = admission(3, 64);
    let mut running: Vec<Permit> = ["a", "b", "c"].map(|key| admission.take(key, 1)).into();
    let mut wide = admission.queue("d", 8);
    let mut narrow: Vec<QueuedRequest> = ["e", "f", "g"].map(|key| admission.queue(key, 1)).into();
    running.pop();
    running.pop();
    assert!(wide.still_waits() && narrow.iter_mut().all(QueuedRequest::still_waits));
    running.pop();
    let all = wide.now().unwrap().unwrap();
    assert_eq!(admission.now(), (3, 3));
    drop(all);
    assert!(narrow.iter_mut().all(|waiting| waiting.now().is_some()));
}

#[test]
fn reserved_permits_are_not_given_to_later_requests() {
    let admission = admission(2, 64);
    let (of_a, of_b) = (admission.take("a", 1), admission.take("b", 1));
    let mut wide = admission.queue("a", 2);
    drop(of_b);
    // c has no turn and a has one, but a's second request was next before c arrived.
    let mut of_c = admission.queue("c", 1);
    assert!(of_c.still_waits() && wide.still_waits());
    drop(of_a);
    let wide = wide.now().unwrap().unwrap();
    assert!(of_c.still_waits());
    drop(wide);
    assert!(of_c.now().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_reservation_delays_others_at_most_by_the_queue_timeout() {
    let admission = admission(2, 8);
    let _for_ever = admission.take("a", 1);
    let wide = admission.queue("b", 2);
    tokio::time::advance(Duration::from_secs(1)).await;
    let narrow = admission.queue("c", 1);
    let (wide, narrow) = tokio::join!(wide.permit(), narrow.permit());
    assert_eq!(wide.unwrap_err().why, RejectReason::TimedOut);
    assert!(narrow.is_ok());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_the_queue_timeout() {
    let admission = admission(1, 1);
    let _first = admission.take("a", 1);
    let started = Instant::now();
    assert_eq!(admission.queue("a", 1).permit().await.unwrap_err().why, RejectReason::TimedOut);
    assert_eq!(started.elapsed(), WAIT);
    assert_eq!(admission.now(), (1, 0));
}

#[test]
fn a_cancelled_request_leaves_the_queue_and_the_next_moves_up() {
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
fn an_undelivered_permit_goes_to_the_next_request() {
    let admission = admission(1, 8);
    let first = admission.take("a", 1);
    let (gone, mut next) = (admission.queue("a", 1), admission.queue("a", 1));
    drop(first);
    // The permit is delivered, but its request is dropped before taking it.
    drop(gone);
    assert!(next.now().unwrap().is_ok());
    drop(next);
    assert_eq!(admission.now(), (0, 0));
}

#[test]
fn a_key_that_fills_the_queue_cannot_lock_out_others() {
    let admission = admission(1, 4);
    let _running = admission.take("a", 1);
    let mut of_a: Vec<QueuedRequest> = (0..4).map(|_| admission.queue("a", 1)).collect();
    assert_eq!(admission.refused("a", 1), RejectReason::Full);
    let mut first_of_b = admission.queue("b", 1);
    assert_eq!(of_a.pop().unwrap().now().unwrap().unwrap_err(), RejectReason::Evicted);
    assert!(of_a.iter_mut().all(QueuedRequest::still_waits), "only the youngest is evicted");
    let mut second_of_b = admission.queue("b", 1);
    assert_eq!(of_a.pop().unwrap().now().unwrap().unwrap_err(), RejectReason::Evicted);
    // a has three turns including the running one, b two: evicting another would only reverse the two.
    assert_eq!(admission.refused("b", 1), RejectReason::Full);
    assert!(first_of_b.still_waits() && second_of_b.still_waits());
    // A third key still gets in, evicting a request of the largest key.
    let _of_c = admission.queue("c", 1);
    assert_eq!(of_a.pop().unwrap().now().unwrap().unwrap_err(), RejectReason::Evicted);
    assert_eq!(admission.now(), (1, 4));
}

#[test]
fn without_a_queue_requests_run_at_once_or_are_rejected() {
    let admission = admission(1, 0);
    let permit = admission.take("a", 1);
    assert_eq!(
        (admission.refused("a", 1), admission.refused("b", 1)),
        (RejectReason::Full, RejectReason::Full)
    );
    drop(permit);
    admission.take("b", 1);
}

#[tokio::test(start_paused = true)]
async fn retry_after_follows_queue_length_and_turn_duration() {
    let admission = admission(2, 4);
    let retry = |admission: &Admission| admission.admit("a", 1).unwrap_err().retry.as_secs();
    let fill = || (admission.take("a", 2), [(); 4].map(|()| admission.queue("a", 1)));
    let (first, queue) = fill();
    assert_eq!(retry(&admission), 5, "no turn has ended yet");
    drop(queue);
    tokio::time::advance(Duration::from_secs(10)).await;
    drop(first);
    let (_first, _queue) = fill();
    assert_eq!(retry(&admission), 20, "four queued, two at a time, ten seconds each");
}

#[test]
fn every_change_of_the_load_is_published() {
    let admission = admission(1, 1);
    let mut watched = admission.occupancy();
    let mut changed_to = || {
        let changed = watched.has_changed().unwrap();
        let Occupancy { running, waiting } = *watched.borrow_and_update();
        changed.then_some((running, waiting))
    };
    assert_eq!(changed_to(), None);
    let permit = admission.take("a", 1);
    assert_eq!(changed_to(), Some((1, 0)));
    let waiting = admission.queue("a", 1);
    assert_eq!(changed_to(), Some((1, 1)));
    assert_eq!((admission.refused("a", 1), changed_to()), (RejectReason::Full, None));
    drop(waiting);
    assert_eq!(changed_to(), Some((1, 0)));
    drop(permit);
    assert_eq!(changed_to(), Some((0, 0)));
}
